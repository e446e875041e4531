//! What a person reads about a problem, in both languages.

use crate::language::Language;
use crate::problem::Kind;

/// A heading, an explanation, and what would help, best first.
pub(crate) struct ProblemText {
    pub(crate) title: &'static str,
    pub(crate) body: &'static str,
    pub(crate) help: &'static [&'static str],
}

pub(crate) fn text(kind: Kind, language: Language) -> ProblemText {
    language.pick(vietnamese(kind), english(kind))
}

const fn is(title: &'static str, body: &'static str, help: &'static [&'static str]) -> ProblemText {
    ProblemText { title, body, help }
}

const STRONGER_VI: &[&str] = &[
    "Làm theo hướng dẫn mà trang đăng nhập dùng chung vừa cho bạn đọc, rồi thử lại.",
    "Trong lúc đó, hãy dùng các dịch vụ cần mức thấp hơn.",
];

fn vietnamese(kind: Kind) -> ProblemText {
    match kind {
        Kind::UnmetRequirements | Kind::LevelTooLow => is(
            "Lần đăng nhập này chưa đạt mức bảo đảm mà dịch vụ cần",
            "Cách đăng nhập hoặc tài khoản bạn dùng chưa đủ mức bảo đảm cho dịch vụ này, nên cổng này chưa cho bạn vào. Không có gì bị mất và hồ sơ của bạn không thay đổi.",
            STRONGER_VI,
        ),
        Kind::AccessDenied => is(
            "Bạn đã hủy đăng nhập",
            "Việc đăng nhập dừng lại vì bạn đã hủy hoặc không đồng ý chia sẻ thông tin. Cổng này không nhận được dữ liệu nào.",
            &["Khi sẵn sàng, bạn có thể đăng nhập lại."],
        ),
        Kind::LoginRequired => is(
            "Cần đăng nhập",
            "Bạn chưa có phiên đăng nhập nào ở dịch vụ đăng nhập, nên không thể đăng nhập ngầm.",
            &["Đăng nhập lại theo cách thông thường."],
        ),
        Kind::InteractionRequired => is(
            "Cần bạn thao tác thêm",
            "Dịch vụ đăng nhập cần hỏi bạn thêm nhưng lần này không được phép hiện trang nào.",
            &["Đăng nhập lại theo cách thông thường."],
        ),
        Kind::ConsentRequired => is(
            "Cần bạn đồng ý chia sẻ thông tin",
            "Cổng này chỉ nhận được thông tin khi bạn đồng ý, và lần này dịch vụ đăng nhập không được phép hỏi bạn.",
            &["Đăng nhập lại để xem và đồng ý."],
        ),
        Kind::TemporarilyUnavailable => is(
            "Dịch vụ đăng nhập đang tạm ngưng",
            "Dịch vụ đang quá tải hoặc bảo trì. Đây không phải lỗi của bạn.",
            &["Thử lại sau ít phút."],
        ),
        Kind::ServerError => is(
            "Dịch vụ đăng nhập gặp sự cố",
            "Dịch vụ đăng nhập không hoàn tất được yêu cầu. Đây không phải lỗi của bạn.",
            &["Thử lại sau ít phút.", "Nếu vẫn lỗi, báo cho bộ phận hỗ trợ mã lỗi bên dưới."],
        ),
        Kind::OtherError => is(
            "Không đăng nhập được",
            "Dịch vụ đăng nhập đã từ chối yêu cầu của cổng này.",
            &["Thử lại.", "Nếu vẫn lỗi, báo cho bộ phận hỗ trợ mã lỗi bên dưới."],
        ),
        Kind::StrayAnswer => is(
            "Lần đăng nhập này không còn hiệu lực",
            "Trang này trả lời một lần đăng nhập đã xong, đã quá 60 phút, hoặc được bắt đầu ở trình duyệt khác. Điều này thường xảy ra khi tải lại trang hoặc bấm nút quay lại.",
            &[],
        ),
        Kind::BadAnswer | Kind::Refused => is(
            "Không xác nhận được lần đăng nhập",
            "Câu trả lời của dịch vụ đăng nhập không qua được kiểm tra an toàn, nên cổng này không chấp nhận. Bạn chưa được đăng nhập bằng lần này.",
            &["Đăng nhập lại từ đầu."],
        ),
        Kind::Unreachable => is(
            "Chưa liên lạc được với dịch vụ đăng nhập",
            "Cổng này đang không kết nối được với dịch vụ đăng nhập. Đây không phải lỗi của bạn và không có gì bị mất.",
            &["Thử lại sau ít phút."],
        ),
        Kind::StillInsufficient => is(
            "Lần đăng nhập mới vẫn chưa đủ để nộp",
            "Bạn vừa đăng nhập lại theo yêu cầu, nhưng nơi nhận vẫn coi lần đăng nhập này chưa đủ mức hoặc chưa đủ mới. Chưa có gì được nộp.",
            &[
                "Về trang chủ, bấm nộp lại và chọn cách đăng nhập ở mức cao hơn.",
                "Nếu vẫn lỗi, báo cho bộ phận hỗ trợ mã lỗi bên dưới.",
            ],
        ),
        Kind::FilingUnconfirmed => is(
            "Chưa xác nhận được việc nộp",
            "Nơi nhận chưa cấp mã biên nhận. Đây không phải lỗi của bạn.",
            &["Về trang chủ và bấm nộp lại sau ít phút.", "Nếu vẫn lỗi, báo cho bộ phận hỗ trợ mã lỗi bên dưới."],
        ),
        Kind::StaleForm => is(
            "Biểu mẫu đã cũ",
            "Biểu mẫu này không thuộc phiên đăng nhập hiện tại, nên không được thực hiện.",
            &["Về trang chủ và thử lại."],
        ),
        Kind::NotFound => is("Không có trang này", "Địa chỉ bạn mở không có ở cổng này.", &[]),
        Kind::WrongMethod => is("Không mở được trang theo cách này", "Địa chỉ này chỉ nhận yêu cầu từ biểu mẫu.", &[]),
    }
}

const STRONGER_EN: &[&str] = &[
    "Follow what the shared login page has just told you, then try again.",
    "Meanwhile, use the services that need a lower level.",
];

fn english(kind: Kind) -> ProblemText {
    match kind {
        Kind::UnmetRequirements | Kind::LevelTooLow => is(
            "This login does not reach the level that the service needs",
            "The method or the account you used is not assured enough for this service, so this portal has not let you in. Nothing was lost and your records are unchanged.",
            STRONGER_EN,
        ),
        Kind::AccessDenied => is(
            "You cancelled the login",
            "The login stopped because you cancelled it or did not agree to share information. This portal received no data.",
            &["You can log in again whenever you like."],
        ),
        Kind::LoginRequired => is(
            "A login is needed",
            "You have no open session at the login service, so you could not be logged in silently.",
            &["Log in again in the usual way."],
        ),
        Kind::InteractionRequired => is(
            "Something is needed from you",
            "The login service needs to ask you something, but this time it was not allowed to show a page.",
            &["Log in again in the usual way."],
        ),
        Kind::ConsentRequired => is(
            "Your agreement to share information is needed",
            "This portal receives information only if you agree, and this time the login service was not allowed to ask.",
            &["Log in again to read the request and agree."],
        ),
        Kind::TemporarilyUnavailable => is(
            "The login service is paused",
            "It is overloaded or under maintenance. This is not your fault.",
            &["Try again in a few minutes."],
        ),
        Kind::ServerError => is(
            "The login service has a fault",
            "The login service could not complete the request. This is not your fault.",
            &["Try again in a few minutes.", "If it happens again, give the code below to the help desk."],
        ),
        Kind::OtherError => is(
            "The login did not succeed",
            "The login service refused this portal's request.",
            &["Try again.", "If it happens again, give the code below to the help desk."],
        ),
        Kind::StrayAnswer => is(
            "This login is no longer valid",
            "This page answers a login that is finished, is older than 60 minutes, or began in another browser. It usually happens after reloading a page or going back.",
            &[],
        ),
        Kind::BadAnswer | Kind::Refused => is(
            "The login could not be confirmed",
            "The login service's answer did not pass the security checks, so this portal did not accept it. This attempt did not log you in.",
            &["Log in again from the start."],
        ),
        Kind::Unreachable => is(
            "The login service cannot be reached",
            "This portal cannot connect to the login service at the moment. This is not your fault and nothing was lost.",
            &["Try again in a few minutes."],
        ),
        Kind::StillInsufficient => is(
            "The new login is still not enough for filing",
            "You have just logged in again as asked, but the receiving service still finds the login below its level or too long ago. Nothing was filed.",
            &[
                "Go to the home page, file again and choose a method of a higher level.",
                "If it happens again, give the code below to the help desk.",
            ],
        ),
        Kind::FilingUnconfirmed => is(
            "The filing is not confirmed",
            "The receiving service has given no receipt number. This is not your fault.",
            &[
                "Go to the home page and file again in a few minutes.",
                "If it happens again, give the code below to the help desk.",
            ],
        ),
        Kind::StaleForm => is(
            "This form is out of date",
            "The form does not belong to the current session, so nothing was done.",
            &["Go to the home page and try again."],
        ),
        Kind::NotFound => is("No such page", "This portal has no page at that address.", &[]),
        Kind::WrongMethod => is("This page cannot be opened like that", "The address only accepts a form.", &[]),
    }
}
