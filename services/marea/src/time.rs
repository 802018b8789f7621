//! Times for a person.

use jiff::{SignedDuration, Timestamp};

/// How long ago, in its largest unit or two: `12s`, `3m20s`, `5h`, `4d`.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => format!("{minutes}m{}s", seconds % 60),
        600..7_200 => format!("{minutes}m"),
        7_200..172_800 => format!("{hours}h"),
        _ => format!("{days}d"),
    }
}

/// How long, as a stopwatch says it: `0.02 s`, `3.4 s`, `75 s`.
pub fn elapsed(duration: SignedDuration) -> String {
    let seconds = duration.as_secs_f64().max(0.0);
    match seconds {
        ..0.095 => format!("{seconds:.2} s"),
        ..99.5 => format!("{seconds:.1} s"),
        _ => format!("{seconds:.0} s"),
    }
}

/// A length of time as a person writes it: `90`, `90s`, `10m`, `2h`.
pub fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let expected = || format!("`{text}` is not a length of time; expected for example 90s, 10m or 2h");
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    let number: u64 = digits.parse().map_err(|_| expected())?;
    number.checked_mul(factor).map(std::time::Duration::from_secs).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_at_most_two_units() {
        let at = |seconds| age(Timestamp::UNIX_EPOCH, Timestamp::from_second(seconds).expect("small"));
        assert_eq!(
            [at(0), at(119), at(200), at(700), at(10_000), at(400_000)],
            ["0s", "119s", "3m20s", "11m", "2h", "4d"]
        );
    }

    #[test]
    fn elapsed_times_have_two_digits_that_count() {
        let of = |millis| elapsed(SignedDuration::from_millis(millis));
        assert_eq!([of(0), of(20), of(900), of(3_440), of(120_000)], ["0.00 s", "0.02 s", "0.9 s", "3.4 s", "120 s"]);
    }

    #[test]
    fn durations_need_a_known_unit() {
        assert_eq!(parse_duration("10m").map(|d| d.as_secs()), Ok(600));
        assert_eq!(parse_duration("7").map(|d| d.as_secs()), Ok(7));
        assert!(parse_duration("1w").is_err() && parse_duration("m").is_err() && parse_duration("-1s").is_err());
    }
}
