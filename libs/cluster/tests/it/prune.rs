//! What a new revision no longer has.

use domain::{Options, Problem, Rendered};
use serde_json::json;

use crate::world::{World, claim, config_map, service};

/// Whether going from one revision to another is to be confirmed.
async fn asked(world: &World, after: &Rendered, before: &Rendered, options: &Options) -> Option<Problem> {
    world.session().needs_confirmation(after, std::slice::from_ref(before), options).await.unwrap()
}

pub async fn what_a_revision_no_longer_has_is_deleted(world: World) {
    let before = world.rendered([config_map("a", "1"), config_map("b", "1"), service("c"), service("d")]);
    world.session().apply(&before).await.unwrap();
    let after = world.rendered([config_map("a", "1"), service("c")]);
    assert_eq!(asked(&world, &after, &before, &Options::default()).await, None);
    let none = world.rendered([]);
    assert!(asked(&world, &none, &before, &Options::default()).await.is_some());
    world.session().apply(&after).await.unwrap();
    let pruned = world.session().prune(&after, std::slice::from_ref(&before), &Options::default()).await.unwrap();
    let names: Vec<_> = pruned.deleted.iter().map(ToString::to_string).collect();
    // In reverse order of tiers.
    assert_eq!(names, ["Service/d", "ConfigMap/b"]);
    world.await_gone("/api/v1", "configmaps/b").await;
    assert!(world.get("/api/v1", "configmaps/a").await.is_some());
    // Of four objects of the records two are there: one is not more than half of them.
    let one = world.rendered([service("c")]);
    assert_eq!(asked(&world, &one, &before, &Options::default()).await, None);
}

pub async fn volumes_and_kept_objects_stay(world: World) {
    let mut kept = config_map("kept", "1");
    kept["metadata"]["annotations"] = json!({cluster::ON_DELETE_ANNOTATION: "keep"});
    let before = world.rendered([config_map("a", "1"), claim("disk"), kept]);
    world.session().apply(&before).await.unwrap();
    let after = world.rendered([config_map("a", "1")]);
    let options = Options::default();
    assert_eq!(asked(&world, &after, &before, &options).await, None, "nothing would be deleted");
    let pruned = world.session().prune(&after, std::slice::from_ref(&before), &options).await.unwrap();
    assert_eq!((pruned.deleted.len(), pruned.kept.len(), pruned.warnings.len()), (0, 2, 2));
    let volumes = Options { prune_volumes: true, ..options };
    let nothing = world.rendered([service("c")]);
    let problem = asked(&world, &nothing, &before, &volumes).await.unwrap();
    assert!(problem.message.starts_with("would delete 2 of 2 objects"), "{problem}");
    let confirmed = Options { confirm_prune: true, ..volumes.clone() };
    assert_eq!(asked(&world, &nothing, &before, &confirmed).await, None);
    // What was left goes on to be known by the outcome alone.
    let left = cluster::left(&pruned.kept);
    let again = world.session().prune(&after, std::slice::from_ref(&left), &Options::default()).await.unwrap();
    assert_eq!((again.deleted.len(), again.kept), (0, pruned.kept));
    assert_eq!(asked(&world, &after, &left, &Options::default()).await, None);
    let pruned = world.session().prune(&after, &[left], &volumes).await.unwrap();
    assert_eq!(pruned.deleted[0].to_string(), "PersistentVolumeClaim/disk");
    assert!(world.get("/api/v1", "configmaps/kept").await.is_some());
}
