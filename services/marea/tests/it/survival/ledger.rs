//! What is stored, read from the data folder itself: nothing that the program says of itself is believed.
//!
//! Nobody may hold the database open while the process is killed, or the next one would find it open and recover
//! nothing; so each look opens it anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use embedded::rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::plan::Objects;

/// Keeps every `kind: Job` ever stored, and every pod of one.
const KEEP: &str = "
    CREATE TABLE test_ran (what TEXT, name TEXT, uid TEXT, PRIMARY KEY (what, name, uid));
    CREATE TRIGGER test_job AFTER INSERT ON sandbox_objects WHEN json_extract(new.object, '$.kind') = 'Job' BEGIN
        INSERT OR IGNORE INTO test_ran VALUES
            ('Job', json_extract(new.object, '$.metadata.name'), json_extract(new.object, '$.metadata.uid'));
    END;
    CREATE TRIGGER test_pod AFTER INSERT ON sandbox_objects
    WHEN json_extract(new.object, '$.kind') = 'Pod'
        AND json_extract(new.object, '$.metadata.ownerReferences[0].kind') = 'Job' BEGIN
        INSERT OR IGNORE INTO test_ran VALUES ('Pod', json_extract(new.object, '$.metadata.ownerReferences[0].name'),
            json_extract(new.object, '$.metadata.uid'));
    END;
";

/// The data folder's database.
pub struct Ledger(PathBuf);

impl Ledger {
    /// Of a folder that has its tables, and that no process has open.
    pub fn begin(data: &Path) -> Self {
        let file = data.join("marea.db");
        Connection::open(&file).and_then(|c| c.execute_batch(KEEP)).expect("the tables are there");
        Self(file)
    }

    fn open(&self) -> Connection {
        Connection::open_with_flags(&self.0, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database is there")
    }

    /// What the cluster holds of tasks, without what controllers made for those of `tasks`.
    pub fn objects(&self, tasks: &BTreeSet<&str>) -> Objects {
        let connection = self.open();
        let mut select = connection.prepare("SELECT object FROM sandbox_objects").expect("a table of the sandbox");
        let rows = select.query_map([], |row| row.get::<_, String>(0)).expect("read");
        let all = rows.map(|text| serde_json::from_str::<Value>(&text.expect("a text")).expect("JSON"));
        all.filter_map(|object| shown(&object, tasks)).collect()
    }

    /// How many pods each `kind: Job` ever had, by its name; more than one, too, where it was made anew.
    pub fn runs(&self) -> BTreeMap<String, u32> {
        let sql = "SELECT name, max(count) FROM
            (SELECT name, count(*) AS count FROM test_ran GROUP BY what, name) GROUP BY name";
        let connection = self.open();
        let mut select = connection.prepare(sql).expect("the test's table");
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("read");
        rows.collect::<Result<_, _>>().expect("names and numbers")
    }

    /// The `kind: Job`s and their pods that have not ended, whole: for whoever reads why a task did not.
    pub fn jobs(&self) -> Vec<String> {
        let sql = "SELECT object FROM sandbox_objects
            WHERE 'Job' IN (json_extract(object, '$.kind'), json_extract(object, '$.metadata.ownerReferences[0].kind'))
            AND json_extract(object, '$.status.completionTime') IS NULL
            AND ifnull(json_extract(object, '$.status.phase'), '') <> 'Succeeded'";
        let connection = self.open();
        let mut select = connection.prepare(sql).expect("a table of the sandbox");
        select.query_map([], |row| row.get(0)).expect("read").collect::<Result<_, _>>().expect("texts")
    }

    /// Messages that wait, also for later, each as its queue and type; dead letters too.
    pub fn messages(&self) -> Vec<String> {
        let sql = "SELECT queue || ' ' || kind FROM bus_messages UNION ALL
            SELECT 'dead letter: ' || queue || ' ' || kind || ' ' || reason FROM bus_dead_letters";
        let connection = self.open();
        let mut select = connection.prepare(sql).expect("tables of the bus");
        select.query_map([], |row| row.get(0)).expect("read").collect::<Result<_, _>>().expect("texts")
    }
}

/// `Kind/name` and its value, of an object of a task.
fn shown(object: &Value, tasks: &BTreeSet<&str>) -> Option<(String, String)> {
    let metadata = &object["metadata"];
    let task = metadata["labels"]["marea.dev/task"].as_str()?;
    let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
    let made = owners.clone().any(|owner| owner["controller"] == true);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = format!("{}/{}", text(&object["kind"]), text(&metadata["name"]));
    (!made || !tasks.contains(task)).then(|| (name, text(&object["data"]["key"])))
}
