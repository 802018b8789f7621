use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_folder_that_is_made_is_nobody_elses_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data");
    let _lock = Lock::take(&folder).unwrap();
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}
