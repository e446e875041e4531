choose-title = Chọn cách đăng nhập
# $level (String)
choose-needs = Dịch vụ này cần: { $level }.
choose-none = Chưa có nhà cung cấp danh tính nào dùng được cho dịch vụ này.
# $reason (String)
choose-not-enough = Không dùng được cho dịch vụ này: { $reason }.
# $name (String)
choose-step-up = Bạn đã đăng nhập với tên { $name }. Dịch vụ này cần xác thực thêm.
notice-cancelled = Bạn đã hủy ở nhà cung cấp danh tính. Bạn có thể chọn lại hoặc quay về dịch vụ.
notice-idp-failed = Nhà cung cấp danh tính không trả lời đúng. Hãy thử lại hoặc chọn cách khác.
# $name (String)
notice-other-person = Bạn vừa xác thực bằng tài khoản của người khác. Hãy xác thực bằng tài khoản của { $name }, hoặc chọn đổi người dùng.
notice-conflict = Tài khoản này đã gắn với một số định danh khác. Hãy liên hệ nhà cung cấp danh tính của bạn.
# $name (String)
confirm-title = Tiếp tục với tên { $name }
confirm-consent-title = Đồng ý cung cấp thông tin
# $name (String)
confirm-text = Bạn đang đăng nhập. Dịch vụ { $name } sẽ nhận các thông tin sau:
# $name (String)
confirm-nothing = Dịch vụ { $name } chỉ nhận một mã định danh riêng, không kèm thông tin cá nhân.
confirm-yes = Tiếp tục
confirm-agree = Đồng ý và tiếp tục
confirm-switch = Không phải tôi, đổi người dùng
claim-name = Họ và tên
claim-family_name = Họ
claim-middle_name = Tên đệm
claim-given_name = Tên
claim-nickname = Tên thường gọi
claim-preferred_username = Tên người dùng
claim-zoneinfo = Múi giờ
claim-profile = Trang hồ sơ
claim-picture = Ảnh
claim-website = Trang mạng
claim-updated_at = Thời điểm cập nhật
claim-birthdate = Ngày sinh
claim-gender = Giới tính
claim-locale = Ngôn ngữ
claim-email = Thư điện tử
claim-email_verified = Thư điện tử đã xác minh
claim-phone_number = Số điện thoại
claim-phone_number_verified = Số điện thoại đã xác minh
claim-address = Địa chỉ
claim-personal_number = Số định danh cá nhân
unmet-title = Chưa đủ mức bảo đảm
# $name (String)
unmet-text = Dịch vụ { $name } cần mức bảo đảm cao hơn mức mà bạn có thể đạt bây giờ.
# $level (String)
unmet-needs = Cần: { $level }.
unmet-why = Vì sao
unmet-help = Điều gì sẽ giúp bạn
unmet-nothing-lost = Không có thông tin nào bị mất. Bạn vẫn dùng được các dịch vụ cần mức thấp hơn.
reason-no-source = chưa có nhà cung cấp danh tính nào được phép cho dịch vụ này
reason-unknown-level = mức được yêu cầu không có trong chính sách
# $level (String)
reason-cap = chỉ được công nhận đến { $level }
reason-no-cap = chưa được công nhận ở mức nào
# $needed (Number)
reason-identity = danh tính của tài khoản chưa được xác minh đủ (cần danh tính mức { $needed })
reason-methods = chưa có phương thức xác thực đủ mạnh
help-identity = Xác minh danh tính trực tiếp tại cơ quan Công an, để danh tính của tài khoản đạt mức 2.
help-methods = Dùng thêm yếu tố sinh trắc học hoặc khóa bảo mật chống lừa đảo khi nhà cung cấp danh tính hỗ trợ.
help-cap = Chọn một nhà cung cấp danh tính được công nhận ở mức cao hơn.
help-ask = Liên hệ bộ phận hỗ trợ của dịch vụ.
level-urn-nixa-loa-1 = mức 1 (một yếu tố xác thực)
level-urn-nixa-loa-2 = mức 2 (hai yếu tố xác thực, danh tính đã đối chiếu)
level-urn-nixa-loa-3 = mức 3 (danh tính xác minh trực tiếp, có sinh trắc học hoặc khóa chống lừa đảo)
level-urn-nixa-loa-4 = mức 4 (mức cao nhất)
broker-home-text = Một lần đăng nhập cho mọi dịch vụ công. Hãy mở dịch vụ bạn muốn dùng; dịch vụ sẽ đưa bạn đến đây khi cần đăng nhập.
broker-home-nobody = Hiện chưa có ai đăng nhập trên trình duyệt này.
# $name (String)
broker-home-hello = Bạn đang đăng nhập với tên { $name }.
broker-home-services = Dịch vụ đã mở trong phiên này
broker-home-logins = Các lần đăng nhập gần đây
broker-home-decision = Mã quyết định:
switch-user = Đổi người dùng
broker-home-open = Các dịch vụ
