use super::*;

fn indexes(silent: &Silent) -> Vec<usize> {
    (0..6).map(|turn| silent.choose("votes", 3, turn).index).collect()
}

#[test]
fn a_silent_queue_is_passed_over_until_it_is_heard() {
    let silent = Silent::default();
    assert_eq!(indexes(&silent), [0, 1, 2, 0, 1, 2]);
    silent.fell_silent("votes", 1);
    assert_eq!(indexes(&silent), [0, 2, 2, 0, 2, 2]);
    assert_eq!(silent.choose("scores", 2, 1).index, 1, "another group's queue is another queue");
    silent.fell_silent("votes", 2);
    assert_eq!(silent.choose("votes", 3, 1), Choice { index: 0, others: false, probe: None });
    silent.fell_silent("votes", 0);
    assert_eq!(indexes(&silent), [0, 1, 2, 0, 1, 2], "where all are silent each is tried");
    (0..3).for_each(|index| silent.heard("votes", index));
    assert!(silent.choose("votes", 3, 0).others);
}

#[test]
fn one_copy_tries_a_silent_queue_when_it_has_rested() {
    let silent = Silent::default();
    silent.fell_silent("votes", 1);
    assert_eq!(silent.choose("votes", 3, 1).probe, None);
    silent.until.lock().insert(("votes", 1), Instant::now());
    assert_eq!(silent.choose("votes", 3, 0).probe, None);
    assert_eq!(silent.choose("votes", 3, 1), Choice { index: 2, others: true, probe: Some(1) });
    assert_eq!(silent.choose("votes", 3, 1).probe, None, "one at a time");
}
