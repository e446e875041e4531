//! Fictitious citizens. Their numbers follow the published structure: province of birth registration,
//! century and sex, year, six digits.

use nixa_idp::NewAccount;
use serde_json::{Value, json};

/// An account of a demo citizen at one identity provider.
#[derive(Debug)]
pub struct DemoAccount {
    /// `national` or `partner`.
    pub idp: &'static str,
    /// The citizen's name.
    pub name: &'static str,
    /// The citizen's personal number.
    pub personal_number: &'static str,
    /// The login name at this identity provider.
    pub username: &'static str,
    /// The password at this identity provider.
    pub password: &'static str,
    /// The TOTP key in base32.
    pub totp_secret: &'static str,
    birthdate: &'static str,
    gender: &'static str,
    phone: &'static str,
    nickname: &'static str,
    province: &'static str,
}

/// When the register last changed them.
const UPDATED_AT: i64 = 1_767_225_600;

struct Citizen {
    name: &'static str,
    number: &'static str,
    birthdate: &'static str,
    gender: &'static str,
    phone: &'static str,
    /// In Latin letters without marks: of the e-mail address too.
    nickname: &'static str,
    province: &'static str,
}

const MAI_ANH: Citizen = Citizen {
    name: "Nguyễn Thị Mai Anh",
    number: "001190000101",
    birthdate: "1990-03-15",
    gender: "female",
    phone: "+84900000101",
    nickname: "maianh",
    province: "Hà Nội",
};
const QUOC_BINH: Citizen = Citizen {
    name: "Trần Quốc Bình",
    number: "079085000102",
    birthdate: "1985-11-02",
    gender: "male",
    phone: "+84900000102",
    nickname: "binh",
    province: "Thành phố Hồ Chí Minh",
};
const HOANG_LONG: Citizen = Citizen {
    name: "Lê Hoàng Long",
    number: "048203000103",
    birthdate: "2003-07-21",
    gender: "male",
    phone: "+84900000103",
    nickname: "long",
    province: "Đà Nẵng",
};
const THU_HA: Citizen = Citizen {
    name: "Phạm Thu Hà",
    number: "031301000104",
    birthdate: "2001-01-30",
    gender: "female",
    phone: "+84900000104",
    nickname: "ha",
    province: "Hải Phòng",
};

const fn account(
    citizen: &Citizen,
    idp: &'static str,
    username: &'static str,
    password: &'static str,
    totp_secret: &'static str,
) -> DemoAccount {
    DemoAccount {
        idp,
        name: citizen.name,
        personal_number: citizen.number,
        username,
        password,
        totp_secret,
        birthdate: citizen.birthdate,
        gender: citizen.gender,
        phone: citizen.phone,
        nickname: citizen.nickname,
        province: citizen.province,
    }
}

/// The accounts: four citizens at the national identity provider, two of them at the partner too.
pub const ACCOUNTS: &[DemoAccount] = &[
    account(&MAI_ANH, "national", MAI_ANH.number, "hoa-sen-ho-tay-101", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
    account(&QUOC_BINH, "national", QUOC_BINH.number, "ben-nha-rong-102", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"),
    account(&HOANG_LONG, "national", HOANG_LONG.number, "cau-rong-song-han-103", "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"),
    account(&THU_HA, "national", THU_HA.number, "hoa-phuong-do-104", "NBSWY3DPFQQHO33SNBSWY3DPFQQHO33S"),
    account(&MAI_ANH, "partner", "0900000101", "song-hong-bai-giua-201", "ONSWG4TFORZWKY3SONSWG4TFORZWKY3S"),
    account(&QUOC_BINH, "partner", "0900000102", "cho-ben-thanh-202", "PBSXA2DSNFZXIYLMPBSXA2DSNFZXIYLM"),
];

impl DemoAccount {
    pub(super) fn enrolment(&self) -> NewAccount {
        // Vietnamese names go from the family's to the person's own, with the middle name between them.
        let (family, rest) = self.name.split_once(' ').unwrap_or((self.name, ""));
        let (middle, given) = rest.rsplit_once(' ').unwrap_or(("", rest));
        let home = format!("https://nguoidan.example/{}", self.nickname);
        let attributes = json!({
            "name": self.name,
            "family_name": family,
            "middle_name": middle,
            "given_name": given,
            "nickname": self.nickname,
            "preferred_username": self.nickname,
            "locale": "vi-VN",
            "zoneinfo": "Asia/Ho_Chi_Minh",
            "profile": home,
            "picture": format!("{home}/anh.png"),
            "website": home,
            "updated_at": UPDATED_AT,
            "email": format!("{}@nguoidan.example", self.nickname),
            "email_verified": true,
            "address": { "formatted": format!("{}\nViệt Nam", self.province), "region": self.province, "country": "VN" },
            "personal_number": self.personal_number,
            "birthdate": self.birthdate,
            "gender": self.gender,
            "phone_number": self.phone,
            "phone_number_verified": true,
        });
        NewAccount {
            username: self.username.to_owned(),
            password: self.password.to_owned(),
            totp_secret: self.totp_secret.to_owned(),
            // Matched with the register, but not yet proofed in person: level 3 is out of reach.
            identity_level: 1,
            attributes: attributes.as_object().cloned().unwrap_or_default(),
        }
    }
}

/// The content of `citizens.json`.
pub(super) fn json() -> String {
    let list: Vec<Value> = ACCOUNTS
        .iter()
        .map(|a| {
            json!({
                "name": a.name,
                "personal_number": a.personal_number,
                "idp": a.idp,
                "username": a.username,
                "password": a.password,
                "totp_secret": a.totp_secret,
            })
        })
        .collect();
    format!("{:#}\n", Value::Array(list))
}
