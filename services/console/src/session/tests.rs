use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(k, v)| (header::HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
}

#[test]
fn the_token_is_found_among_cookies() {
    assert_eq!(token(&headers(&[("cookie", "a=b; marea_token=t.1; c=d")])), Some("t.1".to_owned()));
    assert_eq!(token(&headers(&[("cookie", "marea_token=")])), None);
    assert_eq!(token(&headers(&[])), None);
}

#[test]
fn a_cookie_is_kept_from_scripts_and_other_sites() {
    let kept = cookie(Some("mrt_1"), true).expect("a token");
    let text = kept.to_str().expect("ascii");
    assert!(["HttpOnly", "SameSite=Strict", "Secure", "Path=/"].iter().all(|w| text.contains(w)), "{text}");
    assert!(cookie(Some("a; Domain=evil"), true).is_none());
    assert!(cookie(None, false).expect("drops").to_str().expect("ascii").contains("Max-Age=0"));
}

#[test]
fn a_form_of_another_site_is_foreign() {
    assert!(is_foreign(&headers(&[("origin", "http://evil.example"), ("host", "127.0.0.1:8080")])));
    assert!(is_foreign(&headers(&[("origin", "null"), ("host", "127.0.0.1:8080")])));
    assert!(is_foreign(&headers(&[("sec-fetch-site", "cross-site"), ("host", "127.0.0.1:8080")])));
    assert!(!is_foreign(&headers(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")])));
    assert!(!is_foreign(&headers(&[("host", "127.0.0.1:8080")])));
}
