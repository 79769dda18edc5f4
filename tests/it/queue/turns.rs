//! Turns: one user's crowd of jobs makes nobody else wait for all of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use semantest::config::queues::{LaneSettings, QueueSettings};
use semantest::queue::{Consumer, Delivery, Handler, Lane, QueuedState, Verdict};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::app::TestApp;
use crate::support::http::Http;
use crate::support::tenant::id_of;
use crate::support::until;

/// Notes whose job each one is, in the order in which they are done, as many as there are permits for.
struct Noting {
    done: Mutex<Vec<String>>,
    permits: Semaphore,
}

#[async_trait]
impl Handler for Noting {
    async fn handle(&self, delivery: Delivery) -> Verdict {
        let permit = self.permits.acquire().await;
        permit.expect("an open semaphore").forget();
        self.done.lock().push(delivery.data["userId"].as_str().unwrap_or_default().to_owned());
        Verdict::Done(Value::Null)
    }
}

/// Asks for many pictures of one user.
async fn crowd(client: &Http, user: &str, count: usize, priority: &str) {
    let jobs = vec![json!({"prompt": "A garden"}); 100];
    for length in (0..count).step_by(100).map(|from| (count - from).min(100)) {
        let body = json!({"userId": user, "jobs": &jobs[..length], "priority": priority});
        client.post("/api/v1/images/batch", &body).await.expect(202);
    }
}

async fn one(client: &Http, user: &str, priority: &str) -> String {
    let body = json!({"userId": user, "prompt": "A garden", "priority": priority});
    id_of(&client.post("/api/v1/images/generate", &body).await.expect(202).json())
}

/// The users in the order in which their jobs would be taken.
async fn order(app: &TestApp) -> Vec<String> {
    let mut redis = app.redis.connection().await;
    let lane = format!("{}:image-generation", app.redis.settings().prefix);
    let mut command = redis::cmd("ZRANGE");
    command.arg(format!("{lane}:prioritized")).arg(0).arg(-1);
    let ids: Vec<String> = command.query_async(&mut redis).await.expect("the ids");
    let mut question = redis::pipe();
    for id in &ids {
        question.cmd("HGET").arg(format!("{lane}:{id}")).arg("data");
    }
    let data: Vec<String> = question.query_async(&mut redis).await.expect("their data");
    let user = |text: &String| {
        let data: Value = serde_json::from_str(text).expect("JSON");
        data["userId"].as_str().unwrap_or_default().to_owned()
    };
    data.iter().map(user).collect()
}

/// Where in `order` the jobs of `user` stand.
fn places(order: &[String], user: &str) -> Vec<usize> {
    (0..).zip(order).filter(|(_, who)| *who == user).map(|(place, _)| place).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_ten_jobs_is_done_before_the_fortieth_of_a_thousand_that_were_there_first() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    crowd(&client, "alice", 1000, "normal").await;
    let noting = Arc::new(Noting { done: Mutex::default(), permits: Semaphore::new(20) });
    let settings = LaneSettings { concurrency: 4, ..QueueSettings::default().image_generation };
    let handler: Arc<dyn Handler> = noting.clone();
    let consumer = Consumer::start(app.redis.settings(), Lane::ImageGeneration, &settings, handler).await;
    let consumer = consumer.expect("a worker");
    until("twenty are done", async || noting.done.lock().len() == 20).await;
    crowd(&client, "bob", 10, "normal").await;
    noting.permits.add_permits(990);
    until("all are done", async || noting.done.lock().len() == 1010).await;
    let done = noting.done.lock().clone();
    let (alice, bob) = (places(&done, "alice"), places(&done, "bob"));
    assert_eq!((alice.len(), bob.len()), (1000, 10));
    assert!(bob[9] < alice[39], "bob's last came {}., alice's fortieth {}.", bob[9], alice[39]);
    consumer.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_jobs_go_first_and_yet_nothing_waits_for_ever() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    one(&client, "patient", "low").await;
    crowd(&client, "alice", 30, "normal").await;
    one(&client, "hasty", "high").await;
    let first = order(&app).await;
    assert_eq!((first[0].as_str(), first[31].as_str()), ("hasty", "patient"), "{first:?}");
    crowd(&client, "hasty", 1300, "high").await;
    let order = order(&app).await;
    let (patient, alice) = (places(&order, "patient")[0], places(&order, "alice"));
    assert!(alice[0] >= 100, "a hundred rounds are the lead of the urgent: {}", alice[0]);
    assert!(alice[29] < 200 && patient < 1300, "and no more: {} {patient}", alice[29]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_comes_after_a_calm_time_has_no_lead_over_one_who_worked_in_it() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let producer = app.services.work.producer();
    // One always runs, so the lane is never quite empty; nobody waits in between.
    let mut redis = app.redis.connection().await;
    let active = format!("{}:image-generation:active", app.redis.settings().prefix);
    redis::cmd("LPUSH").arg(&active).arg("img_other").query_async::<()>(&mut redis).await.expect("a running job");
    for _ in 0..50 {
        let id = one(&client, "alice", "normal").await;
        producer.remove(Lane::ImageGeneration, &id).await.expect("taken back");
    }
    crowd(&client, "alice", 5, "normal").await;
    crowd(&client, "bob", 5, "normal").await;
    let order = order(&app).await;
    assert!(places(&order, "alice")[4] < places(&order, "bob")[4] + 2, "they alternate: {order:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_begin_anew_where_the_lane_is_empty_and_move_down_where_it_never_is() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let producer = app.services.work.producer();
    let priority = async |id: &str| {
        let job = producer.peek(Lane::ImageGeneration, id).await.expect("Redis").expect("a job");
        job.priority
    };
    let first = one(&client, "alice", "normal").await;
    let number = priority(&first).await;
    producer.remove(Lane::ImageGeneration, &first).await.expect("taken back");
    let second = one(&client, "alice", "normal").await;
    assert_eq!(priority(&second).await, number);
    // As if it had gone on for very long.
    let mut redis = app.redis.connection().await;
    let turns = format!("{}:turns:image-generation", app.redis.settings().prefix);
    let prioritized = format!("{}:image-generation:prioritized", app.redis.settings().prefix);
    let late = 3 * 300_000 + number;
    redis::cmd("ZADD").arg(&turns).arg(300_000).arg("").query_async::<()>(&mut redis).await.expect("a round");
    let score = u64::from(late) << 32;
    redis::cmd("ZADD").arg(&prioritized).arg(score).arg(&second).query_async::<()>(&mut redis).await.expect("a number");
    let hash = format!("{}:image-generation:{second}", app.redis.settings().prefix);
    redis::cmd("HSET").arg(&hash).arg("priority").arg(late).query_async::<()>(&mut redis).await.expect("a number");
    let third = one(&client, "bob", "normal").await;
    assert_eq!((priority(&second).await, priority(&third).await), (number, number), "both moved down");
    assert_eq!(order(&app).await, ["alice", "bob"]);
    assert_eq!(producer.state(Lane::ImageGeneration, &second).await.expect("a state"), QueuedState::Waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_users_of_the_same_name_are_two_users() {
    let app = TestApp::api_only().await;
    let (acme, other) = (app.client().await, app.caller("other", &[semantest::store::keys::KeyScope::Client]).await);
    crowd(&acme, "alice", 50, "normal").await;
    let id = one(&other, "alice", "normal").await;
    let position = app.services.work.producer().position(Lane::ImageGeneration, &id).await.expect("a position");
    assert!(position.is_some_and(|position| position < 3), "{position:?}");
}
