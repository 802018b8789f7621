//! Embeds the manifests of the sample, so that `marea up --demo` needs no file beside the program.

use std::{env, fmt::Write as _, fs, io, path::Path};

fn main() -> io::Result<()> {
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| io::Error::other("cargo sets CARGO_MANIFEST_DIR"))?;
    let sample = Path::new(&manifest).join("../../docs/samples/swj");
    println!("cargo::rerun-if-changed={}", sample.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&sample)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            names.push(path.canonicalize()?);
        }
    }
    names.sort();
    let mut list = String::from("[\n");
    for path in &names {
        let name = path.file_name().unwrap_or_default().display();
        writeln!(list, "    ({:?}, include_str!({path:?})),", name.to_string()).map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("sample.rs"), list)
}
