//! A cluster that is away for a while.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use std::time::Duration;

use cluster::{Engine, Limits};
use cluster_applier::Clusters;
use domain::State;
use http::{Request, Response, StatusCode};
use kube::{Client, client::Body};

use crate::world::{World, deadline, job};

/// Has the world's service meet an API server that answers 503 while it is said to be away.
fn unsteady(world: &mut World) -> Arc<AtomicBool> {
    let (away, client) = (Arc::<AtomicBool>::default(), world.client.clone());
    let is_away = Arc::clone(&away);
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, is_away) = (client.clone(), is_away.load(Relaxed));
        async move {
            if is_away {
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                return Ok(answer);
            }
            client.send(request).await
        }
    });
    world.clusters = Clusters::one(Engine::new(Client::new(service, "default"), Limits::default()));
    away
}

#[tokio::test]
async fn an_outage_ends_no_job_that_runs_longer_than_the_deadline() {
    let mut world = World::idle().await;
    let away = unsteady(&mut world);
    world.replica();
    world.revision(1, deadline(2), &[job("long", "24s")]).await;
    world.until(|status| status.objects.iter().any(|object| object.message.ends_with("running"))).await;
    away.store(true, Relaxed);
    // Longer than the deadline after the start, and than a step is patient.
    tokio::time::sleep(Duration::from_secs(14)).await;
    away.store(false, Relaxed);
    world.state(1, State::Done).await;
}
