//! What a new revision no longer has.

use cluster::needs_confirmation;
use domain::Options;
use serde_json::json;

use crate::world::{World, claim, config_map, service};

pub async fn what_a_revision_no_longer_has_is_deleted(world: World) {
    let before = world.rendered([config_map("a", "1"), config_map("b", "1"), service("c"), service("d")]);
    world.session().apply(&before).await.unwrap();
    let after = world.rendered([config_map("a", "1"), service("c")]);
    assert_eq!(needs_confirmation(&after, std::slice::from_ref(&before), &Options::default()), None);
    world.session().apply(&after).await.unwrap();
    let pruned = world.session().prune(&after, &[before], &Options::default()).await.unwrap();
    let names: Vec<_> = pruned.deleted.iter().map(ToString::to_string).collect();
    // In reverse order of tiers.
    assert_eq!(names, ["Service/d", "ConfigMap/b"]);
    world.await_gone("/api/v1", "configmaps/b").await;
    assert!(world.get("/api/v1", "configmaps/a").await.is_some());
}

pub async fn volumes_and_kept_objects_stay(world: World) {
    let mut kept = config_map("kept", "1");
    kept["metadata"]["annotations"] = json!({cluster::ON_DELETE_ANNOTATION: "keep"});
    let before = world.rendered([config_map("a", "1"), claim("disk"), kept]);
    world.session().apply(&before).await.unwrap();
    let after = world.rendered([config_map("a", "1")]);
    let options = Options::default();
    assert_eq!(needs_confirmation(&after, std::slice::from_ref(&before), &options), None, "nothing would be deleted");
    let pruned = world.session().prune(&after, std::slice::from_ref(&before), &options).await.unwrap();
    assert_eq!((pruned.deleted.len(), pruned.kept.len(), pruned.warnings.len()), (0, 2, 2));
    let volumes = Options { prune_volumes: true, ..options };
    let nothing = world.rendered([service("c")]);
    let problem = needs_confirmation(&nothing, std::slice::from_ref(&before), &volumes).unwrap();
    assert!(problem.message.starts_with("would delete 2 of 2 objects"), "{problem}");
    let confirmed = Options { confirm_prune: true, ..volumes.clone() };
    assert_eq!(needs_confirmation(&nothing, std::slice::from_ref(&before), &confirmed), None);
    let pruned = world.session().prune(&after, &[before], &volumes).await.unwrap();
    assert_eq!(pruned.deleted[0].to_string(), "PersistentVolumeClaim/disk");
    assert!(world.get("/api/v1", "configmaps/kept").await.is_some());
}
