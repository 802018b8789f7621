//! The contract over a real broker, and what only a broker can refuse.

use std::sync::Arc;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use messaging::rabbitmq::{Config, ConnectError, RabbitMq};
use messaging::topology::YAML_MANAGER;
use messaging::{Bus, Route};

use crate::support::{Consumer, Scripted, connected, eventually, message, nothing_is_left};

/// A virtual host that is dropped by the next run of the same test.
async fn vhost(test: &str) -> Option<String> {
    Some(testkit::RabbitMq::shared().await?.vhost(&format!("messaging-{test}")).await)
}

async fn open(test: &str) -> Option<(Arc<dyn Bus>, ())> {
    Some((connected(Config::new(vhost(test).await?)).await, ()))
}

crate::whole_contract!(open);

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_differs_is_a_clear_error_at_start() {
    let Some(url) = vhost("differs").await else { return };
    let (_connection, channel) = channel(&url).await;
    let classic = QueueDeclareOptions::durable();
    channel.queue_declare(YAML_MANAGER.name.into(), classic, FieldTable::default()).await.unwrap();
    let error = RabbitMq::connect(Config::new(url)).await.err().unwrap();
    assert!(matches!(&error, ConnectError::Mismatch(why) if why.contains(YAML_MANAGER.name)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_or_url_is_a_clear_error_at_start() {
    let Some(url) = vhost("password").await else { return };
    let wrong = Config::new(url.replacen("://", "://nobody:wrong@", 1).replacen("guest:guest@", "", 1));
    let error = RabbitMq::connect(wrong).await.err().unwrap();
    assert!(matches!(error, ConnectError::Access(_)), "{error}");
    let error = RabbitMq::connect(Config::new("http://nowhere")).await.err().unwrap();
    assert!(matches!(error, ConnectError::Url(_)), "{error}");
}

async fn prefixed(url: &str, prefix: &str) -> Arc<dyn Bus> {
    let config = Config { prefix: prefix.to_owned(), ..Config::new(url) };
    connected(config).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prefixes_keep_two_installations_on_one_virtual_host_apart() {
    let Some(url) = vhost("prefixes").await else { return };
    let (one, two) = (prefixed(&url, "one.").await, prefixed(&url, "two.").await);
    one.publish(&Route::Fact("task.submitted"), message("of one")).await.unwrap();
    assert_eq!(one.depth(YAML_MANAGER.name).await.unwrap().ready, 1);
    nothing_is_left(&two).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_of_this_bus_becomes_a_dead_letter() {
    let Some(url) = vhost("foreign").await else { return };
    let bus = connected(Config::new(url.clone())).await;
    let handler = Scripted::glad();
    let consumer = Consumer::start(&bus, &YAML_MANAGER, handler.clone());
    let (_connection, channel) = channel(&url).await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let publish = channel.basic_publish("".into(), YAML_MANAGER.name.into(), options, b"?", properties).await;
    publish.unwrap().await.unwrap();
    eventually("a dead letter", async || bus.dead_letters(2).await.unwrap().len() == 1).await;
    let letter = bus.dead_letters(2).await.unwrap().remove(0);
    assert!(letter.reason.contains("no message id"), "{}", letter.reason);
    assert!(bus.drop_dead_letter(&letter.id).await.unwrap());
    consumer.stop().await;
    assert_eq!(handler.distinct(), 0);
    nothing_is_left(&bus).await;
}
