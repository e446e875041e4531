//! What a person sees when something goes wrong: which page, in which language, and when to come back.

use nixa_provider::RateLimits;

use crate::browser::{Browser, MAI, authorize};
use crate::lab::{Lab, PORTAL};

#[tokio::test]
async fn an_error_page_is_in_the_language_that_is_known_best() {
    let lab = Lab::new().await;
    let attacker = ("redirect_uri", "https://attacker.example/cb");
    let english = ("ui_locales", "fr en-GB");
    let path = |extra: &[(&str, &str)]| authorize(PORTAL, &[&[attacker], extra].concat());
    let mut browser = Browser::default();
    assert_eq!(browser.get(&lab, &path(&[])).await.language(), "vi", "without a word");
    assert_eq!(browser.get(&lab, &path(&[english])).await.language(), "en", "as the client wishes");
    assert_eq!(browser.get(&lab, &path(&[english, ("lang", "vi")])).await.language(), "vi", "as the person wishes");
    // A choice is remembered with the browser.
    let page = browser.page(&lab, &authorize(PORTAL, &[])).await;
    assert_eq!(browser.post(&lab, &page.path, &[]).await.language(), "vi");
    let chosen = browser.get(&lab, &format!("{}?lang=en", page.path)).await;
    assert_eq!((chosen.status, chosen.language()), (200, "en"));
    let refused = browser.post(&lab, &page.path, &[]).await;
    assert_eq!((refused.problem(), refused.language()), ((403, "form-not-yours"), "en"));
    assert_eq!(browser.get(&lab, &path(&[])).await.language(), "en");
    assert_eq!(browser.get(&lab, &path(&[("ui_locales", "vi")])).await.language(), "en", "the person comes first");
    assert_eq!(browser.get(&lab, "/nowhere").await.language(), "en", "also where there is nothing");
    // A page of a transaction takes the language of its request.
    let mut stranger = Browser::default();
    let page = stranger.page(&lab, &authorize(PORTAL, &[english])).await;
    assert_eq!(page.language(), "en");
    let refused = stranger.post(&lab, &page.path, &[]).await;
    assert_eq!((refused.problem(), refused.language()), ((403, "form-not-yours"), "en"));
}

#[tokio::test]
async fn a_store_that_is_away_is_a_page_that_says_when_to_come_back() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.page(&lab, &authorize(PORTAL, &[])).await;
    let (begin, english) = (authorize(PORTAL, &[]), authorize(PORTAL, &[("ui_locales", "en")]));
    for (failing, path, language) in [
        ("transaction:", &begin, "vi"),
        ("transaction:", &english, "en"),
        ("transaction:", &page.path, "vi"),
        ("browser:", &begin, "vi"),
        ("", &page.path, "vi"),
    ] {
        lab.short.fail(failing);
        let reply = browser.clone().get(&lab, path).await;
        assert_eq!(reply.problem(), (503, "try-later"), "{failing} {path}");
        assert_eq!(reply.header("retry-after"), "5");
        assert_eq!(reply.language(), language, "{failing} {path}");
        for text in ["Hệ thống đang bận", "The system is busy"] {
            assert!(reply.body.contains(text), "in both languages: {}", reply.body);
        }
        assert!(reply.body.contains("class=\"button\" href=\"\""), "the same address again: {}", reply.body);
        lab.short.recover();
    }
    let entered = browser.enter(&lab, &page, MAI).await;
    assert!(browser.get(&lab, entered.location()).await.answer("code").is_some(), "nothing is lost");
}

#[tokio::test]
async fn a_program_reads_of_a_store_that_is_away_as_json() {
    let lab = Lab::new().await;
    let code = Browser::default().log_in(&lab, MAI, &[]).await.answer("code").unwrap();
    let redeem = async || crate::browser::redeem(&lab, PORTAL, &code, crate::browser::VERIFIER).await;
    lab.short.fail("access:");
    let reply = redeem().await;
    assert_eq!((reply.status, &reply.json()["error"]), (503, &"temporarily_unavailable".into()));
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let lab = Lab::with(RateLimits { per_address: 3, per_client: 2, ..RateLimits::default() }).await;
    let mut browser = Browser::default();
    for _ in 0..3 {
        assert_eq!(browser.get(&lab, &authorize(PORTAL, &[])).await.status, 303);
    }
    let refused = browser.get(&lab, &authorize(PORTAL, &[])).await;
    assert_eq!(refused.problem(), (429, "too-many-requests"));
    // 1 700 000 000 is 20 s into its minute.
    assert_eq!(refused.header("retry-after"), "40");
    for text in ["Có quá nhiều yêu cầu", "There were too many requests"] {
        assert!(refused.body.contains(text), "in both languages: {}", refused.body);
    }
    let introspect = async || lab.call(PORTAL, "/introspect", &[("token", "x")]).await;
    assert_eq!((introspect().await.status, introspect().await.status), (200, 200));
    let refused = introspect().await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "40"));
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    lab.clock.advance(40);
    assert_eq!(browser.get(&lab, &authorize(PORTAL, &[])).await.status, 303, "the next minute");
    assert_eq!(introspect().await.status, 200);
}
