//! Contests: what is voted on, how a ballot is checked, carried and counted, and how standings are ranked.
//!
//! Nothing here does I/O, and no client library is in this crate's tree: ingest, tally, the stores and the
//! command line run the same code. A [`Definition`] is made valid where it enters and needs no second check; a
//! ballot from a queue is hostile until [`Definition::check`] passed it.
//!
//! Words: a *lane* is the ballots of one contest that travel on one routing key; a *batch* is one message of a lane;
//! a *segment* is what one request put into a batch; a *verdict* is what became of one ballot.

pub mod audit;
pub mod ballot;
pub mod batch;
pub mod definition;
pub mod gate;
pub mod generate;
pub mod ledger;
pub mod samples;
pub mod standings;

pub use audit::Audit;
pub use ballot::{Ballot, Fault, Value};
pub use batch::Batch;
pub use definition::{Definition, Kind, Revision};
pub use gate::Gate;
pub use ledger::{Entry, Increment, Verdict};
pub use standings::Standings;
