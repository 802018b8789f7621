//! Logs of an object's pods.

use bytes::Bytes;
use domain::{Problem, Rendered};
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::{
    Session, Stop,
    api::{Accept, Call, collection},
    desired::{Desired, desired},
    view,
};

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// `Kind/name`; empty: every object that has pods.
    pub object: String,
    /// The container; empty: every one.
    pub container: String,
    /// Whether to go on as lines come.
    pub follow: bool,
    /// The last lines of each container.
    pub tail: u32,
}

/// Pods whose logs are read side by side: each is a connection to the API server.
const PODS: usize = 20;

impl Session {
    /// The lines of the object's pods; with `pod/container: ` before each where there is more than one.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the revision has no such object, or it has no pods.
    pub async fn logs(&self, rendered: &Rendered, options: &LogOptions) -> Result<BoxStream<'static, Bytes>, Stop> {
        let all = desired(rendered);
        let wanted = wanted(&all, &options.object)?;
        let mut sources = vec![];
        for one in &wanted {
            for pod in self.pods_of(one).await?.iter().take(PODS) {
                let name = view::text(pod, "/metadata/name");
                let containers = containers(pod, &options.container);
                sources.extend(containers.map(|c| (one.object.namespace.clone(), name.to_owned(), c.to_owned())));
            }
        }
        if sources.is_empty() {
            return Err(missing("no_pods", "no pods with such a container are there"));
        }
        let prefixed = sources.len() > 1;
        let mut streams = vec![];
        for (namespace, pod, container) in sources.into_iter().take(PODS) {
            let prefix = if prefixed { format!("{pod}/{container}: ") } else { String::new() };
            streams.push(self.lines(&namespace, &pod, &container, options, prefix).await);
        }
        Ok(stream::select_all(streams).boxed())
    }

    async fn lines(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        options: &LogOptions,
        prefix: String,
    ) -> BoxStream<'static, Bytes> {
        let kind = schema::kinds::allowed("v1", "Pod").expect("Pod is in the table of kinds");
        let path = format!("{}/{pod}/log", collection(kind, namespace));
        let (follow, tail) = (options.follow.to_string(), options.tail.to_string());
        let query = [("container", container), ("follow", follow.as_str()), ("tailLines", tail.as_str())];
        match self.api.stream(&Call::get(&path, &query, Accept::Object)).await {
            Ok(body) => prefixed(body.into_data_stream().map(|r| r.ok()).boxed(), prefix),
            // A container that has not started yet has no log: said in its place.
            Err(error) => stream::iter([Bytes::from(format!("{prefix}({error})\n"))]).boxed(),
        }
    }
}

/// The objects that are meant.
fn wanted<'a>(all: &'a [Desired], name: &str) -> Result<Vec<&'a Desired>, Stop> {
    let named = |one: &&Desired| match name {
        "" => one.kind.template.is_some(),
        name => one.object.to_string().eq_ignore_ascii_case(name),
    };
    let wanted: Vec<_> = all.iter().filter(named).collect();
    if wanted.is_empty() {
        return Err(missing(
            "no_such_object",
            format!("the task has no object `{name}` with pods: name one as Kind/name"),
        ));
    }
    Ok(wanted)
}

fn missing(code: &str, text: impl Into<String>) -> Stop {
    Stop::Failed(vec![Problem::error(code, text)])
}

fn containers<'a>(pod: &'a Value, wanted: &'a str) -> impl Iterator<Item = &'a str> {
    let names = view::list(pod, "/spec/containers").iter().map(|c| view::text(c, "/name"));
    names.filter(move |name| wanted.is_empty() || *name == wanted)
}

/// The longest line that is kept together; a longer one is passed on in pieces.
const LINE_BYTES: usize = 64 << 10;

/// Cuts a stream into whole lines, each with the prefix.
fn prefixed(chunks: BoxStream<'static, Option<Bytes>>, prefix: String) -> BoxStream<'static, Bytes> {
    if prefix.is_empty() {
        return chunks.take_while(|c| std::future::ready(c.is_some())).filter_map(std::future::ready).boxed();
    }
    let ended = chunks.take_while(|c| std::future::ready(c.is_some())).chain(stream::iter([None]));
    ended
        .scan(Vec::new(), move |rest: &mut Vec<u8>, chunk| std::future::ready(Some(cut(rest, chunk, &prefix))))
        .filter(|lines| std::future::ready(!lines.is_empty()))
        .boxed()
}

/// The whole lines of what is left over and a chunk; at the end all of it.
fn cut(rest: &mut Vec<u8>, chunk: Option<Bytes>, prefix: &str) -> Bytes {
    let last = chunk.is_none();
    rest.extend_from_slice(&chunk.unwrap_or_default());
    let whole = match rest.iter().rposition(|b| *b == b'\n') {
        _ if last || rest.len() > LINE_BYTES => rest.len(),
        Some(end) => end + 1,
        None => 0,
    };
    let lines: Vec<u8> = rest.drain(..whole).collect();
    let mut out = vec![];
    for line in lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.into()
}
