//! Schedules, as Kubernetes' `robfig/cron` reads them: five fields, or a macro.

const MACROS: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// One field's least and most value, and its names, which count from the least.
type Bounds = (u32, u32, &'static [&'static str]);
const FIELDS: [(&str, Bounds); 5] = [
    ("minute", (0, 59, &[])),
    ("hour", (0, 23, &[])),
    ("day of month", (1, 31, &[])),
    ("month", (1, 12, &MONTHS)),
    ("day of week", (0, 6, &DAYS)),
];

/// What is wrong with a schedule.
pub fn problem(schedule: &str) -> Option<String> {
    if schedule.contains("TZ=") {
        return Some("a schedule holds no time zone; use spec.timeZone".into());
    }
    if let Some(every) = schedule.strip_prefix("@every ") {
        return (!every.starts_with(|c: char| c.is_ascii_digit())).then(|| "expected for example @every 1h30m".into());
    }
    if schedule.starts_with('@') {
        return (!MACROS.contains(&schedule)).then(|| format!("expected five fields, or one of {}", MACROS.join(", ")));
    }
    let parts = schedule.split_whitespace().collect::<Vec<_>>();
    if parts.len() != FIELDS.len() {
        return Some(format!(
            "expected five fields (minute, hour, day of month, month, day of week), found {}",
            parts.len()
        ));
    }
    let wrong = FIELDS.iter().zip(parts).find(|((_, bounds), part)| !part.split(',').all(|p| is_range(p, *bounds)));
    wrong.map(|((name, (least, most, _)), _)| {
        format!("the {name} is not valid; expected {least} to {most}, `*`, a-b or */n")
    })
}

fn is_range(part: &str, bounds: Bounds) -> bool {
    let (range, step) = part.split_once('/').map_or((part, None), |(r, s)| (r, Some(s)));
    let stepped = step.is_none_or(|s| s.parse::<u32>().is_ok_and(|n| n > 0));
    let ranged = match range.split_once('-') {
        _ if matches!(range, "*" | "?") => true,
        Some((from, to)) => matches!((value(from, bounds), value(to, bounds)), (Some(a), Some(b)) if a <= b),
        None => value(range, bounds).is_some(),
    };
    stepped && ranged
}

fn value(text: &str, (least, most, names): Bounds) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    if let Some(place) = names.iter().position(|n| *n == lower) {
        return u32::try_from(place).ok().map(|p| p + least);
    }
    text.parse().ok().filter(|n| (least..=most).contains(n))
}
