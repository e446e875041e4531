skip = Chuyển đến nội dung chính
other-language = English
footer = Không chia sẻ mật khẩu hoặc mã xác thực với bất kỳ ai. Cán bộ không bao giờ hỏi các thông tin này.
problem-code = Mã thông báo:
cancel = Hủy
# $name (String)
back-to-service = Quay lại { $name }
back-home = Về trang đầu
start-again = Đăng nhập lại từ đầu
# $name (String)
for-service = Đăng nhập để dùng: { $name }

problem-bad-request-title = Yêu cầu không hợp lệ
problem-bad-request-text = Liên kết hoặc biểu mẫu này không đọc được. Hãy quay lại dịch vụ bạn muốn dùng và đăng nhập lại.
problem-unknown-service-title = Dịch vụ chưa được đăng ký
problem-unknown-service-text = Trang đã đưa bạn đến đây không phải là dịch vụ đã đăng ký. Vì an toàn, chúng tôi không chuyển bạn quay lại trang đó.
problem-unregistered-address-title = Địa chỉ quay về không đúng
problem-unregistered-address-text = Dịch vụ yêu cầu đưa bạn về một địa chỉ chưa đăng ký. Vì an toàn, chúng tôi không chuyển bạn đến đó.
problem-login-finished-title = Lần đăng nhập này đã hoàn tất
problem-login-finished-text = Bạn đã hoàn tất hoặc đã hủy lần đăng nhập này. Hãy quay lại dịch vụ để tiếp tục.
problem-login-expired-title = Phiên đăng nhập đã hết hạn
problem-login-expired-text = Bạn dừng ở trang này quá lâu nên lần đăng nhập đã hết hạn. Không có thông tin nào bị mất. Hãy quay lại dịch vụ và đăng nhập lại.
problem-login-unknown-title = Không tìm thấy lần đăng nhập này
problem-login-unknown-text = Trang này thuộc một lần đăng nhập đã kết thúc hoặc thuộc trình duyệt khác. Hãy mở dịch vụ bạn muốn dùng và đăng nhập lại.
problem-form-not-yours-title = Biểu mẫu không còn hiệu lực
problem-form-not-yours-text = Trang này đã cũ, chẳng hạn vì người dùng vừa thay đổi ở một thẻ khác, hoặc biểu mẫu không được gửi từ trình duyệt này. Không có gì được thực hiện. Hãy mở lại trang và thử lại.
try-again = Thử lại
problem-try-later-title = Hệ thống đang bận
problem-try-later-text = Chúng tôi chưa xử lý được yêu cầu. Hãy thử lại sau ít phút.
problem-request-expired-title = Yêu cầu đăng nhập không còn hiệu lực
problem-request-expired-text = Yêu cầu này đã được dùng hoặc đã quá hạn. Hãy quay lại dịch vụ và đăng nhập lại từ đó.
problem-not-found-title = Không có trang này
problem-not-found-text = Địa chỉ này không tồn tại. Hãy mở dịch vụ bạn muốn dùng và đăng nhập từ đó.

logout-title = Đăng xuất
logout-question = Bạn có muốn đăng xuất không? Các dịch vụ bạn đã mở qua trang này và hỗ trợ đăng xuất chung cũng kết thúc phiên.
logout-which = Bạn muốn đăng xuất riêng khỏi dịch vụ này hay khỏi tất cả?
logout-services = Bạn đang đăng nhập tại:
logout-everywhere = Đăng xuất khỏi tất cả
# $service (String)
logout-only = Chỉ { $service }
logout-yes = Đăng xuất
logout-no = Giữ đăng nhập
logged-out-title = Bạn đã đăng xuất
logged-out-text = Phiên đăng nhập tại trang này đã kết thúc. Các dịch vụ hỗ trợ đăng xuất chung được thông báo.
logged-out-service-title = Bạn đã rời khỏi dịch vụ
logged-out-service-text = Dịch vụ này được thông báo. Bạn vẫn đang đăng nhập tại trang này và tại các dịch vụ khác.
service-policy = Chính sách bảo vệ dữ liệu
service-terms = Điều khoản sử dụng
to-app-title = Quay lại ứng dụng
to-app-text = Bạn đã xong ở đây. Nếu ứng dụng không tự mở, hãy nhấn nút dưới đây.
to-app-open = Mở ứng dụng
go-on = Tiếp tục
problem-too-many-requests-title = Quá nhiều yêu cầu
problem-too-many-requests-text = Có quá nhiều yêu cầu từ mạng của bạn. Vui lòng đợi một phút rồi thử lại.
told-delivered = đã kết thúc phiên
told-waiting = đang được thông báo
told-again = chưa trả lời; sẽ được thông báo lại sau
told-not = không thông báo được; bạn hãy tự đăng xuất tại đó
told-by-browser = đã được trình duyệt của bạn thông báo
told-nothing = không nhận thông báo đăng xuất; bạn hãy tự đăng xuất tại đó
still-logged-in-title = Bạn vẫn đang đăng nhập
still-logged-in-text = Không có gì thay đổi. Bạn có thể đóng trang này.

form-post-title = Quay lại dịch vụ
form-post-text = Bạn sắp quay lại dịch vụ. Nếu trang không tự chuyển, hãy bấm nút.
form-post-go = Tiếp tục
