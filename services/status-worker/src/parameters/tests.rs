use super::*;

fn wait(text: &str) -> Option<Option<Duration>> {
    Poll { wait: Some(text.to_owned()), after: None }.wait().ok()
}

#[test]
fn a_wait_is_bounded() {
    assert_eq!(wait("20s"), Some(Some(Duration::from_secs(20))));
    assert_eq!(wait("60s"), Some(Some(Duration::from_secs(60))));
    for bad in ["61s", "2m", "-1s", "20", "", "soon"] {
        assert_eq!(wait(bad), None, "{bad}");
    }
}

#[test]
fn logs_are_of_an_object() {
    let pairs = |object: &str| Lines { object: Some(object.to_owned()), ..Lines::default() }.pairs().is_ok();
    assert!(pairs("Job/splitter") && pairs("Pod/a.b-1"));
    for bad in ["Job", "Job/", "/x", "Job/../x", "Job/x?y", "Jöb/x", "Job/x/y"] {
        assert!(!pairs(bad), "{bad}");
    }
}
