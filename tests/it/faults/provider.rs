//! A provider of pictures with the shape of `OpenAI`'s API, which answers when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// A server on loopback. Dropping it closes the door.
pub(crate) struct Provider {
    base_url: String,
    asked: Arc<AtomicU64>,
    gate: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    asked: Arc<AtomicU64>,
    gate: watch::Receiver<bool>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let (gate, closed) = watch::channel(false);
        let asked: Arc<AtomicU64> = Arc::default();
        let desk = Desk { asked: Arc::clone(&asked), gate: closed };
        let router = Router::new().route("/v1/images/generations", post(generate)).with_state(desk);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base_url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self { base_url, asked, gate, serving }
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// How many pictures were asked for.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn answer_from_now_on(&self) {
        self.gate.send_replace(true);
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn generate(State(mut desk): State<Desk>) -> Json<Value> {
    desk.asked.fetch_add(1, Ordering::SeqCst);
    desk.gate.wait_for(|is_open| *is_open).await.expect("the test is still there");
    Json(json!({"created": 1, "data": [{"b64_json": PIXEL}]}))
}
