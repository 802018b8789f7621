//! `contest init`, `check` and `generate`: nothing is asked of a server.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use contests::{
    Definition,
    generate::{Generator, Line, columns, csv},
    samples,
};
use domain::{Problem, SourceFile};
use serde_json::json;

use crate::{
    Done,
    cli::{FileFormat, Generate, Init, KindName},
    commands::check::line,
    failure::Failure,
    progress::count,
    sources::Sources,
    ui::{Tone, Ui},
};

const VOTES: &str = include_str!("votes.yaml");
const SCORES: &str = include_str!("scores.yaml");
/// Of a thousand lines, so many are spoiled where that is asked for.
const HOSTILE: u16 = 100;

pub fn init(options: &Init, ui: &mut Ui) -> Done {
    let name = &options.name;
    if !contests::definition::is_name(name) {
        return Err(Failure::usage(format!("`{name}` cannot be a contest's name"))
            .hint("use 1 to 40 lower case letters, digits and inner hyphens"));
    }
    let template = if options.kind == KindName::Votes { VOTES } else { SCORES };
    let text = template.replace("NAME", name);
    if options.print {
        return Ok(ui.raw(&text)?);
    }
    let path = format!("{name}.yaml");
    let written =
        OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut f| f.write_all(text.as_bytes()));
    match written {
        Ok(()) => {
            let line = format!("wrote {path}; check it with `{} contest check {path}`", ui.program);
            Ok(ui.line(line)?)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Failure::usage(format!("{path} is there already"))
                .hint("choose another name, or see the text: --print"))
        }
        Err(error) => Err(Failure::failed(format!("cannot write {path}: {error}"))),
    }
}

pub fn check(files: &[PathBuf], ui: &mut Ui) -> Done {
    let sources = Sources::read(files, false).map_err(|failure| {
        failure.hint("name a contest's file, or the folder that holds some: {marea} contest init NAME writes one")
    })?;
    let mut problems = sources.problems.clone();
    problems.extend(sources.files.iter().flat_map(problems_of));
    let problems: Vec<Problem> = problems.into_iter().map(|p| sources.locate(p)).collect();
    let ok = problems.is_empty();
    if !ui.value(&json!({ "ok": ok, "files": sources.files.len(), "problems": problems }))? {
        for problem in &problems {
            let shown = line(problem, ui);
            ui.line(shown)?;
        }
        let read = count(sources.files.len(), "file");
        match ok {
            true => ui.line(format_args!("{}: {read}", ui.paint(Tone::Good, "ok")))?,
            false => {
                ui.line(format_args!("{}: {read}; {}", ui.paint(Tone::Bad, "refused"), count(problems.len(), "error")))?
            }
        }
    }
    if ok { Ok(()) } else { Err(Failure::told()) }
}

/// What is wrong with a file; its name must be the contest's.
fn problems_of(file: &SourceFile) -> Vec<Problem> {
    let named = |problem: Problem| Problem { file: file.name.clone(), ..problem };
    let definition = match Definition::parse(&file.content) {
        Ok(definition) => definition,
        Err(problems) => return problems.into_iter().map(named).collect(),
    };
    let stem = Path::new(&file.name).file_stem().unwrap_or_default().to_string_lossy();
    if stem == definition.name || stem == "stdin" {
        return vec![];
    }
    let message = format!("the file of contest `{0}` must be called {0}.yaml", definition.name);
    vec![named(Problem::error("file_name", message).at("name"))]
}

pub fn generate(options: &Generate, ui: &mut Ui) -> Done {
    let definition = definition(&options.contest)?;
    let hostile = if options.hostile { HOSTILE } else { 0 };
    let count = usize::try_from(options.count).unwrap_or(usize::MAX);
    // An array with bytes that are not JSON is not a file with bad ballots but a bad file.
    let fits = |line: &Line| options.format != FileFormat::Json || !matches!(line, Line::Broken(_));
    let lines = Generator::new(&definition, options.seed, hostile).filter(fits).take(count);
    let columns = columns(&definition);
    if options.format == FileFormat::Csv {
        ui.line(csv(columns.iter().copied()))?;
    }
    let mut out = io::BufWriter::new(ui.bytes());
    for (i, line) in lines.enumerate() {
        match options.format {
            FileFormat::Ndjson => out.write_all(&line.json())?,
            FileFormat::Csv => out.write_all(&line.csv(&columns))?,
            FileFormat::Json => out.write_all(&[if i == 0 { b"[" } else { &b",\n"[..] }, &line.json()].concat())?,
        }
        if options.format != FileFormat::Json {
            out.write_all(b"\n")?;
        }
    }
    if options.format == FileFormat::Json {
        out.write_all(if count == 0 { b"[]\n" } else { b"]\n" })?;
    }
    Ok(out.flush()?)
}

/// A sample by its name, or the contest of a file.
fn definition(name: &str) -> Result<Definition, Failure> {
    if let Some(sample) = samples::all().into_iter().find(|d| d.name == name) {
        return Ok(sample);
    }
    let text = fs::read_to_string(name).map_err(|e| {
        Failure::usage(format!("`{name}` is neither a sample (bands, olympics) nor a file that can be read: {e}"))
            .hint("of a contest that only a server knows, give the file that it was made from")
    })?;
    Definition::parse(&text).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        Failure::failed(format!("{name} is not sound: {first}")).hint(format_args!("{{marea}} contest check {name}"))
    })
}
