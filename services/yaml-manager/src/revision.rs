//! One revision's way from files, or from an earlier revision, to its records.

use std::collections::BTreeMap;

use blobs::{
    Records,
    records::{Contents, unheard},
};
use bootstrap::Context;
use domain::{
    Action, Command, Fact, FactBody, Outcome, Problem, Rendered, Revision, TaskKey,
    record::{Ending, Report},
};
use jiff::Timestamp;
use manifests::Rendering;
use messaging::JobError;

use crate::{
    facts::{rejected, validated},
    handler::Manager,
};

/// What validation said, and what the revision rendered to unless it was refused.
type Ruling = (Report, Option<Rendered>);

impl Manager {
    /// Effect, then outputs: records first, then the fact.
    pub(crate) async fn revision(&self, submitted: &Fact, onward: Option<&str>) -> Result<(), JobError> {
        let (key, n, records) = (submitted.key(), submitted.revision, &self.context.records);
        let read = tokio::try_join!(records.contents(&key), records.command(&key, n));
        let (contents, command) = read.map_err(JobError::retry)?;
        if self.yields(&key, n, &contents).await? {
            tracing::debug!(task.revision = n, "a revision was overtaken");
            return Ok(());
        }
        let command = command.ok_or_else(|| JobError::fail(format!("task {key} has no command {n}")))?;
        let held = self.held(&key, n, contents.get(&n)).await?;
        let (report, rendered) = match held {
            Some(held) => held,
            None => self.write(&key, n, command).await?,
        };
        let fact = match rendered {
            Some(rendered) => validated(submitted, &rendered, report.problems),
            None => self.reject(submitted, &key, report).await?,
        };
        metrics::counter!("yaml_manager_revisions_total", "result" => fact.body.type_name()).increment(1);
        self.publish(&fact, onward).await?;
        match fact.body {
            FactBody::Rejected { .. } => self.publish_above(&key, n).await,
            _ => Ok(()),
        }
    }

    /// A rejected revision ends here, and nobody else looks at what was stored above it and never published.
    async fn publish_above(&self, key: &TaskKey, n: Revision) -> Result<(), JobError> {
        let mut unheard = unheard(&self.context.records.contents(key).await.map_err(JobError::retry)?);
        unheard.retain(|above| *above > n);
        self.context.publish_unheard(key, &unheard).await.map_err(JobError::retry)
    }

    /// Whether a roll back or an accepted revision stands above `n`. A rejected one does not count, nor one that is
    /// not judged yet: if it is rejected, this one goes on.
    async fn yields(
        &self,
        key: &TaskKey,
        n: Revision,
        contents: &BTreeMap<Revision, Contents>,
    ) -> Result<bool, JobError> {
        for (&above, c) in contents.range(n + 1..).rev().filter(|(_, c)| c.command && (c.rendered || !c.report)) {
            if c.rendered {
                return Ok(true);
            }
            let command = self.context.records.command(key, above).await.map_err(JobError::retry)?;
            if let Some(command) = command.filter(|command| command.action == Action::RollBack) {
                // Whoever stored it may have died before it was published, and then nothing would end the task.
                if !c.outcome {
                    self.context.publish_command(&command).await.map_err(JobError::retry)?;
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the revision's records say, where they are complete: a revision is rendered once.
    async fn held(&self, key: &TaskKey, n: Revision, contents: Option<&Contents>) -> Result<Option<Ruling>, JobError> {
        if !contents.is_some_and(|c| c.report) {
            return Ok(None);
        }
        let records = &self.context.records;
        let (report, rendered) =
            tokio::try_join!(records.report(key, n), records.rendered(key, n)).map_err(JobError::retry)?;
        Ok(report.filter(|r| r.rejected || rendered.is_some()).map(|r| (r, rendered)))
    }

    /// Renders, and writes what came of it. Where another replica was first, what it wrote holds.
    async fn write(&self, key: &TaskKey, n: Revision, command: Command) -> Result<Ruling, JobError> {
        let records = &self.context.records;
        let Rendering { problems, rendered } = self.rendering(key, command).await?;
        let report = Report { problems, rejected: rendered.is_none() };
        let rendering = async {
            match &rendered {
                Some(rendered) => records.put_rendered(key, n, rendered).await,
                None => Ok(true),
            }
        };
        let written = tokio::try_join!(rendering, records.put_report(key, n, &report)).map_err(JobError::retry)?;
        if written == (true, true) {
            return Ok((report, rendered));
        }
        let complete = Contents { report: true, ..Contents::default() };
        let held = self.held(key, n, Some(&complete)).await?;
        held.ok_or_else(|| JobError::retry("another replica is writing the revision's records"))
    }

    async fn rendering(&self, key: &TaskKey, command: Command) -> Result<Rendering, JobError> {
        match command.action {
            Action::Apply { sources } => {
                match self.context.access.tenant(&key.tenant).await.map_err(JobError::retry)? {
                    Some(tenant) => Ok(self.render(sources, tenant, key.id).await),
                    None => Ok(refused(tenant_gone())),
                }
            }
            Action::Revert { to } => self.revert(key, to).await,
            Action::RollBack => Err(JobError::fail("a roll back was submitted to be rendered")),
        }
    }

    /// What the earlier revision rendered, for ever the same; refused where the tenant may no longer do it.
    async fn revert(&self, key: &TaskKey, to: Revision) -> Result<Rendering, JobError> {
        let Context { access, records, .. } = &self.context;
        let read = tokio::try_join!(access.tenant(&key.tenant), records.rendered(key, to)).map_err(JobError::retry)?;
        match read {
            (None, _) => Ok(refused(tenant_gone())),
            (_, None) => Ok(refused(Problem::error(
                "no_such_revision",
                format!("revision {to} was not accepted; choose another"),
            ))),
            (Some(tenant), Some(earlier)) => Ok(self.recheck(earlier, tenant, to).await),
        }
    }

    async fn reject(&self, submitted: &Fact, key: &TaskKey, report: Report) -> Result<Fact, JobError> {
        let (records, n) = (&self.context.records, submitted.revision);
        let outcome = rejection(records, key, n, &report).await.map_err(JobError::retry)?;
        records.put_outcome(key, n, &outcome).await.map_err(JobError::retry)?;
        Ok(rejected(submitted, report.problems))
    }
}

fn refused(problem: Problem) -> Rendering {
    Rendering { problems: vec![problem], rendered: None }
}

fn tenant_gone() -> Problem {
    Problem::error("tenant_gone", "the tenant was deleted; ask an administrator")
}

/// The outcome of a refused revision: what was in the cluster before it stays there.
async fn rejection(records: &Records, key: &TaskKey, n: Revision, report: &Report) -> Result<Outcome, blobs::Error> {
    let earlier = match n {
        1 => None,
        _ => records.outcomes(key).await?.range(..n).next_back().map(|(_, outcome)| outcome.clone()),
    };
    let (live, kept, finished_jobs) = earlier.map_or_else(Default::default, |o| (o.live, o.kept, o.finished_jobs));
    let problems = report.problems.clone();
    Ok(Outcome {
        ending: Ending::Rejected,
        time: Timestamp::now(),
        problems,
        objects: vec![],
        observed: 0,
        kept,
        live,
        finished_jobs,
    })
}
