//! What `/readyz` asks.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use futures::future::{BoxFuture, join_all};
use parking_lot::RwLock;

/// A check that takes longer is a failed one: a probe of Kubernetes waits one second by default, ours two.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The parts that must answer before this process takes work, by name.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Arc<RwLock<Vec<(&'static str, Check)>>>,
    details: Arc<RwLock<Vec<(&'static str, Detail)>>>,
}

/// What is wrong with a part that works nevertheless, by what is wrong.
pub type Details = BTreeMap<String, String>;

type Detail = Arc<dyn Fn() -> Details + Send + Sync>;

impl Readiness {
    /// Adds a part.
    pub fn add<F>(&self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.write().push((name, Arc::new(move || Box::pin(check()))));
    }

    /// Adds what is told of a part besides, ready or not.
    pub fn detail(&self, name: &'static str, detail: impl Fn() -> Details + Send + Sync + 'static) {
        self.details.write().push((name, Arc::new(detail)));
    }

    /// What is wrong with parts that work nevertheless.
    pub fn details(&self) -> BTreeMap<&'static str, Details> {
        let all = self.details.read().iter().map(|(name, detail)| (*name, detail())).collect::<Vec<_>>();
        all.into_iter().filter(|(_, details)| !details.is_empty()).collect()
    }

    /// Asks every part: what is not ready, with its reason. Empty: all is.
    pub async fn missing(&self) -> BTreeMap<&'static str, String> {
        let checks = self.checks.read().clone();
        let asked = checks.into_iter().map(|(name, check)| async move {
            let answer = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
            let failed = answer.unwrap_or_else(|_| Err(format!("no answer within {CHECK_TIMEOUT:?}"))).err();
            failed.map(|reason| (name, reason))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.checks.read().iter().map(|(name, _)| name)).finish()
    }
}
