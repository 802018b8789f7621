use super::*;

fn ack(tag: u64, multiple: bool) -> Ack {
    Ack { tag, multiple }
}

fn settled(acks: &mut Acks, tags: impl IntoIterator<Item = u64>) -> Vec<Ack> {
    tags.into_iter().for_each(|tag| acks.settle(tag));
    acks.take()
}

#[test]
fn an_unbroken_run_takes_one_frame() {
    let mut acks = Acks::default();
    assert_eq!(settled(&mut acks, [3, 1, 2]), [ack(3, true)]);
    assert_eq!(settled(&mut acks, [4]), [ack(4, false)]);
    assert_eq!(acks.take(), []);
}

#[test]
fn beyond_a_gap_each_takes_its_own_and_none_is_acknowledged_twice() {
    let mut acks = Acks::default();
    assert_eq!(settled(&mut acks, [2, 4]), [ack(2, false), ack(4, false)]);
    // 2 and 4 are acknowledged: the multiple ack names 3, which is not.
    assert_eq!(settled(&mut acks, [1, 3]), [ack(3, true)]);
    assert_eq!(settled(&mut acks, [5]), [ack(5, false)]);
}

#[test]
fn waiting_counts_what_is_not_acknowledged() {
    let mut acks = Acks::default();
    acks.settle(7);
    assert_eq!(acks.waiting(), 1);
    acks.take();
    assert_eq!(acks.waiting(), 0);
}
