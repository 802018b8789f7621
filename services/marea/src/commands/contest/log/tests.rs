use super::*;

#[test]
fn columns_stand_in_the_order_of_the_contest_s_fields() {
    let row = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), String::new())).collect::<Vec<_>>();
    let rows = [row(&["album", "name", "id", "time"]), row(&["album", "name", "year", "id", "time"])];
    let order = ["name", "album", "year", "never"].map(str::to_owned);
    assert_eq!(columns(&rows, &order), ["name", "album", "year", "id", "time"]);
    assert_eq!(columns(&rows, &[]), ["album", "name", "id", "time", "year"]);
}
