//! A receiver of webhooks that remembers what came.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;

/// One event as it came.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) webhook_id: String,
    pub(super) kind: String,
    pub(super) job: String,
}

/// A receiver on loopback. Dropping it closes the door.
pub(super) struct Receiver {
    url: String,
    events: Arc<Mutex<Vec<Event>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&events));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self { url, events, serving }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The terminal webhook ids of each job, each of them once.
    pub(super) fn ends(&self) -> HashMap<String, Vec<(String, String)>> {
        let mut ends: HashMap<String, Vec<(String, String)>> = HashMap::new();
        for event in self.events.lock().iter() {
            let is_end = ["job.completed", "job.failed", "job.cancelled"].contains(&event.kind.as_str());
            let of_job = ends.entry(event.job.clone()).or_default();
            let end = (event.kind.clone(), event.webhook_id.clone());
            if is_end && !of_job.contains(&end) {
                of_job.push(end);
            }
        }
        ends
    }

    /// The kind of the one end that was told of `job`, under one webhook id; none until it came.
    #[track_caller]
    pub(super) fn end_of(&self, job: &str) -> Option<String> {
        let ends = self.ends().remove(job).unwrap_or_default();
        assert!(ends.len() <= 1, "one end under one id: {ends:?}");
        ends.into_iter().next().map(|(kind, _)| kind)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(events): State<Arc<Mutex<Vec<Event>>>>, headers: HeaderMap, body: String) {
    let webhook_id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events.lock().push(Event { webhook_id, kind: text(&body["type"]), job: text(&body["data"]["jobId"]) });
}
