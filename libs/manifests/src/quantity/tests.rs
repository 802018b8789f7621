use super::*;

#[test]
fn quantities_compare_across_suffixes() {
    let q = |t: &str| Quantity::parse(t).unwrap_or_else(|| panic!("{t}"));
    assert!(q("100m") < q("1") && q(".5") == q("500m") && q("1Gi") > q("1G") && q("1e3") == q("1k"));
    assert!(q("-1").is_negative() && q("0").is_zero() && q("1E") == q("1e18") && q("5.") == q("5"));
    assert!(!q("1.5").is_whole() && q("1Ki").is_whole() && q("+1") == q("1"));
}

#[test]
fn what_is_no_quantity_is_refused() {
    for text in ["", "-", "1 Gi", "1gb", "Gi", "1KI", "1..2", ".", "1e", "0x1", "1e999", "one", "1,5"] {
        assert_eq!(Quantity::parse(text), None, "{text}");
    }
}
