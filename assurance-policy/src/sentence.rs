//! One sentence, in Vietnamese and English, that says what was decided and why.

use serde::{Deserialize, Serialize};

use crate::decision::{Decision, Reason};

/// The same sentence in both languages; it names no person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}

/// The sentence for a decision.
#[must_use]
pub fn sentence(decision: &Decision) -> Sentence {
    match decision {
        Decision::Satisfied(s) => {
            let methods = s.methods.join(" + ");
            Sentence {
                vi: format!("Đạt {} nhờ {} tại {}.", s.level, methods, s.source),
                en: format!("Reached {} by {} at {}.", s.level, methods, s.source),
            }
        }
        Decision::StepUp { plans } => {
            let (vi, en): (Vec<_>, Vec<_>) = plans
                .iter()
                .map(|p| {
                    let methods = p.methods.join(" + ");
                    (format!("{} tại {}", methods, p.source), format!("{} at {}", methods, p.source))
                })
                .unzip();
            Sentence {
                vi: format!("Cần thêm: {}.", vi.join("; hoặc ")),
                en: format!("Still needed: {}.", en.join("; or ")),
            }
        }
        Decision::Unmet { acr, reasons } => {
            let acr = acr.as_deref().unwrap_or("?");
            let (vi, en): (Vec<_>, Vec<_>) = reasons.iter().map(|r| (vietnamese(r), english(r))).unzip();
            Sentence {
                vi: format!("Không thể đạt {acr}: {}.", vi.join("; ")),
                en: format!("{acr} cannot be reached: {}.", en.join("; ")),
            }
        }
    }
}

fn vietnamese(reason: &Reason) -> String {
    match reason {
        Reason::NoSource => "không có nhà cung cấp danh tính nào được phép".to_owned(),
        Reason::UnknownLevel => "mức bảo đảm được yêu cầu không có trong chính sách".to_owned(),
        Reason::Cap { source, cap } => {
            format!("{source} chỉ được công nhận đến {}", cap.as_deref().unwrap_or("không mức nào"))
        }
        Reason::Identity { source, best, needed } => {
            format!("{source} chỉ xác minh danh tính ở mức {best}, cần mức {needed}")
        }
        Reason::Methods { source } => format!("{source} không có phương thức xác thực đủ mạnh"),
    }
}

fn english(reason: &Reason) -> String {
    match reason {
        Reason::NoSource => "no identity provider is allowed".to_owned(),
        Reason::UnknownLevel => "the level asked for is not in the policy".to_owned(),
        Reason::Cap { source, cap } => {
            format!("{source} is recognised only up to {}", cap.as_deref().unwrap_or("no level"))
        }
        Reason::Identity { source, best, needed } => {
            format!("{source} vouches for identity level {best} where {needed} is needed")
        }
        Reason::Methods { source } => format!("{source} has no methods that are strong enough"),
    }
}
