//! What the processes below this one spend: on a machine that is shared, seconds of a core say more than a rate.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};

/// Ticks a second of `/proc`: Linux has told every program 100 since 2.6.
const TICKS: f64 = 100.0;

/// Seconds of a core that each program has spent, this one's own included.
#[derive(Debug, Clone, Default)]
pub struct Spent(BTreeMap<String, f64>);

struct Stat {
    parent: u32,
    program: String,
    seconds: f64,
}

impl Spent {
    /// Until now.
    pub fn now() -> Self {
        let all = processes();
        let mut spent = BTreeMap::<String, f64>::new();
        for (pid, stat) in &all {
            if is_ours(*pid, &all) {
                *spent.entry(stat.program.clone()).or_default() += stat.seconds;
            }
        }
        Self(spent)
    }

    /// Seconds that programs of a name have spent.
    pub fn of(&self, program: &str) -> f64 {
        self.0.get(program).copied().unwrap_or_default()
    }

    /// Milliseconds of a core for each of so many since then: the sum, and each program's share.
    pub fn each(&self, since: &Self, count: usize) -> String {
        let millis = |(program, now): (&String, &f64)| {
            (program.clone(), (now - since.0.get(program).unwrap_or(&0.0)) * 1e3 / count as f64)
        };
        let mut shares: Vec<(String, f64)> = self.0.iter().map(millis).collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut text = format!("{:.1} ms of a core each:", shares.iter().map(|s| s.1).sum::<f64>());
        for (program, millis) in shares.iter().filter(|s| s.1 >= 0.05) {
            let _ = write!(text, " {program} {millis:.1}");
        }
        text
    }
}

/// Seconds of a core that a process has spent, none where there is no such process.
pub fn seconds(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |s| s.seconds)
}

/// Bytes that a process has resident, none where there is no such process.
pub fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kibibytes =
        text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() << 10
}

/// Whether it is this process or comes from it.
fn is_ours(pid: u32, all: &HashMap<u32, Stat>) -> bool {
    let mut chain = std::iter::successors(Some(pid), |pid| all.get(pid).map(|s| s.parent));
    chain.any(|pid| pid == std::process::id())
}

fn processes() -> HashMap<u32, Stat> {
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|e| e.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| Some((pid, stat(pid)?))).collect()
}

/// A process may end while it is read, and then counts no more.
fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (program, rest) = text.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok());
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        program: program.to_owned(),
        seconds: (ticks(11)? + ticks(12)?) / TICKS,
    })
}
