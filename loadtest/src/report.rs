//! The table that a run gives, as Markdown.

use std::fmt::Write as _;

/// Stands where nothing was asked for.
pub const NO_GOAL: &str = "–";

/// One figure beside the bare client's of the same run.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Marea's figure, with its unit.
    pub ours: String,
    /// What the bare client is, and its figure.
    pub bare: String,
    /// Ours to the bare client's.
    pub ratio: String,
    /// The goal.
    pub goal: &'static str,
    /// Whether the goal was met.
    pub met: bool,
}

/// The table, with the machine that it was measured on.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = format!("{}\n\n| what | Marea | bare client, same run | ratio | goal | met |\n", machine());
    text.push_str("|---|---|---|---|---|---|\n");
    for row in rows {
        let met = match (row.goal, row.met) {
            (NO_GOAL, _) => NO_GOAL,
            (_, true) => "yes",
            (_, false) => "**no**",
        };
        let cells = [&row.what, &row.ours, &row.bare, &row.ratio];
        cells.iter().for_each(|cell| write!(text, "| {cell} ").expect("a String takes any text"));
        writeln!(text, "| {} | {met} |", row.goal).expect("a String takes any text");
    }
    text
}

/// The machine in a line: processor, cores, memory, kernel.
fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|l| l.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, v)| v.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory: u64 = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "Machine: {}, {cores} cores shared by the servers, the load and Marea, {} GiB, Linux {}; {}.",
        field(&read("/proc/cpuinfo"), "model name"),
        memory >> 20,
        kernel.trim(),
        jiff::Zoned::now().strftime("%Y-%m-%d"),
    )
}

/// Percentile of unsorted samples, by the nearest rank.
pub fn percentile(samples: &mut [f64], p: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let rank = (p / 100.0 * samples.len() as f64).ceil() as usize;
    samples.get(rank.clamp(1, samples.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}
