//! Times for a person.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use maud::{Markup, html};

/// A point in time: how long ago, with the exact time beside it for whoever asks.
pub fn ago(then: Timestamp, now: Timestamp) -> Markup {
    let exact = exact(then);
    html! { time datetime=(then) title=(exact) { (length(now.duration_since(then))) " ago" } }
}

/// A point in time, to the second, in UTC.
pub fn exact(then: Timestamp) -> String {
    then.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A length of time in its largest unit.
fn length(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (number, unit) = match seconds {
        0..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "min"),
        7_200..172_800 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{number}\u{a0}{unit}")
}

/// How long after a beginning, as a stopwatch says it.
pub fn after(duration: SignedDuration) -> String {
    let seconds = duration.as_secs_f64().max(0.0);
    if seconds < 0.095 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}
