//! Which contest a path casts ballots in.

use contests::Kind;

#[cfg(test)]
mod tests;

/// The contest that takes votes where a path names none.
const VOTES: &str = "bands";
/// The contest that takes scores where a path names none.
const SCORES: &str = "olympics";

/// What a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The contest's name, as it stands there.
    pub contest: Box<str>,
    /// The kind that the path's first word asks for.
    pub kind: Option<Kind>,
}

impl Target {
    /// `/votes[/<contest>]`, `/scores[/<contest>]` or `/contests/<contest>/ballots`.
    pub fn of(path: &str) -> Option<Self> {
        let (kind, contest) = match path.as_bytes().get(1)? {
            b'v' => (Some(Kind::Votes), short(path, "/votes", VOTES)?),
            b's' => (Some(Kind::Scores), short(path, "/scores", SCORES)?),
            b'c' => (None, path.strip_prefix("/contests/")?.strip_suffix("/ballots")?),
            _ => return None,
        };
        let one_segment = !contest.is_empty() && !contest.contains('/');
        one_segment.then(|| Self { contest: contest.into(), kind })
    }
}

fn short<'a>(path: &'a str, word: &str, sample: &'static str) -> Option<&'a str> {
    let rest = path.strip_prefix(word)?;
    if rest.is_empty() { Some(sample) } else { rest.strip_prefix('/') }
}
