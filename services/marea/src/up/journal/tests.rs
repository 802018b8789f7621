use serde_json::json;

use super::*;

fn change(key: &str, version: u64, object: Option<Value>) -> Change {
    Change { key: key.into(), version, object: object.map(Arc::new) }
}

#[tokio::test]
async fn what_was_appended_is_restored_and_what_was_removed_is_not() {
    let database = Database::ephemeral().expect("a database");
    let (journal, none) = EmbeddedJournal::open(database.clone()).await.expect("tables");
    assert_eq!(none, None);
    let changes = [
        change("a", 1, Some(json!({ "n": 1 }))),
        change("b", 2, Some(json!({ "n": 2 }))),
        change("a", 3, Some(json!({ "n": 3 }))),
        change("b", 4, None),
    ];
    journal.append(&changes).await.expect("written");
    // A batch may come again.
    journal.append(&changes).await.expect("written");
    let (_, restored) = EmbeddedJournal::open(database).await.expect("tables");
    let restored = restored.expect("kept");
    assert_eq!((restored.version, restored.objects), (4, vec![Arc::new(json!({ "n": 3 }))]));
}
