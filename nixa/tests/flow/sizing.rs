//! What a login costs the stores, counted. `docs/operations.md` has the same table, and this test holds it.

use std::fmt::Write;
use std::path::Path;

use nixa_storage_sql::{Role, SqlStore};
use sqlx::{AssertSqlSafe, SqlitePool};

use crate::browser::{Browser, authorize_url, redeem, token};
use crate::lab::{Lab, query};

/// SQL statements, commands to the short-lived store and octets written to it, at the broker and at the
/// identity provider.
fn used(lab: &Lab) -> [u64; 6] {
    let (broker, idp) = (&lab.broker, &lab.idp);
    let (b, i) = (broker.short.usage(), idp.short.usage());
    [broker.store.statements(), b.commands, b.octets_written, idp.store.statements(), i.commands, i.octets_written]
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
    browser.log_out(&lab, hint).await;
    table.row(&lab, "logout, with three portals to tell");

    documented(&table.text);
}

/// Rows and octets of values in some tables of both servers, or in all.
async fn stored(lab: &Lab, only: &[&str]) -> [u64; 4] {
    let mut counted = Vec::new();
    for (folder, role) in [("broker", Role::Broker), ("idp", Role::Idp)] {
        let file = lab.folder().join(folder).join("durable.db");
        let pool = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        let (mut rows, mut octets) = (0, 0);
        for table in SqlStore::tables(role).into_iter().filter(|name| only.is_empty() || only.contains(name)) {
            let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
                .bind(table)
                .fetch_all(&pool)
                .await
                .unwrap();
            let lengths: Vec<String> =
                columns.iter().map(|name| format!("COALESCE(LENGTH(CAST({name} AS BLOB)), 0)")).collect();
            let sql = format!("SELECT COUNT(*), COALESCE(SUM({}), 0) FROM {table}", lengths.join(" + "));
            let (n, length): (i64, i64) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&pool).await.unwrap();
            rows += u64::try_from(n).unwrap();
            octets += u64::try_from(length).unwrap();
        }
        counted.extend([rows, octets]);
    }
    counted.try_into().unwrap()
}

/// What stays of a citizen when records, grants and decisions have been removed.
const LASTING: [&str; 5] = ["people", "links", "consents", "devices", "person_keys"];

#[tokio::test]
async fn the_documents_say_what_a_citizen_occupies() {
    let lab = Lab::new().await;
    // So that nothing is counted that only the first login of all leaves.
    Browser::default().tokens(&lab, "basic", &[]).await;
    let mut text = String::new();
    let mut row = |what: &str, before: [u64; 4], after: [u64; 4]| {
        let used: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let octets = |n: u64| (n + 50) / 100 * 100;
        let (b, i) = (octets(used[1]), octets(used[3]));
        let _ok = writeln!(text, "| {what} | {} | {b} | {} | {i} |", used[0], used[2]);
        used
    };
    let (empty, lasting) = (stored(&lab, &[]).await, stored(&lab, &LASTING).await);
    let log_in = async || {
        let mut browser = Browser::default();
        let url = authorize_url("basic", &[("scope", "openid profile offline_access")]);
        let end = browser.log_in_as(&lab, "binh", &url).await.location();
        redeem(&lab, "basic", &query(&end, "code").unwrap(), &[]).await;
    };
    log_in().await;
    let once = stored(&lab, &[]).await;
    row("a citizen's first login", empty, once);
    let stays = row("of it, what stays", lasting, stored(&lab, &LASTING).await);
    log_in().await;
    let later = row("each later login", once, stored(&lab, &[]).await);
    let (rows, octets) = (stays[0] + 20 * later[0], stays[1] + 20 * later[1]);
    let _ok = writeln!(
        text,
        "\nSo a million citizens who log in ten times a year, with records kept for two years, are about {} million rows
and {} GB of values at the broker.",
        (rows + 5) / 10 * 10,
        octets.div_ceil(1_000),
    );
    documented(&text);
}

fn documented(text: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let documents = std::fs::read_to_string(root.join("docs/operations.md")).unwrap();
    assert!(documents.contains(text), "docs/operations.md should have:\n{text}");
}
