//! Pages: the frame around every one, and the page for what went wrong.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use nixa_protocol::LocalizedText;

use crate::headers::no_store;
use crate::problem::Problem;
use crate::text::{Lang, Text};

/// The server as people see it.
#[derive(Debug, Clone)]
pub struct Branding {
    /// The server's name.
    pub name: LocalizedText,
    /// The accent colour, `#rrggbb`.
    pub accent: String,
    /// Where forms of this server may lead, through redirects, beside itself (Content-Security-Policy
    /// sources): Chromium applies `form-action` to the whole chain of redirects after a post.
    pub form_targets: String,
}

/// What the frame of a page needs.
#[derive(Debug, Clone)]
pub struct Page {
    /// The language of the page, with its texts.
    pub text: Text,
    /// The title of the document and its heading.
    pub title: String,
    /// The server's name, in the page's language.
    pub service: String,
    /// Where the link to the other language leads.
    pub lang_href: String,
    form_targets: String,
    further_policy: String,
}

impl Page {
    /// A page with its title.
    #[must_use]
    pub fn new(branding: &Branding, text: Text, title: String) -> Self {
        let lang_href = format!("?lang={}", text.lang().other().tag());
        let service = text.pick(&branding.name).to_owned();
        Self {
            text,
            title,
            service,
            lang_href,
            form_targets: branding.form_targets.clone(),
            further_policy: String::new(),
        }
    }

    /// With a query that the link to the other language keeps.
    #[must_use]
    pub fn keeping(mut self, query: &str) -> Self {
        if !query.is_empty() {
            self.lang_href = format!("?{query}&lang={}", self.text.lang().other().tag());
        }
        self
    }

    /// With a further directive of its Content-Security-Policy.
    #[must_use]
    pub fn with_policy(mut self, directive: &str) -> Self {
        self.further_policy = format!("{}; {directive}", self.further_policy);
        self
    }

    /// With a further origin to which this page's forms may lead.
    #[must_use]
    pub fn leading_to(mut self, origin: &str) -> Self {
        self.form_targets = format!("{} {origin}", self.form_targets);
        self
    }
}

/// The response with the page and its Content-Security-Policy.
pub fn html(page: &Page, template: &impl Template, status: StatusCode) -> Response {
    let Ok(body) = template.render() else {
        tracing::error!("a template could not be rendered");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (status, Html(body)).into_response();
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {}; frame-ancestors 'none'; base-uri 'none'{}",
        page.form_targets, page.further_policy
    );
    if let Ok(value) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, value);
    }
    no_store(response.headers_mut());
    response
}

/// The style sheet with a server's accent colour; it may be cached, having nothing personal in it.
pub fn stylesheet(branding: &Branding) -> Response {
    let css = format!(":root{{--accent:{}}}\n{}", branding.accent, include_str!("../assets/style.css"));
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, css).into_response()
}

/// A link that leads on.
#[derive(Debug, Clone)]
pub struct NextLink {
    /// Where it leads: a path of this server or a whole URL.
    pub href: String,
    /// The text of the link, in the page's language.
    pub label: String,
}

/// A page that says what happened and gives a way on.
#[derive(Debug, Clone, Template)]
#[template(path = "problem.html")]
pub struct ErrorPage {
    page: Page,
    problem: Problem,
    explanation: String,
    /// The same in the other language, where the language that the person chose cannot be known.
    other: Option<(Lang, String, String)>,
    next_link: NextLink,
    status: StatusCode,
}

impl ErrorPage {
    /// The page of a problem, with a link to the first page.
    #[must_use]
    pub fn new(branding: &Branding, text: Text, status: StatusCode, problem: Problem) -> Self {
        let page = Page::new(branding, text, problem.title(text));
        let explanation = problem.explanation(text);
        let next_link = NextLink { href: "/".to_owned(), label: text.back_home() };
        Self { page, problem, explanation, other: None, next_link, status }
    }

    /// In both languages: for what may have kept the person's own from being known.
    #[must_use]
    pub fn in_both_languages(mut self) -> Self {
        let other = Text(self.page.text.lang().other());
        self.other = Some((other.lang(), self.problem.title(other), self.problem.explanation(other)));
        self
    }

    /// With another link that leads on than the one to the first page.
    #[must_use]
    pub fn next_link(mut self, next_link: NextLink) -> Self {
        self.next_link = next_link;
        self
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        html(&self.page.clone(), &self, self.status)
    }
}

/// The mark in the header and the browser's tab.
pub const ICON: &str = include_str!("../assets/icon.svg");
