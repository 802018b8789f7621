use serde_json::{Value, json};

use super::{Call, Refusal, call::warning_text, refusal::backoff};

fn refusal(code: u16, body: &Value) -> Refusal {
    Refusal::read(code, body)
}

#[test]
fn only_what_may_pass_is_tried_again() {
    let said = |message: &str| json!({"message": message});
    let passing = [
        (429, said("slow down")),
        (500, said("failed calling webhook \"x\": timeout")),
        (503, said("")),
        (504, said("etcdserver: request timed out")),
        (408, said("")),
        (403, said("pods \"a\" is forbidden: exceeded quota: small")),
        (409, json!({"reason": "Conflict", "details": {"name": "small", "kind": "resourcequotas"}})),
    ];
    for (code, body) in passing {
        assert!(refusal(code, &body).passes(), "{code} {body}");
    }
    let final_ones = [
        (400, said("bad")),
        (403, said("cannot patch")),
        (404, said("gone")),
        (409, said("uid")),
        (413, said("large")),
        (422, said("invalid")),
        (501, said("not simulated")),
        (500, said("failed to create typed patch object (ns/a; /v1, Kind=Secret): .x: field not declared in schema")),
    ];
    for (code, body) in final_ones {
        assert!(!refusal(code, &body).passes(), "{code} {body}");
    }
}

fn conflict(managers: &[&str]) -> Refusal {
    let cause = |m: &&str| {
        json!({"reason": "FieldManagerConflict", "field": ".data.key",
            "message": format!("conflict with \"{m}\" with subresource \"scale\" using v1 at 2026-01-01T00:00:00Z")})
    };
    let causes: Vec<_> = managers.iter().map(cause).collect();
    refusal(409, &json!({"reason": "Conflict", "details": {"causes": causes}}))
}

#[test]
fn a_conflict_is_forced_only_if_every_manager_is_ours() {
    assert!(conflict(&["marea-1"]).only_with("marea-1"));
    assert!(conflict(&["marea-1", "marea-1-state"]).only_with("marea-1"));
    assert!(!conflict(&["marea-1", "kubectl"]).only_with("marea-1"));
    assert!(!conflict(&["marea-10"]).only_with("marea-1"));
    assert!(!conflict(&[]).only_with("marea-1"));
    assert!(conflict(&[]).is_race() && !conflict(&["kubectl"]).is_race());
}

#[test]
fn pauses_grow_to_a_bound_and_spread() {
    assert!(backoff(0, 0.0) < backoff(1, 0.0));
    assert!(backoff(3, 0.0) < backoff(3, 1.0));
    assert_eq!(backoff(10, 1.0), backoff(60, 1.0));
}

#[test]
fn a_warnings_text_is_taken_out_of_its_header() {
    assert_eq!(warning_text(r#"299 - "policy/v1 \"x\" is old""#), r#"policy/v1 "x" is old"#);
    assert_eq!(warning_text("odd"), "odd");
}

#[test]
fn a_selector_is_encoded_in_the_query() {
    let call = Call::get("/api/v1/pods", &[("labelSelector", "marea.dev/task=1")], super::Accept::Object);
    assert_eq!(call.request().uri().to_string(), "/api/v1/pods?labelSelector=marea.dev%2Ftask%3D1");
}
