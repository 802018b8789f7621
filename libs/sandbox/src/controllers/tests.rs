use jiff::{Timestamp, tz::TimeZone};

use super::{
    cron::Schedule,
    stages::{self, At, Outcome, To},
};

fn next(schedule: &str, after: &str) -> String {
    let after: Timestamp = after.parse().expect("a time");
    let schedule = Schedule::parse(schedule).expect("a schedule");
    schedule.next(after, &TimeZone::UTC).map(|t| t.to_string()).unwrap_or_default()
}

#[test]
fn schedules_fall_due_when_cron_says() {
    for (schedule, after, due) in [
        ("*/5 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"),
        ("0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-02T03:00:00Z"),
        ("30 4 1,15 * 5", "2026-01-01T05:00:00Z", "2026-01-02T04:30:00Z"),
        ("0 0 * jan-mar mon", "2026-03-30T00:00:00Z", "2027-01-04T00:00:00Z"),
        ("@hourly", "2026-01-01T00:59:59Z", "2026-01-01T01:00:00Z"),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 30 2 *", "2026-01-01T00:00:00Z", ""),
    ] {
        assert_eq!(next(schedule, after), due, "{schedule}");
    }
}

#[test]
fn wrong_schedules_are_refused() {
    for schedule in ["", "* * * *", "60 * * * *", "* * 0 * *", "a * * * *", "*/0 * * * *", "5-1 * * * *"] {
        assert!(Schedule::parse(schedule).is_err(), "{schedule}");
    }
}

#[test]
fn every_stage_leads_on_as_its_outcome_says() {
    let to = |at, outcome, ends| stages::next(at, outcome, ends).map(|s| s.to);
    assert_eq!(to(At::Unscheduled, Outcome::Well, false), Some(To::Bound));
    assert_eq!(to(At::Unscheduled, Outcome::Unschedulable, false), Some(To::Unschedulable));
    assert_eq!(to(At::Scheduled, Outcome::ImagePullBackOff, true), Some(To::PullFailed));
    assert_eq!(to(At::Running, Outcome::Well, false), None);
    assert_eq!(to(At::Running, Outcome::Well, true), Some(To::Complete));
    assert_eq!(to(At::Running, Outcome::OutOfMemory, false), Some(To::Crashed));
    assert_eq!(to(At::BackOff, Outcome::CrashLoopBackOff, false), Some(To::Running));
    assert_eq!(to(At::Over, Outcome::Well, true), None);
    assert_eq!(to(At::Deleted, Outcome::Unschedulable, true), Some(To::Gone));
}
