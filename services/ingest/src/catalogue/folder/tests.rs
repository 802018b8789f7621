use super::*;

fn names(read: &Read) -> Vec<&str> {
    read.definitions.iter().map(|d| d.name.as_str()).collect()
}

#[test]
fn a_broken_file_keeps_the_last_good_one_and_is_told_with_its_line() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("bands.yaml");
    fs::write(&file, samples::BANDS).unwrap();
    let mut folder = Folder::new(Some(place.path().to_owned()), false);
    let first = folder.read();
    assert_eq!((names(&first), first.troubles.len()), (vec!["bands"], 0));

    fs::write(&file, samples::BANDS.replace("kind: votes", "kind: boats")).unwrap();
    let broken = folder.read();
    assert_eq!(broken.definitions, first.definitions);
    assert!(broken.troubles["bands.yaml"].contains("line "), "{:?}", broken.troubles);

    fs::write(&file, samples::BANDS).unwrap();
    assert!(folder.read().troubles.is_empty());
}

#[test]
fn a_file_that_is_absent_for_one_look_is_being_saved_and_for_two_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("bands.yaml");
    fs::write(&file, samples::BANDS).unwrap();
    let mut folder = Folder::new(Some(place.path().to_owned()), false);
    for _ in 0..2 {
        assert_eq!(names(&folder.read()), ["bands"]);
        fs::remove_file(&file).unwrap();
        assert_eq!(names(&folder.read()), ["bands"]);
        fs::write(&file, samples::BANDS).unwrap();
        assert_eq!(names(&folder.read()), ["bands"]);
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(names(&folder.read()), ["bands"]);
    assert!(folder.read().definitions.is_empty());
}

#[test]
fn a_file_that_is_broken_at_the_start_asks_for_what_is_stored_once() {
    let place = tempfile::tempdir().unwrap();
    for name in ["bands", "olympics", "new"] {
        fs::write(place.path().join(format!("{name}.yaml")), "kind: boats").unwrap();
    }
    let mut folder = Folder::new(Some(place.path().to_owned()), true);
    let mut read = folder.read();
    read.unknown.sort();
    assert_eq!((names(&read), &read.unknown), (vec![], &["bands", "new", "olympics"].map(str::to_owned).into()));
    let stored = Definition::parse(&samples::BANDS.replace("title: Best band", "title: Ours")).unwrap();
    assert_eq!(folder.recall("bands", Some(stored.clone())), Some(stored.clone()));
    assert_eq!(folder.recall("new", None), None);
    assert_eq!(folder.recall("olympics", None), Some(samples::olympics()), "the sample");
    let read = folder.read();
    assert_eq!((names(&read), read.troubles.len(), read.unknown.len()), (vec!["bands", "olympics"], 3, 0));
    assert_eq!(read.definitions[0], stored);
}

#[test]
fn a_file_is_called_like_its_contest_and_a_sample_gives_way_to_it() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("other.yaml"), samples::BANDS).unwrap();
    fs::write(place.path().join("note.txt"), "no contest").unwrap();
    let mut folder = Folder::new(Some(place.path().to_owned()), true);
    let read = folder.read();
    assert_eq!(names(&read), ["bands", "olympics"]);
    assert!(read.troubles["other.yaml"].contains("bands.yaml"), "{:?}", read.troubles);
    fs::write(place.path().join("bands.yaml"), samples::BANDS.replace("title: Best band", "title: Ours")).unwrap();
    let read = folder.read();
    assert_eq!((read.definitions.len(), read.troubles.len()), (2, 1));
}

#[test]
fn a_folder_that_is_missing_is_told() {
    let mut folder = Folder::new(Some("/nowhere/at/all".into()), false);
    assert_eq!(folder.read().troubles.len(), 1);
}

#[test]
fn of_two_files_of_one_contest_one_is_passed_over_and_told() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("bands.yaml"), samples::BANDS).unwrap();
    fs::write(place.path().join("bands.yml"), samples::BANDS.replace("max: 5", "max: 9")).unwrap();
    let mut folder = Folder::new(Some(place.path().to_owned()), false);
    let both = folder.read();
    assert_eq!(both.definitions, [Definition::parse(samples::BANDS).unwrap()]);
    assert!(both.troubles["bands.yml"].contains("bands.yaml is there as well"), "{:?}", both.troubles);
}

#[test]
fn a_pipe_is_no_file_and_a_folder_that_is_gone_says_so() {
    let place = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(place.path().join("bands.yaml")).status().unwrap();
    assert!(made.success());
    fs::write(place.path().join("large.yaml"), vec![b'#'; 70_000]).unwrap();
    let mut folder = Folder::new(Some(place.path().to_owned()), false);
    let read = folder.read();
    assert!(!read.unreadable && read.definitions.is_empty());
    assert_eq!(read.troubles["bands.yaml"], "it is no regular file");
    assert!(read.troubles["large.yaml"].contains("70000 bytes"), "{:?}", read.troubles);
    drop(place);
    assert!(folder.read().unreadable);
}
