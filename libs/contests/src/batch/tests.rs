use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::{Ballot, samples};

fn header(fields: Vec<FieldHead>, ballots: u32) -> Header {
    Header {
        batch: Uuid::from_u128(0x1234),
        contest: "bands".into(),
        kind: Kind::Scores,
        revision: Revision(0xfeed),
        words: vec!["boxing".into(), "winner".into()],
        slot: 300,
        producer: Uuid::from_u128(0x5678),
        number: 70_000,
        ballots,
        cumulative: u64::MAX,
        confirmed: 69_999,
        last: true,
        time: Timestamp::from_millisecond(1_790_000_000_123).expect("a time"),
        fields,
    }
}

fn value(integer: bool) -> BoxedStrategy<Value<'static>> {
    let some = if integer {
        any::<i64>().prop_map(|n| Value::Integer(n.max(-i64::MAX))).boxed()
    } else {
        "[a-zA-Zé ]{1,30}".prop_map(|t| Value::Text(Cow::Owned(t))).boxed()
    };
    prop_oneof![1 => Just(Value::Missing), 9 => some].boxed()
}

fn ballot(fields: &[FieldHead]) -> BoxedStrategy<Ballot<'static>> {
    let values = fields.iter().map(|f| value(f.integer)).collect::<Vec<_>>();
    let id = proptest::option::of("[!-~]{1,64}".prop_map(Cow::Owned));
    let voter = proptest::option::of("[a-z]{1,9}".prop_map(Cow::Owned));
    (id, voter, values).prop_map(|(id, voter, values)| Ballot { id, voter, values }).boxed()
}

fn fields() -> BoxedStrategy<Vec<FieldHead>> {
    let head = ("[a-z]{1,8}", any::<bool>()).prop_map(|(name, integer)| FieldHead { name, integer });
    proptest::collection::vec(head, 1..6).boxed()
}

/// Fields, ballots of a request with many, and ballots of requests with one.
fn requests() -> impl Strategy<Value = (Vec<FieldHead>, Vec<(u32, Ballot<'static>)>, Vec<Ballot<'static>>)> {
    fields().prop_flat_map(|fields| {
        let many = proptest::collection::vec((0_u32..5, ballot(&fields)), 0..20);
        let single = proptest::collection::vec(ballot(&fields), 0..9);
        (Just(fields), many, single)
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded((fields, many, single) in requests()) {
        let request = Uuid::from_u128(0x9abc);
        let (mut segments, mut segment, mut expected, mut index) = (Vec::new(), Segment::default(), vec![], 0);
        for (skipped, ballot) in &many {
            index += skipped;
            segment.push(index, ballot);
            expected.push(("caller", Id::Indexed(request, index), ballot));
            index += 1;
        }
        segment.finish(&mut segments, "caller", request);
        for ballot in &single {
            append_one(&mut segments, "", request, ballot);
            expected.push(("", Id::Request(request), ballot));
        }
        let header = header(fields, u32::try_from(expected.len()).expect("few"));
        let body = header.encode(&segments);
        let batch = Batch::decode(&body).expect("sound");
        prop_assert_eq!(&batch.header, &header);
        prop_assert_eq!(batch.casts.len(), expected.len());
        for (cast, (caller, id, ballot)) in batch.casts.iter().zip(expected) {
            prop_assert_eq!(cast.caller, caller);
            prop_assert_eq!(cast.id, ballot.id.as_deref().map_or(id, Id::Client));
            prop_assert_eq!(cast.voter, ballot.voter.as_deref());
            prop_assert_eq!(batch.values(cast), ballot.values.as_slice());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(Batch::decode(&bytes));
    }

    #[test]
    fn a_spoiled_batch_never_panics(at in 0_usize..200, byte: u8, cut in 0_usize..200) {
        let mut body = sound();
        if let Some(spoiled) = body.get_mut(at) {
            *spoiled = byte;
        }
        drop(Batch::decode(&body));
        drop(Batch::decode(&body[..cut.min(body.len())]));
    }
}

/// A batch of bands with three ballots.
fn sound() -> Vec<u8> {
    let bands = samples::bands();
    let ballot = bands.ballot(br#"{"name":"A","album":"x","year":2000,"rank":5}"#, None).expect("JSON").expect("sound");
    let mut segments = Vec::new();
    let mut segment = Segment::default();
    segment.push(0, &ballot);
    segment.push(7, &ballot);
    segment.finish(&mut segments, "", Uuid::from_u128(9));
    append_one(&mut segments, "t", Uuid::from_u128(8), &ballot);
    header(bands.field_heads(), 3).encode(&segments)
}

#[test]
fn a_count_that_nothing_backs_is_refused_before_memory_is_taken() {
    let lying = header(samples::bands().field_heads(), u32::MAX).encode(&[]);
    assert_eq!(Batch::decode(&lying), Err(Malformed::Count));
    let mut short = sound();
    short.pop();
    assert_eq!(Batch::decode(&short), Err(Malformed::Short));
    assert_eq!(Batch::decode(&vec![1; MAX_BYTES + 1]), Err(Malformed::Long));
    assert_eq!(Batch::decode(&[9]), Err(Malformed::Version(9)));
}

#[test]
fn a_beat_is_a_batch_without_ballots() {
    let beat = header(samples::bands().field_heads(), 0).encode(&[]);
    assert!(Batch::decode(&beat).expect("a beat").casts.is_empty());
    assert!(beat.len() < MAX_HEADER);
}

#[test]
fn extracted_ballots_are_a_batch_of_their_own_with_the_same_ids() {
    let body = sound();
    let batch = Batch::decode(&body).expect("sound");
    let [dead] = batch.extract_within(&[1, 2, 99], 9_999).try_into().expect("one");
    let dead = Batch::decode(&dead).expect("sound");
    assert_eq!(
        dead.casts.iter().map(|c| c.id.to_string()).collect::<Vec<_>>(),
        [batch.casts[1].id.to_string(), batch.casts[2].id.to_string()]
    );
    assert_eq!(batch.extract_within(&[1], 9_999), batch.extract_within(&[1], 9_999));
    let parts = batch.extract_within(&[0, 1, 2], 1);
    let parts: Vec<Batch<'_>> = parts.iter().map(|part| Batch::decode(part).expect("sound")).collect();
    let ids: Vec<String> = parts.iter().flat_map(|part| &part.casts).map(|cast| cast.id.to_string()).collect();
    assert_eq!(ids, batch.casts[..3].iter().map(|cast| cast.id.to_string()).collect::<Vec<_>>());
    let batches: std::collections::BTreeSet<_> = parts.iter().map(|part| part.header.batch).collect();
    assert_eq!(batches.len(), 3);
    assert_eq!((dead.header.number, dead.header.cumulative, dead.header.last), (1, 2, true));
    assert_ne!(dead.header.batch, batch.header.batch);
}
