//! What `up` prints of itself.

use std::{net::SocketAddr, time::Duration};

use super::cluster::Cluster;
use crate::{
    Done,
    cli::Up,
    ui::{Tone, Ui},
};

/// What there is to say.
pub struct Facts<'a> {
    /// How it was called.
    pub options: &'a Up,
    /// Where it listens.
    pub address: SocketAddr,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// How long the start took.
    pub took: Duration,
}

/// Prints what runs and where.
pub fn print(facts: &Facts<'_>, ui: &mut Ui) -> Done {
    let version = env!("CARGO_PKG_VERSION");
    let took = format!("{:.2} s", facts.took.as_secs_f64());
    ui.line(format_args!("marea {version}: all services in one process, ready in {took}"))?;
    let web = format!("http://{}", facts.address);
    let mut rows = vec![
        ("Web", format!("{web:<30}  tasks")),
        ("API", format!("{:<30}  OpenAPI: /openapi.json   metrics: /metrics", format!("{web}/docs"))),
        ("Cluster", facts.cluster.to_string()),
    ];
    rows.extend(replaced(facts.options));
    rows.push(("Data", data(facts.options)));
    rows.push(("Access", access(facts.options).to_owned()));
    for (what, text) in rows {
        let what = ui.paint(Tone::Dim, format_args!("{what:<8}"));
        ui.line(format_args!("  {what} {text}"))?;
    }
    facts.cluster.warnings().iter().try_for_each(|warning| ui.line(format_args!("  warning: {warning}")))?;
    Ok(ui.line("")?)
}

/// The embedded parts that real servers stand in for; never their passwords.
fn replaced(options: &Up) -> Vec<(&'static str, String)> {
    [("Queues", &options.amqp), ("States", &options.redis), ("Records", &options.blobs)]
        .into_iter()
        .filter_map(|(what, url)| Some((what, without_password(url.as_deref()?))))
        .collect()
}

fn without_password(urls: &str) -> String {
    let one = |url: &str| match url.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host)),
        None => url.to_owned(),
    };
    urls.split(',').map(one).collect::<Vec<_>>().join(",")
}

fn data(options: &Up) -> String {
    if options.ephemeral {
        return "nothing is kept (keep it: without --ephemeral)".to_owned();
    }
    format!("{}, kept between runs (start anew: --reset; keep nothing: --ephemeral)", options.data.display())
}

fn access(options: &Up) -> &'static str {
    match (&options.admin_token, options.insecure) {
        (Some(_), _) => "with a token (make one: marea token create)",
        (None, true) => "WHOEVER REACHES THE PORT, no token (--insecure)",
        (None, false) => "this computer only, no token",
    }
}

/// Prints what to do next.
pub fn next(demo: bool, ui: &mut Ui) -> Done {
    let program = ui.program.clone();
    let first = if demo { "status swj-demo" } else { "apply -f DIR --wait" };
    Ok(ui.line(format_args!("Next: {program} {first}   {program} list   README.md   Ctrl-C stops"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_printed() {
        assert_eq!(without_password("amqp://u:p@ss@h:5672/v,amqp://h2"), "amqp://h:5672/v,amqp://h2");
        assert_eq!(without_password("/srv/blobs"), "/srv/blobs");
    }
}
