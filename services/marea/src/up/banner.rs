//! What `up` prints of itself.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use super::{cluster::Cluster, settings::Settings};

use crate::{
    Done,
    cli::Up,
    ui::{Tone, Ui, tame},
};

/// What there is to say.
pub struct Facts<'a> {
    /// How it was called.
    pub options: &'a Up,
    /// What is set.
    pub settings: &'a Settings,
    /// Where it listens.
    pub address: SocketAddr,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// What is wrong with parts that run nevertheless, by part and thing.
    pub broken: BTreeMap<&'static str, BTreeMap<String, String>>,
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
        ("Web", format!("{web:<30}  tasks, standings, ballot log")),
        ("API", format!("{:<30}  OpenAPI: /openapi.json   metrics: /metrics", format!("{web}/docs"))),
        ("gRPC", format!("{:<30}  marea.ingest.v1.Ingest, reflection on", facts.address)),
        ("Cluster", facts.cluster.to_string()),
    ];
    let Facts { options, settings, .. } = facts;
    let folder = Some(&settings.ingest.contests).filter(|folder| !folder.is_empty());
    rows.extend(folder.map(|folder| ("Contests", contests(folder, options))));
    rows.extend(replaced(settings));
    rows.push(("Data", data(options, settings)));
    rows.push(("Access", access(options, settings, &ui.program)));
    for (what, text) in rows {
        let what = ui.paint(Tone::Dim, format_args!("{what:<8}"));
        ui.line(format_args!("  {what} {text}"))?;
    }
    let broken = facts.broken.values().flatten().map(|(what, why)| format!("{what}: {why}"));
    let mut warnings = facts.cluster.warnings().into_iter().chain(broken);
    warnings.try_for_each(|warning| ui.line(format_args!("  warning: {}", tame(&warning))))?;
    Ok(ui.line("")?)
}

/// The embedded parts that real servers stand in for; never their passwords.
fn replaced(settings: &Settings) -> impl Iterator<Item = (&'static str, String)> {
    let Settings { platform, tally, .. } = settings;
    let urls = [
        ("Queues", platform.amqp.expose()),
        ("States", platform.redis.expose()),
        ("Records", &*platform.blobs),
        ("Ballots", tally.mongo.expose()),
    ];
    urls.into_iter().filter(|(_, url)| !url.is_empty()).map(|(what, url)| (what, without_password(url)))
}

fn contests(folder: &str, options: &Up) -> String {
    let samples = if options.demo { ", and the samples" } else { "" };
    format!("{folder}, read again when a file changes{samples}")
}

fn without_password(urls: &str) -> String {
    let one = |url: &str| match url.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host)),
        None => url.to_owned(),
    };
    urls.split(',').map(one).collect::<Vec<_>>().join(",")
}

fn data(options: &Up, settings: &Settings) -> String {
    if options.ephemeral {
        return "nothing is kept (keep it: without --ephemeral)".to_owned();
    }
    format!("{}, kept between runs (start anew: --reset; keep nothing: --ephemeral)", settings.own.data.display())
}

fn access(options: &Up, settings: &Settings, program: &str) -> String {
    match (settings.platform.admin_token.is_empty(), options.insecure) {
        (false, _) => format!("with a token (make one: {program} token create)"),
        (true, true) => "WHOEVER REACHES THE PORT, no token (--insecure)".to_owned(),
        (true, false) => "this computer only, no token".to_owned(),
    }
}

/// Prints what to do next.
pub fn next(settings: &Settings, address: SocketAddr, ui: &mut Ui) -> Done {
    let program = ui.program.clone();
    // Where the samples take no ballots, the person's own contests do.
    if settings.ingest.samples {
        ui.line(vote(address))?;
    }
    Ok(ui.line(format_args!("Next: {program} apply -f DIR --wait   {program} list   README.md   Ctrl-C stops"))?)
}

/// How to vote.
pub fn vote(address: SocketAddr) -> String {
    let ballot = r#"{"name":"Alux Nahual","album":"Leyenda","year":1989,"rank":5}"#;
    format!("Vote: curl {address}/votes/bands --json '{ballot}'")
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
