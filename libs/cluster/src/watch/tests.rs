use domain::TaskId;
use schema::kinds;
use serde_json::{Value, json};

use super::Index;

fn index() -> Index {
    Index::new(kinds::allowed("apps/v1", "Deployment").expect("in the table"))
}

fn deployment(id: TaskId, uid: &str, ready: u32) -> Value {
    json!({"metadata": {"uid": uid, "resourceVersion": ready.to_string(),
            "labels": {crate::TASK_LABEL: id, crate::TENANT_LABEL: "local"}},
        "status": {"readyReplicas": ready}})
}

#[test]
fn only_a_change_of_health_names_the_task() {
    let (mut index, id) = (index(), TaskId::new());
    index.replace(&[deployment(id, "a", 0)]);
    assert_eq!(index.take("MODIFIED", &deployment(id, "a", 1)).map(|key| key.id), Some(id));
    let mut touched = deployment(id, "a", 1);
    touched["metadata"]["resourceVersion"] = json!("77");
    assert_eq!(index.take("MODIFIED", &touched), None);
    assert_eq!(index.take("BOOKMARK", &json!({})), None);
    assert_eq!(index.take("DELETED", &touched).map(|key| key.id), Some(id));
    assert_eq!(index.take("DELETED", &touched), None);
}

#[test]
fn a_new_list_names_what_changed_came_and_went() {
    let (mut index, ids) = (index(), [TaskId::new(), TaskId::new(), TaskId::new(), TaskId::new()]);
    index.replace(&[deployment(ids[0], "a", 1), deployment(ids[1], "b", 1), deployment(ids[2], "c", 1)]);
    let told = index.replace(&[deployment(ids[0], "a", 1), deployment(ids[1], "b", 2), deployment(ids[3], "d", 1)]);
    let told: Vec<_> = told.into_iter().map(|key| key.id).collect();
    assert_eq!(told, [ids[1], ids[2], ids[3]]);
}

#[test]
fn the_first_list_names_what_is_not_healthy() {
    let (mut index, ids) = (index(), [TaskId::new(), TaskId::new()]);
    let mut well = deployment(ids[0], "a", 1);
    well["spec"] = json!({"replicas": 1});
    well["status"] = json!({"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "conditions": [{"type": "Available", "status": "True"}]});
    let told = index.replace(&[well.clone(), deployment(ids[1], "b", 0)]);
    assert_eq!(told.into_iter().map(|key| key.id).collect::<Vec<_>>(), [ids[1]]);
    // A list that was empty was one, too.
    let mut index = self::index();
    assert!(index.replace(&[]).is_empty());
    assert_eq!(index.replace(&[well]).into_iter().map(|key| key.id).collect::<Vec<_>>(), [ids[0]]);
}

#[test]
fn labels_that_name_no_task_are_passed_over() {
    let mut odd = deployment(TaskId::new(), "a", 1);
    odd["metadata"]["labels"][crate::TASK_LABEL] = json!("nonsense");
    assert_eq!(index().take("ADDED", &odd), None);
}
