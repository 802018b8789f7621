use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;

use super::*;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)";

async fn insert(database: &Database, n: i64) -> Result<(), Error> {
    database.write(move |tx| tx.prepare_cached("INSERT INTO t VALUES (?)")?.execute([n]).map(drop)).await
}

fn count(database: &Database) -> i64 {
    database.read(|c| c.query_row("SELECT count(*) FROM t", [], |row| row.get(0))).unwrap()
}

#[tokio::test]
async fn what_was_written_is_read_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/when/absent");
    let database = Database::open(&path).unwrap();
    database.create(SCHEMA).await.unwrap();
    insert(&database, 1).await.unwrap();
    assert_eq!(count(&database), 1);
    drop(database);
    let database = Database::open(&path).unwrap();
    database.create(SCHEMA).await.unwrap();
    assert_eq!(count(&database), 1);
    assert_eq!(database.scan(|c| c.query_row("SELECT n FROM t", [], |row| row.get::<_, i64>(0))).await.unwrap(), 1);
}

#[tokio::test]
async fn writes_that_wait_together_share_a_commit() {
    let database = Database::ephemeral().unwrap();
    database.create(SCHEMA).await.unwrap();
    // The first write holds the writer until all others wait.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let first = tokio::spawn({
        let database = database.clone();
        async move { database.write(move |_| Ok(held.recv().is_ok())).await }
    });
    let queued = Arc::new(AtomicUsize::new(0));
    let writes = (0..500).map(|n| {
        let (database, queued) = (database.clone(), queued.clone());
        tokio::spawn(async move {
            queued.fetch_add(1, Ordering::SeqCst);
            let reader = database.clone();
            // A reader sees only what earlier commits left.
            database.write(move |tx| insert_row(tx, n).map(|()| count(&reader))).await.unwrap()
        })
    });
    let writes: Vec<_> = writes.collect();
    while queued.load(Ordering::SeqCst) < 500 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    release.send(()).unwrap();
    assert!(first.await.unwrap().unwrap());
    let mut commits: Vec<i64> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    commits.dedup();
    assert_eq!(count(&database), 500);
    assert!(commits.len() <= 2, "500 writes took {} commits", commits.len());
}

fn insert_row(tx: &Transaction<'_>, n: i64) -> rusqlite::Result<()> {
    tx.execute("INSERT INTO t VALUES (?)", [n]).map(drop)
}

#[tokio::test]
async fn a_failing_or_panicking_write_spoils_no_other_in_its_batch() {
    let database = Database::ephemeral().unwrap();
    database.create(SCHEMA).await.unwrap();
    let failing = database.write(|tx| insert_row(tx, 1).and_then(|()| insert_row(tx, 1)));
    let panicking = database.write(|tx| insert_row(tx, 2).map(|()| -> () { panic!("on purpose") }));
    let (good, failed, panicked) = tokio::join!(insert(&database, 3), failing, panicking);
    good.unwrap();
    assert!(matches!(failed, Err(Error::Sqlite(_))), "{failed:?}");
    assert!(matches!(panicked, Err(Error::Panicked)), "{panicked:?}");
    assert_eq!(count(&database), 1);
}

#[tokio::test]
async fn a_second_process_is_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).unwrap();
    let second = Database::open(folder.path());
    assert!(matches!(second, Err(Error::InUse { pid }) if pid == std::process::id()), "{second:?}");
    drop(database);
    Database::open(folder.path()).unwrap();
}

#[tokio::test]
async fn an_ephemeral_database_leaves_nothing() {
    let database = Database::ephemeral().unwrap();
    let folder = database.0.temporary.as_ref().unwrap().path().to_owned();
    database.create(SCHEMA).await.unwrap();
    assert!(folder.join(FILE).exists());
    drop(database);
    assert!(!folder.exists());
    let database = Database::ephemeral().unwrap();
    let folder = database.0.temporary.as_ref().unwrap().path().to_owned();
    let _left = database.clone();
    database.discard();
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_write_whose_caller_went_away_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path()).unwrap();
    database.create(SCHEMA).await.unwrap();
    let mut write = Box::pin(insert(&database, 1));
    assert!(futures::poll!(&mut write).is_pending());
    drop(write);
    drop(database);
    assert_eq!(count(&Database::open(folder.path()).unwrap()), 1);
}

const CHILD: &str = "EMBEDDED_CRASH_CHILD";

/// Not a test by itself: the child of the test below, which prints each number once it is answered.
#[tokio::test]
async fn crash_child() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let database = Database::open(&folder).unwrap();
    database.create(SCHEMA).await.unwrap();
    let next = AtomicUsize::new(usize::try_from(count(&database)).unwrap() * 10);
    let writer = async || loop {
        let n = next.fetch_add(1, Ordering::SeqCst);
        insert(&database, n as i64).await.unwrap();
        println!("acknowledged {n}");
    };
    join_all((0..32).map(|_| writer())).await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_to_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=5 {
        let acknowledged = kill_after(folder.path(), 200 * round);
        let database = Database::open(folder.path()).expect("the dead child's lock is gone");
        for n in acknowledged {
            let found: bool = database
                .read(|c| c.query_row("SELECT EXISTS (SELECT 1 FROM t WHERE n = ?)", [n], |row| row.get(0)))
                .unwrap();
            assert!(found, "{n} was acknowledged and is gone");
        }
    }
}

/// Runs the child until it has printed that many acknowledgements, kills it, and returns all that it printed.
fn kill_after(folder: &Path, acknowledgements: usize) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "database::tests::crash_child", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut numbers = Vec::new();
    for line in lines {
        let Some(n) = line.strip_prefix("acknowledged ").and_then(|n| n.parse().ok()) else { continue };
        numbers.push(n);
        if numbers.len() == acknowledgements {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(numbers.len() >= acknowledgements, "the child ended early");
    numbers
}

#[test]
fn sqlite_is_compiled_as_the_workspace_says() {
    let database = Database::ephemeral().unwrap();
    let given = |option: &str| {
        database.read(|c| c.query_row("SELECT sqlite_compileoption_used(?)", [option], |row| row.get::<_, bool>(0)))
    };
    for option in ["DEFAULT_MEMSTATUS=0", "LIKE_DOESNT_MATCH_BLOBS", "OMIT_SHARED_CACHE"] {
        assert!(given(option).unwrap(), "no {option}: run cargo in this folder, so that .cargo/config.toml holds");
    }
}
