use std::time::Duration;

use testkit::RabbitMq;

#[tokio::test]
async fn a_vhost_is_empty_and_has_a_url() {
    let Some(broker) = RabbitMq::shared().await else { return };
    let url = broker.vhost("empty").await;
    assert!(url.ends_with("/empty"), "{url}");
    assert_eq!(broker.depths(0, "empty").await.unwrap(), []);
}

#[tokio::test]
async fn three_nodes_form_a_cluster_again_after_two_were_killed() {
    let Some(broker) = RabbitMq::start(3).await else { return };
    broker.kill(1);
    broker.kill(2);
    broker.restart(1);
    broker.restart(2);
    broker.recover().await;
    broker.vhost("after").await;
    testkit::until("the vhost at the third node", Duration::from_secs(60), || broker.depths(2, "after")).await.unwrap();
}
