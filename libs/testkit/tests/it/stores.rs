use testkit::{Mongo, RedisCluster, S3, http};

#[tokio::test]
async fn redis_cluster_replaces_a_killed_master() {
    let Some(cluster) = RedisCluster::start().await else { return };
    let master = cluster.master_of("a-key").await.unwrap();
    assert_eq!(cluster.ask(master, &["SET", "a-key", "1"]).await.unwrap(), "OK");
    let replica = cluster.replica_of(master).await.unwrap();
    testkit::until("the replica has the key", std::time::Duration::from_secs(10), || async {
        let keys = cluster.ask(replica, &["DBSIZE"]).await?;
        if keys == "1" { Ok(()) } else { Err(keys) }
    })
    .await
    .unwrap();

    cluster.kill(master);
    let promoted = testkit::until("a fail-over", std::time::Duration::from_secs(60), || async {
        let now = cluster.master_of("a-key").await?;
        if now == master { Err("not yet".to_owned()) } else { Ok(now) }
    });
    assert_eq!(promoted.await.unwrap(), replica);
    cluster.restart(master).await;
    cluster.await_ok().await;
    assert_eq!(cluster.master_of("a-key").await.unwrap(), replica);
}

#[tokio::test]
async fn s3_serves_buckets_and_is_silent_while_paused() {
    let Some(s3) = S3::start().await else { return };
    assert_eq!(s3.bucket("records"), "s3://records");
    let status = http().get(format!("{}/records", s3.url())).send().await.unwrap().status();
    assert_eq!(status, 403, "the bucket is not for anonymous readers");

    s3.pause();
    let silent = http().get(s3.url()).timeout(std::time::Duration::from_millis(200)).send().await;
    assert!(silent.unwrap_err().is_timeout());
    s3.resume();
    http().get(s3.url()).send().await.unwrap();
}

#[tokio::test]
async fn mongo_answers_again_after_a_pause_and_a_kill() {
    let Some(mongo) = Mongo::start().await else { return };
    let first = mongo.pid();
    mongo.pause();
    mongo.resume();
    mongo.kill();
    assert_eq!(mongo.pid(), None);
    mongo.restart().await;
    assert_ne!(mongo.pid(), first);
    assert!(mongo.url("contests").ends_with("/contests?directConnection=true"));
}
