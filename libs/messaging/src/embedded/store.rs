//! The bus in the database.

use ::embedded::rusqlite::{self, Connection, OptionalExtension, Row as SqlRow, Transaction, params};
use jiff::Timestamp;

use crate::topology::{self, AFTER_DEATH, ALONE_FROM, CONSUMABLE, Queue};
use crate::work::Counters;
use crate::{DeadLetter, Message};

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS bus_messages (
        seq INTEGER PRIMARY KEY,
        queue TEXT NOT NULL,
        due INTEGER, -- milliseconds since 1970; null: at once
        id TEXT NOT NULL,
        kind TEXT NOT NULL,
        body BLOB NOT NULL,
        headers TEXT NOT NULL, -- a JSON object of strings
        retries INTEGER NOT NULL,
        panics INTEGER NOT NULL,
        redeliveries INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS bus_alone ( -- what is, or was, handled alone
        seq INTEGER PRIMARY KEY,
        deaths INTEGER NOT NULL, -- of the process, meanwhile
        begun INTEGER NOT NULL -- 1: in the handler's hands; where a start finds that, the process died of it
    ) STRICT;
    CREATE TABLE IF NOT EXISTS bus_dead_letters (
        seq INTEGER PRIMARY KEY,
        queue TEXT NOT NULL,
        reason TEXT NOT NULL,
        time TEXT NOT NULL, -- RFC 3339
        id TEXT NOT NULL,
        kind TEXT NOT NULL,
        body BLOB NOT NULL,
        headers TEXT NOT NULL
    ) STRICT;
";

/// One message in one queue.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) queue: &'static Queue,
    pub(super) due: Option<Timestamp>,
    pub(super) message: Message,
    pub(super) counters: Counters,
}

/// Columns of a stored message.
const COLUMNS: usize = 10;
/// One message, then as many as the topology has queues at most: one statement, which is kept whole by itself.
const INSERT: [&str; 3] = [
    "INSERT INTO bus_messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO bus_messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO bus_messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?, ?, ?),
        (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
];
const _: () = assert!(INSERT.len() >= topology::QUEUES.len());

/// Inserts a message into its queues, by one statement.
pub(super) fn insert(tx: &Transaction<'_>, rows: &[Row]) -> rusqlite::Result<()> {
    let Some(sql) = rows.len().checked_sub(1).and_then(|n| INSERT.get(n)) else { return Ok(()) };
    let mut statement = tx.prepare_cached(sql)?;
    for (n, Row { seq, queue, due, message, counters }) in rows.iter().enumerate() {
        let (due, headers) = (due.map(Timestamp::as_millisecond), headers(message));
        let Message { id, kind, body, .. } = message;
        let Counters { retries, panics, redeliveries, .. } = counters;
        let body = body.as_ref();
        let values = params![seq, queue.name, due, id, kind, body, headers, retries, panics, redeliveries];
        for (column, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(n * COLUMNS + column + 1, value)?;
        }
    }
    statement.raw_execute().map(drop)
}

/// Deletes acknowledged messages.
pub(super) fn delete(tx: &Transaction<'_>, seqs: &[i64]) -> rusqlite::Result<()> {
    let mut statement = tx.prepare_cached("DELETE FROM bus_messages WHERE seq = ?")?;
    seqs.iter().try_for_each(|seq| statement.execute([seq]).map(drop))
}

/// Keeps what is remembered of messages that were put aside.
pub(super) fn put_aside(tx: &Transaction<'_>, rows: &[(i64, Timestamp, Counters)]) -> rusqlite::Result<()> {
    let sql = "UPDATE bus_messages SET due = ?2, retries = ?3, panics = ?4, redeliveries = ?5 WHERE seq = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    for (seq, due, counters) in rows {
        let Counters { retries, panics, redeliveries, .. } = counters;
        statement.execute(params![seq, due.as_millisecond(), retries, panics, redeliveries])?;
    }
    Ok(())
}

/// Notes that a message is about to be handled alone.
pub(super) fn begin_alone(tx: &Transaction<'_>, seq: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO bus_alone VALUES (?, 0, 1) ON CONFLICT (seq) DO UPDATE SET begun = 1";
    tx.prepare_cached(sql)?.execute([seq]).map(drop)
}

/// Notes that the process has outlived it.
pub(super) fn end_alone(tx: &Transaction<'_>, seq: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE bus_alone SET begun = 0 WHERE seq = ?")?.execute([seq]).map(drop)
}

/// Everything that waits, oldest first, after the last process is accounted for.
pub(super) fn recover(tx: &Transaction<'_>) -> rusqlite::Result<Vec<Row>> {
    let now = Timestamp::now();
    count_deaths(tx, now + AFTER_DEATH.delay())?;
    count_deliveries(tx, now)?;
    let sql = "SELECT queue, id, kind, body, headers, seq, due, retries, panics, redeliveries,
            coalesce((SELECT deaths FROM bus_alone WHERE bus_alone.seq = bus_messages.seq), 0)
        FROM bus_messages ORDER BY seq";
    let mut statement = tx.prepare(sql)?;
    let rows = statement.query_map([], row)?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(rows.into_iter().flatten().collect())
}

/// What was in a handler's hands alone has seen the process die, and rests.
fn count_deaths(tx: &Transaction<'_>, rested: Timestamp) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM bus_alone WHERE seq NOT IN (SELECT seq FROM bus_messages)", [])?;
    let sql = "UPDATE bus_messages SET due = ? WHERE seq IN (SELECT seq FROM bus_alone WHERE begun = 1)";
    tx.execute(sql, [rested.as_millisecond()])?;
    tx.execute("UPDATE bus_alone SET deaths = deaths + 1, begun = 0 WHERE begun = 1", []).map(drop)
}

/// As with a broker whose consumer died, what a consumer may have held counts as delivered once more: the oldest of
/// each queue up to its prefetch. Suspects wait elsewhere, and must not hide the one behind them that crashes.
fn count_deliveries(tx: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE bus_messages SET redeliveries = redeliveries + 1, due = NULL WHERE seq IN (
        SELECT seq FROM bus_messages WHERE queue = ? AND coalesce(due, 0) <= ? AND redeliveries < ?
            AND seq NOT IN (SELECT seq FROM bus_alone WHERE deaths > 0)
        ORDER BY seq LIMIT ?)";
    for queue in CONSUMABLE {
        tx.execute(sql, params![queue.name, now.as_millisecond(), ALONE_FROM, queue.prefetch])?;
    }
    Ok(())
}

/// `None`: of a queue that this version does not know; it stays stored for the version that does.
fn row(sql: &SqlRow<'_>) -> rusqlite::Result<Option<Row>> {
    let Some(queue) = topology::queue(&sql.get::<_, String>(0)?) else { return Ok(None) };
    let due = sql.get::<_, Option<i64>>(6)?.and_then(|due| Timestamp::from_millisecond(due).ok());
    let (retries, panics, redeliveries, deaths) = (sql.get(7)?, sql.get(8)?, sql.get(9)?, sql.get(10)?);
    let counters = Counters { retries, panics, redeliveries, deaths };
    Ok(Some(Row { seq: sql.get(5)?, queue, due, message: message(sql)?, counters }))
}

/// From the columns 1 to 4.
fn message(sql: &SqlRow<'_>) -> rusqlite::Result<Message> {
    let body: Vec<u8> = sql.get(3)?;
    let headers = serde_json::from_str(&sql.get::<_, String>(4)?).unwrap_or_default();
    Ok(Message { id: sql.get(1)?, kind: sql.get(2)?, body: body.into(), headers })
}

fn headers(message: &Message) -> String {
    serde_json::to_string(&message.headers).expect("a map of strings is JSON")
}

/// The highest number in use.
pub(super) fn highest(c: &Connection) -> rusqlite::Result<i64> {
    c.query_row("SELECT coalesce(max(seq), 0) FROM bus_messages", [], |row| row.get(0))
}

/// Moves a message to the dead letters.
pub(super) fn bury(tx: &Transaction<'_>, row: &Row, reason: &str) -> rusqlite::Result<()> {
    delete(tx, &[row.seq])?;
    insert_dead(tx, row.queue, &row.message, reason)
}

/// Adds a dead letter.
pub(super) fn insert_dead(
    tx: &Transaction<'_>,
    queue: &Queue,
    message: &Message,
    reason: &str,
) -> rusqlite::Result<()> {
    let Message { id, kind, body, .. } = message;
    let reason = DeadLetter::brief(reason);
    let (queue, time, body, headers) = (queue.name, Timestamp::now().to_string(), body.as_ref(), headers(message));
    let sql =
        "INSERT INTO bus_dead_letters (queue, reason, time, id, kind, body, headers) VALUES (?, ?, ?, ?, ?, ?, ?)";
    tx.prepare_cached(sql)?.execute(params![queue, reason.as_ref(), time, id, kind, body, headers]).map(drop)
}

pub(super) fn dead_count(c: &Connection) -> rusqlite::Result<u64> {
    let count: i64 = c.query_row("SELECT count(*) FROM bus_dead_letters", [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

pub(super) fn dead(c: &Connection, limit: usize) -> rusqlite::Result<Vec<DeadLetter>> {
    let sql = "SELECT queue, id, kind, body, headers, reason, time FROM bus_dead_letters ORDER BY seq LIMIT ?";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    c.prepare_cached(sql)?.query_map([limit], letter)?.collect()
}

fn letter(sql: &SqlRow<'_>) -> rusqlite::Result<DeadLetter> {
    let message = message(sql)?;
    let time = sql.get::<_, String>(6)?.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let body = DeadLetter::readable(&message);
    let Message { id, kind, .. } = message;
    Ok(DeadLetter { id, kind, queue: sql.get(0)?, reason: sql.get(5)?, time, body })
}

/// Moves the oldest dead letter of that id back into the queue that it came from.
pub(super) fn revive(tx: &Transaction<'_>, id: &str, seq: i64) -> rusqlite::Result<Option<Row>> {
    let sql = "DELETE FROM bus_dead_letters WHERE seq = (SELECT min(seq) FROM bus_dead_letters WHERE id = ?)
        RETURNING queue, id, kind, body, headers";
    let found = tx.prepare_cached(sql)?.query_row([id], |sql| Ok((sql.get::<_, String>(0)?, message(sql)?)));
    let Some((queue, message)) = found.optional()? else { return Ok(None) };
    let queue = topology::queue(&queue).ok_or(rusqlite::Error::InvalidQuery)?;
    let row = Row { seq, queue, due: None, message, counters: Counters::default() };
    insert(tx, std::slice::from_ref(&row))?;
    Ok(Some(row))
}

/// Drops the oldest dead letter of that id.
pub(super) fn forget(tx: &Transaction<'_>, id: &str) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM bus_dead_letters WHERE seq = (SELECT min(seq) FROM bus_dead_letters WHERE id = ?)";
    Ok(tx.prepare_cached(sql)?.execute([id])? > 0)
}
