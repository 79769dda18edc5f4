//! Redis is stopped, or killed, and started again while clients ask for jobs: what was accepted is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::platform::{Platform, id_of, job, report};
use super::receiver::Receiver;
use crate::support::http::Http;
use crate::support::redis::TestRedis;
use crate::support::{soon, until};

/// Clients that ask at the same time.
const CLIENTS: u64 = 8;
/// Jobs before, and again after the outage, where `FAULT_JOBS` does not say otherwise.
const HALF: u64 = 150;
/// Requests that are refused during the outage, before Redis comes back.
const REFUSED: u64 = 40;
/// What the platform promises after an outage.
const RECOVERY: Duration = Duration::from_secs(5);

fn half() -> u64 {
    std::env::var("FAULT_JOBS").ok().and_then(|text| text.parse().ok()).unwrap_or(HALF)
}

/// What the clients saw.
#[derive(Default)]
struct Seen {
    /// The jobs, and whether a receiver waits for each one's end.
    accepted: Mutex<BTreeMap<String, bool>>,
    refused: AtomicU64,
    is_over: AtomicBool,
}

impl Seen {
    fn accepted(&self) -> u64 {
        self.accepted.lock().len() as u64
    }

    fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Asks for one job after the other; half of them have a receiver. What is not accepted must be a whole 503.
async fn ask(client: Http, hook: String, seen: Arc<Seen>) {
    for number in 0_u64.. {
        if seen.is_over.load(Ordering::Relaxed) {
            return;
        }
        let has_hook = number % 2 == 0;
        let mut body = json!({"prompt": "hello", "userId": "alice"});
        if has_hook {
            body["webhookUrl"] = json!(hook);
        }
        let answer = client.send(client.request(Method::POST, "/api/v1/chat/new").json(&body)).await;
        if answer.status == 202 {
            seen.accepted.lock().insert(id_of(&answer.json()), has_hook);
        } else {
            let answer = answer.expect_problem(503, "QUEUE_UNAVAILABLE");
            assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|wait| wait >= 1), "says when to come back");
            seen.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Runs the load through an outage: `away` takes Redis away.
async fn through_an_outage(what: &str, redis: TestRedis, away: impl FnOnce(&mut TestRedis)) {
    let mut platform = Platform::over(redis);
    let (api, client) = platform.api().await;
    let workers = (platform.worker().await, platform.worker().await);
    let receiver = Receiver::start().await;
    let seen: Arc<Seen> = Arc::default();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(ask(client.clone(), receiver.url().to_owned(), Arc::clone(&seen)));
    }
    until("there is load", async || seen.accepted() >= half()).await;
    tokio::task::block_in_place(|| away(&mut platform.redis));
    until("requests are refused", async || seen.refused() >= REFUSED).await;
    let before = seen.accepted();
    tokio::task::block_in_place(|| platform.redis.restart());
    let back = Instant::now();
    until("requests are accepted again", async || seen.accepted() > before).await;
    let accepting = back.elapsed();
    let mut fresh = None;
    until("a new job is done", async || match &fresh {
        None => {
            let answer = client.post("/api/v1/chat/new", &json!({"prompt": "after"})).await;
            fresh = answer.json()["jobId"].as_str().map(str::to_owned);
            false
        }
        Some(id) => job(&client, id).await["status"] == "completed",
    })
    .await;
    let working = back.elapsed();
    assert!(accepting < RECOVERY && working < RECOVERY, "accepting after {accepting:?}, working after {working:?}");
    until("there is load again", async || seen.accepted() >= before + half()).await;
    seen.is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = soon("the clients' end", clients.join_next()).await {
        ended.expect("no client panicked");
    }
    all_done(&client, &seen, &receiver).await;
    report(
        what,
        &json!({
            "accepted": seen.accepted(), "refused": seen.refused(), "lost": 0,
            "acceptingMs": accepting.as_millis(), "workingMs": working.as_millis(),
        }),
    );
    drop((api, workers));
}

/// Every accepted job is completed, and each that has a receiver was told of once.
async fn all_done(client: &Http, seen: &Seen, receiver: &Receiver) {
    let accepted = seen.accepted.lock().clone();
    for (id, has_hook) in &accepted {
        until(&format!("{id} is done"), async || {
            let job = job(client, id).await;
            assert!(job["status"] != "failed" && job["status"] != "cancelled", "{job}");
            job["status"] == "completed"
        })
        .await;
        if *has_hook {
            until(&format!("the end of {id} is told"), async || receiver.end_of(id).is_some()).await;
            assert_eq!(receiver.end_of(id).as_deref(), Some("job.completed"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_when_redis_is_stopped_and_started() {
    through_an_outage("Redis stopped (AOF everysec)", TestRedis::start_kept(), TestRedis::stop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_when_redis_is_killed_and_flushes_always() {
    through_an_outage("Redis killed (AOF always)", TestRedis::start_durable(), TestRedis::kill).await;
}
