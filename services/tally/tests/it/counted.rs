//! The audit over a producer's batches.

use crate::{harness::Harness, on_both};

on_both! {
    "":
    the_audit_settles_when_nothing_is_missing,
    what_was_accepted_is_received_or_dead,
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

async fn what_was_accepted_is_received_or_dead(harness: Harness) {
    let name = harness.contest.name.clone();
    let some = harness.batch(&[("a", "x", None), ("b", " x", None), ("a", "x", None), ("c", "", None)]);
    let unknown = harness.batch_of(&[("d", "x", None)], |header| header.revision.0 ^= 1);
    let last = harness.batch_of(&[], |header| header.last = true);
    // Again, as after a crash before the acknowledgement.
    for batch in [&some, &unknown, &some, &last, &unknown] {
        assert!(harness.round().run(std::slice::from_ref(batch)).await[0].is_ok());
    }
    let audit = harness.tally.audit(&name).await.expect("an audit");
    assert!(audit.settled, "{audit:?}");
    assert_eq!((audit.totals.counted, audit.totals.duplicate, audit.totals.dead), (1, 1, 3), "{audit:?}");
    assert_eq!((audit.accepted, audit.received), (5, 2), "{audit:?}");
    let letters = harness.context.bus.dead_letters(10).await.expect("an answer");
    assert_eq!(letters.len(), 2, "{letters:?}");
    harness.agree().await;
}
