//! The one writer: takes all that wait, one transaction, one fsync, then answers all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::Error;

/// Writes that may wait: beyond it callers wait for room, which bounds memory.
pub(crate) const WAITING: usize = 4_096;
/// Writes in one commit: bounds how long the first of them waits for the last.
const BATCH: usize = 1_024;

/// How a write is kept whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// By a savepoint.
    AllOrNothing,
    /// By SQLite: it is one statement.
    OneStatement,
}

/// A write that waits, whatever it answers.
pub(crate) trait Write: Send {
    /// How it is kept whole.
    fn keep(&self) -> Keep;
    /// Runs the closure and keeps its answer. Whether its changes are to be kept.
    fn run(&mut self, transaction: &Transaction<'_>) -> bool;
    /// Answers: what the closure said if the commit holds, else why it does not.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

/// A closure, its answer and who waits for it.
pub(crate) struct Job<F, T> {
    closure: Option<F>,
    keep: Keep,
    answer: Result<T, Error>,
    caller: oneshot::Sender<Result<T, Error>>,
}

impl<F, T> Job<F, T> {
    pub(crate) fn new(closure: F, keep: Keep) -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (caller, answer) = oneshot::channel();
        (Self { closure: Some(closure), keep, answer: Err(Error::Closed), caller }, answer)
    }
}

impl<F, T> Write for Job<F, T>
where
    F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn keep(&self) -> Keep {
        self.keep
    }

    fn run(&mut self, transaction: &Transaction<'_>) -> bool {
        let closure = self.closure.take().expect("a job runs once");
        self.answer = match catch_unwind(AssertUnwindSafe(|| closure(transaction))) {
            Ok(answer) => answer.map_err(Error::from),
            Err(_panic) => Err(Error::Panicked),
        };
        self.answer.is_ok()
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        // Whoever asked may have gone away; the write holds all the same.
        let _gone = self.caller.send(committed.and(self.answer));
    }
}

/// Runs until every sender is gone.
pub(crate) fn run(mut connection: Connection, mut waiting: mpsc::Receiver<Box<dyn Write>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.blocking_recv_many(&mut batch, BATCH) > 0 {
        let began = Instant::now();
        let committed = commit(&mut connection, &mut batch).map_err(|e| {
            tracing::error!(error = %e, batch.size = batch.len(), "a commit to the embedded database failed");
            Error::Commit(Arc::new(e))
        });
        metrics::histogram!("embedded_commit_batch_size").record(batch.len() as f64);
        metrics::histogram!("embedded_commit_seconds").record(began.elapsed());
        batch.drain(..).for_each(|job| job.answer(committed.clone()));
    }
}

fn commit(connection: &mut Connection, batch: &mut [Box<dyn Write>]) -> rusqlite::Result<()> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    for job in batch {
        match job.keep() {
            Keep::AllOrNothing => run_in_savepoint(&transaction, job.as_mut())?,
            Keep::OneStatement => run_alone(&transaction, job.as_mut())?,
        }
    }
    transaction.commit()
}

/// A statement that fails changes nothing, and the others go on; but a full disk makes SQLite roll back everything
/// by itself, and then the batch has failed.
fn run_alone(transaction: &Transaction<'_>, job: &mut dyn Write) -> rusqlite::Result<()> {
    if !job.run(transaction) && transaction.is_autocommit() {
        return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None));
    }
    Ok(())
}

/// A full disk makes SQLite roll back everything by itself; then the savepoint is gone, its release
/// fails, and so does the batch.
fn run_in_savepoint(transaction: &Transaction<'_>, job: &mut dyn Write) -> rusqlite::Result<()> {
    let execute = |sql| transaction.prepare_cached(sql)?.execute([]).map(drop);
    execute("SAVEPOINT job")?;
    if !job.run(transaction) {
        execute("ROLLBACK TO job")?;
    }
    execute("RELEASE job")
}
