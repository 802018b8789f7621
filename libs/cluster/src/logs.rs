//! Logs of an object's pods.

use bytes::Bytes;
use domain::{Problem, Rendered};
use futures::{
    StreamExt as _,
    future::join_all,
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
    /// `Kind/name`, of an object or of one of its pods; empty: every object that has pods.
    pub object: String,
    /// The container; empty: every one, those that run before the others first.
    pub container: String,
    /// Whether to go on as lines come.
    pub follow: bool,
    /// The last lines of each container.
    pub tail: u32,
}

/// Containers whose logs are read side by side: each is a connection to the API server.
const CONTAINERS: usize = 20;

/// One container of one pod.
struct Source {
    namespace: String,
    pod: String,
    container: String,
}

impl Session {
    /// The lines of the object's pods; with `pod/container: ` before each where there is more than one container. Of
    /// more than can be read side by side, the last line says how many are left out; the first, where lines go on.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the revision has no such object (`no_such_object`), or it has no pods (`no_pods`).
    pub async fn logs(&self, rendered: &Rendered, options: &LogOptions) -> Result<BoxStream<'static, Bytes>, Stop> {
        let sources = self.sources(rendered, options).await?;
        let (all, prefixed) = (sources.len(), sources.len() > 1);
        let read = sources.iter().take(CONTAINERS).map(|source| self.lines(source, options, prefixed));
        let lines = stream::select_all(join_all(read).await);
        let left_out = stream::iter(left_out(all));
        Ok(if options.follow { left_out.chain(lines).boxed() } else { lines.chain(left_out).boxed() })
    }

    async fn sources(&self, rendered: &Rendered, options: &LogOptions) -> Result<Vec<Source>, Stop> {
        let all = desired(rendered);
        let (objects, only) = wanted(&all, &options.object)?;
        let mut sources = vec![];
        for one in objects {
            for pod in self.pods_of(one).await? {
                let name = view::text(&pod, "/metadata/name");
                if only.is_none_or(|only| only == name) {
                    let source = |container: &str| Source {
                        namespace: one.object.namespace.clone(),
                        pod: name.to_owned(),
                        container: container.to_owned(),
                    };
                    sources.extend(containers(&pod, &options.container).map(source));
                }
            }
        }
        match (sources.is_empty(), only) {
            (false, _) => Ok(sources),
            (true, None) => Err(missing("no_pods", none(options))),
            (true, Some(pod)) => {
                let such = if options.container.is_empty() { "" } else { " with such a container" };
                Err(missing("no_such_object", format!("the task has no pod `{pod}`{such}")))
            }
        }
    }

    async fn lines(&self, source: &Source, options: &LogOptions, prefix: bool) -> BoxStream<'static, Bytes> {
        let Source { namespace, pod, container } = source;
        let kind = schema::kinds::allowed("v1", "Pod").expect("Pod is in the table of kinds");
        let path = format!("{}/{pod}/log", collection(kind, namespace));
        let (follow, tail) = (options.follow.to_string(), options.tail.to_string());
        let query = [("container", container.as_str()), ("follow", follow.as_str()), ("tailLines", tail.as_str())];
        let prefix = if prefix { format!("{pod}/{container}: ") } else { String::new() };
        match self.api.stream(&Call::get(&path, &query, Accept::Object)).await {
            Ok(body) => prefixed(body.into_data_stream().map(|r| r.ok()).boxed(), prefix),
            // A container that has not started yet has no log: said in its place.
            Err(error) => stream::iter([Bytes::from(format!("{prefix}({error})\n"))]).boxed(),
        }
    }
}

/// The line that says that not all is shown, where it is not.
fn left_out(all: usize) -> Option<Bytes> {
    let text = "containers; name an object as Kind/name, one of its pods as Pod/name, or a container";
    (all > CONTAINERS).then(|| format!("({CONTAINERS} of {all} {text})\n").into())
}

/// The objects that are meant, and the one pod of theirs where a pod is.
fn wanted<'a, 'b>(all: &'a [Desired], name: &'b str) -> Result<(Vec<&'a Desired>, Option<&'b str>), Stop> {
    let with_pods = || all.iter().filter(|one| one.kind.template.is_some()).collect::<Vec<_>>();
    if name.is_empty() {
        let all = with_pods();
        return if all.is_empty() {
            Err(missing("no_pods", "the task has no object with pods"))
        } else {
            Ok((all, None))
        };
    }
    let named: Vec<_> = all.iter().filter(|one| one.object.to_string().eq_ignore_ascii_case(name)).collect();
    if !named.is_empty() {
        return Ok((named, None));
    }
    match name.split_once('/') {
        Some((kind, pod)) if kind.eq_ignore_ascii_case("Pod") => Ok((with_pods(), Some(pod))),
        _ => Err(missing("no_such_object", format!("the task has no object `{name}`; name one as Kind/name"))),
    }
}

/// Why there is nothing to read.
fn none(options: &LogOptions) -> &'static str {
    match options.container.is_empty() {
        true => "there are no pods to read logs of: none was made yet, they are gone, or the object makes none",
        false => "no pods with such a container are there",
    }
}

fn missing(code: &str, text: impl Into<String>) -> Stop {
    Stop::Failed(vec![Problem::error(code, text)])
}

/// A pod's containers in the order of their start.
fn containers<'a>(pod: &'a Value, wanted: &'a str) -> impl Iterator<Item = &'a str> {
    let lists = ["/spec/initContainers", "/spec/containers"];
    let names = lists.into_iter().flat_map(|list| view::list(pod, list)).map(|c| view::text(c, "/name"));
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
