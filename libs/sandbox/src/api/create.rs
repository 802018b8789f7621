//! Creation: by POST, and by an apply of what is absent.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Call, Moment, Reply, defaults, names, normal, prepare, validate, written};
use crate::{
    failure::Failure,
    json::{at, entries, map, put, remove, text},
    merge::{Entry, Managers, Node},
    store::Store,
};

pub(super) fn create(store: &Store, call: &Call, moment: Moment) -> Result<Reply, Failure> {
    let mut call = call.clone();
    call.check_names()?;
    if call.name.is_empty() {
        call.name = text(&call.body, "metadata.name").to_owned();
    }
    let generate = text(&call.body, "metadata.generateName");
    if call.name.is_empty() && !generate.is_empty() {
        call.name = format!("{generate}{}", names::suffix(&moment.uid(store)));
    }
    if call.strict {
        validate::unknown_fields(call.resource, &call.body)?;
    }
    call.check_namespace(store)?;
    let mut object = call.body.clone();
    validate::types(call.resource, &object).and_then(|()| validate::encoded(&object)).map_err(|why| {
        Failure::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: json: cannot unmarshal {why}",
            call.resource.kind, call.resource.version, call.resource.kind
        ))
    })?;
    remove(&mut object, "metadata.managedFields");
    normal::normalise(call.resource, &mut object);
    name(&call, &mut object);
    defaults::apply(call.resource, &mut object);
    let entry = Entry::new(&call.manager, false, &call.resource.api_version(), "");
    let managers = owned(&call, &object, entry, moment);
    finish(store, &call, object, &managers, moment)
}

fn owned(call: &Call, object: &Value, entry: Entry, moment: Moment) -> Managers {
    let empty = match call.resource.kind {
        "Deployment" => json!({"metadata": {}, "spec": {"strategy": {}, "template": {"metadata": {}, "spec": {}}}}),
        _ if object.get("spec").is_some() => json!({"metadata": {}, "spec": {}}),
        _ => json!({"metadata": {}}),
    };
    Managers::default().update(Node::of(call.resource.shape()), (&empty, object), (entry, &moment.text()))
}

fn name(call: &Call, object: &mut Value) {
    let (kind, version) = (call.resource.kind, call.resource.api_version());
    map(object).insert("kind".to_owned(), kind.into());
    put(object, "apiVersion", version);
    put(object, "metadata.name", call.name.clone());
    if call.resource.namespaced {
        put(object, "metadata.namespace", call.namespace.clone());
    }
}

/// From a defaulted object to the one that is stored.
pub(super) fn finish(
    store: &Store,
    call: &Call,
    mut object: Value,
    managers: &Managers,
    moment: Moment,
) -> Result<Reply, Failure> {
    name(call, &mut object);
    call.check_namespace(store)?;
    if !call.name.is_empty() && store.get(&call.key()).is_some() {
        return Err(Failure::already_exists(call.resource, &call.name));
    }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"] {
        remove(&mut object, &format!("metadata.{field}"));
    }
    if !text(&object, "metadata.resourceVersion").is_empty() {
        return Err(Failure::bad_request("resourceVersion should not be set on objects to be created"));
    }
    put(&mut object, "metadata.uid", moment.uid(store));
    put(&mut object, "metadata.creationTimestamp", moment.text());
    prepare::create(store, call.resource, &mut object)?;
    // A `kind: Job` without labels shares those of its template, generated ones too.
    if call.resource.kind == "Job" && entries(&call.body, "metadata.labels").next().is_none() {
        let labels = at(&object, "spec.template.metadata.labels").clone();
        put(&mut object, "metadata.labels", labels);
    }
    let causes = validate::create(store, call.resource, &object);
    if !causes.is_empty() {
        return Err(Failure::invalid(call.resource, &call.name, &causes));
    }
    if !managers.0.is_empty() {
        put(&mut object, "metadata.managedFields", managers.body());
    }
    Ok(written(store, call.resource, 201, object))
}

/// The service addresses and node ports in use.
pub(super) fn in_use(store: &Store, read: impl Fn(&Value) -> Vec<String>) -> BTreeSet<String> {
    let services = store.list(crate::resource::of_kind("Service"), "");
    services.flat_map(|(_, service)| read(service)).collect()
}
