//! A browser without a screen: cookies per host, redirects between our servers, forms.

use std::collections::HashMap;

use axum::body::Body;
use http::Request;
use nixa_protocol::pkce;
use serde_json::Value;

use crate::lab::{BROKER, Lab, PASSWORD, Reply, SECRET, TOTP, between, encode, query};

pub(crate) const VERIFIER: &str = "a-code-verifier-of-at-least-forty-three-characters";

#[derive(Default)]
pub(crate) struct Browser {
    pub(crate) jars: HashMap<String, HashMap<String, String>>,
    /// Headers that a proxy in front adds.
    pub(crate) headers: Vec<(String, String)>,
}

impl Browser {
    pub(crate) async fn get(&mut self, lab: &Lab, url: &str) -> Reply {
        self.send(lab, Request::get(url), Body::empty()).await
    }

    pub(crate) async fn post(&mut self, lab: &Lab, url: &str, form: &[(&str, &str)]) -> Reply {
        let request = Request::post(url).header("content-type", "application/x-www-form-urlencoded");
        self.send(lab, request, Body::from(encode(form))).await
    }

    async fn send(&mut self, lab: &Lab, request: http::request::Builder, body: Body) -> Reply {
        let host = request.uri_ref().unwrap().host().unwrap().to_owned();
        let jar = self.jars.entry(host).or_default();
        let cookies: Vec<String> = jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let request = request.header("cookie", cookies.join("; "));
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let reply = lab.send(request.body(body).unwrap()).await;
        assert!(reply.status < 500, "{} {} {}", reply.url, reply.status, reply.body);
        for cookie in reply.headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            jar.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        reply
    }

    /// Follows redirects between our servers until a page, a portal or the simulator.
    pub(crate) async fn follow(&mut self, lab: &Lab, mut reply: Reply) -> Reply {
        for _ in 0..12 {
            let location = reply.location();
            let ours = location.starts_with(BROKER) || location.starts_with("https://idp.example");
            if reply.status != 303 || !ours {
                return reply;
            }
            reply = self.get(lab, &location).await;
        }
        panic!("too many redirects: {}", reply.url);
    }

    pub(crate) async fn open(&mut self, lab: &Lab, url: &str) -> Reply {
        let reply = self.get(lab, url).await;
        self.follow(lab, reply).await
    }

    /// Sends the first form of a page with these values.
    pub(crate) async fn submit(&mut self, lab: &Lab, page: &Reply, values: &[(&str, &str)]) -> Reply {
        let csrf = csrf(page);
        let mut form = vec![("csrf", csrf.as_str())];
        form.extend(values);
        let reply = self.post(lab, &page.url.clone(), &form).await;
        self.follow(lab, reply).await
    }

    /// Sends the form of a page whose action ends so.
    pub(crate) async fn press(&mut self, lab: &Lab, page: &Reply, action: &str) -> Reply {
        let tail = &page.body[page.body.find(&format!("/{action}\"")).unwrap_or_else(|| panic!("no {action}"))..];
        let csrf = between(tail, "name=\"csrf\" value=\"", "\"").unwrap().to_owned();
        let login = between(&page.url, "/login/", "/").unwrap();
        let origin = url::Url::parse(&page.url).unwrap().origin().ascii_serialization();
        let url = format!("{origin}/login/{login}/{action}");
        let reply = self.post(lab, &url, &[("csrf", &csrf)]).await;
        self.follow(lab, reply).await
    }

    /// Goes through the national identity provider as far as its pages ask; returns where it ends.
    pub(crate) async fn log_in_as(&mut self, lab: &Lab, username: &str, url: &str) -> Reply {
        let page = self.open(lab, url).await;
        self.walk(lab, username, page).await
    }

    /// Goes on from a page of a login.
    pub(crate) async fn walk(&mut self, lab: &Lab, username: &str, mut page: Reply) -> Reply {
        for _ in 0..6 {
            if page.status == 303 {
                return page;
            }
            page = match page.url.rsplit('/').next().unwrap() {
                "choose" => self.submit(lab, &page, &[("idp", "national")]).await,
                "password" => {
                    // People type: what is shown is already a little old when it is judged.
                    lab.clock.advance(2);
                    self.submit(lab, &page, &[("username", username), ("password", PASSWORD)]).await
                }
                "totp" => {
                    // Each code works once: the next one is of the next step.
                    lab.clock.advance(30);
                    let code = nixa_idp::totp::code_at(TOTP, nixa_protocol::Clock::now(&*lab.clock)).unwrap();
                    self.submit(lab, &page, &[("code", &code)]).await
                }
                "confirm" => self.submit(lab, &page, &[]).await,
                _ => return page,
            };
        }
        panic!("the login does not end: {}", page.url);
    }

    /// Logs out of everything by a portal's hint.
    pub(crate) async fn log_out(&mut self, lab: &Lab, hint: &str) -> Reply {
        let page = self.open(lab, &format!("{BROKER}/logout?id_token_hint={hint}")).await;
        if page.body.contains("value=\"service\"") {
            return self.submit(lab, &page, &[("answer", "yes")]).await;
        }
        page
    }

    pub(crate) async fn log_in(&mut self, lab: &Lab, url: &str) -> Reply {
        self.log_in_as(lab, "mai", url).await
    }

    /// A code for this client.
    pub(crate) async fn code(&mut self, lab: &Lab, client: &str, extra: &[(&str, &str)]) -> String {
        let end = self.log_in(lab, &authorize_url(client, extra)).await.location();
        query(&end, "code").unwrap_or_else(|| panic!("no code: {end}"))
    }

    /// Logs in at a client and redeems the code.
    pub(crate) async fn tokens(&mut self, lab: &Lab, client: &str, extra: &[(&str, &str)]) -> Value {
        let code = self.code(lab, client, extra).await;
        let reply = redeem(lab, client, &code, &[]).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }
}

pub(crate) fn csrf(page: &Reply) -> String {
    let found = between(&page.body, "name=\"csrf\" value=\"", "\"");
    found.unwrap_or_else(|| panic!("no form: {} {} {}", page.url, page.status, page.body)).to_owned()
}

pub(crate) fn callback(client: &str) -> String {
    format!("https://{client}.example/cb")
}

pub(crate) fn authorize_url(client: &str, extra: &[(&str, &str)]) -> String {
    format!(
        "{BROKER}/authorize?{}",
        encode(&authorize_form(client, extra, &callback(client), &pkce::challenge(VERIFIER)))
    )
}

/// The parameters of a good request; `extra` replaces those of the same name, and an empty value leaves
/// one out.
pub(crate) fn authorize_form<'p>(
    client: &'p str,
    extra: &[(&'p str, &'p str)],
    callback: &'p str,
    challenge: &'p str,
) -> Vec<(&'p str, &'p str)> {
    let mut form = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", callback),
        ("scope", "openid profile"),
        ("state", "the-state"),
        ("nonce", "the-nonce"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ];
    form.retain(|(name, _)| !extra.iter().any(|(n, _)| n == name));
    form.extend(extra.iter().filter(|(_, v)| !v.is_empty()));
    form
}

pub(crate) fn basic(client: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{client}:{SECRET}")))
}

/// Redeems a code with the client's own method; `extra` replaces parameters, an empty value leaves one out.
pub(crate) async fn redeem(lab: &Lab, client: &str, code: &str, extra: &[(&str, &str)]) -> Reply {
    let callback = callback(client);
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", callback.as_str()),
        ("code_verifier", VERIFIER),
    ];
    form.retain(|(name, _)| !extra.iter().any(|(n, _)| n == name));
    form.extend(extra.iter().filter(|(_, v)| !v.is_empty()));
    token(lab, client, form).await
}

/// Sends a token request with the client's own method.
pub(crate) async fn token<'f>(lab: &Lab, client: &'f str, mut form: Vec<(&'f str, &'f str)>) -> Reply {
    let authorization = basic(client);
    let mut headers = Vec::new();
    match client {
        "other" => form.extend([("client_id", client), ("client_secret", SECRET)]),
        "public" => form.push(("client_id", client)),
        _ => headers.push(("authorization", authorization.as_str())),
    }
    lab.post(&format!("{BROKER}/token"), &headers, &form).await
}
