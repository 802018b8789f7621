use super::*;
use crate::commit::Flow;

fn code(ended: Result<(), Refusal>) -> &'static str {
    match ended {
        Err(Refusal::Other(error)) => error.code(),
        Err(_) => "not-accepted",
        Ok(()) => "",
    }
}

#[test]
fn a_line_that_has_begun_is_counted_until_it_ends() {
    let flow = Arc::new(Flow::default());
    let mut line = Begun::new(Arriving::new(&flow));
    assert!(line.end().is_none());
    line.add(b"{\"name\"").unwrap();
    line.add(b":1}").unwrap();
    assert_eq!(flow.arriving(), 10);
    assert_eq!(line.end(), Some(Ok(b"{\"name\":1}".to_vec())));
    assert_eq!(flow.arriving(), 0);
}

#[test]
fn what_is_passed_over_is_not_held_and_does_not_last_for_ever() {
    let flow = Arc::new(Flow::default());
    let mut line = Begun::new(Arriving::new(&flow));
    line.add(&[b'x'; LINE_BYTES]).unwrap();
    assert_eq!(flow.arriving(), LINE_BYTES);
    line.add(b"x").unwrap();
    assert_eq!((flow.arriving(), line.bytes.capacity()), (0, 0));
    assert_eq!(line.end(), Some(Err(())));
    let ended = (0..=PASSED_BYTES / LINE_BYTES).map(|_| line.add(&[b'x'; LINE_BYTES])).find(Result::is_err);
    assert_eq!(ended.map(code), Some("too-large"));
}

#[test]
fn a_line_that_trickles_ends_the_stream() {
    let mut line = Begun::new(Arriving::new(&Arc::new(Flow::default())));
    line.add(b"{").unwrap();
    line.since = line.since.and_then(|since| since.checked_sub(LINE_TIME));
    assert_eq!(code(line.add(b" ")), "request-timeout");
}

#[test]
fn lines_that_have_begun_share_a_budget() {
    let flow = Arc::new(Flow::default());
    let mut lines: Vec<_> = (0..100).map(|_| Begun::new(Arriving::new(&flow))).collect();
    let refused = lines.iter_mut().filter_map(|line| line.add(&[b'x'; 200 << 10]).err()).count();
    assert!((1..100).contains(&refused), "{refused}");
    Begun::new(Arriving::new(&flow)).add(b"{\"name\":1}").unwrap();
}
