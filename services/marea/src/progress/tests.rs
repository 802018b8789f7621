use domain::{Fact, FactBody, ObjectRef, ObjectStatus, fact::CommandKind, status::fold};

use super::*;

fn fact(millis: i64, body: FactBody) -> Fact {
    Fact {
        tenant: "local".parse().expect("a label"),
        task: "019a0000-0000-7000-8000-000000000001".parse().expect("an id"),
        name: "swj".parse().expect("a label"),
        revision: 1,
        time: Timestamp::from_millisecond(millis).expect("in range"),
        body,
    }
}

fn object(kind: &str, health: Health, message: &str) -> ObjectStatus {
    let object = ObjectRef { kind: kind.into(), name: "worker".into(), ..ObjectRef::default() };
    ObjectStatus { object, health, reason: String::new(), message: message.into(), since: None }
}

fn said(progress: &mut Progress, facts: &[Fact]) -> Vec<String> {
    let lines = progress.lines(&fold(facts).expect("facts"));
    lines.iter().map(|l| format!("{} {}: {}", l.after, l.subject, l.text)).collect()
}

#[test]
fn a_task_is_told_step_by_step_and_nothing_twice() {
    let mut progress = Progress::new(1, Some(5));
    let mut facts = vec![fact(0, FactBody::Submitted { command: CommandKind::Apply, files: 3, to: None })];
    assert_eq!(said(&mut progress, &facts), ["0.00 s PENDING: 3 files, 5 objects"]);
    facts.push(fact(10, FactBody::Validated { objects: 6, warnings: vec![], added: vec!["added 1 HPA".into()] }));
    facts.push(fact(20, FactBody::ApplyStarted { objects: 6 }));
    assert_eq!(said(&mut progress, &facts), ["0.02 s APPLYING_IN_CLUSTER: added 1 HPA"]);
    let objects = vec![object("Service", Health::Healthy, ""), object("Deployment", Health::Progressing, "ready 0/3")];
    facts.push(fact(500, FactBody::Progress { observed: 1, health: Health::Progressing, objects }));
    assert!(said(&mut progress, &facts).is_empty());
    let objects = vec![object("Service", Health::Healthy, ""), object("Deployment", Health::Healthy, "ready 3/3")];
    facts.push(fact(2_100, FactBody::Applied { observed: 2, objects, kept: vec![], warnings: vec![] }));
    assert_eq!(
        said(&mut progress, &facts),
        ["2.1 s Deployment/worker: ready 3/3", "2.1 s DONE: 2 of 2 objects healthy"]
    );
    assert!(said(&mut progress, &facts).is_empty());
}

#[test]
fn a_reason_is_told_before_the_failure() {
    let mut progress = Progress::new(1, None);
    let mut bad = object("Pod", Health::Degraded, "");
    bad.reason = "ImagePullBackOff".into();
    let problems = vec![domain::Problem::error("deadline", "not healthy")];
    let facts = [
        fact(0, FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None }),
        fact(900, FactBody::Failed { problems, objects: vec![bad] }),
    ];
    assert_eq!(
        said(&mut progress, &facts),
        ["0.00 s PENDING: 1 file", "0.9 s Pod/worker: ImagePullBackOff", "0.9 s FAILED: 1 problem"]
    );
}

#[test]
fn a_fact_that_overtook_the_first_is_told_after_it() {
    let mut progress = Progress::new(1, Some(2));
    let mut facts = vec![fact(10, FactBody::Validated { objects: 2, warnings: vec![], added: vec![] })];
    assert!(said(&mut progress, &facts).is_empty());
    facts.push(fact(0, FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None }));
    assert_eq!(said(&mut progress, &facts), ["0.00 s PENDING: 1 file, 2 objects"]);
}

#[test]
fn a_superseded_revision_says_by_which() {
    let mut progress = Progress::new(1, Some(1));
    let mut facts = vec![fact(0, FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None })];
    facts.push(fact(20, FactBody::ApplyStarted { objects: 1 }));
    assert_eq!(said(&mut progress, &facts), ["0.00 s PENDING: 1 file, 1 object", "0.02 s APPLYING_IN_CLUSTER: "]);
    facts.push(Fact { revision: 2, ..fact(300, FactBody::RollbackRequested {}) });
    assert_eq!(said(&mut progress, &facts), ["0.3 s SUPERSEDED: by revision 2"]);
    assert!(said(&mut progress, &facts).is_empty());
}
