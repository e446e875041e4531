//! A browser reduced to cookies and pages; it follows no redirect by itself.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use http::{Request, StatusCode};
use std::collections::BTreeMap;
use tower::ServiceExt as _;

pub(crate) struct Browser {
    portal: Router,
    pub(crate) cookies: BTreeMap<String, String>,
}

pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.headers[LOCATION].to_str().unwrap()
    }

    /// The text of `<dd data-claim="name">`.
    pub(crate) fn claim(&self, name: &str) -> Option<&str> {
        self.between(&format!("<dd data-claim=\"{name}\">"), "</dd>")
    }

    pub(crate) fn error_code(&self) -> Option<&str> {
        self.between("<code data-error-code>", "</code>")
    }

    pub(crate) fn csrf(&self) -> &str {
        self.between("name=\"csrf\" value=\"", "\"").unwrap()
    }

    pub(crate) fn receipt(&self) -> Option<&str> {
        self.between("<strong data-receipt>", "</strong>")
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    fn between(&self, before: &str, after: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(before)?;
        rest.split_once(after).map(|(text, _)| text)
    }
}

impl Browser {
    pub(crate) fn new(portal: &Router) -> Self {
        Self { portal: portal.clone(), cookies: BTreeMap::new() }
    }

    /// Another tab, with the cookies as they are now.
    pub(crate) fn twin(&self) -> Self {
        Self { portal: self.portal.clone(), cookies: self.cookies.clone() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path), Body::empty()).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: String) -> Page {
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, Body::from(form)).await
    }

    async fn send(&mut self, request: http::request::Builder, body: Body) -> Page {
        let cookies: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = request.header(COOKIE, cookies.join("; ")).body(body).unwrap();
        let page = fetch(&self.portal, request).await;
        for cookie in page.headers.get_all(SET_COOKIE) {
            self.store(cookie.to_str().unwrap());
        }
        page
    }

    fn store(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        if attributes.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// One request without a browser's memory.
pub(crate) async fn fetch(portal: &Router, request: Request<Body>) -> Page {
    let (parts, body) = portal.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(!body.contains("Unknown localization"), "{body}");
    Page { status: parts.status, headers: parts.headers, body }
}
