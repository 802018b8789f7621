//! The tables, and what is asked of them.

use domain::{Fact, TaskId, TaskKey, TaskName, TaskStatus, TenantName, status};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::{stored, suffix};

/// Facts of a task lie side by side, so that a read of them is one look-up.
pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS state_tasks (
        tenant TEXT NOT NULL,
        task BLOB NOT NULL,
        name TEXT NOT NULL,
        backwards TEXT NOT NULL,
        version INTEGER NOT NULL,
        PRIMARY KEY (tenant, task)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS state_names ON state_tasks (tenant, name, task);
    CREATE INDEX IF NOT EXISTS state_suffixes ON state_tasks (tenant, backwards);
    CREATE TABLE IF NOT EXISTS state_facts (
        task BLOB NOT NULL,
        member TEXT NOT NULL,
        precedence INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (task, member)
    ) WITHOUT ROWID;";

const ADD_FACT: &str = "INSERT INTO state_facts (task, member, precedence, body) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET precedence = excluded.precedence, body = excluded.body
    WHERE excluded.precedence > precedence";
const COUNT_CHANGE: &str = "INSERT INTO state_tasks (tenant, task, name, backwards, version) VALUES (?1, ?2, ?3, ?4, 1)
    ON CONFLICT DO UPDATE SET version = version + 1";
const FACTS: &str = "SELECT version, body FROM state_tasks JOIN state_facts USING (task)
    WHERE tenant = ?1 AND state_tasks.task = ?2";
const BY_NAME: &str = "SELECT task FROM state_tasks WHERE tenant = ?1 AND name = ?2 ORDER BY task DESC LIMIT 1";
const BY_SUFFIX: &str = "SELECT task FROM state_tasks
    WHERE tenant = ?1 AND backwards >= ?2 AND backwards < ?2 || 'g' LIMIT 2";
const IDS: &str = "SELECT task FROM state_tasks WHERE tenant = ?1 AND task < ?2 ORDER BY task DESC LIMIT ?3";
const FORGET_TASK: &str = "DELETE FROM state_tasks WHERE tenant = ?1 AND task = ?2";
const FORGET_FACTS: &str = "DELETE FROM state_facts WHERE task = ?1";

/// Sorts after every id.
const AFTER_IDS: [u8; 17] = [0xFF; 17];

/// A fact, ready to be written: encoded before it comes to the one thread that writes.
pub(super) struct Row {
    key: TaskKey,
    name: TaskName,
    backwards: String,
    member: String,
    precedence: i64,
    body: String,
}

impl Row {
    pub(super) fn of(fact: &Fact) -> Self {
        Self {
            key: fact.key(),
            name: fact.name.clone(),
            backwards: suffix::reversed(fact.task),
            member: fact.member(),
            precedence: i64::try_from(fact.precedence()).unwrap_or(i64::MAX),
            body: stored::encode(fact),
        }
    }

    fn add(&self, tx: &Transaction<'_>) -> rusqlite::Result<bool> {
        let task = self.key.id.uuid();
        let fact = params![task.as_bytes(), self.member, self.precedence, self.body];
        if tx.prepare_cached(ADD_FACT)?.execute(fact)? == 0 {
            return Ok(false);
        }
        let task = params![self.key.tenant.as_str(), task.as_bytes(), self.name.as_str(), self.backwards];
        tx.prepare_cached(COUNT_CHANGE)?.execute(task)?;
        Ok(true)
    }
}

/// Adds facts; gives the tasks that changed.
pub(super) fn add(tx: &Transaction<'_>, rows: Vec<Row>) -> rusqlite::Result<Vec<TaskKey>> {
    let mut changed = Vec::with_capacity(rows.len());
    for row in rows {
        if row.add(tx)? {
            changed.push(row.key);
        }
    }
    Ok(changed)
}

pub(super) fn status(db: &Connection, key: &TaskKey) -> rusqlite::Result<Option<TaskStatus>> {
    let mut statement = db.prepare_cached(FACTS)?;
    let mut rows = statement.query(params![key.tenant.as_str(), key.id.uuid().as_bytes()])?;
    let (mut facts, mut version) = (Vec::<Fact>::new(), 0);
    while let Some(row) = rows.next()? {
        version = row.get::<_, i64>(0)?.unsigned_abs();
        facts.extend(stored::readable(key, row.get_ref(1)?.as_str()?));
    }
    Ok(status::fold(&facts).map(|status| TaskStatus { version, ..status }))
}

fn id(row: &rusqlite::Row<'_>) -> rusqlite::Result<TaskId> {
    row.get(0).map(suffix::id_of)
}

pub(super) fn by_name(db: &Connection, tenant: &TenantName, name: &TaskName) -> rusqlite::Result<Option<TaskId>> {
    db.prepare_cached(BY_NAME)?.query_row([tenant.as_str(), name.as_str()], id).optional()
}

pub(super) fn by_suffix(db: &Connection, tenant: &TenantName, backwards: &str) -> rusqlite::Result<Vec<TaskId>> {
    db.prepare_cached(BY_SUFFIX)?.query_map([tenant.as_str(), backwards], id)?.collect()
}

pub(super) fn ids(
    db: &Connection,
    tenant: &TenantName,
    before: Option<TaskId>,
    limit: usize,
) -> rusqlite::Result<Vec<TaskId>> {
    let before = before.map_or_else(|| AFTER_IDS.to_vec(), |id| id.uuid().as_bytes().to_vec());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    db.prepare_cached(IDS)?.query_map(params![tenant.as_str(), before, limit], id)?.collect()
}

pub(super) fn forget(tx: &Transaction<'_>, key: &TaskKey) -> rusqlite::Result<()> {
    let task = key.id.uuid();
    let known = tx.prepare_cached(FORGET_TASK)?.execute(params![key.tenant.as_str(), task.as_bytes()])?;
    if known == 1 {
        tx.prepare_cached(FORGET_FACTS)?.execute([task.as_bytes()])?;
    }
    Ok(())
}
