//! What the sandbox and the real API server 1.35 have to do alike: one suite for both, without controllers.

mod apply;
mod defaults;
mod delete;
mod refusals;

use kube::Client;

use crate::caller::Caller;

/// Everything, in a namespace of its own.
pub async fn all(client: Client, namespace: &str) {
    let caller = Caller::new(client, namespace).await;
    apply::all(&caller).await;
    defaults::all(&caller).await;
    refusals::all(&caller).await;
    delete::all(&caller).await;
}
