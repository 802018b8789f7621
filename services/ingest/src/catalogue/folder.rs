//! A folder of contests: which files changed, and what they say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read as _},
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
    /// The sample contests, where they are there as well.
    samples: Vec<Definition>,
    files: BTreeMap<String, File>,
}

/// A file as it was read last.
#[derive(Default)]
struct File {
    text: String,
    /// The last good one.
    good: Option<Definition>,
    /// Whether the last good one was asked for that was stored before the start.
    recalled: bool,
    trouble: Option<String>,
    /// Whether it was absent at the last look: whoever saves it may remove it first.
    absent: bool,
}

/// What the folder says.
#[derive(Default)]
pub(super) struct Read {
    pub(super) definitions: Vec<Definition>,
    /// What is wrong, by file.
    pub(super) troubles: BTreeMap<String, String>,
    /// Whether the folder could not be read: nothing is known of what is gone.
    pub(super) unreadable: bool,
    /// Contests of files that are broken and of which none was good: [`Folder::recall`] wants what is stored of them.
    pub(super) unknown: Vec<String>,
}

impl Folder {
    /// A folder, and whether the sample contests are there as well.
    pub(super) fn new(path: Option<PathBuf>, samples: bool) -> Self {
        let samples = if samples { samples::all().into() } else { vec![] };
        Self { path, samples, files: BTreeMap::new() }
    }

    /// All definitions, those of broken files as they were last.
    pub(super) fn read(&mut self) -> Read {
        let mut read = Read::default();
        if let Some(path) = self.path.clone()
            && let Err(error) = self.refresh(&path)
        {
            read.troubles.insert(path.display().to_string(), format!("the folder cannot be read: {error}"));
            read.unreadable = true;
        }
        let mut names = BTreeSet::new();
        for (name, file) in &self.files {
            // Of two files of one contest the other could show what this one hides.
            if !names.insert(stem(name)) {
                let trouble = format!("it is passed over: {}.yaml is there as well; remove one of them", stem(name));
                read.troubles.insert(name.clone(), trouble);
                continue;
            }
            read.definitions.extend(file.good.clone());
            read.troubles.extend(file.trouble.clone().map(|trouble| (name.clone(), trouble)));
            let unknown = file.good.is_none() && !file.recalled && contests::definition::is_name(stem(name));
            read.unknown.extend(unknown.then(|| stem(name).to_owned()));
        }
        let samples = self.samples.iter().filter(|sample| {
            let own = |name: &str| name == sample.name;
            !read.definitions.iter().any(|d| own(&d.name)) && !read.unknown.iter().any(|name| own(name))
        });
        let samples: Vec<_> = samples.cloned().collect();
        read.definitions.extend(samples);
        read
    }

    /// Takes what is stored of a contest whose file is broken; gives what is in force then: nothing where nothing is
    /// stored, and it is no sample.
    pub(super) fn recall(&mut self, contest: &str, stored: Option<Definition>) -> Option<Definition> {
        let file = self.files.iter_mut().find(|(name, _)| stem(name) == contest);
        if let Some((name, file)) = file {
            file.recalled = true;
            if stored.is_some() {
                tracing::warn!(contest.file = name, "the file is broken; what is stored of its contest is in force");
            }
            file.good.clone_from(&stored);
        }
        stored.or_else(|| self.samples.iter().find(|sample| sample.name == contest).cloned())
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
        self.files.retain(|name, file| found.contains_key(name) || !std::mem::replace(&mut file.absent, true));
        for (name, content) in found {
            self.files.entry(name.clone()).or_default().take(&name, content);
        }
        Ok(())
    }
}

fn content(path: &Path) -> Result<String, String> {
    let metadata = fs::metadata(path).map_err(|e| e.to_string())?;
    // A pipe would be waited for.
    if !metadata.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|e| e.to_string())?;
    file.take(FILE_BYTES + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if text.len() as u64 > FILE_BYTES {
        return Err(format!("it has {} bytes, and {FILE_BYTES} are the limit", metadata.len()));
    }
    Ok(text)
}

impl File {
    fn take(&mut self, name: &str, content: Result<String, String>) {
        self.absent = false;
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
    if definition.name != stem(name) {
        return Err(format!("the file of the contest `{0}` is to be called {0}.yaml", definition.name));
    }
    Ok(definition)
}

/// A file's name without what says its kind.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
