use super::*;

fn message(bytes: usize) -> Vec<u8> {
    let mut message = vec![0];
    message.extend(u32::try_from(bytes).unwrap().to_be_bytes());
    message.resize(HEAD + bytes, 1);
    message
}

#[test]
fn messages_are_told_apart_however_they_are_cut() {
    let sizes = [0, 1, 4, 5, 6, 300, 0, 70_000];
    let all: Vec<u8> = sizes.iter().flat_map(|bytes| message(*bytes)).collect();
    let mut ends = Vec::new();
    for bytes in sizes {
        ends.push(ends.last().unwrap_or(&0) + HEAD + bytes);
    }
    for step in [1, 2, 3, 7, 64, 1_000, all.len()] {
        let (mut framing, mut at, mut held) = (Framing::default(), 0, 0);
        for part in all.chunks(step) {
            let Came { whole, begun } = framing.take(part);
            let before = at;
            at += part.len();
            assert_eq!(whole, ends.iter().any(|end| before < *end && *end <= at), "{step} {at}");
            held = if whole { begun } else { held + begun };
            let last = ends.iter().rev().find(|end| **end <= at).unwrap_or(&0);
            assert_eq!(held, at - last, "{step} {at}");
        }
        assert!(framing.is_between());
    }
}

#[test]
fn what_is_not_whole_is_counted_until_it_is() {
    let flow = Arc::new(Flow::default());
    let mut arrival = Arrival::new((), &flow);
    let sent = message(10_000);
    arrival.took(&sent[..4_000]).unwrap();
    assert_eq!(flow.arriving(), 4_000);
    let slow = arrival.until;
    arrival.took(&sent[4_000..4_001]).unwrap();
    assert_eq!(arrival.until, slow, "a trickle does not put it off");
    arrival.took(&sent[4_001..]).unwrap();
    assert_eq!(flow.arriving(), 0);
    assert!(arrival.until > slow);
}

#[test]
fn beyond_the_budget_what_comes_in_pieces_is_refused_and_what_is_whole_is_not() {
    let flow = Arc::new(Flow::default());
    let part = &message(1 << 20)[..1 << 20];
    let mut many: Vec<_> = (0..40).map(|_| Arrival::new((), &flow)).collect();
    let refused: Vec<_> = many.iter_mut().filter_map(|one| one.took(part).err()).collect();
    assert_eq!(refused.len(), 40 - 16);
    assert_eq!(refused[0].code(), tonic::Code::Unavailable);
    Arrival::new((), &flow).took(&message(100_000)).unwrap();
    drop(many);
    assert_eq!(flow.arriving(), 0);
}
