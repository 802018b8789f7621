//! Lengths of time as a contest's file writes them: `30m`, `24h`, `365d`.

use std::time::Duration;

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
/// A hundred years: more is a slip of the pen, and would overflow a time.
const MAX_SECONDS: u64 = 100 * 366 * 86_400;

/// One number above 0 and one unit.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (_, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(*unit))?;
    let digits = text.get(..text.len() - 1).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    let seconds = digits.parse::<u64>().ok()?.checked_mul(*factor)?;
    (1..=MAX_SECONDS).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// In the largest unit that divides it: what [`parse`] reads back.
pub(super) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let fits = UNITS.iter().find(|(_, factor)| seconds.is_multiple_of(*factor));
    fits.map_or_else(|| format!("{seconds}s"), |(unit, factor)| format!("{}{unit}", seconds / factor))
}
