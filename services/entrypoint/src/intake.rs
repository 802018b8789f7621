//! From a request's body to files.

use axum::{
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, FromRequest, Multipart, Request, multipart::MultipartError},
    http::{HeaderMap, StatusCode, header},
};
use bootstrap::{
    HttpError,
    http::{has_media_type, read_body},
};
use domain::{Problem, SourceFile};
use sha2::{Digest, Sha256};

/// The media types of one raw body.
const YAML: [&str; 5] = ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml"];
/// The name of the file that is one raw body.
const RAW_NAME: &str = "manifest.yaml";
/// Bodies up to this size are checked on the spot: it takes less than handing them to another thread.
const INLINE_BYTES: usize = 32 << 10;

/// The files of a request.
pub struct Intake {
    /// The files, in the order sent.
    pub files: Vec<SourceFile>,
}

impl Intake {
    /// Reads files and tells at once what can be told at once.
    pub async fn read(request: Request) -> Result<Self, HttpError> {
        let headers = request.headers().clone();
        let (multipart, raw) = (has_media_type(&headers, &["multipart/form-data"]), has_media_type(&headers, &YAML));
        if !multipart && !raw {
            return Err(unsupported(&headers));
        }
        plain(&headers)?;
        let body = read_body(request).await?;
        let files = if multipart { parts(headers, body).await? } else { vec![file(RAW_NAME, &body)?] };
        let files = check(files).await?;
        Ok(Self { files })
    }

    /// A hash of names and contents: a multipart boundary, which varies from try to try, is no part of it.
    pub fn hash_into(files: &[SourceFile], hasher: &mut Sha256) {
        for file in files {
            for part in [&file.name, &file.content] {
                hasher.update(part.len().to_le_bytes());
                hasher.update(part);
            }
        }
    }
}

async fn check(files: Vec<SourceFile>) -> Result<Vec<SourceFile>, HttpError> {
    if files.iter().all(|f| f.content.trim().is_empty()) {
        let detail = "there is nothing in it: send at least one manifest";
        return Err(HttpError::bad_request("empty", detail).with(vec![Problem::error("empty", detail)]));
    }
    let bytes: usize = files.iter().map(|f| f.content.len()).sum();
    let checked = move || (manifests::check_syntax(&files), files);
    let (problems, files) = if bytes <= INLINE_BYTES {
        checked()
    } else {
        tokio::task::spawn_blocking(checked).await.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()))
    };
    if problems.iter().any(Problem::is_error) {
        let first = problems.iter().find(|p| p.is_error()).map(ToString::to_string).unwrap_or_default();
        return Err(HttpError::unprocessable("invalid-manifests", first).with(problems));
    }
    Ok(files)
}

async fn parts(headers: HeaderMap, body: Bytes) -> Result<Vec<SourceFile>, HttpError> {
    if body.is_empty() {
        return Err(HttpError::bad_request("invalid-multipart", "the body is empty: send at least one file"));
    }
    let mut request = Request::new(Body::from(body));
    *request.headers_mut() = headers;
    // The body has its bound already.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut multipart = unlimited(request).await?;
    let mut files = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(|e| malformed(&e))? {
        let name = field.file_name().map(str::to_owned).ok_or_else(no_file_name)?;
        let content = field.bytes().await.map_err(|e| malformed(&e))?;
        files.push(file(&name, &content)?);
    }
    Ok(files)
}

async fn unlimited(request: Request) -> Result<Multipart, HttpError> {
    Multipart::from_request(request, &()).await.map_err(|e| {
        HttpError::bad_request("invalid-multipart", format!("the body is not multipart: {}", e.body_text()))
    })
}

fn malformed(error: &MultipartError) -> HttpError {
    HttpError::bad_request("invalid-multipart", format!("the body is not well-formed multipart: {}", error.body_text()))
}

fn no_file_name() -> HttpError {
    let detail = "a part of the body is not a file: each needs a file name (curl: -F files=@FILE)";
    HttpError::bad_request("invalid-multipart", detail)
}

fn file(name: &str, content: &[u8]) -> Result<SourceFile, HttpError> {
    match std::str::from_utf8(content) {
        Ok(text) => Ok(SourceFile { name: name.to_owned(), content: text.to_owned() }),
        Err(error) => Err(not_utf8(name, content, error.valid_up_to())),
    }
}

fn not_utf8(name: &str, content: &[u8], at: usize) -> HttpError {
    let before = String::from_utf8_lossy(content.get(..at).unwrap_or_default());
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    let message = "expected UTF-8; convert the file, or check that it is text";
    let problem = Problem {
        file: domain::text::escaped(&name.chars().take(255).collect::<String>()),
        line: u32::try_from(line).unwrap_or(0),
        column: u32::try_from(column).unwrap_or(0),
        ..Problem::error("not_utf8", message)
    };
    HttpError::bad_request("not-utf8", problem.to_string()).with(vec![problem])
}

/// Whether the body is the text itself: UTF-8, and not compressed.
fn plain(headers: &HeaderMap) -> Result<(), HttpError> {
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut encodings = encodings.flat_map(|v| v.to_str().unwrap_or("not text").split(',').map(str::trim));
    if let Some(other) = encodings.find(|e| !e.is_empty() && !e.eq_ignore_ascii_case("identity")) {
        return Err(not_plain("a body without Content-Encoding", other));
    }
    let mut charsets = headers.get_all(header::CONTENT_TYPE).iter().filter_map(|v| charset(v.to_str().ok()?));
    match charsets.find(|c| !c.eq_ignore_ascii_case("utf-8") && !c.eq_ignore_ascii_case("utf8")) {
        Some(other) => Err(not_plain("UTF-8", other)),
        None => Ok(()),
    }
}

/// The parameter `charset` of a media type.
fn charset(media_type: &str) -> Option<&str> {
    let parameters = media_type.split(';').skip(1).filter_map(|p| p.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charsets.next().map(|(_, value)| value.trim().trim_matches('"'))
}

fn not_plain(expected: &str, sent: &str) -> HttpError {
    let sent: String = sent.chars().take(100).collect();
    let detail = format!("expected {expected}; got `{sent}`");
    HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
}

fn unsupported(headers: &HeaderMap) -> HttpError {
    let sent = headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("none");
    let sent: String = sent.chars().take(100).collect();
    let detail = format!(
        "expected `Content-Type: application/yaml` with one file as the body, or multipart/form-data with files; got `{sent}`"
    );
    HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
}
