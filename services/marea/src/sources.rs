//! Files that the user names: read, named as they are sent, and led back to where they are.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use domain::{Problem, SourceFile, TaskName, limits};

use crate::failure::Failure;

#[cfg(test)]
mod tests;

/// What kind of file is taken from a folder.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Files as they are sent, each with its place on this computer.
#[derive(Debug, Default)]
pub struct Sources {
    /// The files.
    pub files: Vec<SourceFile>,
    /// What is wrong with files that could not be read as text.
    pub problems: Vec<Problem>,
    /// Where each is, by the name that it is sent under.
    places: BTreeMap<String, String>,
    /// What the task is called where nobody says.
    pub name: Option<TaskName>,
}

impl Sources {
    /// Reads files, folders (`recursive`: with their folders) and `-`, which is stdin.
    pub fn read(arguments: &[PathBuf], recursive: bool) -> Result<Self, Failure> {
        let mut sources = Self { name: name_of(arguments), ..Self::default() };
        for argument in arguments {
            let before = sources.places.len();
            sources.take(argument, recursive)?;
            // One folder of several that holds nothing is as much a slip as one alone.
            if sources.places.len() == before {
                return Err(Failure::usage(format!("no .yaml, .yml or .json file in {}", argument.display()))
                    .hint("name a file, or take folders inside as well: --recursive"));
            }
        }
        Ok(sources)
    }

    fn take(&mut self, argument: &Path, recursive: bool) -> Result<(), Failure> {
        if argument == Path::new("-") {
            let mut bytes = Vec::new();
            // One byte above the bound is enough to say that it is too much.
            let bound = limits::BODY_BYTES as u64 + 1;
            std::io::stdin().lock().take(bound).read_to_end(&mut bytes).map_err(|e| unreadable(argument, &e))?;
            self.add("stdin.yaml", "stdin".to_owned(), bytes);
            return Ok(());
        }
        if !argument.is_dir() {
            let name = argument.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return self.add_file(&name, argument);
        }
        let mut found = Vec::new();
        walk(argument, recursive, &mut found).map_err(|e| unreadable(argument, &e))?;
        found.sort();
        for path in found {
            let relative = path.strip_prefix(argument).unwrap_or(&path);
            self.add_file(&relative.to_string_lossy().replace('\\', "/"), &path)?;
        }
        Ok(())
    }

    fn add_file(&mut self, name: &str, path: &Path) -> Result<(), Failure> {
        let bytes = fs::read(path).map_err(|e| unreadable(path, &e))?;
        self.add(name, path.display().to_string(), bytes);
        Ok(())
    }

    /// Two files of one name, from two folders, get names that differ.
    fn add(&mut self, name: &str, place: String, bytes: Vec<u8>) {
        let mut unique = name.to_owned();
        for n in 2.. {
            if !self.places.contains_key(&unique) {
                break;
            }
            unique = format!("{n}-{name}");
        }
        self.places.insert(unique.clone(), place);
        match String::from_utf8(bytes) {
            Ok(content) => self.files.push(SourceFile { name: unique, content }),
            Err(error) => self.problems.push(not_text(unique, &error)),
        }
    }

    /// The same problem, with the file's name as the user would open it.
    pub fn locate(&self, mut problem: Problem) -> Problem {
        if let Some(place) = self.places.get(&problem.file) {
            problem.file.clone_from(place);
        }
        problem
    }
}

fn not_text(file: String, error: &std::string::FromUtf8Error) -> Problem {
    let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let line = valid.iter().filter(|&&b| b == b'\n').count() + 1;
    let column = valid.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
    let message = "the file is not UTF-8; save it in this encoding";
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Problem { file, line: small(line), column: small(column), ..Problem::error("not_utf8", message) }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}

fn walk(folder: &Path, recursive: bool, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() && recursive {
            walk(&path, recursive, found)?;
        } else if path.is_file() && path.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known)) {
            found.push(path);
        }
    }
    Ok(())
}

/// The folder's name, or the file's without its extension, where one thing was named.
fn name_of(arguments: &[PathBuf]) -> Option<TaskName> {
    let [only] = arguments else { return None };
    if only == Path::new("-") {
        return None;
    }
    // `.` and `..` have no name of their own.
    let whole = only.canonicalize().ok()?;
    let name = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
    TaskName::from_text(&name?.to_string_lossy())
}
