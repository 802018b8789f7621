use proptest::prelude::*;

use super::*;

fn fact(revision: Revision, body: FactBody) -> Fact {
    let id = uuid::Uuid::from_u128(7);
    Fact {
        tenant: "local".parse().expect("label"),
        task: TaskId::from(id),
        name: "demo".parse().expect("label"),
        revision,
        time: Timestamp::UNIX_EPOCH,
        body,
    }
}

fn submitted() -> FactBody {
    FactBody::Submitted { command: CommandKind::Apply, files: 1, to: None }
}

fn applied() -> FactBody {
    FactBody::Applied { observed: 9, objects: vec![], kept: vec![], warnings: vec![] }
}

fn progress(observed: u64, health: Health) -> FactBody {
    FactBody::Progress { observed, health, objects: vec![] }
}

fn every_kind() -> Vec<FactBody> {
    vec![
        submitted(),
        FactBody::Validated { objects: 1, warnings: vec![], added: vec![] },
        FactBody::Rejected { problems: vec![Problem::error("x", "y")] },
        FactBody::ApplyStarted { objects: 1 },
        progress(1, Health::Progressing),
        progress(12, Health::Degraded),
        applied(),
        FactBody::Failed { problems: vec![], objects: vec![] },
        FactBody::Reverted { to: 1, observed: 11 },
        FactBody::RollbackRequested {},
        FactBody::RollbackBlocked { problems: vec![], objects: vec![] },
        FactBody::RolledBack { kept: vec![] },
    ]
}

fn state(bodies: Vec<(Revision, FactBody)>) -> TaskStatus {
    let facts: Vec<_> = bodies.into_iter().map(|(r, b)| fact(r, b)).collect();
    fold(&facts).expect("some fact")
}

#[test]
fn no_fact_is_no_task() {
    assert_eq!(fold(&[]), None);
}

#[test]
fn a_late_fact_of_lower_rank_does_not_move_a_task_back() {
    let status = state(vec![(1, submitted()), (1, applied()), (1, FactBody::ApplyStarted { objects: 1 })]);
    assert_eq!((status.state, status.live_revision, status.version), (State::Done, Some(1), 3));
}

#[test]
fn a_failed_revision_leaves_the_live_one() {
    let failed = FactBody::Failed { problems: vec![], objects: vec![] };
    let status = state(vec![(1, submitted()), (1, applied()), (2, submitted()), (2, failed)]);
    assert_eq!((status.state, status.live_revision, status.desired_revision), (State::Failed, Some(1), 2));
}

#[test]
fn a_rollback_wins_over_an_apply_that_ends_later() {
    let status = state(vec![(1, submitted()), (2, FactBody::RollbackRequested {}), (1, applied())]);
    assert_eq!(status.state, State::RollingBack);
    let status = state(vec![(2, FactBody::RolledBack { kept: vec![] }), (1, applied())]);
    assert_eq!((status.state, status.live_revision), (State::RolledBack, None));
}

#[test]
fn health_after_done_is_the_one_of_the_newest_observation() {
    let done = vec![(1, submitted()), (1, applied())];
    let with = |observed, health| {
        let mut all = done.clone();
        all.push((1, progress(observed, health)));
        state(all)
    };
    assert_eq!(with(3, Health::Progressing).health, Health::Healthy);
    let degraded = with(10, Health::Degraded);
    assert_eq!((degraded.health, degraded.state), (Health::Degraded, State::Done));
}

#[test]
fn health_after_a_revert_is_the_live_revisions() {
    let failed = FactBody::Failed { problems: vec![], objects: vec![] };
    let reverted = |observed| (2, FactBody::Reverted { to: 1, observed });
    let base = vec![(1, submitted()), (1, applied()), (2, submitted()), (2, failed)];
    let with = |more: Vec<(Revision, FactBody)>| state([base.clone(), more].concat());
    assert_eq!(with(vec![]).health, Health::Degraded);
    assert_eq!(with(vec![(2, progress(99, Health::Healthy))]).health, Health::Degraded);
    let back = with(vec![reverted(20)]);
    assert_eq!((back.state, back.live_revision, back.health), (State::Failed, Some(1), Health::Healthy));
    assert_eq!(with(vec![(2, progress(19, Health::Degraded)), reverted(20)]).health, Health::Healthy);
    assert_eq!(with(vec![reverted(20), (2, progress(20, Health::Degraded))]).health, Health::Healthy);
    assert_eq!(with(vec![reverted(20), (2, progress(21, Health::Degraded))]).health, Health::Degraded);
    assert_eq!(with(vec![(2, progress(21, Health::Healthy)), reverted(0)]).health, Health::Healthy);
}

proptest! {
    #[test]
    fn state_is_a_function_of_the_set(
        picks in prop::collection::vec((1u32..4, 0usize..12), 1..30),
        seed in any::<prop::sample::Index>(),
    ) {
        let kinds = every_kind();
        let facts: Vec<_> = picks.iter().map(|&(r, k)| fact(r, kinds[k].clone())).collect();
        let mut turned = facts.clone();
        turned.rotate_left(seed.index(facts.len()));
        turned.reverse();
        turned.push(facts[0].clone());
        prop_assert_eq!(fold(&facts), fold(&turned));
    }
}
