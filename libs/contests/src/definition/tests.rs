use super::*;
use crate::samples;

const MINIMAL: &str = "name: a\ntitle: A\nkind: votes\nfields: {x: {type: string}}\ntallies: {t: {by: [x]}}\n";

fn with(line: &str) -> Result<Definition, Vec<domain::Problem>> {
    Definition::parse(&format!("{MINIMAL}{line}\n"))
}

/// The problems of a file, as `line field code`.
fn problems(text: &str) -> Vec<String> {
    let problems = Definition::parse(text).expect_err("the file is broken");
    problems.iter().map(|p| format!("{} {} {}", p.line, p.field, p.code)).collect()
}

#[test]
fn canonical_json_reads_back_to_an_equal_definition() {
    let full = "voters: {max_ballots: 3, every: 36h}\nopen: {from: 2026-11-01T00:00:00Z, to: 2026-12-01T00:00:00Z}\n\
                hidden: [voter, x]\nretention: 365d\naccess: {tokens: true}";
    for definition in [samples::bands(), samples::olympics(), with("").expect("minimal"), with(full).expect("full")] {
        let again = Definition::parse(definition.canonical_json()).expect("canonical JSON is YAML");
        assert_eq!(again, definition);
        assert_eq!(again.revision().to_string().parse(), Ok(definition.revision()));
    }
}

#[test]
fn comments_and_defaults_do_not_change_the_revision_and_contents_do() {
    let plain = with("").expect("minimal").revision();
    assert_eq!(with("# a comment\nboard: t\nhidden: []").expect("same").revision(), plain);
    assert_ne!(with("hidden: [voter]").expect("other").revision(), plain);
}

#[test]
fn every_problem_has_its_line_and_field() {
    let text = "name: Not A Name\ntitle: \"\"\nkind: vote\nfields:\n  id: {type: string}\n  Rank: {type: number}\n  \
                year: {type: integer, min: 5, max: 1, values: [x]}\ncolour: red\n";
    let expected = [
        "1 name not_a_name",
        "2 title not_a_title",
        "3 kind not_a_kind",
        "5 fields.id reserved",
        "6 fields.Rank not_a_name",
        "6 fields.Rank.type not_a_type",
        "7 fields.year.max contradiction",
        "7 fields.year.values contradiction",
        "8 colour unknown_key",
    ];
    assert_eq!(problems(text), expected);
}

#[test]
fn integers_are_bounded_so_that_sums_fit() {
    let field = |bounds: &str| MINIMAL.replace("type: string", &format!("type: integer{bounds}"));
    let shape = |bounds| Definition::parse(&field(bounds)).expect("it is sound").fields[0].shape.clone();
    assert_eq!(shape(""), Shape::Integer { min: -1_000_000_000_000, max: 1_000_000_000_000 });
    assert_eq!(shape(", max: 5"), Shape::Integer { min: -1_000_000_000_000, max: 5 });
    assert_eq!(problems(&field(", max: 1000000000001")), ["4 fields.x.max out_of_range"]);
}

#[test]
fn tallies_routes_and_hidden_names_must_exist() {
    let text = "name: a\ntitle: A\nkind: votes\nfields:\n  x: {type: string, values: [a, b]}\n  n: {type: integer}\n\
                tallies:\n  t: {by: [z], sum: n, where: {x: c}}\nboard: u\nroutes:\n  by: [n]\n  queues:\n  - {queue: q, where: {x: a}}\nhidden: [w]\n";
    let expected = [
        "8 tallies.t.by[0] unknown_field",
        "8 tallies.t.sum not_summable",
        "8 tallies.t.where.x wrong_type",
        "9 board unknown_tally",
        "11 routes.by not_a_route",
        "13 routes.queues[0].where not_a_route",
        "14 hidden[0] unknown_field",
    ];
    assert_eq!(problems(text), expected);
}

#[test]
fn missing_parts_are_named() {
    assert_eq!(problems("{}"), ["1 name missing", "1 title missing", "1 kind missing", "1 fields missing"]);
    assert_eq!(problems(&MINIMAL.replace("tallies: {t: {by: [x]}}", ""))[0], "1 tallies missing");
}

#[test]
fn broken_syntax_is_one_problem_with_its_line() {
    assert_eq!(problems("name: a\ntitle: [\n").len(), 1);
    assert_eq!(problems("name: a\nname: b\n"), ["2  yaml"]);
    assert_eq!(problems("- 1\n"), ["1  wrong_type"]);
    assert_eq!(problems(&"#".repeat(70_000)), ["0  too_large"]);
}

#[test]
fn a_number_where_a_text_is_wanted_is_told_to_be_quoted() {
    let found = Definition::parse(&MINIMAL.replace("string}", "string, values: [1990]}")).expect_err("a number");
    assert!(found[0].message.ends_with("quote it"), "{}", found[0].message);
}

#[test]
fn a_limit_of_voters_requires_them() {
    assert!(with("voters: {max_ballots: 2}").expect("sound").voters.required);
    assert!(with("voters: {max_ballots: 2, required: false}").is_err());
    assert!(with("voters: {every: 1h}").is_err());
}

#[test]
fn a_tally_has_as_many_keys_as_its_fields_allow_and_it_may() {
    let of = |fields: &str, tally: &str| {
        let head = "name: a\ntitle: A\nkind: votes\n";
        Definition::parse(&format!("{head}fields: {{{fields}}}\ntallies: {{t: {{{tally}}}}}\n"))
    };
    let overflows = |fields: &str, tally: &str| {
        let contest = of(fields, tally).expect("a contest");
        (contest.can_overflow(&contest.tallies[0]), contest.tallies[0].max_keys)
    };
    let rank = "x: {type: integer, min: 1, max: 5}";
    assert_eq!(overflows("x: {type: string}", "by: [x]"), (true, 10_000));
    assert_eq!(overflows("x: {type: string}", "by: []"), (false, 10_000));
    assert_eq!(overflows("x: {type: integer}", "by: [x], max_keys: 100000"), (true, 100_000));
    assert_eq!(overflows(rank, "by: [x], max_keys: 5"), (false, 5));
    assert_eq!(overflows(rank, "by: [x], max_keys: 4"), (true, 4));
    assert_eq!(overflows("x: {type: integer, min: 1, max: 5, optional: true}", "by: [x], max_keys: 5"), (true, 5));
    let two = "x: {type: string, values: [a, b]}, y: {type: string, values: [a, b, c]}";
    assert_eq!([6, 5].map(|most| overflows(two, &format!("by: [x, y], max_keys: {most}")).0), [false, true]);
    assert!(of(rank, "by: [x], max_keys: 0").is_err() && of(rank, "by: [x], max_keys: 100001").is_err());
}

#[test]
fn lanes_are_every_combination_of_route_values() {
    let olympics = samples::olympics();
    let keys: Vec<_> = olympics.lanes.iter().map(|l| (l.key.as_str(), l.group.as_str())).collect();
    assert_eq!(keys.len(), 6);
    assert_eq!(keys[0], ("scores.olympics.swimming.winner", "winners"));
    assert_eq!(keys[5], ("scores.olympics.boxing.loser", "losers"));
    assert_eq!(samples::bands().lanes[0].group, "votes");
}

#[test]
fn durations_are_one_number_and_one_unit() {
    assert_eq!(duration::parse("90m").map(duration::show), Some("90m".into()));
    assert_eq!(duration::parse("48h").map(duration::show), Some("2d".into()));
    assert_eq!(["0s", "1", "h", "-1h", "1 h", "99999999999999999999d"].map(duration::parse), [None; 6]);
}

#[test]
fn a_tally_that_counts_something_else_under_its_name_is_told() {
    let of = |rest: &str| {
        let file = format!(
            "name: c\ntitle: C\nkind: votes\nfields:\n  a: {{type: string}}\n  b: {{type: integer, min: 1, max: 5}}\n{rest}"
        );
        Definition::parse(&file).expect("a contest")
    };
    let first = of("tallies: {one: {by: [a]}, two: {by: [a], sum: b}}");
    for same in [
        "tallies: {one: {by: [a], max_keys: 7}}",
        "tallies: {two: {by: [a], sum: b}, one: {by: [a]}}",
        "tallies: {one: {by: [a]}, other: {by: [b]}}",
    ] {
        assert_eq!(of(same).redefined(&first), None, "{same}");
    }
    for (rest, tally) in [
        ("tallies: {one: {by: [b]}}", "one"),
        ("tallies: {one: {by: [a]}, two: {by: [a]}}", "two"),
        ("tallies: {one: {by: [a], where: {b: 5}}}", "one"),
        ("tallies: {one: {by: [a, b]}}", "one"),
    ] {
        assert_eq!(of(rest).redefined(&first), Some(tally), "{rest}");
    }
}
