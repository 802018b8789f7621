//! Which servers are the masters, each as it runs since its start.

use fred::{
    prelude::{Client, ClientLike, ClusterInterface},
    types::InfoKind,
};
use futures::future::try_join_all;

use crate::Error;

/// The run ids of all masters, by node.
pub(crate) async fn incarnation(client: &Client) -> Result<String, Error> {
    let Some(cluster) = client.cached_cluster_state().filter(|state| state.len() > 0) else {
        return Ok(run_id(&client.info::<String>(Some(InfoKind::Server)).await?).to_owned());
    };
    let asked = cluster.unique_primary_nodes().into_iter().map(|node| async move {
        let info: String = client.with_cluster_node(&node).info(Some(InfoKind::Server)).await?;
        Ok::<_, Error>(format!("{node} {}", run_id(&info)))
    });
    let mut ids = try_join_all(asked).await?;
    ids.sort_unstable();
    Ok(ids.join(", "))
}

fn run_id(info: &str) -> &str {
    info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default().trim()
}
