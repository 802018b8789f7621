//! Where the servers' programs are, and what is said when they are missing.

#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};

/// The version of Kubernetes that `servers/kubernetes/go.mod` pins.
pub(crate) const KUBERNETES: &str = "1.35.4";

/// Folders that are not on everybody's `PATH`. RabbitMQ's own folder comes first: the wrapper in
/// `/usr/sbin` changes the user, which needs a service's set-up.
const SYSTEM: [&str; 4] = ["/usr/lib/rabbitmq/bin", "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"];

/// Whether this is a run that must not skip anything.
pub fn ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Says on stderr, past the test harness's capture, that something is skipped and why.
///
/// # Panics
/// With `CI=true`.
pub fn skip(reason: &str) {
    assert!(!ci(), "{reason}; with CI=true nothing is skipped");
    // Nobody to tell where stderr is closed.
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

/// Where `servers/install.sh` keeps what it builds.
pub fn cache() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("MAREA_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("marea")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/marea")))
        .unwrap_or_else(|| std::env::temp_dir().join("marea-cache"))
}

/// The programs' paths, in that order; `None`, and said, where one is missing.
pub(crate) fn find<const N: usize>(names: [&str; N]) -> Option<[PathBuf; N]> {
    let found = names.map(find_one);
    let missing: Vec<&str> =
        names.iter().zip(&found).filter(|(_, path)| path.is_none()).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        skip(&format!("not installed: {} (run libs/testkit/servers/install.sh)", missing.join(", ")));
        return None;
    }
    Some(found.map(|path| path.expect("none is missing")))
}

fn find_one(name: &str) -> Option<PathBuf> {
    let cache = cache();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let built = [cache.join(format!("kubernetes-{KUBERNETES}")), cache.join("bin")];
    let folders = built.into_iter().chain(SYSTEM.map(PathBuf::from)).chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(name)).find(|path| executable(path))
}

fn executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
