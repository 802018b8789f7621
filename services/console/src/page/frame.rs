//! What surrounds every page.

use domain::Problem;
use maud::{DOCTYPE, Markup, html};

/// Where the page stands in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Tasks,
    Upload,
    Contests,
    Elsewhere,
}

/// A page's frame.
pub(super) struct Frame<'a> {
    /// The page's title, before the program's name.
    pub title: &'a str,
    pub place: Place,
    /// Whether there is a token to drop.
    pub signed_in: bool,
    /// Seconds after which a reader without script gets the page anew.
    pub refresh: Option<u32>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(title: &'a str, place: Place, signed_in: bool) -> Self {
        Self { title, place, signed_in, refresh: None }
    }

    /// The page around this content.
    pub(super) fn around(&self, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " · Marea" }
                    link rel="icon" href="data:,";
                    link rel="stylesheet" href="/assets/page.css";
                    script src="/assets/live.js" defer {}
                    @if let Some(seconds) = self.refresh {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    (self.header())
                    main #main tabindex="-1" { (content) }
                    p #said .skip role="status" aria-live="polite" {}
                    footer {
                        "Marea " (env!("CARGO_PKG_VERSION")) " · "
                        a href="/docs" { "API" } " · " a href="/metrics" { "metrics" }
                    }
                }
            }
        }
    }

    fn header(&self) -> Markup {
        let current = |place| (self.place == place).then_some("page");
        html! {
            header.site {
                div {
                    a.brand href="/" { span aria-hidden="true" { "≈ " } "Marea" }
                    nav aria-label="Main" {
                        ul {
                            li { a href="/" aria-current=[current(Place::Tasks)] { "Tasks" } }
                            li { a href="/upload" aria-current=[current(Place::Upload)] { "Send files" } }
                            li { a href="/standings" aria-current=[current(Place::Contests)] { "Contests" } }
                        }
                    }
                    @if self.signed_in {
                        form method="post" action="/logout" { button type="submit" { "Sign out" } }
                    }
                }
            }
        }
    }
}

/// The page for what went wrong. `retry`: loading it again may help.
pub fn failure(status: u16, text: &str, errors: &[Problem], retry: bool) -> Markup {
    let title = match status {
        403 => "Not allowed",
        404 => "Not found",
        412 => "It has changed meanwhile",
        _ => "That did not work",
    };
    let content = html! {
        h1 { (title) }
        p role="alert" { (text) }
        @if !errors.is_empty() { (super::problems(errors)) }
        p { a href="/" { "All tasks" } " · " a href="/standings" { "All contests" } }
    };
    let frame = Frame { refresh: retry.then_some(5), ..Frame::new(title, Place::Elsewhere, false) };
    frame.around(&content)
}

/// The form that asks for the token; `why`: the last one was refused.
pub fn login(why: &str) -> Markup {
    let content = html! {
        h1 { "Sign in" }
        @if !why.is_empty() { p.bad role="alert" #why { (why) } }
        form.stack method="post" action="/login" {
            div {
                label for="token" { "Token" }
                p.hint #token-hint {
                    "An administrator makes one with " code { "marea token create" }
                    ". It is kept in a cookie of this browser that scripts cannot read."
                }
                input #token type="password" name="token" autocomplete="current-password" required
                    aria-describedby="token-hint" aria-invalid=[(!why.is_empty()).then_some("true")];
            }
            div { button.primary type="submit" { "Sign in" } }
        }
    };
    Frame::new("Sign in", Place::Elsewhere, false).around(&content)
}
