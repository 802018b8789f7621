use std::{fs, thread};

use super::create::Creator;

#[test]
fn one_of_many_creators_of_a_file_in_new_folders_makes_it() {
    let root = tempfile::tempdir().unwrap();
    let creator = Creator::new(root.path().to_owned());
    let path = root.path().join("tenant/tasks/one/command");
    let bodies: Vec<String> = (0..32).map(|number| number.to_string()).collect();
    let made: Vec<&String> = thread::scope(|threads| {
        let (creator, path) = (&creator, &path);
        let started: Vec<_> = bodies
            .iter()
            .map(|body| (threads.spawn(move || creator.create(path, body.as_bytes()).unwrap()), body))
            .collect();
        started.into_iter().filter_map(|(thread, body)| thread.join().unwrap().then_some(body)).collect()
    });
    assert_eq!(made, [&fs::read_to_string(&path).unwrap()]);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing unfinished is left");
    assert!(creator.is_idle());
}

#[test]
fn what_a_crash_left_unfinished_is_in_nobodys_way() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("command#1"), "half").unwrap();
    let (creator, path) = (Creator::new(root.path().to_owned()), root.path().join("command"));
    assert!(creator.create(&path, b"whole").unwrap());
    assert!(!creator.create(&path, b"another").unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
}
