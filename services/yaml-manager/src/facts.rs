//! The facts that yaml-manager publishes.

use domain::{Fact, FactBody, Problem, Rendered, limits};
use jiff::Timestamp;

/// Lines of what was added that one fact carries; the rendered record holds all.
const ADDED: usize = 200;

/// `task.validated`, of the same revision as `submitted`.
pub fn validated(submitted: &Fact, rendered: &Rendered, mut warnings: Vec<Problem>) -> Fact {
    warnings.retain(|p| !p.is_error());
    let mut added = rendered.added.clone();
    added.truncate(ADDED);
    let objects = u32::try_from(rendered.objects.len()).unwrap_or(u32::MAX);
    about(submitted, FactBody::Validated { objects, warnings: bounded(warnings), added })
}

/// `task.rejected`, of the same revision as `submitted`.
pub fn rejected(submitted: &Fact, problems: Vec<Problem>) -> Fact {
    about(submitted, FactBody::Rejected { problems: bounded(problems) })
}

fn about(submitted: &Fact, body: FactBody) -> Fact {
    Fact { time: Timestamp::now(), body, ..submitted.clone() }
}

/// What fits into a message; errors first, for a hundred warnings must not hide one.
pub fn bounded(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|p| !p.is_error());
    problems.truncate(limits::PROBLEMS);
    for problem in &mut problems {
        let end = problem.message.floor_char_boundary(limits::PROBLEM_BYTES);
        problem.message.truncate(end);
    }
    problems
}
