//! Roll back: every object of the task goes, in reverse order; the parent last.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Health, ObjectRef, ObjectStatus, Problem, Rendered};
use futures::future::{join_all, try_join_all};
use schema::kinds::{self, AllowedKind};
use serde_json::Value;

use crate::{
    Session, Stop,
    api::{Accept, Call, collection, item},
    apply::one_stop,
    desired::{Desired, desired, is_kept, places},
    parent,
    prune::propagation,
    view,
};

/// What one round of a roll back came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollBack {
    /// Every list by label is empty, and the parents are gone.
    Done {
        /// Left on purpose.
        kept: Vec<ObjectRef>,
    },
    /// These are still there.
    Pending {
        /// What stands in the way, for the case that the deadline has come.
        problems: Vec<Problem>,
        /// The objects.
        objects: Vec<ObjectStatus>,
    },
}

/// What of the listed objects is to be done. Pure.
#[derive(Debug, Default)]
struct Split {
    remaining: Vec<Value>,
    kept: Vec<ObjectRef>,
    parents: Vec<Value>,
}

impl Session {
    /// Takes one round: deletes what is there, looks again, and deletes the parents when nothing is.
    /// `inventory` is every revision of the task that may have been applied.
    ///
    /// # Errors
    /// [`Stop::Later`] where the API server does not answer.
    pub async fn roll_back(&self, inventory: &[Rendered]) -> Result<RollBack, Stop> {
        let all: Vec<_> = inventory.iter().flat_map(desired).collect();
        let places = places(&all);
        let mut split = self.listed(&places).await?;
        if !split.remaining.is_empty() {
            self.delete_all(&split.remaining).await?;
            split = self.listed(&places).await?;
        }
        if !split.remaining.is_empty() {
            return Ok(self.pending(&split.remaining).await);
        }
        let mut kept = split.kept;
        kept.extend(self.claims(&all.iter().map(|one| &one.manifest).collect::<Vec<_>>()).await?);
        kept.sort();
        kept.dedup();
        self.delete_parents(&split.parents).await?;
        Ok(RollBack::Done { kept })
    }

    async fn listed(
        &self,
        places: &BTreeMap<String, BTreeMap<&'static str, &'static AllowedKind>>,
    ) -> Result<Split, Stop> {
        let mut lists = vec![];
        for (namespace, kinds) in places {
            let parents = (parent::kind().plural, parent::kind());
            let kinds: BTreeMap<_, _> = kinds.iter().map(|(p, k)| (*p, *k)).chain([parents]).collect();
            lists.extend(kinds.into_values().map(|kind| self.list(kind, namespace.clone(), Accept::MetadataList)));
        }
        let items = try_join_all(lists).await?.into_iter().flat_map(|l| l.items);
        Ok(split(items, &self.task.manager()))
    }

    /// Asks for every deletion, in reverse order of tiers.
    async fn delete_all(&self, remaining: &[Value]) -> Result<(), Stop> {
        let mut doomed: Vec<_> =
            remaining.iter().filter(|o| !view::is_terminating(o)).filter_map(|o| Some((kind_of(o)?, o))).collect();
        doomed.sort_by_key(|(kind, _)| std::cmp::Reverse(kind.tier));
        for tier in doomed.chunk_by(|(a, _), (b, _)| a.tier == b.tier) {
            let deletes = tier.iter().map(|(kind, object)| self.delete_live(kind, object));
            join_all(deletes).await.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(())
    }

    async fn delete_live(&self, kind: &AllowedKind, object: &Value) -> Result<(), Stop> {
        let text = |pointer| view::text(object, pointer);
        let path = item(kind, text("/metadata/namespace"), text("/metadata/name"));
        let call = Call::delete(&path, text("/metadata/uid"), propagation(kind.template.is_some()));
        match self.api.send(&call).await {
            Err(e) if e.is_not_found() || e.refusal().is_some_and(crate::Refusal::is_race) => Ok(()),
            other => other.map(drop).map_err(|error| match Desired::of_live(object) {
                Some(one) => one_stop(&one, error),
                None => error.into(),
            }),
        }
    }

    async fn delete_parents(&self, parents: &[Value]) -> Result<(), Stop> {
        join_all(parents.iter().map(|p| self.delete_live(parent::kind(), p))).await.into_iter().collect()
    }

    /// Names what is still there and why; pods that a workload waits for are read for that.
    async fn pending(&self, remaining: &[Value]) -> RollBack {
        let namespaces: BTreeSet<_> =
            remaining.iter().map(|o| view::text(o, "/metadata/namespace").to_owned()).collect();
        let pod = kinds::allowed("v1", "Pod").expect("Pod is in the table of kinds");
        let lists = join_all(namespaces.into_iter().map(|n| self.list(pod, n, Accept::MetadataList))).await;
        // Pods only explain: where they cannot be read, the objects are named without them.
        let pods: Vec<_> = lists.into_iter().flatten().flat_map(|l| l.items).collect();
        let standings = remaining.iter().map(|object| (view::reference(object), blocker(object, &pods)));
        let (problems, objects) = standings
            .map(|(object, text)| {
                let problem = Problem::error("rollback_blocked", text.clone()).on(&object);
                let status = ObjectStatus {
                    object,
                    health: Health::Progressing,
                    reason: "Terminating".to_owned(),
                    message: text,
                    since: None,
                };
                (problem, status)
            })
            .unzip();
        RollBack::Pending { problems, objects }
    }

    /// Claims that StatefulSets made from their templates: Kubernetes leaves them, and so do we.
    async fn claims(&self, manifests: &[&Value]) -> Result<Vec<ObjectRef>, Stop> {
        let claim = kinds::allowed("v1", "PersistentVolumeClaim").expect("PVC is in the table of kinds");
        let mut kept = vec![];
        for set in manifests
            .iter()
            .filter(|m| m["kind"] == "StatefulSet" && !view::list(m, "/spec/volumeClaimTemplates").is_empty())
        {
            let namespace = view::text(set, "/metadata/namespace");
            let answer = self.api.send(&Call::get(&collection(claim, namespace), &[], Accept::MetadataList)).await?;
            let made =
                view::list(&answer.body, "/items").iter().filter(|c| is_claim_of(view::text(c, "/metadata/name"), set));
            kept.extend(made.map(|c| ObjectRef {
                namespace: namespace.to_owned(),
                api_version: claim.api_version(),
                kind: claim.kind.to_owned(),
                name: view::text(c, "/metadata/name").to_owned(),
            }));
        }
        Ok(kept)
    }
}

fn kind_of(object: &Value) -> Option<&'static AllowedKind> {
    kinds::allowed(view::text(object, "/apiVersion"), view::text(object, "/kind"))
}

/// `<template>-<set>-<ordinal>`.
fn is_claim_of(name: &str, set: &Value) -> bool {
    let set_name = view::text(set, "/metadata/name");
    view::list(set, "/spec/volumeClaimTemplates").iter().any(|template| {
        let prefix = format!("{}-{set_name}-", view::text(template, "/metadata/name"));
        name.strip_prefix(&prefix)
            .is_some_and(|ordinal| !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// Objects with a controller owner are aside: their owner makes and removes them, and some controllers
/// copy our labels (EndpointSlices).
fn split(items: impl Iterator<Item = Value>, manager: &str) -> Split {
    let mut split = Split::default();
    for object in items {
        if object["kind"] == "ConfigMap" && parent::is_parent(&object, manager) {
            split.parents.push(object);
        } else if is_kept(&object) {
            split.kept.push(view::reference(&object));
        } else if view::controller(&object).is_none() {
            split.remaining.push(object);
        }
    }
    split
}

/// Why an object is still there.
fn blocker(object: &Value, pods: &[Value]) -> String {
    let names = |o: &Value| {
        let finalizers = view::list(o, "/metadata/finalizers").iter().filter_map(Value::as_str);
        finalizers.filter(|f| *f != "foregroundDeletion").map(|f| format!("`{f}`")).collect::<Vec<_>>().join(", ")
    };
    let own = names(object);
    if !own.is_empty() {
        return format!("waits for the finalizer {own}: whoever set it has to remove it");
    }
    let blocking = pods.iter().find(|pod| crate::health::belongs_to(pod, object) && view::controller(pod).is_some());
    match blocking.map(|pod| (view::text(pod, "/metadata/name"), names(pod))) {
        Some((pod, finalizers)) if !finalizers.is_empty() => {
            format!("waits for its Pod/{pod}, which waits for the finalizer {finalizers}")
        }
        Some((pod, _)) => format!("waits until its Pod/{pod} has ended"),
        None if view::is_terminating(object) => "is being deleted".to_owned(),
        None => owner_of(object),
    }
}

fn owner_of(object: &Value) -> String {
    let owners = view::list(object, "/metadata/ownerReferences").iter();
    let names: Vec<_> = owners.map(|o| format!("{}/{}", view::text(o, "/kind"), view::text(o, "/name"))).collect();
    format!("was not deleted yet; owner: {}", names.join(", "))
}
