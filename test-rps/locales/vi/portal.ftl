# The frame of every page
skip = Chuyển đến nội dung chính
other-language = English
sample = Cổng mẫu – dữ liệu giả
footer = Cổng mẫu để thử đăng nhập điện tử dùng chung. Không phải trang của cơ quan nhà nước; mọi người và số liệu đều là giả.

# The portals; each is named by its cookie
dichvucong-title = Cổng Dịch vụ công Quốc gia
dichvucong-service = Nộp hồ sơ và theo dõi kết quả thủ tục hành chính.
baohiemxahoi-title = Bảo hiểm xã hội
baohiemxahoi-service = Tra cứu quá trình đóng và quyền lợi bảo hiểm xã hội.
thue-title = Thuế điện tử
thue-service = Khai, nộp và quyết toán thuế thu nhập cá nhân.

# The home page before a login
home = Trang chủ
ended-elsewhere = Bạn đã đăng xuất ở một dịch vụ khác
ended-elsewhere-here = Vì vậy phiên của bạn ở cổng này cũng đã kết thúc.
needs-level = Dịch vụ này cần mức bảo đảm đăng nhập
level-1 = Mức 1: đăng nhập bằng một cách xác thực là đủ.
level-2 = Mức 2: danh tính đã được kiểm tra và đăng nhập bằng hai yếu tố.
level-3 = Mức cao: danh tính đã được đối chiếu và cách xác thực chống giả mạo.
log-in = Đăng nhập
log-in-hint = Bạn sẽ được chuyển đến dịch vụ đăng nhập dùng chung rồi quay lại đây.

# The services of a portal
services = Dịch vụ của cổng
services-hint = Mỗi dịch vụ chỉ yêu cầu mức bảo đảm mà nó cần.
level = mức
service-look-up-debt = Tra cứu nợ thuế
service-file-return = Nộp tờ khai thuế
service-refund-account = Đổi tài khoản nhận hoàn thuế

# The home page after a login
account = Tài khoản của bạn
welcome = Xin chào
logged-in = Bạn đã đăng nhập.
below-level = Lần đăng nhập này thấp hơn mức mà dịch vụ cần; một số chức năng sẽ bị khóa. Mức cần:
log-in-higher = Đăng nhập ở mức cao hơn
file-return = Nộp tờ khai thuế
file-return-hint = Nếu lần đăng nhập này chưa đủ mức hoặc đã quá lâu, bạn sẽ được đưa đến dịch vụ đăng nhập dùng chung rồi quay lại; việc nộp khi đó tự tiếp tục.
this-login = Lần đăng nhập này
viet-nam-time = (giờ Việt Nam, UTC+7)
about-you = Thông tin cổng này nhận được về bạn
technical-details = Chi tiết kỹ thuật
log-out = Đăng xuất

# Claims
claim-acr = Mức bảo đảm
claim-amr = Cách xác thực
claim-auth_time = Thời điểm đăng nhập
claim-sub = Mã người dùng tại cổng này
claim-sid = Mã phiên đăng nhập
claim-name = Họ và tên
claim-given_name = Tên
claim-middle_name = Tên đệm
claim-family_name = Họ
claim-preferred_username = Tên đăng nhập
claim-personal_number = Số định danh cá nhân
claim-birthdate = Ngày sinh
claim-gender = Giới tính
claim-email = Thư điện tử
claim-email_verified = Thư điện tử đã xác minh
claim-phone_number = Số điện thoại
claim-phone_number_verified = Số điện thoại đã xác minh
claim-address = Địa chỉ
claim-locale = Ngôn ngữ
claim-national_id = Số định danh cá nhân
claim-updated_at = Cập nhật lúc
claim-iss = Nơi phát hành
claim-aud = Nơi nhận
claim-azp = Nơi yêu cầu
claim-exp = Hết hạn
claim-iat = Phát hành lúc

# After a filing
received = đã nhận
received-text = Cơ quan thuế đã nhận hồ sơ của bạn.
receipt = Mã biên nhận:
receipt-hint = Hãy ghi lại mã này: khi tải lại trang, mã không hiện lại và hồ sơ không bị nộp lần nữa.
to-home = Về trang chủ

# After a logout
logged-out = Đã đăng xuất
logged-out-heading = Bạn đã đăng xuất
logged-out-confirmed = Bạn đã đăng xuất khỏi cổng này, và dịch vụ đăng nhập dùng chung đã xử lý yêu cầu đăng xuất.
logged-out-here = Bạn đã đăng xuất khỏi cổng này.
logged-out-elsewhere-open = Bạn có thể vẫn còn phiên ở dịch vụ đăng nhập dùng chung. Trên máy dùng chung, hãy đóng trình duyệt.
log-in-again = Đăng nhập lại

# Problems: a title, an explanation, and what would help, best first
what-you-can-do = Bạn có thể làm gì
still-logged-in = Bạn vẫn đang đăng nhập ở cổng này.
try-again = Thử lại
error-code = Mã lỗi:
login-service-says = Dịch vụ đăng nhập cho biết:

problem-unmet_authentication_requirements-title = Lần đăng nhập này chưa đạt mức bảo đảm mà dịch vụ cần
problem-unmet_authentication_requirements-text = Cách đăng nhập hoặc tài khoản bạn dùng chưa đủ mức bảo đảm cho dịch vụ này, nên cổng này chưa cho bạn vào. Không có gì bị mất và hồ sơ của bạn không thay đổi.
problem-unmet_authentication_requirements-help =
    Làm theo hướng dẫn mà trang đăng nhập dùng chung vừa cho bạn đọc, rồi thử lại.
    Trong lúc đó, hãy dùng các dịch vụ cần mức thấp hơn.
problem-level_too_low-title = { problem-unmet_authentication_requirements-title }
problem-level_too_low-text = { problem-unmet_authentication_requirements-text }
problem-level_too_low-help = { problem-unmet_authentication_requirements-help }
problem-access_denied-title = Bạn đã hủy đăng nhập
problem-access_denied-text = Việc đăng nhập dừng lại vì bạn đã hủy hoặc không đồng ý chia sẻ thông tin. Cổng này không nhận được dữ liệu nào.
problem-access_denied-help = Khi sẵn sàng, bạn có thể đăng nhập lại.
problem-login_required-title = Cần đăng nhập
problem-login_required-text = Bạn chưa có phiên đăng nhập nào ở dịch vụ đăng nhập, nên không thể đăng nhập ngầm.
problem-login_required-help = Đăng nhập lại theo cách thông thường.
problem-interaction_required-title = Cần bạn thao tác thêm
problem-interaction_required-text = Dịch vụ đăng nhập cần hỏi bạn thêm nhưng lần này không được phép hiện trang nào.
problem-interaction_required-help = Đăng nhập lại theo cách thông thường.
problem-consent_required-title = Cần bạn đồng ý chia sẻ thông tin
problem-consent_required-text = Cổng này chỉ nhận được thông tin khi bạn đồng ý, và lần này dịch vụ đăng nhập không được phép hỏi bạn.
problem-consent_required-help = Đăng nhập lại để xem và đồng ý.
problem-temporarily_unavailable-title = Dịch vụ đăng nhập đang tạm ngưng
problem-temporarily_unavailable-text = Dịch vụ đang quá tải hoặc bảo trì. Đây không phải lỗi của bạn.
problem-temporarily_unavailable-help = Thử lại sau ít phút.
problem-server_error-title = Dịch vụ đăng nhập gặp sự cố
problem-server_error-text = Dịch vụ đăng nhập không hoàn tất được yêu cầu. Đây không phải lỗi của bạn.
problem-server_error-help =
    Thử lại sau ít phút.
    Nếu vẫn lỗi, báo cho bộ phận hỗ trợ mã lỗi bên dưới.
problem-other_error-title = Không đăng nhập được
problem-other_error-text = Dịch vụ đăng nhập đã từ chối yêu cầu của cổng này.
problem-other_error-help =
    Thử lại.
    Nếu vẫn lỗi, báo cho bộ phận hỗ trợ mã lỗi bên dưới.
problem-unknown_state-title = Lần đăng nhập này không còn hiệu lực
problem-unknown_state-text = Trang này trả lời một lần đăng nhập đã xong, đã quá 60 phút, hoặc được bắt đầu ở trình duyệt khác. Điều này thường xảy ra khi tải lại trang hoặc bấm nút quay lại.
problem-bad_answer-title = { problem-login_refused-title }
problem-bad_answer-text = { problem-login_refused-text }
problem-bad_answer-help = { problem-login_refused-help }
problem-login_refused-title = Không xác nhận được lần đăng nhập
problem-login_refused-text = Câu trả lời của dịch vụ đăng nhập không qua được kiểm tra an toàn, nên cổng này không chấp nhận. Bạn chưa được đăng nhập bằng lần này.
problem-login_refused-help = Đăng nhập lại từ đầu.
problem-login_service_unreachable-title = Chưa liên lạc được với dịch vụ đăng nhập
problem-login_service_unreachable-text = Cổng này đang không kết nối được với dịch vụ đăng nhập. Đây không phải lỗi của bạn và không có gì bị mất.
problem-login_service_unreachable-help = Thử lại sau ít phút.
problem-step_up_insufficient-title = Lần đăng nhập mới vẫn chưa đủ để nộp
problem-step_up_insufficient-text = Bạn vừa đăng nhập lại theo yêu cầu, nhưng nơi nhận vẫn coi lần đăng nhập này chưa đủ mức hoặc chưa đủ mới. Chưa có gì được nộp.
problem-step_up_insufficient-help =
    Về trang chủ, bấm nộp lại và chọn cách đăng nhập ở mức cao hơn.
    Nếu vẫn lỗi, báo cho bộ phận hỗ trợ mã lỗi bên dưới.
problem-filing_unconfirmed-title = Chưa xác nhận được việc nộp
problem-filing_unconfirmed-text = Nơi nhận chưa cấp mã biên nhận. Đây không phải lỗi của bạn.
problem-filing_unconfirmed-help =
    Về trang chủ và bấm nộp lại sau ít phút.
    Nếu vẫn lỗi, báo cho bộ phận hỗ trợ mã lỗi bên dưới.
problem-stale_form-title = Biểu mẫu đã cũ
problem-stale_form-text = Biểu mẫu này không thuộc phiên đăng nhập hiện tại, nên không được thực hiện.
problem-stale_form-help = Về trang chủ và thử lại.
problem-not_found-title = Không có trang này
problem-not_found-text = Địa chỉ bạn mở không có ở cổng này.
problem-wrong_method-title = Không mở được trang theo cách này
problem-wrong_method-text = Địa chỉ này chỉ nhận yêu cầu từ biểu mẫu.
