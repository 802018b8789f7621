//! Writes what nobody awaits: acknowledgements, and what is remembered of messages that were put aside.

use std::time::Duration;

use ::embedded::Database;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::store;
use crate::work::Counters;

/// How long acknowledgements gather: each commit costs an fsync, and a crash within this time only delivers again.
const GATHER: Duration = Duration::from_millis(20);
/// Acknowledgements in one write, so that publishers do not wait long behind it.
const BATCH: usize = 1_000;
/// The wait after a write that failed: a full disk.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
enum Note {
    Gone(i64),
    Later(i64, Timestamp, Counters),
}

/// Takes notes.
pub(super) struct Settler(mpsc::UnboundedSender<Note>);

/// Writes them.
pub(super) struct Settling {
    database: Database,
    notes: mpsc::UnboundedReceiver<Note>,
}

impl Settler {
    pub(super) fn new(database: Database) -> (Self, Settling) {
        // Bounded by what consumers hold: each delivery is noted once.
        let (sender, notes) = mpsc::unbounded_channel();
        (Self(sender), Settling { database, notes })
    }

    /// The message is acknowledged.
    pub(super) fn gone(&self, seq: i64) {
        self.note(Note::Gone(seq));
    }

    /// The message is put aside.
    pub(super) fn later(&self, seq: i64, due: Timestamp, counters: Counters) {
        self.note(Note::Later(seq, due, counters));
    }

    fn note(&self, note: Note) {
        // After the bus was closed nothing is noted: the message comes again at the next start.
        let _closed = self.0.send(note);
    }
}

impl Settling {
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut notes = Vec::new();
        loop {
            match stop.run_until_cancelled(self.notes.recv_many(&mut notes, BATCH)).await {
                Some(1..) => drop(stop.run_until_cancelled(tokio::time::sleep(GATHER)).await),
                Some(0) | None => break,
            }
            while notes.len() < BATCH
                && let Ok(note) = self.notes.try_recv()
            {
                notes.push(note);
            }
            self.write(&mut notes, &stop).await;
        }
        self.notes.close();
        while let Ok(note) = self.notes.try_recv() {
            notes.push(note);
        }
        self.write(&mut notes, &stop).await;
    }

    async fn write(&self, notes: &mut Vec<Note>, stop: &CancellationToken) {
        let (gone, later) = split(notes);
        notes.clear();
        while let Err(error) = self.once(gone.clone(), later.clone()).await {
            tracing::error!(%error, messages = gone.len() + later.len(), "acknowledgements were not stored");
            if stop.run_until_cancelled(tokio::time::sleep(AGAIN)).await.is_none() {
                return;
            }
        }
    }

    async fn once(&self, gone: Vec<i64>, later: Vec<(i64, Timestamp, Counters)>) -> Result<(), ::embedded::Error> {
        if gone.is_empty() && later.is_empty() {
            return Ok(());
        }
        let write = self.database.write(move |tx| {
            store::put_aside(tx, &later)?;
            store::delete(tx, &gone)
        });
        write.await
    }
}

/// A message that was put aside and later acknowledged ends deleted, as the deletes come last.
fn split(notes: &[Note]) -> (Vec<i64>, Vec<(i64, Timestamp, Counters)>) {
    let (mut gone, mut later) = (Vec::new(), Vec::new());
    for note in notes {
        match *note {
            Note::Gone(seq) => gone.push(seq),
            Note::Later(seq, due, counters) => later.push((seq, due, counters)),
        }
    }
    (gone, later)
}
