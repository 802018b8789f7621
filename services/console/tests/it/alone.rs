//! The page's own binary, which needs nothing but the interface's address.

use std::{process::Command, time::Duration};

use testkit::{Service, http, until};

use crate::api::{ID, interface_alone};

async fn get(service: &Service, path: &str) -> (u16, String) {
    let answer = http().get(format!("{}{path}", service.url())).send().await.expect("answered");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_the_interface_is_all_it_needs() {
    let (server, _) = interface_alone().await;
    let service = Service::start("console", &[("MAREA_SERVER", &server)]).await;
    assert_eq!(get(&service, "/livez").await, (200, "ok\n".to_owned()));
    let (status, ready) = get(&service, "/readyz").await;
    assert!(status == 200 && ready.contains("\"service\":\"console\""), "{ready}");
    let (status, page) = get(&service, &format!("/tasks/{ID}")).await;
    assert!(status == 200 && page.contains("swj-demo"), "{page}");
    let (status, metrics) = get(&service, "/metrics").await;
    assert!(status == 200 && metrics.contains("http_requests_total{method=\"GET\",path=\"/tasks/{id}\""), "{metrics}");
    assert_eq!(get(&service, "/no-such-path").await.0, 404);
    // The foot of each page leads to the interface's own document.
    let document = format!("{}/docs", service.url());
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let answer = client.expect("a client").get(document).send().await.expect("answered");
    let place = answer.headers().get("location").and_then(|place| place.to_str().ok());
    assert_eq!((answer.status().as_u16(), place), (307, Some(&*format!("{server}/docs"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_when_the_interface_answers() {
    let service = Service::start_unready("console", &[("MAREA_SERVER", "http://127.0.0.1:1")]);
    let not_ready = || async {
        let answer = http().get(format!("{}/readyz", service.url())).send().await.map_err(|e| e.to_string())?;
        let (status, text) = (answer.status().as_u16(), answer.text().await.map_err(|e| e.to_string())?);
        let said = status == 503 && text.contains("\"api\":\"cannot reach http://127.0.0.1:1");
        said.then_some(()).ok_or(text)
    };
    until("the interface is missed", Duration::from_secs(30), not_ready).await.expect("said");
    assert_eq!(get(&service, "/livez").await.0, 200);
}

fn console(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_console"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MAREA_")) {
        command.env_remove(name);
    }
    let output = command.args(arguments).output().expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn its_settings_are_its_own_and_those_of_every_process() {
    let (code, out, _) = console(&["--server", "http://api:8080", "--print-config"]);
    let known = [
        "log:",
        "log_format:",
        "otlp:",
        "drain_seconds: 20",
        "listen:",
        "server: http://api:8080",
        "secure_cookie: true",
    ];
    assert_eq!((code, out.lines().count()), (0, known.len()), "{out}");
    assert!(known.iter().all(|setting| out.contains(setting)), "{out}");
    assert_eq!(console(&["--amqp", "amqp://h"]).0, 2);
    let (code, _, err) = console(&["--server", "nonsense"]);
    assert!(code == 2 && err.contains("expected http://HOST[:PORT]"), "{err}");
}
