use super::*;

#[test]
fn a_path_names_a_contest_and_a_kind() {
    let of = |path: &str| Target::of(path).map(|t| (t.contest.into_string(), t.kind));
    let is = |contest: &str, kind| Some((contest.to_owned(), kind));
    assert_eq!(of("/votes"), is("bands", Some(Kind::Votes)));
    assert_eq!(of("/votes/mine"), is("mine", Some(Kind::Votes)));
    assert_eq!(of("/scores"), is("olympics", Some(Kind::Scores)));
    assert_eq!(of("/scores/mine"), is("mine", Some(Kind::Scores)));
    assert_eq!(of("/contests/mine/ballots"), is("mine", None));
    for other in ["/", "", "/votes/", "/votesx", "/votes/a/b", "/contests/mine", "/contests//ballots", "/status"] {
        assert_eq!(of(other), None, "{other}");
    }
}
