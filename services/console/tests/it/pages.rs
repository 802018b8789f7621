use reqwest::{Client, Response, StatusCode, multipart, redirect::Policy};

use crate::api::{ID, TOKEN, start};

fn browserless() -> Client {
    bootstrap::install_tls();
    Client::builder().redirect(Policy::none()).no_proxy().build().expect("a client")
}

async fn get(address: &str, path: &str) -> (StatusCode, String) {
    let response = browserless().get(format!("{address}{path}")).send().await.expect("answered");
    (response.status(), response.text().await.expect("text"))
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map_or(String::new(), |v| v.to_str().expect("ascii").to_owned())
}

#[tokio::test]
async fn pages_show_the_task_under_a_strict_policy() {
    let (page, _) = start().await;
    for path in ["/".to_owned(), format!("/tasks/{ID}"), format!("/tasks/{ID}/manifests")] {
        let response = browserless().get(format!("{page}{path}")).send().await.expect("answered");
        assert_eq!(response.status(), 200, "{path}");
        let policy = header(&response, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(header(&response, "cache-control"), "no-store");
        let text = response.text().await.expect("text");
        assert!(text.contains("swj-demo") && !text.contains("<img"), "{path}: {text}");
    }
}

#[tokio::test]
async fn an_absent_task_is_a_page_that_says_so() {
    let (page, _) = start().await;
    let (status, text) = get(&page, "/tasks/none").await;
    assert_eq!(status, 404);
    assert!(text.contains("there is no task `none`") && text.contains("All tasks"), "{text}");
}

#[tokio::test]
async fn files_and_name_of_the_form_reach_the_interface() {
    let (page, asked) = start().await;
    let file = multipart::Part::text("kind: Pod").file_name("a.yaml");
    let form = multipart::Form::new().text("name", "shop").part("files", file).text("text", "kind: Job");
    let response = browserless().post(format!("{page}/upload")).multipart(form).send().await.expect("answered");
    assert_eq!(response.status(), 303);
    assert_eq!(header(&response, "location"), format!("/tasks/{ID}"));
    let asked = asked.lock().expect("alone");
    let (method, path, _, body) = asked.last().expect("asked");
    assert_eq!((method.as_str(), path.as_str()), ("POST", "/yaml?name=shop"));
    for part in ["filename=\"a.yaml\"", "kind: Pod", "filename=\"pasted.yaml\"", "kind: Job"] {
        assert!(body.contains(part), "{part}: {body}");
    }
}

#[tokio::test]
async fn how_to_run_it_is_ticked_and_reaches_the_interface() {
    let (page, asked) = start().await;
    for (path, boxes) in [("/upload".to_owned(), 1), (format!("/tasks/{ID}/replace"), 3)] {
        let (_, text) = get(&page, &path).await;
        assert_eq!(text.matches("type=\"checkbox\"").count(), boxes, "{path}: {text}");
    }
    let last = || asked.lock().expect("alone").last().map(|(method, path, ..)| format!("{method} {path}"));
    let form = multipart::Form::new().text("text", "kind: Job").text("confirm_prune", "true");
    let form = form.text("on_failure", "revert");
    let replaced = browserless().post(format!("{page}/tasks/{ID}/replace")).multipart(form).send();
    assert_eq!(replaced.await.expect("answered").status(), 303);
    assert_eq!(last(), Some(format!("PUT /yaml/{ID}?on_failure=revert&confirm_prune=true")));
    let (_, question) = get(&page, &format!("/tasks/{ID}/revert?to=1")).await;
    assert_eq!(question.matches("type=\"checkbox\"").count(), 3, "{question}");
    let request = browserless().post(format!("{page}/tasks/{ID}/revert"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let reverted = request.body("to=1&confirm_prune=true&prune_volumes=true").send().await.expect("answered");
    assert_eq!(reverted.status(), 303);
    assert_eq!(last(), Some(format!("PUT /yaml/{ID}?prune_volumes=true&confirm_prune=true&revision=1")));
}

#[tokio::test]
async fn a_form_without_files_or_with_a_wrong_name_is_shown_again() {
    let (page, asked) = start().await;
    for (name, text, expected) in [("", "", "choose a file"), ("Not A Name", "kind: Pod", "lower case letters")] {
        let form = multipart::Form::new().text("name", name).text("text", text);
        let response = browserless().post(format!("{page}/upload")).multipart(form).send().await.expect("answered");
        assert_eq!(response.status(), 422);
        let body = response.text().await.expect("text");
        assert!(body.contains(expected) && body.contains("role=\"alert\"") && body.contains(text), "{body}");
    }
    assert!(asked.lock().expect("alone").is_empty());
}

#[tokio::test]
async fn deleting_is_asked_first_and_a_foreign_form_is_refused() {
    let (page, asked) = start().await;
    let path = format!("{page}/tasks/{ID}/delete");
    let (_, question) = get(&page, &format!("/tasks/{ID}/delete")).await;
    assert!(question.contains("Delete swj-demo?") && question.contains("Job/splitter"), "{question}");
    let foreign = browserless().post(&path).header("origin", "http://evil.example").send().await.expect("answered");
    assert_eq!(foreign.status(), 403);
    assert!(asked.lock().expect("alone").iter().all(|(method, ..)| method == "GET"));
    let own = browserless().post(&path).header("origin", &page).send().await.expect("answered");
    assert_eq!(own.status(), 303);
    let asked = asked.lock().expect("alone");
    assert_eq!(
        asked.last().map(|(m, p, ..)| (m.as_str(), p.as_str())),
        Some(("DELETE", format!("/yaml/{ID}").as_str()))
    );
}

#[tokio::test]
async fn the_token_is_kept_in_a_cookie_and_forwarded() {
    let (page, asked) = start().await;
    let client = browserless();
    let login = |token: &str| {
        let request = client.post(format!("{page}/login"));
        request.header("content-type", "application/x-www-form-urlencoded").body(format!("token={token}")).send()
    };
    let refused = login("mrt_wrong").await.expect("answered");
    assert_eq!((refused.status().as_u16(), header(&refused, "set-cookie")), (401, String::new()));
    let taken = login(TOKEN).await.expect("answered");
    let cookie = header(&taken, "set-cookie");
    assert!(taken.status() == 303 && cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair").to_owned();
    let home = client.get(format!("{page}/")).header("cookie", pair).send().await.expect("answered");
    assert!(home.text().await.expect("text").contains("Sign out"));
    assert_eq!(
        asked.lock().expect("alone").last().map(|(.., token, _)| token.clone()),
        Some(format!("Bearer {TOKEN}"))
    );
    let expired =
        client.get(format!("{page}/")).header("cookie", "marea_token=mrt_old").send().await.expect("answered");
    assert_eq!((expired.status().as_u16(), header(&expired, "location")), (303, "/login".to_owned()));
}

#[tokio::test]
async fn changes_are_only_what_changes() {
    let (page, _) = start().await;
    let response = browserless().get(format!("{page}/tasks/{ID}/changes")).send().await.expect("answered");
    assert!(!header(&response, "x-marea-version").is_empty());
    assert!(header(&response, "x-marea-said").contains("swj%2Ddemo"));
    let text = response.text().await.expect("text");
    assert!(!text.contains("<html") && text.contains("Deployment/worker"), "{text}");
}
