use super::*;

/// Late calls must end before what they would count twice is forgotten.
#[test]
fn a_batch_may_take_half_of_the_time_to_settle_to_be_counted() {
    let seconds = SignedDuration::from_secs;
    let within = |settle: u64| count_within(Duration::from_secs(settle), seconds(60));
    assert_eq!([within(10), within(60), within(120), within(600)], [seconds(5), seconds(30), seconds(60), seconds(60)]);
    assert_eq!(within(0), seconds(60));
}

#[tokio::test]
async fn too_short_a_time_to_settle_is_refused() {
    let mongo = "mongodb://127.0.0.1:1/marea".into();
    let config = Config { mongo, settle_seconds: 9, ..Config::default() };
    let refused = ballots(&config).await.err().expect("it is refused").to_string();
    assert!(refused.contains("`settle_seconds`: expected at least 10"), "{refused}");
}
