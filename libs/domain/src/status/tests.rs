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

fn validated() -> FactBody {
    FactBody::Validated { objects: 1, warnings: vec![], added: vec![] }
}

/// Each revision's state, from the first on.
fn states(bodies: Vec<(Revision, FactBody)>) -> Vec<State> {
    state(bodies).revisions.iter().rev().map(|r| r.state).collect()
}

#[test]
fn a_revision_that_did_not_end_yields_to_a_higher_accepted_one() {
    let under_way = vec![(1, submitted()), (1, validated()), (1, FactBody::ApplyStarted { objects: 1 })];
    let with = |more: Vec<(Revision, FactBody)>| states([under_way.clone(), more].concat());
    assert_eq!(with(vec![(2, submitted())]), [State::ApplyingInCluster, State::Pending]);
    let rejected = FactBody::Rejected { problems: vec![] };
    assert_eq!(with(vec![(2, submitted()), (2, rejected)]), [State::ApplyingInCluster, State::Rejected]);
    assert_eq!(with(vec![(2, submitted()), (2, validated())]), [State::Superseded, State::Pending]);
    assert_eq!(with(vec![(2, applied())]), [State::Superseded, State::Done]);
    assert_eq!(with(vec![(2, FactBody::RollbackRequested {})]), [State::Superseded, State::RollingBack]);
    assert_eq!(with(vec![(1, applied()), (2, validated())]), [State::Done, State::Pending]);
}

#[test]
fn a_superseded_revision_names_what_came_instead() {
    let bodies = vec![(1, submitted()), (2, submitted()), (3, validated()), (4, FactBody::RollbackRequested {})];
    let status = state(bodies);
    let told: Vec<_> = status.revisions.iter().map(|r| (r.revision, r.superseded_by)).collect();
    assert_eq!(told, [(4, None), (3, Some(4)), (2, Some(3)), (1, Some(3))]);
    let last = status.revisions[3].transitions.last().expect("it went somewhere");
    assert_eq!((last.state, last.event.as_str()), (State::Superseded, "task.validated"));
    assert_eq!((status.state, status.version), (State::RollingBack, 4));
}

proptest! {
    #[test]
    fn a_task_is_never_superseded_itself_and_what_ended_stays(
        picks in prop::collection::vec((1u32..5, 0usize..12), 1..30),
    ) {
        let kinds = every_kind();
        let facts: Vec<_> = picks.iter().map(|&(r, k)| fact(r, kinds[k].clone())).collect();
        let status = fold(&facts).expect("some fact");
        prop_assert!(status.state != State::Superseded);
        for revision in &status.revisions {
            let alone = fold(facts.iter().filter(|f| f.revision == revision.revision)).expect("its own facts");
            prop_assert!(!alone.state.is_final() || alone.state == revision.state);
            prop_assert_eq!(revision.state == State::Superseded, revision.superseded_by.is_some());
        }
    }

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
