//! The broker's management API: milliseconds, where its command line tools start a virtual machine.

use serde_json::Value;

use crate::http;

/// What is in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDepth {
    /// The queue's name.
    pub queue: String,
    /// Messages that wait.
    pub ready: u64,
    /// Messages that are with consumers.
    pub unacknowledged: u64,
}

pub(super) async fn fresh_vhost(management: &str, name: &str) -> Result<(), String> {
    drop_vhost(management, name).await?;
    let made = http().put(format!("{management}/api/vhosts/{name}")).send().await;
    let made = made.and_then(reqwest::Response::error_for_status);
    made.map(drop).map_err(|e| format!("cannot make the vhost {name}: {e}"))
}

pub(super) async fn drop_vhost(management: &str, name: &str) -> Result<(), String> {
    let dropped = http().delete(format!("{management}/api/vhosts/{name}")).send().await;
    let dropped = dropped.map_err(|e| format!("cannot drop the vhost {name}: {e}"))?;
    match dropped.status().as_u16() {
        204 | 404 => Ok(()),
        status => Err(format!("cannot drop the vhost {name}: status {status}")),
    }
}

pub(super) async fn depths(management: &str, vhost: &str) -> Result<Vec<QueueDepth>, String> {
    let queues = get(&format!("{management}/api/queues/{vhost}?disable_stats=true&enable_queue_totals=true")).await?;
    let queues = queues.as_array().ok_or_else(|| format!("not a list of queues: {queues}"))?;
    Ok(queues.iter().map(depth).collect())
}

fn depth(queue: &Value) -> QueueDepth {
    let count = |field: &str| queue[field].as_u64().unwrap_or(0);
    QueueDepth {
        queue: queue["name"].as_str().unwrap_or_default().to_owned(),
        ready: count("messages_ready"),
        unacknowledged: count("messages_unacknowledged"),
    }
}

/// Whether the node serves and sees at least that many running nodes, itself among them.
pub(super) async fn sees_nodes(management: &str, wanted: usize) -> Result<(), String> {
    let nodes = get(&format!("{management}/api/nodes")).await?;
    let running = |node: &&Value| node["running"].as_bool().unwrap_or(false);
    let running = nodes.as_array().map_or(0, |nodes| nodes.iter().filter(running).count());
    if running < wanted {
        return Err(format!("{running} of {wanted} nodes run"));
    }
    Ok(())
}

async fn get(url: &str) -> Result<Value, String> {
    let answer = http().get(url).send().await.and_then(reqwest::Response::error_for_status);
    let answer = answer.map_err(|e| e.to_string())?;
    answer.json().await.map_err(|e| e.to_string())
}
