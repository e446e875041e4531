//! The pages: typed contexts for the templates, and how each becomes a response.

use crate::claims::{self, ClaimRow, ClaimSet};
use crate::config::{Api, Service};
use crate::language::Language;
use crate::portal::Portal;
use crate::problem::{Kind, Problem};
use crate::problem_text::{self, ProblemText};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{HeaderName, StatusCode};
use std::sync::Arc;

/// What every page has around its content.
pub(crate) struct Frame<'a> {
    language: Language,
    title: &'a str,
    /// The same page in the other language.
    switch_href: String,
}

impl<'a> Frame<'a> {
    /// `here` is a path of this portal that shows the same page when opened again; the path of a
    /// callback is none, because its answer can be used once.
    pub(crate) fn new(portal: &'a Portal, language: Language, here: &str) -> Self {
        let config = &portal.settings.config;
        let joint = if here.contains('?') { '&' } else { '?' };
        Self {
            language,
            title: language.pick(&config.title_vi, &config.title_en),
            switch_href: format!("{here}{joint}lang={}", language.other().tag()),
        }
    }

    /// The one of two texts in the page's language.
    fn t<'s>(&self, vietnamese: &'s str, english: &'s str) -> &'s str {
        self.language.pick(vietnamese, english)
    }

    fn tag(&self) -> &'static str {
        self.language.tag()
    }

    fn other_tag(&self) -> &'static str {
        self.language.other().tag()
    }

    fn other_name(&self) -> &'static str {
        self.language.pick("English", "Tiếng Việt")
    }

    /// What to call a claim.
    fn label<'n>(&self, row: &'n ClaimRow) -> &'n str {
        claims::label(&row.name).map_or(&row.name, |(vi, en)| self.language.pick(vi, en))
    }
}

/// The home page of a stranger.
#[derive(Template)]
#[template(path = "welcome.html")]
pub(crate) struct WelcomePage<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) service: &'a str,
    pub(crate) level: u8,
    pub(crate) services: &'a [Service],
    pub(crate) ended_elsewhere: bool,
}

/// The home page of a person who is logged in.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) name: Option<&'a str>,
    pub(crate) level: u8,
    pub(crate) below_level: bool,
    pub(crate) services: &'a [Service],
    pub(crate) api: Option<&'a Api>,
    pub(crate) claims: &'a ClaimSet,
    pub(crate) csrf: &'a str,
}

impl AccountPage<'_> {
    /// The time of login for people; the claim itself stands beside it as it came.
    fn local_time(&self, row: &ClaimRow) -> Option<String> {
        (row.name == "auth_time").then(|| self.claims.auth_time().and_then(claims::viet_nam_time)).flatten()
    }
}

/// After a return was filed.
#[derive(Template)]
#[template(path = "filed.html")]
pub(crate) struct FiledPage<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) service: &'a str,
    pub(crate) receipt: &'a str,
}

/// After a logout.
#[derive(Template)]
#[template(path = "logged_out.html")]
pub(crate) struct LoggedOutPage<'a> {
    pub(crate) frame: Frame<'a>,
    /// The exchange sent the browser back with the state of this logout.
    pub(crate) confirmed: bool,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame<'a>,
    text: ProblemText,
    code: &'a str,
    description: Option<&'a str>,
    logged_in: bool,
    can_retry: bool,
}

/// A page as a response. A template that cannot be written is the portal's fault, yet passing.
pub(crate) fn render<T: Template>(status: StatusCode, page: &T) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// The page of a problem.
pub(crate) fn problem(portal: &Portal, language: Language, problem: &Problem, logged_in: bool) -> Response {
    let kind = problem.kind;
    let here = format!("/problem/{}", kind.code());
    let page = ProblemPage {
        frame: Frame::new(portal, language, &here),
        text: problem_text::text(kind, language),
        code: &problem.code,
        description: problem.description.as_deref(),
        logged_in,
        can_retry: kind.login_may_help() && !(logged_in && kind == Kind::StrayAnswer),
    };
    render(kind.status(), &page)
}

/// `GET /problem/{slug}`: the same explanation again, for a change of language.
pub(crate) async fn explain(
    State(portal): State<Arc<Portal>>,
    language: Language,
    Path(slug): Path<String>,
) -> Response {
    let kind = Kind::by_code(&slug).unwrap_or(Kind::NotFound);
    problem(&portal, language, &kind.into(), false)
}

pub(crate) async fn not_found(State(portal): State<Arc<Portal>>, language: Language) -> Response {
    problem(&portal, language, &Kind::NotFound.into(), false)
}

pub(crate) async fn wrong_method(State(portal): State<Arc<Portal>>, language: Language) -> Response {
    problem(&portal, language, &Kind::WrongMethod.into(), false)
}

pub(crate) async fn stylesheet(State(portal): State<Arc<Portal>>) -> ([(HeaderName, &'static str); 2], String) {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, portal.settings.stylesheet.clone())
}

/// A redirect that turns a POST into a GET (RFC 9110, section 15.4.4).
///
/// # Errors
/// When `destination` cannot be a header: the exchange then described itself wrongly.
pub(crate) fn see_other(destination: &str) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(destination).map_err(|_| Kind::Unreachable)?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}
