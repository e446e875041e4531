//! What a login costs the stores, counted. `docs/operations.md` has the same table, and this test holds it.

use std::fmt::Write;
use std::path::Path;

use crate::browser::{Browser, authorize_url, redeem, token};
use crate::lab::{BROKER, Lab, query};

/// SQL statements, commands to the short-lived store and octets written to it, at the broker and at the
/// identity provider.
fn used(lab: &Lab) -> [u64; 6] {
    let (broker, idp) = (&lab.broker, &lab.idp);
    let (b, i) = (broker.short.used(), idp.short.used());
    [broker.store.statements(), b.0, b.1, idp.store.statements(), i.0, i.1]
}

struct Table {
    text: String,
    before: [u64; 6],
}

impl Table {
    fn row(&mut self, lab: &Lab, what: &str) {
        let now = used(lab);
        let cells: Vec<u64> = now.iter().zip(self.before).map(|(now, before)| now - before).collect();
        // Octets vary by a few, as signatures and times do: to the nearest 500.
        let octets = |n: u64| (n + 250) / 500 * 500;
        let _ok = writeln!(
            self.text,
            "| {what} | {} | {} | {} | {} | {} | {} |",
            cells[0],
            cells[1],
            octets(cells[2]),
            cells[3],
            cells[4],
            octets(cells[5])
        );
        self.before = used(lab);
    }
}

#[tokio::test]
async fn the_documents_say_what_a_login_costs() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    // Once before, so that nothing is counted that only the first one of all does.
    Browser::default().tokens(&lab, "two", &[]).await;
    let mut table = Table { text: String::new(), before: used(&lab) };
    let scope = [("scope", "openid profile offline_access")];
    let end = browser.log_in(&lab, &authorize_url("basic", &scope)).await.location();
    table.row(&lab, "first login of the session, one factor");
    let tokens = redeem(&lab, "basic", &query(&end, "code").unwrap(), &[]).await.json();
    table.row(&lab, "token request, with a refresh token");
    lab.userinfo(tokens["access_token"].as_str().unwrap()).await;
    table.row(&lab, "userinfo");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    token(&lab, "basic", vec![("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    table.row(&lab, "refresh");
    let end = browser.get(&lab, &authorize_url("legacy", &[])).await.location();
    assert!(query(&end, "code").is_some());
    table.row(&lab, "login at another portal by single sign-on, without a page");
    let end = browser.log_in(&lab, &authorize_url("two", &[])).await.location();
    assert!(query(&end, "code").is_some());
    table.row(&lab, "step-up by one factor");
    let hint = tokens["id_token"].as_str().unwrap();
    browser.open(&lab, &format!("{BROKER}/logout?id_token_hint={hint}")).await;
    table.row(&lab, "logout, with three portals to tell");

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let documents = std::fs::read_to_string(root.join("docs/operations.md")).unwrap();
    assert!(documents.contains(&table.text), "docs/operations.md should have:\n{}", table.text);
}
