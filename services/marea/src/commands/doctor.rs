//! `doctor`: what works, what does not, and what to do about it.

use client::{Client, Error};
use serde_json::{Value, json};

use super::contest::word;
use crate::{
    Done,
    cli::Format,
    failure::{Exit, Failure},
    ui::{Tone, Ui, tame},
};

/// One look at one thing.
struct Finding {
    ok: bool,
    what: &'static str,
    text: String,
    advice: &'static str,
}

impl Finding {
    fn well(what: &'static str, text: impl Into<String>) -> Self {
        Self { ok: true, what, text: text.into(), advice: "" }
    }

    fn ill(what: &'static str, text: impl Into<String>, advice: &'static str) -> Self {
        Self { ok: false, what, text: text.into(), advice }
    }
}

pub async fn run(client: &Client, ui: &mut Ui) -> Done {
    let findings = look(client).await;
    show(&findings, ui)?;
    let unreachable = findings.iter().any(|f| !f.ok && f.what == "server");
    match findings.iter().all(|f| f.ok) {
        true => Ok(()),
        false if unreachable => Err(Failure::new(Exit::Unreachable, "")),
        false => Err(Failure::told()),
    }
}

async fn look(client: &Client) -> Vec<Finding> {
    let mut findings = vec![Finding::well("client", format!("marea {}", env!("CARGO_PKG_VERSION")))];
    let reached = readiness(client).await;
    let stop = reached.first().is_none_or(|f| !f.ok);
    findings.extend(reached);
    if !stop {
        findings.push(version(client).await);
        findings.push(access(client).await);
        findings.extend(contests(client).await);
    }
    findings
}

async fn readiness(client: &Client) -> Vec<Finding> {
    let advice = "start one with `{marea} up`, or name one: --server URL or MAREA_SERVER=URL";
    match client.readiness().await {
        Err(error) => vec![Finding::ill("server", error.to_string(), advice)],
        Ok((ready, text)) => {
            let reached = Finding::well("server", client.server());
            let text = text.trim();
            let ready = if ready {
                Finding::well("ready", "every part answers")
            } else {
                Finding::ill("ready", text, "the parts named are out; commands are kept until they are back")
            };
            vec![reached, ready]
        }
    }
}

async fn version(client: &Client) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    let advice = "use the command line of the server's version";
    match client.openapi().await {
        Err(error) => Finding::ill("version", error.to_string(), advice),
        Ok(document) => match document.pointer("/info/version").and_then(Value::as_str) {
            Some(version) if version == own => Finding::well("version", format!("marea {version}")),
            other => Finding::ill("version", format!("the server is {}", other.unwrap_or("not Marea")), advice),
        },
    }
}

/// The contests, and what is wrong with their files.
async fn contests(client: &Client) -> Option<Finding> {
    let advice = "the last good file holds; `{marea} contest check DIR` tells what is wrong with a file by itself";
    if let Ok((true, text)) = client.readiness().await
        && let Ok(answer) = serde_json::from_str::<Value>(&text)
        && let Some(Value::Object(broken)) = answer.pointer("/details/contests")
    {
        let broken: Vec<_> =
            broken.iter().map(|(file, why)| format!("{file}: {}", why.as_str().unwrap_or("broken"))).collect();
        return Some(Finding::ill("contests", tame(&broken.join("; ")), advice));
    }
    // A token may cast and not read.
    let all = client.contests().await.ok()?;
    let shown: Vec<_> = all.iter().map(|one| format!("{} ({})", one.name, word(one.state))).collect();
    Some(Finding::well("contests", tame(&if shown.is_empty() { "none".to_owned() } else { shown.join(", ") })))
}

async fn access(client: &Client) -> Finding {
    match client.list(None, None, 1).await {
        Ok(_) => Finding::well("access", "tasks can be read"),
        Err(Error::Refused(refusal)) if refusal.status == 401 => Finding::ill(
            "access",
            refusal.to_string(),
            "put a token into MAREA_TOKEN; an administrator makes one: `{marea} token create`",
        ),
        Err(error) => Finding::ill("access", error.to_string(), "see the server's logs"),
    }
}

fn show(findings: &[Finding], ui: &mut Ui) -> Done {
    let program = ui.program.clone();
    let advice = |f: &Finding| f.advice.replace("{marea}", &program);
    let value: Vec<Value> =
        findings.iter().map(|f| json!({ "ok": f.ok, "what": f.what, "text": f.text, "advice": advice(f) })).collect();
    if ui.value(&value)? || ui.format == Format::Name {
        return Ok(());
    }
    for finding in findings {
        let mark = if finding.ok { ui.paint(Tone::Good, "ok  ") } else { ui.paint(Tone::Bad, "FAIL") };
        ui.line(format_args!("{mark}  {:<8} {}", finding.what, finding.text))?;
        if !finding.ok {
            ui.line(format_args!("      {:<8} {}", "", advice(finding)))?;
        }
    }
    Ok(())
}
