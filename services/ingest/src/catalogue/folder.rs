//! A folder of contests: which files changed, and what they say.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use contests::{Definition, samples};

#[cfg(test)]
mod tests;

/// Bytes of a contest's file.
const FILE_BYTES: u64 = 64 << 10;

/// Reads the folder again and again. A file is parsed when its bytes differ from those read last.
pub(super) struct Folder {
    path: Option<PathBuf>,
    samples: bool,
    files: BTreeMap<String, File>,
}

/// A file as it was read last.
#[derive(Default)]
struct File {
    text: String,
    /// The last good one.
    good: Option<Definition>,
    trouble: Option<String>,
}

/// What the folder says.
#[derive(Default)]
pub(super) struct Read {
    pub(super) definitions: Vec<Definition>,
    /// What is wrong, by file.
    pub(super) troubles: BTreeMap<String, String>,
}

impl Folder {
    /// A folder, and whether the sample contests are there as well.
    pub(super) fn new(path: Option<PathBuf>, samples: bool) -> Self {
        Self { path, samples, files: BTreeMap::new() }
    }

    /// All definitions, those of broken files as they were last.
    pub(super) fn read(&mut self) -> Read {
        let mut read = Read::default();
        if let Some(path) = self.path.clone()
            && let Err(error) = self.refresh(&path)
        {
            read.troubles.insert(path.display().to_string(), format!("the folder cannot be read: {error}"));
        }
        for (name, file) in &self.files {
            read.definitions.extend(file.good.clone());
            read.troubles.extend(file.trouble.clone().map(|trouble| (name.clone(), trouble)));
        }
        if self.samples {
            let own = |sample: &Definition| read.definitions.iter().any(|d| d.name == sample.name);
            let samples: Vec<_> = samples::all().into_iter().filter(|sample| !own(sample)).collect();
            read.definitions.extend(samples);
        }
        read
    }

    fn refresh(&mut self, folder: &Path) -> io::Result<()> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
            // Kubernetes mounts a ConfigMap by links that begin with dots.
            let Some(name) = path.file_name().and_then(|n| n.to_str()).filter(|n| yaml && !n.starts_with('.')) else {
                continue;
            };
            found.insert(name.to_owned(), content(&path));
        }
        self.files.retain(|name, _| found.contains_key(name));
        for (name, content) in found {
            self.files.entry(name.clone()).or_default().take(&name, content);
        }
        Ok(())
    }
}

fn content(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > FILE_BYTES {
        return Err(format!("it has {size} bytes, and {FILE_BYTES} are the limit"));
    }
    fs::read_to_string(path).map_err(|e| e.to_string())
}

impl File {
    fn take(&mut self, name: &str, content: Result<String, String>) {
        let text = match content {
            Ok(text) if text == self.text => return,
            Ok(text) => text,
            Err(trouble) => {
                (self.trouble, self.text) = (Some(trouble), String::new());
                return;
            }
        };
        match parse(name, &text) {
            Ok(definition) => (self.good, self.trouble) = (Some(definition), None),
            Err(trouble) => self.trouble = Some(trouble),
        }
        self.text = text;
    }
}

fn parse(name: &str, text: &str) -> Result<Definition, String> {
    let definition = Definition::parse(text).map_err(|problems| {
        let shown = problems.iter().map(|p| format!("line {}: {}: {}", p.line, p.field, p.message));
        shown.take(5).collect::<Vec<_>>().join("; ")
    })?;
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if definition.name != stem {
        return Err(format!("the file of the contest `{0}` is to be called {0}.yaml", definition.name));
    }
    Ok(definition)
}
