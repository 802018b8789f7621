//! The audit: where every accepted ballot is.

use contests::{Audit, audit::Interval, audit::Producer};
use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    contest::{Section, sections},
    frame::{Frame, Place},
    number,
};
use crate::time::ago;

/// Seconds after which a reader without script gets the audit anew.
const REFRESH: u32 = 10;

/// The page of a contest's audit.
pub fn audit(audit: &Audit, now: Timestamp, signed_in: bool) -> Markup {
    let title = format!("Audit of {}", audit.contest);
    let content = html! {
        h1 { (title) }
        (sections(&audit.contest, Section::Audit))
        div #live data-changes={ "/standings/" (audit.contest) "/audit/changes" } { (audit_live(audit, now)) }
    };
    Frame { refresh: Some(REFRESH), ..Frame::new(&title, Place::Contests, signed_in) }.around(&content)
}

/// What changes of an audit.
pub fn audit_live(audit: &Audit, now: Timestamp) -> Markup {
    html! {
        p {
            @if audit.settled {
                span.badge.good { "settled" } " Every ballot that was accepted is in the log, or a dead letter."
            } @else {
                span.badge.busy { "not settled" } " Ballots may be on their way."
            }
        }
        (sums(audit))
        h2 #producers { "Producers" }
        p.hint { "A producer is one process of ingest. It numbers its batches, so that a missing one shows." }
        (producers(audit, now))
    }
}

fn sums(audit: &Audit) -> Markup {
    let totals = &audit.totals;
    html! {
        dl.facts {
            div { dt { "Accepted" } dd { (number(audit.accepted)) } }
            div { dt { "Received" } dd { (number(audit.received)) } }
            div { dt { "Counted" } dd { (number(totals.counted)) } }
            div { dt { "Duplicate" } dd { (number(totals.duplicate)) } }
            div { dt { "of which conflicting" } dd { (number(totals.conflicting)) } }
            div { dt { "Over limit" } dd { (number(totals.over_limit)) } }
            div { dt { "Dead letters" } dd { (number(totals.dead)) } }
            div { dt { "In flight" } dd { (interval(audit.in_flight)) } }
            div { dt { "Lost" } dd { @if audit.lost > 0 { strong.bad { (number(audit.lost)) } } @else { "0" } } }
            div { dt { "Abandoned" } dd { (number(audit.abandoned)) } }
        }
        p.hint {
            "Always: received " (number(audit.received)) " = counted " (number(totals.counted)) " + duplicate "
            (number(totals.duplicate)) " + over limit " (number(totals.over_limit)) ". Once settled: accepted = received + dead letters."
        }
    }
}

fn interval(interval: Interval) -> String {
    match interval.at_most {
        Some(most) if most == interval.at_least => number(most),
        Some(most) => format!("{} to {}", number(interval.at_least), number(most)),
        None => format!("at least {}", number(interval.at_least)),
    }
}

fn producers(audit: &Audit, now: Timestamp) -> Markup {
    html! {
        @if audit.producers.is_empty() { p.soft { "None has sent anything yet." } } @else {
            div.scroll tabindex="0" role="region" aria-labelledby="producers" #producer-table {
                table {
                    thead {
                        tr {
                            th scope="col" { "Producer" }
                            th.number scope="col" { "Accepted" }
                            th.number scope="col" { "Batches" }
                            th.number scope="col" { "Missing" }
                            th scope="col" { "Settled" }
                            th scope="col" { "Newest batch" }
                        }
                    }
                    tbody { @for producer in &audit.producers { (row(producer, now)) } }
                }
            }
        }
    }
}

fn row(producer: &Producer, now: Timestamp) -> Markup {
    html! {
        tr data-key=(producer.id) {
            th scope="row" { code { (producer.id) } }
            td.number { (number(producer.accepted)) }
            td.number { (number(producer.batches)) }
            td.number { (number(producer.missing)) }
            td { @if producer.settled { "yes" } @else { "not yet" } }
            td { (ago(producer.newest, now)) }
        }
    }
}
