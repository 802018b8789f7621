//! The settings: flags before `MAREA_*` variables; one that no part knows is an error.

use bootstrap::{Platform, Secret, config::Layers};

use crate::{cli::Up, failure::Failure};

/// What is set.
pub struct Settings {
    /// What every part has.
    pub platform: Platform,
    /// How ballots are taken.
    pub ingest: ingest::Config,
    /// How they are counted.
    pub tally: tally::Config,
}

impl Settings {
    /// As flags and variables have them. The other parts share one port and one cluster: nothing of them is set.
    pub fn of(options: &Up) -> Result<Self, Failure> {
        let layers = variables()?;
        let platform = Platform {
            amqp: secret(options.amqp.as_ref()),
            redis: secret(options.redis.as_ref()),
            blobs: options.blobs.clone().unwrap_or_default(),
            admin_token: secret(options.admin_token.as_ref()),
            cors_origin: options.cors_origin.clone(),
            log: options.log.clone(),
            log_format: options.log_format.clone(),
            ..layers.get().map_err(Failure::usage)?
        };
        let ingest: ingest::Config = layers.get().map_err(Failure::usage)?;
        let tally: tally::Config = layers.get().map_err(Failure::usage)?;
        let samples = ingest.samples || options.contests.is_none() || options.demo;
        let contests = folder(options)?;
        Ok(Self {
            platform,
            ingest: ingest::Config { listen: None, contests, samples, ..ingest },
            tally: tally::Config { listen: None, mongo: secret(options.mongo.as_ref()), ..tally },
        })
    }
}

fn secret(text: Option<&String>) -> Secret {
    text.cloned().unwrap_or_default().into()
}

fn variables() -> Result<Layers, Failure> {
    let mut layers = Layers::default();
    layers.declare::<entrypoint::Config>();
    layers.declare::<yaml_manager::Config>();
    layers.declare::<cluster_applier::Config>();
    layers.declare::<status_worker::Config>();
    layers.declare::<ingest::Config>();
    layers.declare::<tally::Config>();
    layers.declare::<console::Config>();
    layers.declare::<Platform>();
    let variables = std::env::vars_os().filter_map(|(k, v)| k.into_string().ok().zip(v.into_string().ok()));
    layers.environment(variables).map_err(Failure::usage)?;
    Ok(layers)
}

/// A folder that is not there is a slip of the pen; one that goes later is reported by `/readyz`.
fn folder(options: &Up) -> Result<String, Failure> {
    let Some(folder) = &options.contests else { return Ok(String::new()) };
    if !folder.is_dir() {
        return Err(Failure::usage(format!("{} is not a folder of contests", folder.display()))
            .hint("write a first one: {marea} contest init NAME"));
    }
    let text = folder.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::usage("the name of the folder of contests is not UTF-8"))
}
