//! Layered configuration: defaults, one YAML file, `MAREA_*` variables, flags. Unknown keys are errors.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// Settings with a default for each field, and a line of help for each; made by [`crate::settings!`].
pub trait Settings: Default + Serialize + DeserializeOwned {
    /// Field and help, in the order of the fields.
    const HELP: &'static [(&'static str, &'static str)];
}

/// Declares settings: a struct whose doc comments are also the flags' help texts.
///
/// ```
/// bootstrap::settings! {
///     /// What the example needs.
///     pub struct Config {
///         /// Seconds between two sweeps.
///         sweep_seconds: u64 = 3600,
///     }
/// }
/// assert_eq!(Config::default().sweep_seconds, 3600);
/// ```
#[macro_export]
macro_rules! settings {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[doc = $doc])+ pub $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::config::Settings for $name {
            const HELP: &'static [(&'static str, &'static str)] =
                &[$((stringify!($field), concat!($($doc),+))),*];
        }
    };
}

/// Why the configuration cannot be used; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Variables that begin with `MAREA_` and are not settings of a service, but where one has a setting of that name:
/// the command line's (`SERVER`, `TOKEN`, `DATA`), the tests' (`CACHE`), and where the file is (`CONFIG`).
const OTHER_VARIABLES: [&str; 5] = ["SERVER", "TOKEN", "CACHE", "CONFIG", "DATA"];

/// The values that each layer gives, by key.
#[derive(Default)]
pub struct Layers {
    known: BTreeMap<&'static str, Value>,
    refused: BTreeMap<&'static str, &'static str>,
    values: Map<String, Value>,
}

impl Layers {
    /// Makes the keys of `T` known, with their defaults.
    pub fn declare<T: Settings>(&mut self) {
        self.declare_some::<T>(|_| true);
    }

    /// Makes those keys of `T` known that are wanted; the others keep their defaults.
    pub fn declare_some<T: Settings>(&mut self, wanted: impl Fn(&str) -> bool) {
        let defaults = serde_json::to_value(T::default()).expect("settings have string keys only");
        for (key, _) in T::HELP.iter().filter(|(key, _)| wanted(key)) {
            self.known.insert(key, defaults.get(*key).cloned().unwrap_or_default());
        }
    }

    /// Keys that are settings elsewhere and may not be set here, each with what holds instead.
    pub fn refuse(&mut self, keys: &[(&'static str, &'static str)]) {
        self.refused.extend(keys.iter().copied());
    }

    /// Adds a YAML file.
    pub fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| ConfigError(format!("cannot read {shown}: {e}")))?;
        let values: Option<Map<String, Value>> =
            serde_saphyr::from_str(&text).map_err(|e| ConfigError(format!("{shown} is not a YAML map: {e}")))?;
        for (key, value) in values.unwrap_or_default() {
            self.expect(&key, &format!("{shown}: `{key}`"))?;
            self.values.insert(key, value);
        }
        Ok(())
    }

    /// Adds environment variables; those that do not begin with `MAREA_` are passed over.
    pub fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) -> Result<(), ConfigError> {
        for (name, value) in variables {
            let Some(key) = name.strip_prefix("MAREA_") else { continue };
            let setting = key.to_ascii_lowercase();
            // The page has a setting `server`, which is what that variable means to the command line.
            let other = OTHER_VARIABLES.contains(&key) || is_service_link(key);
            if other && !self.known.contains_key(setting.as_str()) {
                continue;
            }
            self.text(&setting, &value, &format!("the variable {name}"))?;
        }
        Ok(())
    }

    /// Adds one value as text, from a variable or flag; the default's type says how it is read.
    pub fn text(&mut self, key: &str, text: &str, place: &str) -> Result<(), ConfigError> {
        let value = match self.expect(key, place)? {
            Value::Bool(_) => text.parse().map(Value::Bool).map_err(|_| expected(place, "true or false"))?,
            Value::Number(_) => text.parse::<u64>().map(Value::from).map_err(|_| expected(place, "a whole number"))?,
            Value::Array(_) => split(text).map(Value::from).collect(),
            Value::Object(_) => pairs(text, place)?,
            Value::Null | Value::String(_) => Value::from(text),
        };
        self.values.insert(key.to_owned(), value);
        Ok(())
    }

    /// The settings of one struct, of all layers.
    pub fn get<T: Settings>(&self) -> Result<T, ConfigError> {
        let own = T::HELP.iter().filter_map(|(key, _)| self.values.get_key_value(*key));
        let own: Map<String, Value> = own.map(|(k, v)| (k.clone(), v.clone())).collect();
        serde_path_to_error::deserialize(Value::Object(own))
            .map_err(|e| ConfigError(format!("the setting `{}` is not valid: {}", e.path(), e.inner())))
    }

    fn expect(&self, key: &str, place: &str) -> Result<&Value, ConfigError> {
        if let Some(instead) = self.refused.get(key) {
            return Err(ConfigError(format!("{place} is not used here: {instead}")));
        }
        self.known.get(key).ok_or_else(|| {
            let mut message = format!("{place} is not a setting");
            if let Some(near) = self.known.keys().find(|k| k.starts_with(key) || key.starts_with(*k)) {
                let _ = write!(message, "; did you mean `{near}`?");
            }
            ConfigError(message + " (--help lists all)")
        })
    }
}

/// The settings that are wanted as YAML, a line each, secrets masked.
pub fn yaml<T: Settings>(settings: &T, wanted: impl Fn(&str) -> bool) -> String {
    let all = serde_json::to_value(settings).expect("settings have string keys only");
    let shown = T::HELP.iter().filter(|(key, _)| wanted(key)).map(|(key, _)| BTreeMap::from([(key, all.get(*key))]));
    shown.map(|one| serde_saphyr::to_string(&one).expect("settings are maps of scalars")).collect()
}

/// Kubernetes gives each pod `<SERVICE>_SERVICE_HOST`, `<SERVICE>_PORT_…` of every Service of its namespace.
fn is_service_link(key: &str) -> bool {
    ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"].iter().any(|link| {
        let rest = key.split_once(link).map(|(_, rest)| rest);
        rest.is_some_and(|r| r.is_empty() || r.starts_with('_'))
    })
}

fn expected(place: &str, what: &str) -> ConfigError {
    ConfigError(format!("{place}: expected {what}"))
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn pairs(text: &str, place: &str) -> Result<Value, ConfigError> {
    let pair = |part: &str| part.split_once('=').map(|(k, v)| (k.to_owned(), Value::from(v)));
    let pairs: Option<Map<_, _>> = split(text).map(pair).collect();
    pairs.map(Value::Object).ok_or_else(|| expected(place, "key=value pairs, separated by commas"))
}
