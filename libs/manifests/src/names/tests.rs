use super::*;

#[test]
fn names_are_right_or_wrong_as_the_api_server_has_it() {
    let long = "a".repeat(64);
    for (check, right, wrong) in [
        (label as fn(&str) -> Option<&'static str>, &["a", "1a", "a-b"][..], &["", "A", "-a", "a-", "a.b", &long][..]),
        (label_1035, &["a", "a-1"], &["1a", ""]),
        (subdomain, &["a.b", "1.2", &long], &["a..b", ".a", "a_b", "A"]),
        (path_segment, &["a:b", "A b"], &["", ".", "..", "a/b", "a%b"]),
        (label_value, &["", "A_b.c-1"], &["-a", "a b", "é", &long]),
        (qualified, &["a", "a.b/C_d", "x.io/y"], &["", "a/", "/a", "a/b/c", "A.b/c", "a b"]),
        (data_key, &["a.b", "..a-"], &["", "a/b", "é"]),
        (env_var, &["A", "a b", "1A", "a.b"], &["", "a=b", "é"]),
        (port_name, &["http", "a-1", "8a"], &["80", "a--b", "A", "abcdefghijklmnop", ""]),
    ] {
        for text in right.iter().filter(|t| !t.starts_with("..")) {
            assert_eq!(check(text), None, "{text}");
        }
        for text in wrong {
            assert!(check(text).is_some(), "{text}");
        }
    }
}

#[test]
fn a_misspelled_word_is_found() {
    let table = ["replicas", "selector", "template", "containers"];
    assert_eq!(nearest("replica", table), Some("replicas"));
    assert_eq!(nearest("Selector", table), Some("selector"));
    assert_eq!(nearest("contianers", table), Some("containers"));
    assert_eq!(nearest("image", table), None);
}
