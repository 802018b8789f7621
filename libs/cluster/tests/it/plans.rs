//! Dry runs.

use cluster::ChangeKind;
use domain::Options;

use crate::world::{World, config_map, deployment, service};

pub async fn a_plan_writes_nothing_and_names_fields(world: World) {
    let before =
        world.rendered([config_map("a", "1"), config_map("same", "1"), service("gone"), deployment("web", Some(1))]);
    world.session().apply(&before).await.unwrap();
    let parent = format!("configmaps/{}", world.task.manager());
    let remembered = world.get("/api/v1", &parent).await;
    let after = world.rendered([
        config_map("a", "2"),
        config_map("same", "1"),
        config_map("new", "1"),
        deployment("web", Some(1)),
    ]);
    let plan = world.session().plan(&after, &[before], &Options::default()).await.unwrap();
    let kinds: Vec<_> = plan.changes.iter().map(|c| (c.object.name.as_str(), c.change)).collect();
    let wanted = [
        ("a", ChangeKind::Update),
        ("same", ChangeKind::Unchanged),
        ("new", ChangeKind::Create),
        ("web", ChangeKind::Unchanged),
        ("gone", ChangeKind::Delete),
    ];
    assert_eq!(kinds, wanted, "{plan:#?}");
    let change = &plan.changes[0].fields[0];
    assert_eq!(
        (change.field.as_str(), change.from.clone(), change.to.clone()),
        ("data.key", Some("1".into()), Some("2".into()))
    );
    assert_eq!(world.get("/api/v1", "configmaps/a").await.unwrap()["data"]["key"], "1");
    assert!(world.get("/api/v1", "configmaps/new").await.is_none());
    assert!(world.get("/api/v1", "services/gone").await.is_some());
    assert_eq!(world.get("/api/v1", &parent).await, remembered);
}
