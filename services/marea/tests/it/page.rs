use client::Client;

use crate::program::{CONFIG, Up, folder};

#[tokio::test]
async fn the_page_is_on_the_same_port_and_foreign_pages_are_kept_out() {
    let dir = tempfile::tempdir().expect("a folder");
    let up = Up::start(&dir.path().join("unused"), &["--ephemeral"]);
    let (_files, path) = folder("shop", CONFIG);
    assert_eq!(up.run(&["apply", "-f", &path, "--wait"]).code, 0);
    // Makes the process' TLS provider.
    let _client = Client::new(&up.server, None).expect("an address");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let page = http.get(&up.server).send().await.expect("answered").text().await.expect("text");
    assert!(page.contains("shop") && page.contains("DONE"), "{page}");
    for (header, value) in [("origin", "http://evil.example"), ("host", "evil.example")] {
        let request = http.post(format!("{}/yaml", up.server)).header("content-type", "application/yaml");
        let answer = request.header(header, value).body(CONFIG).send().await.expect("answered");
        assert_eq!(answer.status(), 403, "{header}");
    }
}
