//! Schedules of CronJobs: five fields, or a name such as `@hourly`.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

/// When a CronJob is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether days of the month, or of the week, were left open: then both must fit, else either.
    open_day: bool,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// A schedule that never comes (30 February) is given up after this.
const FAR: i64 = 5 * 366 * 24 * 60;

impl Schedule {
    /// Reads a schedule.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!("expected exactly 5 fields, found {}: {text:?}", fields.len()));
        };
        let mut week = bits(weekdays, 0, 7, &WEEKDAYS)?;
        if week & (1 << 7) != 0 {
            week |= 1;
        }
        Ok(Self {
            minutes: bits(minutes, 0, 59, &[])?,
            hours: bits(hours, 0, 23, &[])?,
            days: bits(days, 1, 31, &[])?,
            months: bits(months, 1, 12, &MONTHS)?,
            weekdays: week,
            open_day: [days, weekdays].iter().any(|f| f.starts_with('*') || *f == "?"),
        })
    }

    /// The first time after `after`, in that zone.
    pub(super) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let minute = after.as_second().div_euclid(60) + 1;
        let mut time = Timestamp::from_second(minute * 60).ok()?;
        for _ in 0..FAR {
            let local = zone.to_datetime(time);
            if self.fits(local) {
                return Some(time);
            }
            // Whole hours are skipped where no minute of them can fit.
            let skip = if self.hour_fits(local) { 1 } else { 60 - i64::from(local.minute()) };
            time += SignedDuration::from_mins(skip);
        }
        None
    }

    fn hour_fits(&self, time: DateTime) -> bool {
        let has = |set: u64, n: i8| set & (1 << n) != 0;
        let (day, week) = (has(self.days, time.day()), has(self.weekdays, time.weekday().to_sunday_zero_offset()));
        let days = if self.open_day { day && week } else { day || week };
        days && has(self.months, time.month()) && has(self.hours, time.hour())
    }

    fn fits(&self, time: DateTime) -> bool {
        self.minutes & (1 << time.minute()) != 0 && self.hour_fits(time)
    }
}

/// One field as a set of bits.
fn bits(field: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, String> {
    field.split(',').try_fold(0, |set, part| Ok(set | range(part, (least, most), names)?))
}

fn range(part: &str, (least, most): (u32, u32), names: &[&str]) -> Result<u64, String> {
    let wrong = || format!("{part:?} is no value, range or step of {least} to {most}");
    let number = |text: &str| -> Result<u32, String> {
        let named = names.iter().position(|n| text.eq_ignore_ascii_case(n)).and_then(|n| u32::try_from(n).ok());
        named.map(|n| n + least).or_else(|| text.parse().ok()).ok_or_else(wrong)
    };
    let (span, step) = part.split_once('/').map_or((part, None), |(span, step)| (span, Some(step)));
    let (from, to) = match span {
        "*" | "?" => (least, most),
        _ => match span.split_once('-') {
            Some((from, to)) => (number(from)?, number(to)?),
            None if step.is_some() => (number(span)?, most),
            None => (number(span)?, number(span)?),
        },
    };
    let step = step.map_or(Ok(1), |s| s.parse::<usize>().map_err(|_| wrong()))?;
    if from < least || to > most || from > to || step == 0 {
        return Err(wrong());
    }
    Ok((from..=to).step_by(step).fold(0, |set, n| set | (1 << n)))
}
