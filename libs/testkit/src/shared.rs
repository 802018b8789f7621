//! One server for many tests.
//!
//! [`RabbitMq::shared`](crate::RabbitMq::shared) and its like start a server once a test binary.
//! Where these variables are set, they use what is running already, so that a whole test run
//! starts it once (`testkit COMMAND…` starts all of them, sets the variables and runs the command).

/// The AMQP URLs of a broker's nodes, separated by commas.
pub const AMQP: &str = "TESTKIT_AMQP";
/// The URLs of the nodes' management API, separated by commas, in the same order.
pub const AMQP_MANAGEMENT: &str = "TESTKIT_AMQP_MANAGEMENT";
/// The URLs of a Redis Cluster's nodes, separated by commas.
pub const REDIS: &str = "TESTKIT_REDIS";
/// The folder that a running S3 server serves, and its endpoint, separated by a comma.
pub const S3: &str = "TESTKIT_S3";
/// The port of a running stand-in for MongoDB.
pub const MONGO: &str = "TESTKIT_MONGO";
/// The folder of a running Kubernetes.
pub const KUBERNETES: &str = "TESTKIT_KUBERNETES";

/// The parts of a variable's value; `None` where it is not set.
pub(crate) fn list(variable: &str) -> Option<Vec<String>> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty())?;
    Some(value.split(',').map(str::to_owned).collect())
}

/// Starts every shared server, side by side, and gives the variables that name them. They end with this process.
pub async fn start_all() -> Vec<(&'static str, String)> {
    let (broker, redis, s3, mongo, kubernetes) = tokio::join!(
        crate::RabbitMq::shared(),
        crate::RedisCluster::shared(),
        crate::S3::shared(),
        crate::Mongo::shared(),
        crate::Kubernetes::shared()
    );
    let mut variables = Vec::new();
    if let Some(broker) = broker {
        variables.push((AMQP, broker.authorities().join(",")));
        variables.push((AMQP_MANAGEMENT, broker.managements().join(",")));
    }
    variables.extend(redis.map(|cluster| (REDIS, cluster.urls().join(","))));
    variables.extend(s3.map(|s3| (S3, format!("{},{}", s3.data().display(), s3.url()))));
    variables.extend(mongo.map(|mongo| (MONGO, mongo.port().to_string())));
    variables.extend(kubernetes.map(|cluster| (KUBERNETES, cluster.folder().display().to_string())));
    variables
}
