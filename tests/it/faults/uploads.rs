//! Many components are published and enabled at once, while others use the API.
//!
//! `UPLOADS` (8; `scripts/fault-soak` says 100) of them; the figures are noted, never judged here.

use std::cell::Cell;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use super::platform::{Platform, id_of, job, report};
use crate::support::bombs::Bomb;
use crate::support::components::manifest;
use crate::support::http::{Answer, Http};
use crate::support::redis::TestRedis;

/// Requests that are measured before the uploads begin.
const QUIET_REQUESTS: usize = 300;
/// Longest wait for all jobs of one kind.
const PATIENCE: Duration = Duration::from_secs(240);
/// Functions of each component: some tenths of a second of compiling.
const FUNCTIONS: usize = 2000;
/// Where the addons are enabled.
const ADDONS: &str = "/api/v1/users/alice/addons";
/// What is asked meanwhile: a list that stays empty, with the key checked.
const CHEAP: &str = "/api/v1/users/bob/addons";

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
        json!({"count": self.0.len(), "p50Ms": self.percentile(50), "p99Ms": self.percentile(99)})
    }
}

/// Publishes every component, all at once.
async fn publish(client: &Http, components: &[(String, Bytes)]) {
    let published = futures::future::join_all(components.iter().map(|(_, component)| {
        let request = client.request(Method::POST, "/api/v1/addons").header("content-type", "application/wasm");
        client.send(request.body(component.clone()))
    }));
    completed(client, published.await).await;
}

/// Enables every component, all at once: each is compiled.
async fn enable(client: &Http, components: &[(String, Bytes)]) {
    let enabled = futures::future::join_all(components.iter().map(|(name, _)| {
        let request = client.request(Method::PUT, &format!("{ADDONS}/{name}"));
        client.send(request.json(&json!({})))
    }));
    completed(client, enabled.await).await;
}

/// Waits until every job is completed. Which one is the last, nobody knows; so the wait is for all of them.
async fn completed(client: &Http, answers: Vec<Answer>) {
    let all = async {
        for id in answers.into_iter().map(|answer| id_of(&answer.expect(202).json())) {
            let mut seen = job(client, &id).await;
            while seen["status"] != "completed" {
                assert_ne!(seen["status"], "failed", "{seen}");
                tokio::time::sleep(Duration::from_millis(25)).await;
                seen = job(client, &id).await;
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE, all).await.is_ok(), "the jobs took too long");
}

/// How long requests take while `work` goes on, and how long that went on.
async fn beside(client: &Http, work: impl Future<Output = ()>) -> (Times, Duration) {
    let (started, is_over, mut times) = (Instant::now(), Cell::new(false), Times::default());
    tokio::join!(
        async {
            work.await;
            is_over.set(true);
        },
        async {
            while !is_over.get() {
                times.ask(client).await;
            }
        }
    );
    (times, started.elapsed())
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
    let mut quiet = Times::default();
    for _ in 0..QUIET_REQUESTS {
        quiet.ask(&client).await;
    }
    let (mut published, publishing) = beside(&client, publish(&client, &components)).await;
    let (mut enabled, enabling) = beside(&client, enable(&client, &components)).await;
    let ratios = |times: &mut Times, quiet: &mut Times| {
        [50, 99].map(|percent| times.percentile(percent) / quiet.percentile(percent).max(f64::EPSILON))
    };
    let figures = json!({
        "uploads": count,
        "quiet": quiet.figures(),
        "publishing": {
            "tookMs": publishing.as_millis(), "requests": published.figures(),
            "p50AndP99Ratio": ratios(&mut published, &mut quiet),
        },
        "compiling": {
            "tookMs": enabling.as_millis(), "requests": enabled.figures(),
            "p50AndP99Ratio": ratios(&mut enabled, &mut quiet),
        },
    });
    report("uploads at once", &figures);
    let listed = client.get(&format!("{ADDONS}?limit=100")).await.expect(200).json();
    let enabled = listed["data"].as_array().into_iter().flatten().filter(|addon| addon["state"] == "enabled").count();
    assert_eq!(enabled, count, "{listed}");
    drop((worker, api));
}
