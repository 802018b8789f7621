use super::*;

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("My App_").suffix("_1").tempdir().expect("a folder");
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("made");
        fs::write(path, content).expect("written");
    }
    dir
}

#[test]
fn a_folder_gives_its_manifests_in_order_and_its_name() {
    let dir =
        folder(&[("b.yml", b"b"), ("a.yaml", b"a"), ("notes.txt", b"x"), ("deep/c.yaml", b"c"), (".h.yaml", b"h")]);
    let sources = Sources::read(&[dir.path().to_owned()], false).expect("read");
    let names: Vec<&str> = sources.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["a.yaml", "b.yml"]);
    let name = sources.name.expect("from the folder");
    assert!(name.as_str().starts_with("my-app-") && name.as_str().ends_with("-1"), "{name}");
    let all = Sources::read(&[dir.path().to_owned()], true).expect("read");
    assert!(all.files.iter().any(|f| f.name == "deep/c.yaml"));
}

#[test]
fn two_files_of_one_name_stay_apart_and_are_found_again() {
    let dir = folder(&[("x/a.yaml", b"1"), ("y/a.yaml", b"2")]);
    let paths = [dir.path().join("x/a.yaml"), dir.path().join("y/a.yaml")];
    let sources = Sources::read(&paths, false).expect("read");
    assert_eq!(sources.files[1].name, "2-a.yaml");
    let problem = sources.locate(Problem { file: "2-a.yaml".into(), ..Problem::default() });
    assert_eq!(problem.file, paths[1].display().to_string());
}

#[test]
fn a_file_that_is_not_text_is_a_problem_with_its_place() {
    let dir = folder(&[("a.yaml", b"kind: Pod\nx: \xff")]);
    let sources = Sources::read(&[dir.path().join("a.yaml")], false).expect("read");
    let problem = &sources.problems[0];
    assert_eq!((problem.line, problem.column, problem.code.as_str()), (2, 4, "not_utf8"));
}

#[test]
fn an_empty_folder_is_a_usage_error() {
    assert!(Sources::read(&[folder(&[]).path().to_owned()], false).is_err());
}
