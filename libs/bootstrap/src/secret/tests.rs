use super::*;

#[test]
fn a_secret_is_masked_wherever_it_is_printed() {
    let url = Secret::from("amqp://marea:hunter2@a:5672/%2f?key=hunter2,amqp://b");
    assert_eq!(url.to_string(), "amqp://marea:***@a:5672/%2f,amqp://b");
    let word = Secret::from("hunter2");
    for shown in [format!("{word:?}"), word.to_string(), serde_json::to_string(&word).expect("text")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert_eq!(Secret::default().to_string(), "");
}
