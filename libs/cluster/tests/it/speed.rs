//! What the engine costs over bare applies, in one run.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{World, config_map};

/// Runs of each, one after the other by turns, so that both meet the same load.
const RUNS: usize = 15;

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

#[tokio::test]
async fn five_passive_objects_cost_at_most_four_times_five_bare_applies() {
    let Some(world) = World::real().await else { return };
    let engine = world.engine();
    let (mut bare, mut ours) = (vec![], vec![]);
    for run in 0..RUNS {
        let began = Instant::now();
        for i in 0..5 {
            let name = format!("bare-{run}-{i}");
            let mut object = config_map(&name, "1");
            object["metadata"]["namespace"] = json!(world.namespace);
            world.apply_as("bare", &world.path("/api/v1", &format!("configmaps/{name}")), &object).await;
        }
        bare.push(began.elapsed());
        let task = crate::world::task("fast");
        let rendered = world.rendered_of(&task, (0..5).map(|i| config_map(&format!("ours-{run}-{i}"), "1")));
        let until = cluster::SendUntil::always();
        let began = Instant::now();
        engine.session(task, None, until, Duration::from_secs(20)).apply(&rendered).await.unwrap();
        ours.push(began.elapsed());
    }
    let (bare, ours) = (median(bare), median(ours));
    eprintln!("five objects: bare {bare:?}, engine {ours:?}");
    assert!(ours <= 4 * bare, "bare {bare:?}, engine {ours:?}");
}
