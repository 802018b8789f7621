//! The clusters that tasks can be applied to.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use bootstrap::Readiness;
use cluster::{ConnectError, Engine, Limits, Source};
use domain::{Action, Command, Revision};

use crate::{Config, history::History};

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

    /// One more cluster, for tasks that name it as their target.
    #[must_use]
    pub fn and(mut self, target: impl Into<String>, engine: Engine) -> Self {
        Arc::make_mut(&mut self.others).insert(target.into(), engine);
        self
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

    /// Makes readiness ask the default cluster's API server too.
    pub fn watch_readiness(&self, readiness: &Readiness) {
        let engine = self.default.clone();
        readiness.add("cluster", move || {
            let engine = engine.clone();
            async move { engine.ready().await }
        });
    }

    /// The engine of a target.
    pub(crate) fn get(&self, target: &str) -> Option<&Engine> {
        if target.is_empty() { Some(&self.default) } else { self.others.get(target) }
    }

    /// The engine of a command. A roll back and a revert name no target: they go where the last revision
    /// below was applied. One whose target does not exist was applied nowhere.
    pub(crate) async fn of(&self, command: &Command, history: &History<'_>) -> Result<Option<&Engine>, blobs::Error> {
        if matches!(command.action, Action::Apply { .. }) {
            return Ok(self.get(&command.options.target));
        }
        self.last(command.revision, history).await.map(Some)
    }

    /// The engine that the last revision below `n` was applied with.
    pub(crate) async fn last(&self, n: Revision, history: &History<'_>) -> Result<&Engine, blobs::Error> {
        // As almost always: there is no other cluster.
        let mut below = if self.others.is_empty() { 0 } else { n };
        while let Some(earlier) = history.accepted_below(below).await? {
            let applied = matches!(earlier.action, Action::Apply { .. });
            if let Some(engine) = self.get(&earlier.options.target).filter(|_| applied) {
                return Ok(engine);
            }
            below = earlier.revision;
        }
        Ok(&self.default)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Engine> {
        std::iter::once(&self.default).chain(self.others.values())
    }
}
