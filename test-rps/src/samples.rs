//! The three sample portals of the demonstration, from the lowest level to the highest.

use crate::config::{Api, PortalConfig, Service};
use url::Url;

/// What the login exchange and a portal agree on when the portal is registered.
pub struct Registration {
    /// The portal's own address, see [`PortalConfig::public_url`].
    pub public_url: Url,
    /// The issuer identifier, see [`PortalConfig::issuer`].
    pub issuer: Url,
    /// The client identifier.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
}

/// The National Public Service Portal: level 1, not essential, `client_secret_basic`.
pub fn national_public_service(registration: Registration) -> PortalConfig {
    PortalConfig {
        essential_acr: false,
        cookie_name: "dichvucong".to_owned(),
        title_vi: "Cổng Dịch vụ công Quốc gia".to_owned(),
        title_en: "National Public Service Portal".to_owned(),
        service_vi: "Nộp hồ sơ và theo dõi kết quả thủ tục hành chính.".to_owned(),
        service_en: "Submit administrative applications and follow their results.".to_owned(),
        accent: "#8f1d1d".to_owned(),
        ..base(registration, 1)
    }
}

/// Social Insurance: level 2, essential, `client_secret_basic`.
pub fn social_insurance(registration: Registration) -> PortalConfig {
    PortalConfig {
        cookie_name: "baohiemxahoi".to_owned(),
        title_vi: "Bảo hiểm xã hội".to_owned(),
        title_en: "Social Insurance".to_owned(),
        service_vi: "Tra cứu quá trình đóng và quyền lợi bảo hiểm xã hội.".to_owned(),
        service_en: "Look up your contribution history and social insurance benefits.".to_owned(),
        accent: "#0b5394".to_owned(),
        scopes: entitled_to_the_number(),
        ..base(registration, 2)
    }
}

/// Tax: level 3, essential, `client_secret_post`; its API needs level 2 of the last quarter hour.
pub fn tax(registration: Registration) -> PortalConfig {
    PortalConfig {
        secret_in_body: true,
        cookie_name: "thue".to_owned(),
        title_vi: "Thuế điện tử".to_owned(),
        title_en: "Electronic Tax".to_owned(),
        service_vi: "Khai, nộp và quyết toán thuế thu nhập cá nhân.".to_owned(),
        service_en: "Declare, pay and settle personal income tax.".to_owned(),
        accent: "#1e5b34".to_owned(),
        services: vec![
            service("look-up-debt", "Tra cứu nợ thuế", "Look up a debt", 1),
            service("file-return", "Nộp tờ khai thuế", "File a return", 2),
            service("refund-account", "Đổi tài khoản nhận hoàn thuế", "Change the bank account for refunds", 3),
        ],
        api: Some(Api {
            acr: "urn:nixa:loa:2".to_owned(),
            max_age: Some(15 * 60),
            title_vi: "Nộp tờ khai thuế".to_owned(),
            title_en: "File a tax return".to_owned(),
        }),
        scopes: entitled_to_the_number(),
        ..base(registration, 3)
    }
}

/// The two that keep files by personal identification number.
fn entitled_to_the_number() -> Vec<String> {
    vec!["profile".to_owned(), "personal_number".to_owned()]
}

fn base(registration: Registration, level: u8) -> PortalConfig {
    PortalConfig {
        public_url: registration.public_url,
        issuer: registration.issuer,
        client_id: registration.client_id,
        client_secret: registration.client_secret,
        secret_in_body: false,
        acr_values: vec![format!("urn:nixa:loa:{level}")],
        essential_acr: true,
        scopes: vec!["profile".to_owned()],
        cookie_name: String::new(),
        title_vi: String::new(),
        title_en: String::new(),
        service_vi: String::new(),
        service_en: String::new(),
        accent: String::new(),
        level,
        services: Vec::new(),
        api: None,
    }
}

fn service(code: &str, title_vi: &str, title_en: &str, level: u8) -> Service {
    Service { code: code.to_owned(), title_vi: title_vi.to_owned(), title_en: title_en.to_owned(), level }
}
