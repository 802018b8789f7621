//! The clusters that tasks can be applied to.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use cluster::{ConnectError, Engine, Limits, Source};

use crate::Config;

/// Engines by target. Cheap to clone.
#[derive(Clone)]
pub struct Clusters {
    default: Engine,
    others: Arc<BTreeMap<String, Engine>>,
}

impl Clusters {
    /// One cluster.
    pub fn one(engine: Engine) -> Self {
        Self { default: engine, others: Arc::default() }
    }

    /// The clusters that the configuration names. Sends nothing.
    pub(crate) async fn connect(config: &Config) -> Result<Self, ConnectError> {
        let limits = Limits { in_flight: config.in_flight.max(1), ..Limits::default() };
        let some = |text: &str| Some(text).filter(|t| !t.is_empty()).map(str::to_owned);
        let kubeconfig = |context| Source::Kubeconfig { path: some(&config.kubeconfig).map(PathBuf::from), context };
        let source = match (some(&config.kubeconfig), some(&config.kube_context)) {
            (None, None) => Source::Infer,
            (_, context) => kubeconfig(context),
        };
        let default = Engine::new(cluster::connect(&source).await?.client, limits);
        let mut others = BTreeMap::new();
        for (name, context) in &config.targets {
            let client = cluster::connect(&kubeconfig(Some(context.clone()))).await?.client;
            others.insert(name.clone(), Engine::new(client, limits));
        }
        Ok(Self { default, others: Arc::new(others) })
    }

    /// The engine of tasks that name no target.
    pub(crate) fn default_engine(&self) -> &Engine {
        &self.default
    }

    /// The engine of a target.
    pub(crate) fn get(&self, target: &str) -> Option<&Engine> {
        if target.is_empty() { Some(&self.default) } else { self.others.get(target) }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Engine> {
        std::iter::once(&self.default).chain(self.others.values())
    }
}
