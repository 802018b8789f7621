use super::*;

#[test]
fn a_task_id_has_one_spelling() {
    let id = TaskId::new();
    assert_eq!(id.to_string().parse(), Ok(id));
    assert!(id.uuid().simple().to_string().parse::<TaskId>().is_err());
    assert!(format!("{{{id}}}").parse::<TaskId>().is_err());
    assert!("../../etc/passwd".parse::<TaskId>().is_err());
    assert!(id.to_string().ends_with(&id.suffix()));
}

#[test]
fn a_name_is_a_label() {
    for good in ["a", "swj-demo", "a1", &"a".repeat(52)] {
        assert!(good.parse::<TaskName>().is_ok(), "{good}");
    }
    for bad in ["", "-a", "a-", "A", "1a", "a_b", "a/b", "a b", "é", &"a".repeat(53)] {
        assert!(bad.parse::<TaskName>().is_err(), "{bad}");
    }
}

#[test]
fn a_folder_gives_a_name() {
    assert_eq!(TaskName::from_text("SWJ Demo_2").map(String::from), Some("swj-demo-2".into()));
    assert_eq!(TaskName::from_text("--42-x-").map(String::from), Some("x".into()));
    assert_eq!(TaskName::from_text("42"), None);
    assert_eq!(TaskName::from_text(""), None);
}
