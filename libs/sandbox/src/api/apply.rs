//! Server-side apply.

use serde_json::{Value, json};

use super::{Call, Moment, Reply, create, defaults, normal, update, validate};
use crate::{
    failure::Failure,
    json::{at, text},
    merge::{Entry, Managers, Node, walk},
    store::Store,
};

pub(super) fn apply(store: &Store, call: &Call, force: bool, moment: Moment) -> Result<Reply, Failure> {
    check(call)?;
    let node = Node::of(call.resource.shape());
    typed(call, node)?;
    let live = store.get(&call.key());
    if live.is_none() && !call.subresource.is_empty() {
        return Err(Failure::not_found(call.resource, &call.name));
    }
    let nothing = json!({});
    let before = live.map_or(&nothing, |live| &**live);
    let entry = Entry::new(&call.manager, true, &call.resource.api_version(), call.subresource);
    let managers = live.map(|live| known(live, call, moment)).unwrap_or_default();
    let (new, managers) = managers.apply(node, (before, &call.body), (entry, &moment.text()), force)?;
    let mut new = new.unwrap_or_else(|| before.clone());
    validate::encoded(&new).map_err(|why| Failure::internal(format!("failed to convert new object: {why}")))?;
    normal::normalise(call.resource, &mut new);
    defaults::apply(call.resource, &mut new);
    match live {
        Some(live) => update::finish(store, call, live, new, &managers),
        None => absent(store, call, new, &managers, moment),
    }
}

fn absent(store: &Store, call: &Call, new: Value, managers: &Managers, moment: Moment) -> Result<Reply, Failure> {
    let uid = text(&new, "metadata.uid");
    if !uid.is_empty() {
        let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        return Err(Failure::conflict(call.resource, &call.name, &why));
    }
    create::finish(store, call, new, managers, moment)
}

/// An object that nobody's fields are known of is wholly of `before-first-apply`.
fn known(live: &Value, call: &Call, moment: Moment) -> Managers {
    let managers = Managers::of(live);
    if managers != Managers::default() {
        return managers;
    }
    let entry = Entry::new("before-first-apply", false, &call.resource.api_version(), "");
    managers.update(Node::of(call.resource.shape()), (&json!({}), live), (entry, &moment.text()))
}

fn check(call: &Call) -> Result<(), Failure> {
    if text(&call.body, "apiVersion").is_empty() || text(&call.body, "kind").is_empty() {
        return Err(Failure::bad_request("Object 'Kind' or 'apiVersion' is missing in the applied configuration"));
    }
    let (given, expected) = (text(&call.body, "apiVersion"), call.resource.api_version());
    if given != expected {
        let message = format!(
            "Incorrect version specified in apply patch. Specified patch version: {given}, expected: {expected}"
        );
        return Err(Failure::bad_request(message));
    }
    if !at(&call.body, "metadata.managedFields").is_null() {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    if call.manager.is_empty() {
        let message =
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
        return Err(Failure { code: 422, reason: "Invalid", ..Failure::bad_request(message) });
    }
    call.check_names()
}

/// What the schema does not know makes the API server answer 500 without a reason; so do we.
fn typed(call: &Call, node: Node) -> Result<(), Failure> {
    let known = validate::undeclared(call.resource, &call.body)
        .and_then(|()| validate::types(call.resource, &call.body))
        .and_then(|()| walk::check_items(node, &call.body, ""));
    known.map_err(|why| {
        let (group, version) = (call.resource.group, call.resource.version);
        let version = if group.is_empty() { format!("/{version}") } else { format!("{group}/{version}") };
        Failure::internal(format!(
            "failed to create typed patch object ({}/{}; {version}, Kind={}): {why}",
            call.namespace, call.name, call.resource.kind
        ))
    })
}
