//! The control channel.

use semantest::model::id::{AddonId, ClientId, JobId, UserId};
use semantest::model::job::{JobKind, Outcome};
use semantest::shutdown;
use semantest::store::Store;
use semantest::store::control::{Control, Message};
use semantest::store::enablements::{Concluded, Enablement, Enablements, Put};
use semantest::store::jobs::{Jobs, NewJob};
use serde_json::json;
use tokio::sync::broadcast::Receiver;

use super::last_writes;
use crate::support::redis::TestRedis;
use crate::support::{soon, until};

/// One process' control channel, running until the stop fires.
struct Process {
    control: Control,
    messages: Receiver<Message>,
    stop: shutdown::StopHandle,
    running: tokio::task::JoinHandle<()>,
}

/// Starts listening and returns when nothing can be missed any more.
async fn listen(store: &Store) -> Process {
    let control = Control::new(store.clone());
    let mut messages = control.subscribe();
    let (handle, stop) = shutdown::channel();
    let running = tokio::spawn(control.clone().run(stop));
    assert_eq!(next(&mut messages).await, Message::Reconnected);
    Process { control, messages, stop: handle, running }
}

async fn next(messages: &mut Receiver<Message>) -> Message {
    soon("a control message", messages.recv()).await.expect("the channel is open")
}

fn job() -> NewJob {
    NewJob::of(JobKind::Invoke, JobId::fresh("call"), ClientId::parse("acme").unwrap(), "addon-calls")
}

#[tokio::test]
async fn every_process_hears_what_one_says() {
    let redis = TestRedis::start();
    let mut one = listen(&redis.store().await).await;
    let mut other = listen(&redis.store().await).await;
    let message = Message::KeyChanged { id: String::from("k1") };
    one.control.publish(&message).await.unwrap();
    assert_eq!(next(&mut one.messages).await, message);
    assert_eq!(next(&mut other.messages).await, message);
}

#[tokio::test]
async fn a_cancelled_job_is_announced_with_its_lane() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let Process { mut messages, .. } = listen(&store).await;
    let (jobs, job) = (Jobs::new(store), job());
    jobs.create(&job).await.unwrap();
    jobs.request_cancel(&job.id).await.unwrap();
    let lane = String::from("addon-calls");
    assert_eq!(next(&mut messages).await, Message::CancelJob { lane, id: job.id });
}

#[tokio::test]
async fn the_bell_of_a_watched_job_rings_at_each_change_and_others_are_silent() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let Process { control, mut messages, .. } = listen(&store).await;
    let jobs = Jobs::new(store);
    let (watched, other) = (job(), job());
    jobs.create(&watched).await.unwrap();
    jobs.create(&other).await.unwrap();
    let mut bell = control.bell(&watched.id);
    jobs.watch(&watched.id).await.unwrap();
    for id in [&other.id, &watched.id] {
        jobs.begin(id, 1).await.unwrap();
    }
    soon("the bell rings", bell.rung()).await;
    assert_eq!(next(&mut messages).await, Message::JobEvent { id: watched.id.clone() });
    for id in [&other.id, &watched.id] {
        jobs.finish(id, &Outcome::Completed(json!(1))).await.unwrap();
    }
    soon("the bell rings again", bell.rung()).await;
    assert_eq!(next(&mut messages).await, Message::JobFinished { id: watched.id });
}

#[tokio::test]
async fn the_channel_comes_back_after_an_outage_and_says_so() {
    let mut redis = TestRedis::start_durable();
    let Process { control, mut messages, stop, running } = listen(&redis.store().await).await;
    let mut bell = control.bell(&job().id);
    redis.kill();
    redis.restart();
    assert_eq!(next(&mut messages).await, Message::Reconnected);
    soon("a waiter looks again", bell.rung()).await;
    let message = Message::KeyChanged { id: String::from("k1") };
    until("Redis takes messages again", async || control.publish(&message).await.is_ok()).await;
    assert_eq!(next(&mut messages).await, message);
    stop.fire();
    soon("the channel stops", running).await.unwrap();
}

#[tokio::test]
async fn the_channel_stops_while_redis_is_away() {
    let mut redis = TestRedis::start();
    let Process { stop, running, .. } = listen(&redis.store().await).await;
    redis.kill();
    stop.fire();
    soon("the channel stops", running).await.unwrap();
}

#[tokio::test]
async fn every_process_hears_that_an_enablement_changed_or_is_gone() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let mut elsewhere = listen(&redis.store().await).await;
    let (client, user) = (ClientId::parse("acme").unwrap(), UserId::parse("alice").unwrap());
    let addon = AddonId::parse("acme.art").unwrap();
    let (enablements, jobs) = (Enablements::new(store.clone()), Jobs::new(store));
    let message = Message::EnablementChanged { client: client.clone(), user: user.clone(), addon: addon.clone() };
    let fresh = Enablement::fresh(client.clone(), user.clone(), addon.clone());
    assert_eq!(enablements.put(0, &fresh).await.unwrap(), Put::Stored(1));
    assert_eq!(next(&mut elsewhere.messages).await, message);
    let job = last_writes::running_job(&jobs).await;
    let there = Enablement { revision: 1, ..fresh };
    assert_eq!(enablements.erase(&job, &there).await.unwrap(), Concluded::Written);
    assert_eq!(next(&mut elsewhere.messages).await, message);
}
