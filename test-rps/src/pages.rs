//! What people read: the pages in two languages, and the headers of every response. The texts are in `locales/`.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};
use fluent_templates::{LanguageIdentifier, Loader as _, langid, static_loader};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderName, StatusCode};
use tower_cookies::Cookies;
use tower_cookies::cookie::time::Duration;
use tower_sessions::Session;
use url::{Url, form_urlencoded};

use crate::assurance::level;
use crate::claims::{ClaimRow, ClaimSet};
use crate::config::{PortalConfig, Service};
use crate::portal::Portal;
use crate::problem::{Kind, NOT_FOUND, Problem, UNKNOWN_STATE};
use crate::session::{Login, was_ended_elsewhere};

const LANGUAGE_KEPT: Duration = Duration::days(365);

static_loader! {
    static TEXTS = {
        locales: "./locales",
        fallback_language: "vi",
    };
}

static VIETNAMESE: LanguageIdentifier = langid!("vi");
static ENGLISH: LanguageIdentifier = langid!("en");

/// The language of a page: Vietnamese first, English second.
#[derive(Clone, Copy)]
pub(crate) struct Language(&'static LanguageIdentifier);

impl Language {
    fn of_tag(tag: &str) -> Option<Self> {
        [&VIETNAMESE, &ENGLISH].into_iter().find(|language| language.language == tag).map(Self)
    }

    /// The BCP 47 tag.
    pub(crate) fn tag(self) -> &'static str {
        self.0.language.as_str()
    }
}

/// `?lang=`, which is remembered, or what was remembered.
impl FromRequestParts<Arc<Portal>> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, Self::Rejection> {
        let Some(cookies) = parts.extensions.get::<Cookies>() else {
            return Ok(Self(&VIETNAMESE));
        };
        let query = parts.uri.query().unwrap_or_default();
        let mut asked = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "lang");
        if let Some(language) = asked.find_map(|(_, tag)| Self::of_tag(&tag)) {
            let mut cookie = portal.cookie("_lang", language.tag().to_owned());
            cookie.set_max_age(LANGUAGE_KEPT);
            cookies.add(cookie);
            return Ok(language);
        }
        let remembered = portal.read_cookie(cookies, "_lang").and_then(|tag| Self::of_tag(&tag));
        Ok(remembered.unwrap_or(Self(&VIETNAMESE)))
    }
}

/// What every page has around its content, and its texts.
pub(crate) struct Frame<'a> {
    config: &'a PortalConfig,
    language: Language,
    /// The same page in the other language.
    switch_href: String,
}

impl<'a> Frame<'a> {
    /// `here` is a path of this portal that shows the same page when opened again; the path of a callback is none,
    /// because its answer can be used once.
    pub(crate) fn new(portal: &'a Portal, language: Language, here: &str) -> Self {
        let joint = if here.contains('?') { '&' } else { '?' };
        let mut frame = Self { config: &portal.config, language, switch_href: String::new() };
        frame.switch_href = format!("{here}{joint}lang={}", frame.other_tag());
        frame
    }

    fn t(&self, key: &str) -> String {
        TEXTS.lookup(self.language.0, key)
    }

    /// The text of which this portal has its own.
    fn own(&self, key: &str) -> String {
        self.t(&format!("{}-{key}", self.config.name))
    }

    /// What the level of this portal asks for.
    fn level(&self) -> String {
        self.t(&format!("level-{}", self.config.level))
    }

    fn service(&self, service: &Service) -> String {
        self.t(&format!("service-{}", service.code))
    }

    /// A part of what is said of a problem.
    fn of_problem(&self, kind: &Kind, part: &str) -> String {
        self.t(&format!("problem-{}-{part}", kind.code))
    }

    /// What would help, best first; nothing where there is no such text.
    fn help(&self, kind: &Kind) -> String {
        TEXTS.try_lookup(self.language.0, &format!("problem-{}-help", kind.code)).unwrap_or_default()
    }

    /// What a claim is called; unknown ones go by their name on the wire.
    fn label(&self, row: &ClaimRow) -> String {
        TEXTS.try_lookup(self.language.0, &format!("claim-{}", row.name)).unwrap_or_else(|| row.name.clone())
    }

    fn tag(&self) -> &'static str {
        self.language.tag()
    }

    fn other_tag(&self) -> &'static str {
        if *self.language.0 == VIETNAMESE { "en" } else { "vi" }
    }
}

/// The home page of a stranger.
#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    frame: Frame<'a>,
    ended_elsewhere: bool,
}

/// The home page of a person who is logged in.
#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    frame: Frame<'a>,
    is_below_level: bool,
    claims: &'a ClaimSet,
    form_token: &'a str,
}

/// After a return was filed.
#[derive(Template)]
#[template(path = "filed.html")]
pub(crate) struct FiledPage<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) receipt: String,
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
    problem: &'a Problem,
    is_logged_in: bool,
    can_retry: bool,
}

/// A template that cannot be written is the portal's fault, yet passing.
pub(crate) fn render(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// `GET /`: the service for strangers, the person's login for those who are logged in.
pub(crate) async fn home(
    State(portal): State<Arc<Portal>>,
    language: Language,
    cookies: Cookies,
    session: Session,
) -> Result<Response, Problem> {
    let frame = Frame::new(&portal, language, "/");
    if let Some(Login { claims, form_token, .. }) = Login::of(&session).await? {
        let reached = claims.text("acr").and_then(level);
        let is_below_level = reached.is_none_or(|reached| reached < portal.config.level);
        return Ok(render(&AccountPage { frame, is_below_level, claims: &claims, form_token: &form_token }));
    }
    // Given here and not only at /login: two tabs that open /login at once would otherwise each get a cookie, and the
    // tab whose cookie lost could not come back.
    portal.browser(&cookies);
    Ok(render(&WelcomePage { frame, ended_elsewhere: was_ended_elsewhere(&session).await? }))
}

/// `GET /problem/{code}`: the same explanation again, for a change of language.
pub(crate) async fn explain(Path(code): Path<String>) -> Kind {
    Kind::by_code(&code).unwrap_or(NOT_FOUND)
}

/// `GET /style.css`, in the portal's colour.
pub(crate) async fn stylesheet(State(portal): State<Arc<Portal>>) -> ([(HeaderName, &'static str); 2], String) {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=300")];
    let rules = include_str!("../templates/style.css");
    (headers, format!(":root{{--accent:{};--on-accent:#ffffff}}\n{rules}", portal.config.accent))
}

/// Gives a problem its page, and every response the headers that it may not lack.
pub(crate) async fn render_problems_and_add_headers(
    State(portal): State<Arc<Portal>>,
    language: Language,
    session: Session,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let is_logged_in = Login::of(&session).await.is_ok_and(|login| login.is_some());
        response = problem_page(&portal, language, &problem, is_logged_in);
    }
    add_headers(response.headers_mut(), &portal.config.registration.issuer);
    response
}

fn problem_page(portal: &Portal, language: Language, problem: &Problem, is_logged_in: bool) -> Response {
    let kind = problem.kind;
    let frame = Frame::new(portal, language, &format!("/problem/{}", kind.code));
    let can_retry = kind.login_may_help && !(is_logged_in && kind == UNKNOWN_STATE);
    let mut response = render(&ProblemPage { frame, problem, is_logged_in, can_retry });
    *response.status_mut() = kind.status;
    response
}

/// Chromium holds every redirect after a form's POST to `form-action`, and the forms of a portal (logout, filing) start
/// chains that cross the exchange and, if that goes upstream too, identity providers the portal has never heard of. So
/// beside the issuer the chain may cross any HTTPS origin, or on a development issuer any loopback port. Nothing else is
/// loosened.
fn add_headers(headers: &mut HeaderMap, issuer: &Url) {
    let origin = issuer.origin().ascii_serialization();
    let chain = if issuer.scheme() == "https" { "https:" } else { "http://localhost:* http://127.0.0.1:*" };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {origin} {chain}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
