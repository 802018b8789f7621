use bytes::Bytes;
use messaging::topology::VOTES;

use super::*;

fn waiting(bytes: usize) -> (Waiting, oneshot::Receiver<Result<(), Failure>>) {
    let (done, answer) = oneshot::channel();
    let delivered = Delivered { group: &VOTES, body: Bytes::from(vec![0; bytes]) };
    (Waiting { delivered, done, admitted: None }, answer)
}

#[test]
fn a_batch_that_nobody_waits_for_any_more_is_in_no_round() {
    let (queue, mut queued) = mpsc::channel(9);
    let (first, gone) = waiting(1);
    drop(gone);
    let mut answers = Vec::new();
    for n in 0..4 {
        let (one, answer) = waiting(10 + n);
        assert!(queue.try_send(one).is_ok(), "there is room");
        if n % 2 == 0 {
            answers.push(answer);
        }
    }
    let gathered = gather(first, &mut queued, BYTES);
    let sizes: Vec<usize> = gathered.iter().map(|one| one.delivered.body.len()).collect();
    assert_eq!(sizes, [10, 12]);
}

#[test]
fn a_round_has_the_bytes_that_it_may() {
    let (queue, mut queued) = mpsc::channel(9);
    let mut answers = Vec::new();
    let mut one = |bytes| {
        let (one, answer) = waiting(bytes);
        answers.push(answer);
        one
    };
    for _ in 0..5 {
        assert!(queue.try_send(one(100)).is_ok(), "there is room");
    }
    assert_eq!(gather(one(100), &mut queued, 250).len(), 3);
    assert_eq!(gather(one(100), &mut queued, 1).len(), 1, "one batch at least");
}

#[test]
fn rounds_are_halved_while_stores_fail_and_grow_again() {
    assert_eq!(next_size(BYTES, false), BYTES / 2);
    assert_eq!((next_size(1, false), next_size(1, true)), (1, 2));
    assert_eq!((next_size(BYTES / 2, true), next_size(BYTES, true)), (BYTES, BYTES));
}
