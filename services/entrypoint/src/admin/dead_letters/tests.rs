use contests::{
    Ballot, Kind, Revision, Value,
    batch::{FieldHead, Header, TYPE, append_one},
};
use uuid::Uuid;

use super::*;

fn letter(kind: &str, body: &[u8]) -> DeadLetterView {
    let (id, queue, reason) = ("id".to_owned(), "q".to_owned(), "bad".to_owned());
    let body = BASE64_STANDARD.encode(body);
    DeadLetterView::from(DeadLetter { id, kind: kind.to_owned(), queue, reason, time: Timestamp::UNIX_EPOCH, body })
}

#[test]
fn a_batch_of_ballots_is_shown_as_json() {
    let field = |name: &str, integer| FieldHead { name: name.to_owned(), integer };
    let header = Header {
        batch: Uuid::from_u128(1),
        contest: "songs".to_owned(),
        kind: Kind::Votes,
        revision: Revision(7),
        words: vec![],
        slot: 0,
        producer: Uuid::from_u128(2),
        number: 3,
        ballots: 1,
        cumulative: 1,
        confirmed: 0,
        last: false,
        time: Timestamp::UNIX_EPOCH,
        fields: vec![field("song", false), field("stars", true), field("note", false)],
    };
    let values = vec![Value::Text("Luna".into()), Value::Integer(9), Value::Missing];
    let ballot = Ballot { id: Some("a".into()), voter: Some("ana".into()), values };
    let mut segments = Vec::new();
    append_one(&mut segments, "", Uuid::nil(), &ballot);
    let body = header.encode(&segments);
    let shown: serde_json::Value = serde_json::from_str(&letter(TYPE, &body).body).expect("JSON");
    assert_eq!((&shown["contest"], &shown["ballots"], &shown["number"]), (&"songs".into(), &1.into(), &3.into()));
    let expected = serde_json::json!([{"id": "a", "voter": "ana", "fields": {"song": "Luna", "stars": 9}}]);
    assert_eq!(shown["first"], expected);
    // What is broken is shown as it is.
    assert_eq!(letter(TYPE, b"broken").body, BASE64_STANDARD.encode(b"broken"));
    assert_eq!(letter("else", &body).body, BASE64_STANDARD.encode(&body));
}
