//! Many components are published and enabled at once, while others use the API.
//!
//! `UPLOADS` (8; `scripts/fault-soak` says 100) of them; the figures are noted, never judged here.

use std::cell::Cell;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use super::platform::{Platform, id_of, reaches, report};
use crate::support::bombs::Bomb;
use crate::support::components::manifest;
use crate::support::http::Http;
use crate::support::redis::TestRedis;

/// Requests that are measured before the uploads begin.
const QUIET_REQUESTS: usize = 300;
/// Functions of each component: some tenths of a second of compiling.
const FUNCTIONS: usize = 2000;
/// What is asked while the others upload: one record of the caller's own, with its key checked.
const CHEAP: &str = "/api/v1/users/alice/addons";

fn uploads() -> usize {
    std::env::var("UPLOADS").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

/// How long requests took, in the order in which they were sent.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    async fn ask(&mut self, client: &Http) {
        let started = Instant::now();
        client.get(CHEAP).await.expect(200);
        self.0.push(started.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    /// The time that so many of a hundred requests kept, in milliseconds.
    fn percentile(&mut self, percent: usize) -> f64 {
        self.0.sort_unstable();
        let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    }

    fn figures(&mut self) -> Value {
        json!({"requests": self.0.len(), "p50Ms": self.percentile(50), "p99Ms": self.percentile(99)})
    }
}

/// Publishes and enables every component, all at once, and waits until each is compiled.
async fn upload(client: &Http, components: &[(String, Bytes)]) {
    let published = futures::future::join_all(components.iter().map(|(_, component)| {
        let request = client.request(Method::POST, "/api/v1/addons").header("content-type", "application/wasm");
        client.send(request.body(component.clone()))
    }));
    // In the order in which they were asked for, so that each comes soon after the one before.
    for answer in published.await {
        reaches(client, &id_of(&answer.expect(202).json()), "completed").await;
    }
    let enabled = futures::future::join_all(components.iter().map(|(name, _)| {
        let request = client.request(Method::PUT, &format!("{CHEAP}/{name}"));
        client.send(request.json(&json!({})))
    }));
    for answer in enabled.await {
        reaches(client, &id_of(&answer.expect(202).json()), "completed").await;
    }
}

#[tokio::test]
async fn many_uploads_at_once_leave_the_api_to_the_others() {
    let platform = Platform::over(TestRedis::start_durable());
    let (api, client) = platform.api().await;
    let worker = platform.worker().await;
    // Made before anything is measured: this process measures, too.
    let count = uploads();
    let names = (0..count).map(|number| format!("acme.upload-{number}"));
    let components: Vec<(String, Bytes)> = names
        .map(|name| {
            let component = Bomb::ManyFunctions(FUNCTIONS).packed(&manifest(&name));
            (name, component)
        })
        .collect();
    let (mut before, mut during) = (Times::default(), Times::default());
    for _ in 0..QUIET_REQUESTS {
        before.ask(&client).await;
    }
    let (started, is_over) = (Instant::now(), Cell::new(false));
    tokio::join!(
        async {
            upload(&client, &components).await;
            is_over.set(true);
        },
        async {
            while !is_over.get() {
                during.ask(&client).await;
            }
        }
    );
    let took = started.elapsed();
    let ratio = |percent: usize, before: &mut Times, during: &mut Times| {
        during.percentile(percent) / before.percentile(percent).max(f64::EPSILON)
    };
    let figures = json!({
        "uploads": count, "tookMs": took.as_millis(),
        "before": before.figures(), "during": during.figures(),
        "p50Ratio": ratio(50, &mut before, &mut during), "p99Ratio": ratio(99, &mut before, &mut during),
    });
    report("uploads at once", &figures);
    let listed = client.get(&format!("{CHEAP}?limit=100")).await.expect(200).json();
    let enabled = listed["data"].as_array().into_iter().flatten().filter(|addon| addon["state"] == "enabled").count();
    assert_eq!(enabled, count, "{listed}");
    drop((worker, api));
}
