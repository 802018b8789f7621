//! In a real browser: Debian's `chromium`, without a window.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use crate::api::{ID, start, start_changing};

/// The browser, or `None` with a sentence where it is not installed; in CI it must be.
pub fn chromium() -> Option<&'static Path> {
    let found = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let found = found.into_iter().map(Path::new).find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "chromium is needed: apt-get install chromium");
        eprintln!("skipped: no browser; apt-get install chromium");
    }
    found
}

async fn run(browser: &'static Path, arguments: Vec<String>) -> Output {
    let profile = tempfile::tempdir().expect("a folder");
    let output = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]);
        command.args(["--enable-logging=stderr", "--virtual-time-budget=1000"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.args(arguments).output().expect("started")
    });
    output.await.expect("ended")
}

/// What the page's scripts and policy complained of.
fn complaints(output: &Output) -> Vec<String> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    stderr.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_task_and_nothing_complains() {
    let Some(browser) = chromium() else { return };
    let (page, _) = start().await;
    for path in ["/".to_owned(), format!("/tasks/{ID}"), format!("/tasks/{ID}/manifests"), "/upload".to_owned()] {
        let output = run(browser, vec!["--dump-dom".into(), format!("{page}{path}")]).await;
        let dom = String::from_utf8_lossy(&output.stdout);
        assert!(dom.contains("<main id=\"main\""), "{path}: {dom}");
        assert!(path == "/upload" || dom.contains("swj-demo"), "{path}: {dom}");
        assert!(!dom.contains("<title>owned"), "{path}: a user's text was run");
        assert_eq!(complaints(&output), Vec::<String>::new(), "{path}");
    }
}

/// Until it shows the change: the browser's virtual time, after which it dumps, does not wait for events, so that on a busy
/// machine it may run out before the first one came.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_s_page_follows_it_by_events_and_asks_for_nothing_else() {
    let Some(browser) = chromium() else { return };
    let followed = testkit::until("the page shows the change", Duration::from_secs(120), || async {
        let (page, paths) = start_changing().await;
        let output = run(browser, vec!["--dump-dom".into(), format!("{page}/tasks/{ID}")]).await;
        let dom = String::from_utf8_lossy(&output.stdout).into_owned();
        let shown = ["data-version=\"8\"", "Task swj-demo is DONE, healthy"].iter().all(|text| dom.contains(text));
        if shown { Ok(paths) } else { Err(dom) }
    });
    let paths = followed.await.expect("the page shows the change");
    let paths = paths.lock().expect("alone");
    assert!(paths.iter().any(|path| path.ends_with("/events")), "{paths:?}");
    assert!(!paths.iter().any(|path| path.ends_with("/changes")), "{paths:?}");
}

/// Pictures for people, where `MAREA_SCREENSHOTS` names a folder.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_taken_where_asked() {
    let (Some(browser), Some(folder)) = (chromium(), std::env::var_os("MAREA_SCREENSHOTS").map(PathBuf::from)) else {
        return;
    };
    std::fs::create_dir_all(&folder).expect("made");
    let (page, _) = start().await;
    let looks: [(&str, &str, Option<&str>); 3] = [
        ("light", "1200,1500", None),
        ("dark", "1200,1500", Some("--blink-settings=preferredColorScheme=0")),
        ("narrow", "500,1800", None),
    ];
    let paths = [
        ("list", "/".to_owned()),
        ("task", format!("/tasks/{ID}")),
        ("manifests", format!("/tasks/{ID}/manifests")),
        ("upload", "/upload".to_owned()),
        ("replace", format!("/tasks/{ID}/replace")),
        ("revert", format!("/tasks/{ID}/revert?to=1")),
        ("delete", format!("/tasks/{ID}/delete")),
    ];
    for (look, size, setting) in looks {
        for (name, path) in &paths {
            let file = folder.join(format!("{name}-{look}.png"));
            let mut arguments = vec![format!("--screenshot={}", file.display()), format!("--window-size={size}")];
            arguments.extend(setting.map(str::to_owned));
            arguments.push(format!("{page}{path}"));
            run(browser, arguments).await;
            assert!(file.exists(), "{}", file.display());
        }
    }
}
