//! An OCI registry on loopback that holds what it is given, takes what is pushed, and lies where it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use parking_lot::Mutex;
use semantest::model::digest::Digest;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Largest body that is taken.
const MOST: usize = 64 * 1024 * 1024;

/// What lies at a path.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Bytes of a media type, announced under this digest.
    Bytes(&'static str, Bytes, Digest),
    /// Somewhere else.
    Redirect(String),
    /// Bytes, once the gate is open.
    Gated(Arc<Semaphore>, Bytes),
    /// A connection that stays open and says nothing.
    Silence,
}

/// How one has to sign in.
#[derive(Clone)]
pub(crate) enum Door {
    Open,
    Basic(&'static str),
    /// A token that `/token` gives to whoever shows this `authorization`, or to anybody.
    Bearer(Option<&'static str>),
}

/// The registry; it ends with the value.
pub(crate) struct Registry {
    address: SocketAddr,
    shelves: Arc<Shelves>,
    _task: JoinSet<()>,
}

struct Shelves {
    door: Door,
    address: SocketAddr,
    replies: Mutex<HashMap<String, Reply>>,
    seen: Mutex<Vec<String>>,
}

impl Registry {
    pub(crate) async fn start() -> Self {
        Self::behind(Door::Open).await
    }

    pub(crate) async fn behind(door: Door) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shelves = Arc::new(Shelves { door, address, replies: Mutex::default(), seen: Mutex::default() });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&shelves));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { address, shelves, _task: task }
    }

    /// A place in this registry, such as `acme/greeter:1.0.0`.
    pub(crate) fn place(&self, rest: &str) -> String {
        format!("oci://{}/{rest}", self.address)
    }

    /// Puts something at a path.
    pub(crate) fn put(&self, path: &str, reply: Reply) {
        self.shelves.replies.lock().insert(path.to_owned(), reply);
    }

    /// Puts a component there as `wkg` pushes it, and answers with the manifest's digest.
    pub(crate) fn hold(&self, repository: &str, tag: &str, component: &Bytes) -> Digest {
        let layer =
            json!({ "mediaType": "application/wasm", "digest": Digest::of(component), "size": component.len() });
        let path = format!("/v2/{repository}/blobs/{}", Digest::of(component));
        self.put(&path, Reply::Bytes("application/octet-stream", component.clone(), Digest::of(component)));
        self.hold_manifest(repository, tag, &manifest_of(&json!([layer])))
    }

    /// Puts a manifest there, whatever it says.
    pub(crate) fn hold_manifest(&self, repository: &str, tag: &str, manifest: &Value) -> Digest {
        let bytes = Bytes::from(manifest.to_string());
        let digest = Digest::of(&bytes);
        let reply = Reply::Bytes("application/vnd.oci.image.manifest.v1+json", bytes, digest);
        for version in [tag.to_owned(), digest.to_string()] {
            self.put(&format!("/v2/{repository}/manifests/{version}"), reply.clone());
        }
        digest
    }

    /// The bytes at a path.
    pub(crate) fn shown(&self, path: &str) -> Bytes {
        match self.shelves.replies.lock().get(path) {
            Some(Reply::Bytes(_, bytes, _) | Reply::Gated(_, bytes)) => bytes.clone(),
            Some(Reply::Redirect(_) | Reply::Silence) | None => panic!("no bytes at {path}"),
        }
    }

    /// The requests so far, as `GET /v2/…`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.shelves.seen.lock().clone()
    }

    /// How many requests there were for a component's bytes.
    pub(crate) fn fetches(&self, component: &[u8]) -> usize {
        let name = Digest::of(component).to_string();
        self.seen().iter().filter(|line| line.starts_with("GET") && line.ends_with(&name)).count()
    }
}

/// A manifest over layers, as `wkg` writes it.
pub(crate) fn manifest_of(layers: &Value) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.wasm.config.v0+json",
            "digest": Digest::of(b"{}"), "size": 2,
        },
        "layers": layers,
    })
}

async fn answer(State(shelves): State<Arc<Shelves>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    shelves.seen.lock().push(format!("{} {path}", parts.method));
    let shown = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if path == "/token" {
        return match &shelves.door {
            Door::Bearer(Some(expected)) if shown != *expected => StatusCode::UNAUTHORIZED.into_response(),
            _ => axum::Json(json!({ "token": "let-me-in" })).into_response(),
        };
    }
    let challenge = match &shelves.door {
        Door::Open => None,
        Door::Basic(expected) => (shown != *expected).then(|| String::from("Basic realm=\"test\"")),
        Door::Bearer(_) => (shown != "Bearer let-me-in")
            .then(|| format!("Bearer realm=\"http://{}/token\",service=\"test\"", shelves.address)),
    };
    if let Some(challenge) = challenge {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
    }
    if parts.method == Method::POST && path.ends_with("/blobs/uploads/") {
        return (StatusCode::ACCEPTED, [(header::LOCATION, format!("{path}1?state=x"))]).into_response();
    }
    if parts.method == Method::PUT {
        let bytes = axum::body::to_bytes(body, MOST).await.expect("a whole body");
        return take(&shelves, &path, parts.uri.query().unwrap_or_default(), bytes);
    }
    let reply = shelves.replies.lock().get(&path).cloned();
    match reply {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Reply::Bytes(kind, bytes, digest)) => {
            ([("content-type", kind.to_owned()), ("docker-content-digest", digest.to_string())], bytes).into_response()
        }
        Some(Reply::Redirect(to)) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Some(Reply::Gated(gate, bytes)) => {
            let _opened = gate.acquire().await.expect("a gate");
            bytes.into_response()
        }
        Some(Reply::Silence) => std::future::pending().await,
    }
}

/// Takes a pushed blob or manifest.
fn take(shelves: &Shelves, path: &str, query: &str, bytes: Bytes) -> Response {
    let digest = Digest::of(&bytes);
    let (repository, kind) = match (path.split_once("/blobs/uploads/"), path.split_once("/manifests/")) {
        (Some((repository, _)), _) => {
            let named = query.rsplit_once("digest=").map(|(_, named)| named.replace("%3A", ":"));
            if named.is_none_or(|named| named != digest.to_string()) {
                return StatusCode::BAD_REQUEST.into_response();
            }
            (repository, "blobs")
        }
        (None, Some((repository, tag))) => {
            let kind = "application/vnd.oci.image.manifest.v1+json";
            let reply = Reply::Bytes(kind, bytes.clone(), digest);
            shelves.replies.lock().insert(format!("{repository}/manifests/{tag}"), reply);
            (repository, "manifests")
        }
        (None, None) => return StatusCode::NOT_FOUND.into_response(),
    };
    let reply = Reply::Bytes("application/octet-stream", bytes, digest);
    shelves.replies.lock().insert(format!("{repository}/{kind}/{digest}"), reply);
    (StatusCode::CREATED, [("docker-content-digest", digest.to_string())]).into_response()
}
