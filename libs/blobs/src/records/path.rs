//! Keys of records.

use domain::{Revision, TaskId, TaskKey, TaskName, TenantName};

/// What is asked for to see whether the store answers.
pub(super) const PROBE: &str = "_access/probe";
/// Access records of tenants.
pub(super) const TENANTS: &str = "_access/tenants/";
/// Access records of tokens.
pub(super) const TOKENS: &str = "_access/tokens/";
/// Claims of namespaces.
const NAMESPACES: &str = "_access/namespaces/";
/// Records of contests.
pub(super) const CONTESTS: &str = "_contests/";
/// The id of the installation.
pub(super) const INSTALLATION: &str = "_installation";
/// The state store that tasks were compared with last.
pub(super) const COMPARED: &str = "_compared";
/// After every key that begins with `_`, before every tenant's.
pub(super) const AFTER_ACCESS: &str = "_z";

/// One part of a command's records.
pub(super) const COMMAND: &str = "command";
pub(super) const RENDERED: &str = "rendered";
pub(super) const REPORT: &str = "report";
pub(super) const OUTCOME: &str = "outcome";

/// The chain of a namespace, which the caller knows to be a label.
pub(super) fn namespace_chain(namespace: &str) -> String {
    format!("{NAMESPACES}{namespace}/")
}

pub(super) fn namespace(namespace: &str, k: u32) -> String {
    format!("{NAMESPACES}{namespace}/{k:06}")
}

pub(super) fn tasks(tenant: &TenantName) -> String {
    format!("{tenant}/tasks/")
}

pub(super) fn task(key: &TaskKey) -> String {
    format!("{}/tasks/{}/", key.tenant, key.id)
}

pub(super) fn part(key: &TaskKey, n: Revision, part: &str) -> String {
    format!("{}/tasks/{}/{n:06}/{part}", key.tenant, key.id)
}

/// After every record of the task, before the next task's: numbers sort before `z`.
pub(super) fn after_task(tenant: &TenantName, id: TaskId) -> String {
    format!("{tenant}/tasks/{id}/z")
}

/// After every record of the tenant: its folders sort before `z`.
pub(super) fn after_tenant(tenant: &TenantName) -> String {
    format!("{tenant}/z")
}

pub(super) fn names(tenant: &TenantName) -> String {
    format!("{tenant}/names/")
}

pub(super) fn name_chain(tenant: &TenantName, name: &TaskName) -> String {
    format!("{tenant}/names/{name}/")
}

pub(super) fn name(tenant: &TenantName, name: &TaskName, k: u32) -> String {
    format!("{tenant}/names/{name}/{k:06}")
}

pub(super) fn idempotency_keys(tenant: &TenantName) -> String {
    format!("{tenant}/idempotency/")
}

pub(super) fn idempotency(tenant: &TenantName, hash: &str) -> String {
    format!("{tenant}/idempotency/{hash}")
}

/// The number and part of `<tenant>/tasks/<id>/<n>/<part>`.
pub(super) fn parse_part(key: &str) -> Option<(TaskId, Revision, &str)> {
    let mut segments = key.split('/').skip(2);
    let id = segments.next()?.parse().ok()?;
    let n = segments.next()?.parse().ok()?;
    Some((id, n, segments.next()?))
}

/// The name and number of `<tenant>/names/<name>/<k>`.
pub(super) fn parse_name(key: &str) -> Option<(TaskName, u32)> {
    let mut segments = key.split('/').skip(2);
    Some((segments.next()?.parse().ok()?, segments.next()?.parse().ok()?))
}
