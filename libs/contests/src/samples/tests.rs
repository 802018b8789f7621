use super::*;
use crate::Kind;

#[test]
fn samples_are_sound_and_of_both_kinds() {
    assert_eq!(
        all().map(|d| (d.name.clone(), d.kind)),
        [("bands".into(), Kind::Votes), ("olympics".into(), Kind::Scores)]
    );
}
