//! Prune: objects of earlier revisions that the new one no longer has go, once it is healthy.

use std::collections::BTreeSet;

use domain::{ObjectRef, Options, Problem, Rendered, record::RenderedObject};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    Session, Stop,
    api::Call,
    apply::one_stop,
    desired::{Desired, desired, is_kept},
    ownership::{Owner, owner},
    task::ON_DELETE_ANNOTATION,
    view,
};

/// The kind that is left for its data.
const VOLUME: &str = "PersistentVolumeClaim";

/// What prune did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Deleted.
    pub deleted: Vec<ObjectRef>,
    /// Left on purpose.
    pub kept: Vec<ObjectRef>,
    /// Why they were left, for a person.
    pub warnings: Vec<Problem>,
}

/// Objects of earlier revisions that `current` does not have, newest manifest of each. Pure.
pub(crate) fn superfluous(current: &Rendered, earlier: &[Rendered]) -> Vec<Desired> {
    let mut seen: BTreeSet<ObjectRef> = desired(current).into_iter().map(|one| one.object).collect();
    earlier.iter().flat_map(desired).filter(|one| seen.insert(one.object.clone())).collect()
}

/// What was left on purpose by an earlier prune, as a revision beside others for the next one, which leaves it again but for
/// volumes that may go by then.
pub fn left(kept: &[ObjectRef]) -> Rendered {
    let object = |one: &ObjectRef| {
        let mut manifest = json!({
            "apiVersion": one.api_version,
            "kind": one.kind,
            "metadata": {"name": one.name, "namespace": one.namespace},
        });
        if one.kind != VOLUME {
            manifest["metadata"]["annotations"] = json!({ON_DELETE_ANNOTATION: "keep"});
        }
        RenderedObject { manifest, file: String::new(), document: 0, line: 0 }
    };
    Rendered { objects: kept.iter().map(object).collect(), ..Rendered::default() }
}

/// As [`Session::needs_confirmation`] of objects that are there. Pure.
fn would_need_confirmation(current: &Rendered, earlier: &[Rendered], options: &Options) -> Option<Problem> {
    let superfluous = superfluous(current, earlier);
    let gone = superfluous.iter().filter(|one| !is_left(one, options)).count();
    // What was left before, and is again, is neither deleted nor one of those that might be.
    let left: BTreeSet<_> = superfluous.iter().filter(|one| is_left(one, options)).map(|one| &one.object).collect();
    let before: BTreeSet<_> = earlier.iter().flat_map(desired).map(|one| one.object).collect();
    let before = before.iter().filter(|object| !left.contains(object)).count();
    if options.confirm_prune || gone * 2 <= before {
        return None;
    }
    let text = format!(
        "would delete {gone} of {before} objects: if that is meant, send it with `--confirm-prune` (over HTTP \
         `?confirm_prune=true`)"
    );
    Some(Problem::error("prune_needs_confirmation", text))
}

impl Session {
    /// Whether applying `current` over the live revision needs `?confirm_prune=true`: it would delete more than half of the
    /// task's objects that are there. Asked before anything is written. `earlier` is newest first.
    ///
    /// # Errors
    /// [`Stop::Later`] where the API server does not answer.
    pub async fn needs_confirmation(
        &self,
        current: &Rendered,
        earlier: &[Rendered],
        options: &Options,
    ) -> Result<Option<Problem>, Stop> {
        // Most revisions delete little by their manifests alone.
        if would_need_confirmation(current, earlier, options).is_none() {
            return Ok(None);
        }
        let all = self.read_all(superfluous(&Rendered::default(), earlier)).await?;
        let ours = all.into_iter().filter(|(_, live)| matches!(owner(live.as_ref(), &self.task), Owner::Ours { .. }));
        let there: BTreeSet<ObjectRef> = ours.map(|(one, _)| one.object).collect();
        let mut earlier = earlier.to_vec();
        for revision in &mut earlier {
            revision.objects.retain(|one| there.contains(&view::reference(&one.manifest)));
        }
        Ok(would_need_confirmation(current, &earlier, options))
    }

    /// Deletes what earlier revisions (newest first, not yet pruned) have and `current` has not, in
    /// reverse order, by uid.
    ///
    /// # Errors
    /// [`Stop::Later`] where the API server does not answer.
    pub async fn prune(&self, current: &Rendered, earlier: &[Rendered], options: &Options) -> Result<Pruned, Stop> {
        let mut pruned = Pruned::default();
        let mut doomed = vec![];
        for (one, live) in self.read_all(superfluous(current, earlier)).await? {
            let Owner::Ours { uid } = owner(live.as_ref(), &self.task) else { continue };
            match live.and_then(|live| reason_to_keep(&one, &live, options)) {
                None => doomed.push((one, uid)),
                Some(text) => {
                    pruned.warnings.push(Problem::warning("not_pruned", text).on(&one.object));
                    pruned.kept.push(one.object);
                }
            }
        }
        doomed.sort_by_key(|(one, _)| std::cmp::Reverse(one.kind.tier));
        for tier in doomed.chunk_by(|(a, _), (b, _)| a.kind.tier == b.kind.tier) {
            for deleted in join_all(tier.iter().map(|(one, uid)| self.delete(one, uid))).await {
                pruned.deleted.push(deleted?);
            }
        }
        Ok(pruned)
    }

    async fn delete(&self, one: &Desired, uid: &str) -> Result<ObjectRef, Stop> {
        let call = Call::delete(&one.path(), uid, propagation(one.kind.template.is_some()));
        match self.api.send(&call).await {
            // Gone, or another one under the same name.
            Err(e) if e.is_not_found() || e.refusal().is_some_and(crate::Refusal::is_race) => Ok(one.object.clone()),
            other => other.map(|_| one.object.clone()).map_err(|e| one_stop(one, e)),
        }
    }
}

/// A workload stays visible until its pods are gone, so that *gone* means that nothing runs any more.
pub(crate) fn propagation(has_pods: bool) -> &'static str {
    if has_pods { "Foreground" } else { "Background" }
}

/// Whether the object is left by what its manifest says.
fn is_left(one: &Desired, options: &Options) -> bool {
    one.is_kept() || is_volume(one) && !options.prune_volumes
}

fn is_volume(one: &Desired) -> bool {
    one.object.kind == VOLUME
}

fn reason_to_keep(one: &Desired, live: &Value, options: &Options) -> Option<&'static str> {
    if is_kept(live) || one.is_kept() {
        return Some("was left, as `marea.dev/on-delete: keep` asks");
    }
    (is_volume(one) && !options.prune_volumes).then_some(
        "its data was left; to delete it, send the revision with `--prune-volumes` (over HTTP `?prune_volumes=true`)",
    )
}
