use super::*;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_received_context_is_handed_on_where_no_traces_are_sent() {
    assert_eq!(outgoing(&Span::none(), Some(PARENT)).as_deref(), Some(PARENT));
}

#[test]
fn a_malformed_context_is_dropped() {
    for bad in ["", "00", "00-x-y-01", &PARENT.to_uppercase(), &format!("{PARENT}-more"), &"-".repeat(52)] {
        assert_eq!(outgoing(&Span::none(), Some(bad)), None, "{bad}");
        let headers = HeaderMap::from_iter([(HEADER.parse().expect("name"), bad.parse().expect("value"))]);
        assert_eq!(received(&headers), None, "{bad}");
    }
}
