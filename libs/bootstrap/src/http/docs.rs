//! The OpenAPI document's common parts, and a page that reads without script and without a network.

use std::fmt::Write;

use utoipa::openapi::{
    ComponentsBuilder, Info, OpenApi, RefOr, SecurityRequirement,
    path::{Operation, ParameterIn, PathItem},
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
:root{color-scheme:light dark}h2{font:600 1.05rem ui-monospace,monospace;border-top:1px solid #8885;padding-top:1rem}\
table{border-collapse:collapse;width:100%}td{padding:.2rem .8rem .2rem 0;vertical-align:top}code{font-size:.95em}";

/// Fills in title, version and the bearer token.
pub(super) fn complete(api: &mut OpenApi) {
    let mut info = Info::new("Marea", env!("CARGO_PKG_VERSION"));
    info.description = Some("Tasks of Kubernetes manifests: stored, validated, applied, watched, rolled back.".into());
    api.info = info;
    let bearer = SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token, `mrt_<id>_<secret>`; `marea up` without tokens needs none."))
            .build(),
    );
    let components = api.components.take().unwrap_or_else(|| ComponentsBuilder::new().build());
    let mut components = components;
    components.security_schemes.insert("bearer".to_owned(), bearer.into());
    api.components = Some(components);
    let none = SecurityRequirement::default();
    api.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new()), none]);
}

/// A page that lists every operation.
pub(super) fn page(api: &OpenApi) -> String {
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Marea: API</title><style>{STYLE}</style><h1>Marea: API</h1>\
         <p>The same for programs: <a href=/openapi.json>/openapi.json</a> (OpenAPI 3.1).</p>"
    );
    for (path, item) in &api.paths.paths {
        for (method, operation) in operations(item) {
            write_operation(&mut html, method, path, operation);
        }
    }
    html
}

fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let all = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)];
    all.into_iter().filter_map(|(method, operation)| operation.as_ref().map(|o| (method, o)))
}

fn write_operation(html: &mut String, method: &str, path: &str, operation: &Operation) {
    let text = |t: &Option<String>| escape(t.as_deref().unwrap_or_default());
    let _ = write!(
        html,
        "<h2>{method} {}</h2><p>{}<p>{}",
        escape(path),
        text(&operation.summary),
        text(&operation.description)
    );
    html.push_str("<table>");
    for parameter in operation.parameters.iter().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let place = match parameter.parameter_in {
            ParameterIn::Query | ParameterIn::QueryString => "?",
            ParameterIn::Header => "header ",
            ParameterIn::Path | ParameterIn::Cookie => "",
        };
        let name = escape(&parameter.name);
        let _ = write!(html, "<tr><td><code>{place}{name}</code><td>{}", text(&parameter.description));
    }
    for (status, response) in &operation.responses.responses {
        let words = match response {
            RefOr::T(response) => escape(&response.description),
            RefOr::Ref(_) => String::new(),
        };
        let _ = write!(html, "<tr><td><code>{status}</code><td>{words}");
    }
    html.push_str("</table>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
