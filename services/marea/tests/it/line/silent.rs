//! A broker that takes connections and does not answer.

use std::time::{Duration, Instant};

use domain::State;
use serde_json::Value;
use testkit::{http, until};

use super::{manifests::config, platform::Platform};

const WITHIN: Duration = Duration::from_secs(90);
/// The confirm has 2 s; the rest is for busy cores. Without a limit of its own a request would wait for a minute.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Status, `Retry-After` and body of a POST.
struct Answer(u16, bool, Value);

async fn post(line: &Platform, name: &str) -> Answer {
    let entrypoint = line.replicas.iter().find(|r| r.service == "entrypoint").expect("it runs");
    let request = http().post(format!("{}/yaml?name={name}", entrypoint.url)).bearer_auth(&line.token);
    let request = request.header("idempotency-key", name).header("content-type", "application/yaml");
    let answer = request.body(config(name, "1").content).send().await.expect("an answer");
    let (status, again) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
    Answer(status, again, answer.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_broker_is_a_503_with_the_id_and_the_same_key_goes_on() {
    let Some(line) = Platform::start(1, None).await else { return };
    let Answer(status, _, body) = post(&line, "before").await;
    assert_eq!(status, 202, "{body}");
    line.reaches(body["id"].as_str().expect("an id"), 1, &[State::Done], WITHIN).await;

    line.servers.rabbit.pause(0);
    let mut ids = vec![];
    for name in ["held", "later", "last"] {
        let began = Instant::now();
        let Answer(status, again, body) = post(&line, name).await;
        let took = began.elapsed();
        assert!(status == 503 && again && took < AT_ONCE, "{name}: {status} after {took:?}: {body}");
        ids.push(body["task"].as_str().or(body["id"].as_str()).unwrap_or_default().to_owned());
        println!("{name}: {status} {} after {took:?}", body["type"]);
        if name == "held" {
            assert_eq!(body["type"], "urn:marea:problem:outcome-unknown", "{body}");
            assert!(!ids[0].is_empty(), "{body}");
        }
    }
    line.servers.rabbit.resume(0);

    for (name, known) in ["held", "later", "last"].into_iter().zip(&ids) {
        let taken = || async {
            let Answer(status, _, body) = post(&line, name).await;
            if status == 202 { Ok(body) } else { Err(format!("{status}: {body}")) }
        };
        let body =
            until("the same key to be taken", WITHIN, taken).await.unwrap_or_else(|e| panic!("{e}\n{}", line.tails()));
        let id = body["id"].as_str().expect("an id");
        assert!(known.is_empty() || known == id, "{name} is the task of the first answer, not a second one: {body}");
        line.reaches(id, 1, &[State::Done], WITHIN).await;
    }
    let page = line.client.list(None, None, 100).await.expect("a list");
    assert_eq!(page.tasks.len(), 4, "one task a key");
    let empty = || async { (line.queued().await == 0).then_some(()).ok_or("messages are left queued") };
    until("empty queues", WITHIN, empty).await.expect("nothing stays queued");
}
