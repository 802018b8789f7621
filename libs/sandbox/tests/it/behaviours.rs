//! What the sandbox and the real API server 1.35 have to do alike: one suite for both, without controllers.

mod apply;
mod defaults;
mod delete;
mod refusals;

use std::panic::AssertUnwindSafe;

use futures::{FutureExt, future::BoxFuture};
use kube::Client;

use crate::caller::Caller;

/// One behaviour: panics where it is not met.
type Behaviour<'a> = BoxFuture<'a, ()>;

/// Everything, in a namespace of its own; all of it is tried before it fails.
pub async fn all(client: Client, namespace: &str) {
    let caller = Caller::new(client, namespace).await;
    let mut failed = 0;
    for part in [apply::all, defaults::all, refusals::all, delete::all] {
        for behaviour in part(&caller) {
            failed += usize::from(AssertUnwindSafe(behaviour).catch_unwind().await.is_err());
        }
    }
    assert_eq!(failed, 0, "behaviours that were not met; the panics above say which");
}
