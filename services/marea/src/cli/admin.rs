//! What the commands for administrators take.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use domain::{
    TenantName,
    access::{Capability, Scope},
};

use super::PolicyName;
use crate::time::parse_duration;

/// `dead-letter`.
#[derive(Debug, Subcommand)]
pub enum DeadLetterCommand {
    /// List them, oldest first.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show one with its body.
    Show {
        /// The message's id.
        id: String,
    },
    /// Put some back into the queue that they came from.
    Requeue {
        /// The messages' ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Drop some for good.
    Drop {
        /// The messages' ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// `tenant`.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// List tenants.
    List,
    /// Show one.
    Show {
        /// Its name.
        name: TenantName,
    },
    /// Make one, or change what is given of one.
    Set {
        /// Its name.
        name: TenantName,
        /// What to set.
        #[command(flatten)]
        fields: Box<TenantFields>,
    },
    /// Delete one that has no task any more.
    Delete {
        /// Its name.
        name: TenantName,
    },
}

/// What a tenant may do.
#[derive(Debug, Args)]
pub struct TenantFields {
    /// A namespace of its own, the first is the default; may be given several times.
    ///
    /// Each belongs to one tenant. The sandbox of `up` makes it when a task first needs it; in a real cluster
    /// (`up --kube-context`, and every other) an administrator makes it.
    #[arg(long = "namespace", value_name = "NAME")]
    pub namespaces: Vec<String>,
    /// What its pods may do.
    #[arg(long, value_enum)]
    pub policy: Option<PolicyName>,
    /// Something that is denied otherwise, for example nodePort; may be given several times.
    #[arg(long, value_name = "WHAT", value_parser = parse_capability)]
    pub allow: Vec<Capability>,
    /// A domain that its Ingress hosts may end in; may be given several times.
    #[arg(long = "domain", value_name = "DOMAIN")]
    pub domains: Vec<String>,
    /// The CPU request of containers that have none.
    #[arg(long, value_name = "QUANTITY")]
    pub cpu: Option<String>,
    /// The memory request of containers that have none.
    #[arg(long, value_name = "QUANTITY")]
    pub memory: Option<String>,
    /// The most replicas that an autoscaler of ours may ask for.
    #[arg(long, value_name = "N")]
    pub max_replicas: Option<u32>,
    /// The ServiceAccount to write as.
    #[arg(long, value_name = "NAME")]
    pub service_account: Option<String>,
    /// The most tasks that are not rolled back; 0: no bound.
    #[arg(long, value_name = "N")]
    pub max_tasks: Option<u32>,
}

fn parse_capability(text: &str) -> Result<Capability, String> {
    serde_json::from_value(text.into()).map_err(|e| e.to_string())
}

/// `token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// List tokens; never their secrets.
    List {
        /// Only of this tenant.
        #[arg(long)]
        tenant: Option<TenantName>,
    },
    /// Make one, and print it this once.
    Create {
        /// The tenant that it acts for.
        #[arg(long)]
        tenant: TenantName,
        /// What it may be used for; may be given several times.
        #[arg(long = "scope", value_enum, required = true)]
        scopes: Vec<ScopeName>,
        /// When it ends, from now on; else never.
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        expires: Option<Duration>,
        /// What it is for.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Make one invalid.
    Revoke {
        /// Its public id, as `token list` shows it.
        id: String,
    },
}

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScopeName {
    /// See tasks.
    Read,
    /// Send, replace, delete tasks.
    Write,
    /// Cast ballots in contests that ask for a token.
    Ballots,
    /// Tenants, tokens, dead letters.
    Admin,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Read => Self::Read,
            ScopeName::Write => Self::Write,
            ScopeName::Ballots => Self::Ballots,
            ScopeName::Admin => Self::Admin,
        }
    }
}
