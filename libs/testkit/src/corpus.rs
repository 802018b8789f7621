//! Test data that is not part of the repository.

use std::path::{Path, PathBuf};

use crate::programs::skip;

/// The root of the workspace.
///
/// # Panics
/// Never: this crate is two folders below the root.
pub fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("libs/testkit is two folders below the workspace's root").to_owned()
}

/// The folder of real manifests that nobody of this project wrote; it lies beside the workspace.
/// `None`, and said, where it is absent.
///
/// # Panics
/// Where it is absent and `CI=true`.
pub fn corpus() -> Option<PathBuf> {
    let folder = workspace().join("../shared/corpus");
    if !folder.is_dir() {
        skip("the corpus of real manifests is not there (../shared/corpus beside the workspace)");
        return None;
    }
    folder.canonicalize().ok()
}
