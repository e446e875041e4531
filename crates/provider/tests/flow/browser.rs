//! A browser without a screen, and the requests that clients send it with.

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use nixa_protocol::pkce;

use crate::lab::{Lab, PORTAL, Reply, callback, encode, post};
use crate::stub::PLAN;

pub(crate) const VERIFIER: &str = "a-code-verifier-of-at-least-forty-three-characters";
/// Whom the page logs in.
pub(crate) const MAI: &str = "mai";

#[derive(Debug, Clone, Default)]
pub(crate) struct Browser {
    cookie: String,
}

impl Browser {
    pub(crate) async fn get(&mut self, lab: &Lab, path: &str) -> Reply {
        self.send(lab, Request::get(path), Body::empty()).await
    }

    /// With a header that gives the transaction its plan.
    pub(crate) async fn get_with_plan(&mut self, lab: &Lab, path: &str, plan: &str) -> Reply {
        self.send(lab, Request::get(path).header(PLAN, plan), Body::empty()).await
    }

    pub(crate) async fn post(&mut self, lab: &Lab, path: &str, form: &[(&str, &str)]) -> Reply {
        self.send(lab, post(path), Body::from(encode(form))).await
    }

    async fn send(&mut self, lab: &Lab, request: Builder, body: Body) -> Reply {
        let reply = lab.send(request.header("cookie", &self.cookie).body(body).unwrap()).await;
        if let Some((cookie, _)) = reply.header("set-cookie").split_once(';') {
            cookie.clone_into(&mut self.cookie);
        }
        reply
    }

    /// Begins a transaction that needs the page, and opens it.
    pub(crate) async fn page(&mut self, lab: &Lab, path: &str) -> Reply {
        let reply = self.get(lab, path).await;
        assert!(reply.location().ends_with("/enter"), "{} {}", reply.status, reply.location());
        self.get(lab, reply.location()).await
    }

    /// Logs somebody in on a page; the answer leads to the dispatcher.
    pub(crate) async fn enter(&mut self, lab: &Lab, page: &Reply, subject: &str) -> Reply {
        self.post(lab, &page.path, &[("csrf", &page.csrf("/enter")), ("subject", subject)]).await
    }

    /// Logs somebody in at the portal; the answer leads there.
    pub(crate) async fn log_in(&mut self, lab: &Lab, subject: &str, extra: &[(&str, &str)]) -> Reply {
        let page = self.page(lab, &authorize(PORTAL, extra)).await;
        let entered = self.enter(lab, &page, subject).await;
        self.get(lab, entered.location()).await
    }

    /// Logs in at the portal and redeems the code.
    pub(crate) async fn tokens(&mut self, lab: &Lab, subject: &str, extra: &[(&str, &str)]) -> serde_json::Value {
        let code = self.log_in(lab, subject, extra).await.answer("code").unwrap();
        let reply = redeem(lab, PORTAL, &code, VERIFIER).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }
}

/// The address of a good request; `extra` replaces parameters of the same name.
pub(crate) fn authorize(client_id: &str, extra: &[(&str, &str)]) -> String {
    let (callback, challenge) = (callback(client_id), pkce::challenge(VERIFIER));
    let mut form = vec![
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", callback.as_str()),
        ("scope", "openid profile"),
        ("state", "the-state"),
        ("nonce", "the-nonce"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    form.retain(|(name, _)| !extra.iter().any(|(replaced, _)| replaced == name));
    form.extend(extra);
    format!("/authorize?{}", encode(&form))
}

pub(crate) async fn redeem(lab: &Lab, client_id: &str, code: &str, verifier: &str) -> Reply {
    let callback = callback(client_id);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", callback.as_str()),
        ("code_verifier", verifier),
    ];
    lab.call(client_id, "/token", &form).await
}

pub(crate) async fn refresh(lab: &Lab, token: &str) -> Reply {
    lab.call(PORTAL, "/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

pub(crate) async fn userinfo(lab: &Lab, token: &str) -> Reply {
    let request = Request::get("/userinfo").header("authorization", format!("Bearer {token}"));
    lab.send(request.body(Body::empty()).unwrap()).await
}
