use std::time::Duration;

use bootstrap::http::BodyLimits;
use reqwest::multipart::{Form, Part};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{CONFIG_MAP, Harness, With, answer};

/// Aliases of aliases: nine to the ninth of them.
fn bomb() -> String {
    let mut text = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, before) in ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip("abcdefgh".chars()) {
        text += &format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(","));
    }
    text
}

#[tokio::test]
async fn each_bad_body_has_its_clear_answer_and_nothing_is_stored() {
    let harness = Harness::new().await;
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("not YAML", b"a: [b\n".to_vec(), 422),
        ("not UTF-8", b"kind: ConfigMap\nx: \xff\xfe\n".to_vec(), 400),
        ("empty", vec![], 400),
        ("only space", b" \n\n".to_vec(), 400),
        ("only comments", b"# nothing\n---\n".to_vec(), 422),
        ("alias bomb", bomb().into_bytes(), 422),
        ("depth 10,000", "[".repeat(10_000).into_bytes(), 422),
        ("10,000 documents", "---\na: b\n".repeat(10_000).into_bytes(), 422),
        ("duplicate keys", b"kind: ConfigMap\nkind: Secret\n".to_vec(), 422),
        ("50 MB", vec![b'#'; 50 << 20], 413),
    ];
    for (what, body, expected) in cases {
        let (status, answer) = answer(harness.post("", body)).await;
        assert_eq!(status, expected, "{what}: {answer}");
        assert!(answer["errors"].as_array().is_some_and(|e| !e.is_empty()), "{what}: {answer}");
    }
    assert_eq!(harness.stored().await, 0);
}

#[tokio::test]
async fn a_body_that_is_not_utf8_is_placed() {
    let harness = Harness::new().await;
    let (_, body) = answer(harness.post("", b"kind: ConfigMap\nx: \xff\n".to_vec())).await;
    let problem = &body["errors"][0];
    assert_eq!((&problem["line"], &problem["column"], &problem["code"]), (&2.into(), &4.into(), &"not_utf8".into()));
}

#[tokio::test]
async fn a_file_name_that_leaves_its_folder_is_refused() {
    let harness = Harness::new().await;
    for name in ["../a.yaml", "/etc/a.yaml", "a/../../b.yaml", ""] {
        let part = Part::text(CONFIG_MAP).file_name(name);
        let form = Form::new().part("files", part);
        let (status, body) = answer(harness.http.post(format!("{}/yaml", harness.url)).multipart(form)).await;
        assert!((400..500).contains(&status), "{name}: {body}");
    }
    assert_eq!(harness.stored().await, 0);
}

#[tokio::test]
async fn each_bad_parameter_is_named() {
    let harness = Harness::new().await;
    let cases = [
        ("?colour=red", "colour"),
        ("?name=Not_A_Label", "name"),
        ("?name=a&name=b", "name"),
        ("?dry_run=maybe", "dry_run"),
        ("?on_failure=explode", "on_failure"),
        ("?ready_deadline=soon", "ready_deadline"),
        ("?ready_deadline=25h", "ready_deadline"),
        ("?target=mars", "target"),
        ("?revision=1", "revision"),
    ];
    for (query, field) in cases {
        let (status, body) = answer(harness.post(query, CONFIG_MAP)).await;
        assert_eq!((status, &body["errors"][0]["field"]), (400, &field.into()), "{query}: {body}");
    }
    let id = harness.submit("").await;
    for query in ["?revision=x", "?revision=-1", "?revision=0", "?prune_volumes=1", "?name=a"] {
        assert_eq!(answer(harness.put(&id, query, CONFIG_MAP)).await.0, 400, "{query}");
    }
    for query in ["?form=pretty", "?revision=x", "?x=y"] {
        assert_eq!(answer(harness.get(&format!("/yaml/{id}{query}"))).await.0, 400, "{query}");
    }
    assert_eq!(answer(harness.delete(&format!("/yaml/{id}?force=true"))).await.0, 400);
}

#[tokio::test]
async fn media_types_methods_and_paths_are_checked() {
    let harness = Harness::new().await;
    let yaml = format!("{}/yaml", harness.url);
    assert_eq!(answer(harness.http.post(&yaml).body(CONFIG_MAP)).await.0, 415);
    let typed = |kind: &str| harness.http.post(&yaml).header("content-type", kind).body(CONFIG_MAP);
    assert_eq!(answer(typed("text/plain")).await.0, 415);
    assert_eq!(answer(typed("multipart/form-data")).await.0, 400);
    assert_eq!(answer(typed("multipart/form-data; boundary=x")).await.0, 400);
    assert_eq!(answer(typed("application/yaml; charset=utf-8")).await.0, 202);
    let response = harness.http.patch(&yaml).send().await.expect("sent");
    assert_eq!(response.status(), 405);
    assert!(response.headers().contains_key("allow"));
    assert_eq!(answer(harness.get("/nowhere")).await.0, 404);
    assert_eq!(answer(harness.get("/yaml/%ff")).await.0, 404);
    assert_eq!(answer(harness.get("/yaml/019a0000-0000-7000-8000-000000000001")).await.0, 404);
    assert_eq!(answer(harness.get("/yaml/no-such-name")).await.0, 404);
}

#[tokio::test]
async fn a_body_in_another_encoding_is_refused() {
    let harness = Harness::new().await;
    let id = harness.submit("").await;
    let encoded = |encoding: &str| harness.post("", CONFIG_MAP).header("content-encoding", encoding);
    for encoding in ["gzip", "br", "identity, gzip", "GZIP", "zstd"] {
        assert_eq!(answer(encoded(encoding)).await.0, 415, "{encoding}");
        let put = harness.put(&id, "", CONFIG_MAP).header("content-encoding", encoding);
        assert_eq!(answer(put).await.0, 415, "{encoding}");
    }
    assert_eq!(answer(encoded("identity")).await.0, 202);
    let typed = |kind: &str| {
        let url = format!("{}/yaml", harness.url);
        answer(harness.http.post(url).header("content-type", kind).body(CONFIG_MAP))
    };
    for charset in ["utf-16", "iso-8859-1", "\"us-ascii\"", ""] {
        let (status, body) = typed(&format!("application/yaml; x=y; Charset={charset}")).await;
        assert_eq!(status, 415, "{charset}: {body}");
        assert_eq!(typed(&format!("multipart/form-data; boundary=x; charset={charset}")).await.0, 415, "{charset}");
    }
    assert_eq!(typed("application/yaml;charset=\"UTF-8\"").await.0, 202);
    assert_eq!(typed("text/yaml; charset=utf8").await.0, 202);
    assert_eq!(harness.stored().await, 4);
}

async fn raw(harness: &Harness, request: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(harness.address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut answer)).await.expect("answered in time");
    let text = String::from_utf8_lossy(&answer[..read.expect("read")]).into_owned();
    (stream, text)
}

#[tokio::test]
async fn a_slow_client_is_told_so() {
    let bodies = BodyLimits { idle: Duration::from_millis(200), ..BodyLimits::default() };
    let harness = Harness::with(With { bodies, ..With::default() }).await;
    let head =
        "POST /yaml HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/yaml\r\ncontent-length: 100\r\n\r\nkind";
    let (_stream, text) = raw(&harness, head).await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!(text.contains("urn:marea:problem:request-timeout"), "{text}");
    assert_eq!(harness.stored().await, 0);
}

#[tokio::test]
async fn a_body_that_says_to_be_too_large_is_refused_before_it_comes() {
    let harness = Harness::new().await;
    let head =
        "POST /yaml HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/yaml\r\ncontent-length: 52428800\r\n";
    for more in ["\r\n", "\r\nkind", "expect: 100-continue\r\n\r\n"] {
        let began = std::time::Instant::now();
        let (mut stream, text) = raw(&harness, &format!("{head}{more}")).await;
        assert!(text.starts_with("HTTP/1.1 413 ") && text.contains("urn:marea:problem:too-large"), "{text}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        // What was on its way still has a reader.
        let _ = stream.write_all(&[b'#'; 1 << 16]).await;
    }
}

#[tokio::test]
async fn a_large_chunked_body_is_refused_too() {
    let bodies = BodyLimits { bytes: 1000, ..BodyLimits::default() };
    let harness = Harness::with(With { bodies, ..With::default() }).await;
    let chunks = futures::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>("#".repeat(1000))));
    let (status, body) = answer(harness.post("", reqwest::Body::wrap_stream(chunks))).await;
    assert_eq!(status, 413, "{body}");
}
