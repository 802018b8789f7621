//! The audit over a producer's batches.

use crate::{harness::Harness, on_both};

on_both! {
    "":
    the_audit_settles_when_nothing_is_missing,
}

async fn the_audit_settles_when_nothing_is_missing(harness: Harness) {
    let name = harness.contest.name.clone();
    let (one, two) = (harness.batch(&[("a", "x", None)]), harness.batch(&[("a", "x", None), ("b", "x", None)]));
    let last = harness.batch_of(&[], |header| header.last = true);
    for batch in [one, last] {
        assert!(harness.round().run(&[batch]).await[0].is_ok());
    }
    let audit = harness.tally.audit(&name).await.expect("an audit");
    assert!(!audit.settled);
    assert_eq!((audit.received, audit.accepted, audit.in_flight.at_least), (1, 3, 2));
    assert!(harness.round().run(&[two]).await[0].is_ok());
    let audit = harness.tally.audit(&name).await.expect("an audit");
    assert!(audit.settled, "{audit:?}");
    assert_eq!((audit.received, audit.accepted, audit.totals.duplicate), (3, 3, 1));
}
