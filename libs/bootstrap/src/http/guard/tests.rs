use super::*;

fn check(method: Method, host: &str, origin: Option<&str>) -> Option<u16> {
    let guard = Guard { any_host: false, cors_origins: vec!["https://board.example".into()] };
    let mut headers = HeaderMap::from_iter([(header::HOST, host.parse().expect("value"))]);
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, origin.parse().expect("value"));
    }
    guard.check(&method, &Uri::from_static("/yaml"), &headers).err().map(|e| e.status().as_u16())
}

#[test]
fn only_names_of_this_computer_are_answered() {
    for good in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "127.8.8.8"] {
        assert_eq!(check(Method::POST, good, None), None, "{good}");
    }
    for bad in ["evil.example", "localhost.evil.example", "10.0.0.1:8080", ""] {
        assert_eq!(check(Method::POST, bad, None), Some(403), "{bad}");
    }
}

#[test]
fn a_foreign_origin_is_refused() {
    assert_eq!(check(Method::POST, "localhost:8080", Some("http://localhost:8080")), None);
    for bad in ["http://localhost:3000", "https://evil.example", "null", "localhost:8080", ""] {
        assert_eq!(check(Method::POST, "localhost:8080", Some(bad)), Some(403), "{bad}");
    }
}

#[test]
fn a_listed_origin_may_read_and_nothing_else() {
    assert_eq!(check(Method::GET, "localhost:8080", Some("https://board.example")), None);
    assert_eq!(check(Method::POST, "localhost:8080", Some("https://board.example")), Some(403));
}

#[test]
fn what_says_one_thing_is_said_once() {
    let mut headers = HeaderMap::new();
    assert_eq!(single(&headers, "idempotency-key").ok(), Some(None));
    headers.append("idempotency-key", "a".parse().expect("value"));
    assert_eq!(single(&headers, "idempotency-key").ok().flatten(), Some(&"a".parse().expect("value")));
    headers.append("idempotency-key", "a".parse().expect("value"));
    assert_eq!(single(&headers, "idempotency-key").err().map(|e| e.status().as_u16()), Some(400));
}
