use super::*;

#[test]
fn a_folder_with_other_files_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("thesis.tex"), "x").expect("written");
    assert!(refuse_foreign(dir.path()).is_err());
    assert!(reset(dir.path()).is_err());
    assert!(dir.path().join("thesis.tex").exists());
}

#[test]
fn a_reset_deletes_only_what_is_ours() {
    let dir = tempfile::tempdir().expect("a folder");
    for name in OURS {
        fs::write(dir.path().join(name), if name == MARK { MARKED } else { "" }).expect("written");
    }
    fs::write(dir.path().join("notes"), "x").expect("written");
    reset(dir.path()).expect("ours");
    let left: Vec<_> = fs::read_dir(dir.path()).expect("there").map(|e| e.expect("read").file_name()).collect();
    assert_eq!(left, ["notes"]);
}

#[test]
fn an_absent_folder_needs_no_reset() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(reset(&dir.path().join("none")).is_ok());
}
