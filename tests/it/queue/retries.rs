//! Failing, and what is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use semantest::queue::tickets::Noop;
use semantest::queue::{AddOptions, QueueError, QueuedState, Retried, Verdict};
use serde_json::{Value, json};

use super::server::Server;
use super::worker::{Hand, LANE, add, consumer, producer, quick, reaches, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_try_is_seen_on_the_job_and_the_last_one_makes_a_dead_letter() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|delivery| async move { Verdict::Retry(format!("try {}", delivery.attempt)) });
    let consumer = consumer(&server, &quick(), &hand).await?;
    add(&producer, "call_1").await?;
    reaches(&producer, LANE, "call_1", QueuedState::Failed).await?;
    let job = producer.peek(LANE, "call_1").await?.context("dead letters are kept")?;
    assert_eq!((job.attempts_made, job.failed_reason.as_deref()), (3, Some("try 3")));
    let traces: String = redis::cmd("HGET")
        .arg(format!("{{test}}:{LANE}:call_1"))
        .arg("stacktrace")
        .query_async(&mut server.connection().await?)
        .await?;
    assert_eq!(serde_json::from_str::<Value>(&traces)?, json!(["try 1", "try 2", "try 3"]));
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_wastes_no_tries() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|_| async { Verdict::GiveUp(String::from("DIGEST_MISMATCH: other bytes")) });
    let consumer = consumer(&server, &quick(), &hand).await?;
    add(&producer, "call_1").await?;
    reaches(&producer, LANE, "call_1", QueuedState::Failed).await?;
    assert_eq!(producer.peek(LANE, "call_1").await?.map(|job| job.attempts_made), Some(1));
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_a_backoff_that_every_bullmq_worker_understands() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    add(&producer, "call_1").await?;
    let options: String = redis::cmd("HGET")
        .arg(format!("{{test}}:{LANE}:call_1"))
        .arg("opts")
        .query_async(&mut server.connection().await?)
        .await?;
    let options: Value = serde_json::from_str(&options)?;
    assert_eq!(options.get("backoff"), Some(&json!({"type": "exponential", "delay": 20})));
    assert_eq!(options.get("attempts"), Some(&json!(3)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_at_is_counted_clamped_and_ended_by_us() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let (runs, warned) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (count, knew) = (Arc::clone(&runs), Arc::clone(&warned));
    let hand = Hand::new(move |delivery| {
        let run = count.fetch_add(1, Ordering::SeqCst) + 1;
        let verdict = Verdict::RetryAfter(Duration::ZERO, String::from("PROVIDER_UNAVAILABLE: busy"));
        if delivery.ends_with(&verdict) {
            knew.store(run, Ordering::SeqCst);
        }
        async move { verdict }
    });
    let consumer = consumer(&server, &quick(), &hand).await?;
    let began = Instant::now();
    producer.add("call_1", &Noop {}, &AddOptions { attempts: Some(2), ..AddOptions::default() }).await?;
    reaches(&producer, LANE, "call_1", QueuedState::Delayed).await?;
    assert_eq!(producer.peek(LANE, "call_1").await?.map(|job| job.attempts_made), Some(0), "no try is charged");
    reaches(&producer, LANE, "call_1", QueuedState::Failed).await?;
    assert!(began.elapsed() >= Duration::from_millis(1900), "two waits of at least a second");
    assert_eq!((runs.load(Ordering::SeqCst), warned.load(Ordering::SeqCst)), (3, 3), "the handler was told in time");
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_may_have_a_schedule_of_its_own() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|delivery| async move {
        if delivery.is_last_attempt() {
            return Verdict::Done(json!(delivery.attempt));
        }
        Verdict::RetryIn(Duration::from_millis(300), String::from("answered 500"))
    });
    let consumer = consumer(&server, &quick(), &hand).await?;
    let began = Instant::now();
    add(&producer, "call_1").await?;
    reaches(&producer, LANE, "call_1", QueuedState::Completed).await?;
    assert!(began.elapsed() >= Duration::from_millis(600));
    assert_eq!(producer.peek(LANE, "call_1").await?.and_then(|job| job.return_value), Some(json!(3)));
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_is_tried_again_keeps_its_priority_and_has_all_its_tries() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|_| async { Verdict::GiveUp(String::from("no")) });
    let consumer = consumer(&server, &quick(), &hand).await?;
    producer.add("call_1", &Noop {}, &AddOptions { priority: 7, ..AddOptions::default() }).await?;
    reaches(&producer, LANE, "call_1", QueuedState::Failed).await?;
    consumer.close(Duration::from_secs(1)).await;
    assert_eq!(producer.retry(LANE, "call_1").await?, Retried::Retried);
    assert_eq!(producer.retry(LANE, "call_1").await?, Retried::NotFailed);
    assert_eq!(producer.retry(LANE, "call_9").await?, Retried::Absent);
    let depth = producer.depth(LANE).await?;
    assert_eq!((depth.prioritized, depth.waiting, depth.failed), (1, 0, 0));
    let job = producer.peek(LANE, "call_1").await?.context("it waits")?;
    assert_eq!((job.attempts_made, job.priority, job.failed_reason), (0, 7, None));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_twice_under_one_id_is_asking_once() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let runs = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&runs);
    let hand = Hand::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Verdict::Done(Value::Null) }
    });
    let consumer = consumer(&server, &quick(), &hand).await?;
    add(&producer, "call_1").await?;
    reaches(&producer, LANE, "call_1", QueuedState::Completed).await?;
    add(&producer, "call_1").await?;
    add(&producer, "call_2").await?;
    reaches(&producer, LANE, "call_2", QueuedState::Completed).await?;
    until("the lane is empty", || async { Ok(producer.depth(LANE).await?.active == 0) }).await?;
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_bullmq_refuses_are_refused_before_they_spoil_a_batch() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    for id in ["", "17", "a:b"] {
        assert!(matches!(add(&producer, id).await, Err(QueueError::Id { .. })), "{id}");
    }
    Ok(())
}
