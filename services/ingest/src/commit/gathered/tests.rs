use super::*;

#[test]
fn what_takes_more_than_was_thought_begins_the_next_batch() {
    let mut gathering = Gathering::default();
    let large = SEGMENTS_BYTES / 4;
    let places: Vec<_> =
        (0..10).map(|_| gathering.add(10, 1, |out| out.resize(out.len() + large, 0)).unwrap()).collect();
    assert!(places.iter().all(|place| place.bytes == large));
    assert_eq!(places.iter().filter(|place| place.first).count(), 1);
    let mut taken = Vec::new();
    while let Some(batch) = gathering.take() {
        assert!(batch.segments.len() <= SEGMENTS_BYTES, "{}", batch.segments.len());
        assert_eq!(batch.segments.len(), large * batch.ballots as usize);
        let waiting = places.iter().filter(|place| Arc::ptr_eq(&place.ticket, &batch.ticket)).count();
        taken.push((batch.ballots as usize, waiting));
    }
    assert_eq!(taken, [(4, 4), (4, 4), (2, 2)]);
}
