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
    fs::remove_file(&file).unwrap();
    assert!(folder.read().definitions.is_empty());
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
    fs::write(place.path().join("bands.yaml"), samples::BANDS.replace("kind: votes", "title: Ours\nkind: votes"))
        .unwrap_or_default();
    assert_eq!(folder.read().definitions.len(), 2);
}

#[test]
fn a_folder_that_is_missing_is_told() {
    let mut folder = Folder::new(Some("/nowhere/at/all".into()), false);
    assert_eq!(folder.read().troubles.len(), 1);
}
