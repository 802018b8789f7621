//! Watches.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::world::{SOON, World, deployment};

pub async fn a_change_of_health_names_the_task(world: World) {
    let (sender, mut changed) = mpsc::channel(100);
    let shutdown = CancellationToken::new();
    let (engine, namespaces, token) = (world.engine(), vec![world.namespace.clone()], shutdown.clone());
    let watching = tokio::spawn(async move { engine.watch(&namespaces, sender, token).await });
    world.apply([deployment("web", Some(1))]).await;
    let told = tokio::time::timeout(SOON, changed.recv()).await.expect("a watch tells within the time");
    assert_eq!(told, Some(world.task.key.clone()));
    shutdown.cancel();
    watching.await.unwrap();
}
