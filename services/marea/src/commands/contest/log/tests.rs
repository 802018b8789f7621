use super::*;

#[test]
fn columns_stand_in_the_order_of_the_contest_s_fields() {
    let row = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), String::new())).collect::<Vec<_>>();
    let rows = [row(&["album", "name", "id", "time"]), row(&["album", "name", "year", "id", "time"])];
    let order = ["name", "album", "year", "never"].map(str::to_owned);
    assert_eq!(columns(&rows, &order), ["name", "album", "year", "id", "time"]);
    assert_eq!(columns(&rows, &[]), ["album", "name", "id", "time", "year"]);
}

#[test]
fn a_field_with_the_name_of_what_every_ballot_has_stands_beside_it() {
    let ballot = json!({ "id": "a", "time": "2026-11-23T00:00:00Z", "verdict": "counted", "fields": { "time": 13, "name": "Bob" } });
    let row = flat(ballot.as_object().expect("an object"));
    let columns = ["name", "fields.time", "id", "time", "verdict"].map(str::to_owned);
    assert_eq!(cells(&row, &columns), ["Bob", "13", "a", "2026-11-23T00:00:00Z", "counted"]);
}
