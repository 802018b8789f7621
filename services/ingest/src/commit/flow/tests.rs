use super::*;

#[test]
fn what_arrives_slowly_has_a_budget_of_its_own() {
    let flow = Arc::new(Flow::default());
    let mut slow: Vec<_> = (0..64).map(|_| Arriving::new(&flow)).collect();
    let taken = slow.iter_mut().filter_map(|one| one.grow(1 << 20).then_some(())).count();
    assert_eq!(taken, 16);
    assert!(flow.admits(), "votes that are whole are taken");
    let mut small = Arriving::new(&flow);
    assert!(small.grow(SMALL_BYTES), "a vote in two pieces is taken");
    assert!(!small.grow(1));
    drop(slow);
    assert_eq!(flow.arriving(), SMALL_BYTES + 1);
    small.release();
    assert!(small.grow(1 << 20));
    drop(small);
    assert_eq!(flow.arriving(), 0);
}
