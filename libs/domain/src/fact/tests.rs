use super::*;

fn seen() -> Vec<ObjectStatus> {
    let name = |name: &str| ObjectRef {
        namespace: "demo".into(),
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        name: name.into(),
    };
    let time = Some("2026-11-22T06:00:00Z".parse().unwrap());
    vec![
        ObjectStatus {
            object: name("worker"),
            health: Health::Progressing,
            reason: "Unschedulable".into(),
            message: "ready 2/3".into(),
            since: time,
        },
        ObjectStatus {
            object: name("plain"),
            health: Health::Healthy,
            reason: String::new(),
            message: String::new(),
            since: None,
        },
    ]
}

fn bodies() -> Vec<FactBody> {
    let problems = || vec![Problem::error("already_exists", "another task's").at("metadata.name")];
    let kept = || vec![seen()[0].object.clone()];
    vec![
        FactBody::Submitted { command: CommandKind::Apply, files: 3, to: None },
        FactBody::Submitted { command: CommandKind::Revert, files: 0, to: Some(2) },
        FactBody::Validated { objects: 6, warnings: problems(), added: vec!["1 HPA".into()] },
        FactBody::Rejected { problems: problems() },
        FactBody::ApplyStarted { objects: 6 },
        FactBody::Progress { observed: u64::MAX, health: Health::Degraded, objects: seen() },
        FactBody::Applied { observed: 9, objects: seen(), kept: kept(), warnings: problems() },
        FactBody::Failed { problems: problems(), objects: seen() },
        FactBody::Reverted { to: 1, observed: 7 },
        FactBody::RollbackRequested {},
        FactBody::RollbackBlocked { problems: problems(), objects: seen() },
        FactBody::RolledBack { kept: kept() },
    ]
}

fn fact(body: FactBody) -> Fact {
    Fact {
        tenant: "local".parse().unwrap(),
        task: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        name: "swj".parse().unwrap(),
        revision: 1,
        time: "2026-11-22T06:00:00Z".parse().unwrap(),
        body,
    }
}

/// What stands before the fields of the type, in every fact that was ever written.
const HEAD: &str = r#""tenant":"local","task":"01890a5d-ac96-774b-bcce-b302099a8057","name":"swj","revision":1,"time":"2026-11-22T06:00:00Z""#;

fn read(rest: &str) -> Result<Fact, String> {
    serde_json::from_str(&format!("{{{HEAD},{rest}}}")).map_err(|e: serde_json::Error| e.to_string())
}

#[test]
fn every_type_is_read_as_it_was_written() {
    for body in bodies() {
        let fact = fact(body);
        let text = serde_json::to_string(&fact).unwrap();
        assert!(text.starts_with(&format!("{{{HEAD},\"type\":\"{}\"", fact.body.type_name())), "{text}");
        assert_eq!(serde_json::from_str::<Fact>(&text).unwrap(), fact, "{text}");
        let value = serde_json::to_value(&fact).unwrap();
        assert_eq!(serde_json::from_value::<Fact>(value).unwrap(), fact, "by the order of names");
    }
}

#[test]
fn facts_of_earlier_versions_are_read() {
    let applied = read(r#""type":"task.applied","observed":4,"objects":[]"#).unwrap();
    assert_eq!(applied, fact(FactBody::Applied { observed: 4, objects: vec![], kept: vec![], warnings: vec![] }));
    let reverted = read(r#""type":"task.reverted","to":2"#).unwrap();
    assert_eq!(reverted, fact(FactBody::Reverted { to: 2, observed: 0 }));
}

#[test]
fn fields_of_later_versions_are_left_out() {
    let started = read(r#""type":"task.apply_started","objects":4,"colour":{"of":["the","sea"]}"#).unwrap();
    assert_eq!(started, fact(FactBody::ApplyStarted { objects: 4 }));
}

#[test]
fn a_fact_without_a_field_of_its_type_is_refused_by_name() {
    let refused = read(r#""type":"task.progress","observed":4,"objects":[]"#).unwrap_err();
    assert!(refused.contains("missing field `health`"), "{refused}");
    let refused = read(r#""type":"task.applied","observed":4,"objects":4"#).unwrap_err();
    assert!(refused.contains("missing field `objects`"), "{refused}");
    let refused = read(r#""type":"task.painted""#).unwrap_err();
    assert!(refused.contains("unknown variant `task.painted`"), "{refused}");
}
