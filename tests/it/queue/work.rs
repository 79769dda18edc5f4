//! What a handler may count on while it works.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use semantest::model::units::Span;
use semantest::queue::tickets::{Generate, Noop};
use semantest::queue::{Abandoned, AddOptions, Interruption, Lane, QueuedState, Verdict};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::server::Server;
use super::worker::{Hand, LANE, add, consumer, producer, quick, reaches, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_worked_and_its_result_is_kept() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|delivery| async move {
        Verdict::Done(json!({"saw": delivery.data, "attempt": delivery.attempt, "of": delivery.max_attempts}))
    });
    let consumer = consumer(&server, &quick(), &hand).await?;
    let options = AddOptions { timeout: Some(Duration::from_secs(7)), ..AddOptions::default() };
    producer.add("call_1", &Noop {}, &options).await?;
    reaches(&producer, LANE, "call_1", QueuedState::Completed).await?;
    let job = producer.peek(LANE, "call_1").await?.context("the job is kept")?;
    assert_eq!(job.return_value, Some(json!({"saw": {"timeoutMs": 7000}, "attempt": 1, "of": 3})));
    assert!(job.started_at_ms.is_some() && job.finished_at_ms.is_some());
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_handler_fails_its_job_and_the_lane_goes_on() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|delivery| async move {
        assert!(!delivery.id.starts_with("bad"), "this handler breaks off on purpose");
        Verdict::Done(Value::Null)
    });
    let consumer = consumer(&server, &quick(), &hand).await?;
    for id in ["bad_1", "bad_2", "good_1"] {
        add(&producer, id).await?;
    }
    reaches(&producer, LANE, "bad_1", QueuedState::Failed).await?;
    reaches(&producer, LANE, "bad_2", QueuedState::Failed).await?;
    reaches(&producer, LANE, "good_1", QueuedState::Completed).await?;
    let reason = producer.peek(LANE, "bad_1").await?.and_then(|job| job.failed_reason);
    assert!(reason.is_some_and(|reason| reason.starts_with("INTERNAL: ")));
    assert!(hand.abandoned().contains(&(String::from("bad_1"), Abandoned::Panicked)));
    let began = std::time::Instant::now();
    consumer.close(Duration::from_secs(20)).await;
    assert!(began.elapsed() < Duration::from_secs(4), "nothing is wedged");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_outlives_its_deadline_is_interrupted_and_tried_again() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let hand = Hand::new(move |delivery| {
        let notes = Arc::clone(&notes);
        async move {
            delivery.token.cancelled().await;
            if let Ok(mut notes) = notes.lock() {
                notes.push((delivery.attempt, delivery.is_last_attempt(), delivery.interruption()));
            }
            Verdict::Retry(String::from("DEADLINE_EXCEEDED: too slow"))
        }
    });
    let consumer = consumer(&server, &quick(), &hand).await?;
    let options = AddOptions { timeout: Some(Duration::from_millis(100)), attempts: Some(2), ..AddOptions::default() };
    producer.add("call_1", &Noop {}, &options).await?;
    reaches(&producer, LANE, "call_1", QueuedState::Failed).await?;
    let deadline = Some(Interruption::Deadline);
    assert_eq!(*seen.lock().map_err(|_| anyhow::anyhow!("poisoned"))?, [(1, false, deadline), (2, true, deadline)]);
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_ignores_its_token_is_dropped() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|_| std::future::pending());
    let consumer = consumer(&server, &quick(), &hand).await?;
    let options = AddOptions { timeout: Some(Duration::from_millis(100)), attempts: Some(1), ..AddOptions::default() };
    producer.add("late_1", &Noop {}, &options).await?;
    add(&producer, "gone_1").await?;
    reaches(&producer, LANE, "gone_1", QueuedState::Active).await?;
    until("the job is in our hands", || async { Ok(consumer.cancel("gone_1")) }).await?;
    reaches(&producer, LANE, "late_1", QueuedState::Failed).await?;
    reaches(&producer, LANE, "gone_1", QueuedState::Failed).await?;
    let abandoned = hand.abandoned();
    assert!(abandoned.contains(&(String::from("gone_1"), Abandoned::Cancelled)), "{abandoned:?}");
    let late = Abandoned::DeadlineExceeded(Duration::from_millis(100));
    assert!(abandoned.contains(&(String::from("late_1"), late)), "{abandoned:?}");
    let reason = producer.peek(LANE, "gone_1").await?.and_then(|job| job.failed_reason);
    assert!(reason.is_some_and(|reason| reason.starts_with("CANCELLED: ")));
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_is_not_tried_again() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let runs = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&runs);
    let hand = Hand::new(move |delivery| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            delivery.token.cancelled().await;
            Verdict::Retry(String::from("interrupted"))
        }
    });
    let consumer = consumer(&server, &quick(), &hand).await?;
    assert!(!consumer.cancel("call_1"));
    add(&producer, "call_1").await?;
    until("the job is in our hands", || async { Ok(consumer.cancel("call_1")) }).await?;
    reaches(&producer, LANE, "call_1", QueuedState::Failed).await?;
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lower_numbers_run_first_and_jobs_without_one_before_all() -> Result<()> {
    let server = Server::start()?;
    let settings = semantest::config::queues::LaneSettings { concurrency: 1, ..quick() };
    let producer = producer(&server, &settings).await?;
    for (id, priority) in [("call_low", 10), ("call_normal", 5), ("call_high", 1), ("call_foreign", 0)] {
        producer.add(id, &Noop {}, &AddOptions { priority, ..AddOptions::default() }).await?;
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&order);
    let hand = Hand::new(move |delivery| {
        if let Ok(mut notes) = notes.lock() {
            notes.push(delivery.id);
        }
        async { Verdict::Done(Value::Null) }
    });
    let consumer = consumer(&server, &settings, &hand).await?;
    reaches(&producer, LANE, "call_low", QueuedState::Completed).await?;
    let order = order.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.clone();
    assert_eq!(order, ["call_foreign", "call_high", "call_normal", "call_low"]);
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_has_a_voice_and_its_log_has_an_end() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let told = Arc::new(Notify::new());
    let go_on = Arc::clone(&told);
    let hand = Hand::new(move |delivery| {
        let go_on = Arc::clone(&go_on);
        async move {
            for number in 1..=1005 {
                if let Err(error) = delivery.log(&format!("line {number}")).await {
                    return Verdict::GiveUp(error.to_string());
                }
            }
            match delivery.progress(&json!({"progress": 50, "steps": []})).await {
                Ok(()) => go_on.notified().await,
                Err(error) => return Verdict::GiveUp(error.to_string()),
            }
            Verdict::Done(Value::Null)
        }
    });
    let consumer = consumer(&server, &quick(), &hand).await?;
    add(&producer, "call_1").await?;
    until("the progress is told", || async {
        let job = producer.peek(LANE, "call_1").await?;
        Ok(job.is_some_and(|job| job.progress == json!({"progress": 50, "steps": []})))
    })
    .await?;
    told.notify_one();
    reaches(&producer, LANE, "call_1", QueuedState::Completed).await?;
    assert_eq!(producer.logs(LANE, "call_1", 0, 1).await?, ["line 6"]);
    assert_eq!(producer.logs(LANE, "call_1", 999, 10).await?, ["line 1005"]);
    let events: Vec<String> = redis::cmd("XRANGE")
        .arg(format!("{{test}}:{LANE}:events"))
        .arg("-")
        .arg("+")
        .query_async::<Vec<(String, Vec<String>)>>(&mut server.connection().await?)
        .await?
        .into_iter()
        .filter_map(|(_, fields)| fields.into_iter().nth(1))
        .collect();
    assert!(events.contains(&String::from("progress")), "{events:?}");
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_producers_job_gets_the_lanes_own_tries() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let prefix = server.settings().prefix;
    let options = bullmq_like(&server, &prefix).await?;
    assert_eq!(options, json!({"attempts": 0}));
    let hand = Hand::new(|delivery| async move {
        if delivery.attempt < 3 { Verdict::Retry(String::from("not yet")) } else { Verdict::Done(json!(delivery.name)) }
    });
    let hand: Arc<dyn semantest::queue::Handler> = hand;
    let consumer = semantest::queue::Consumer::start(&server.settings(), Lane::ImageGeneration, &quick(), hand).await?;
    reaches(&producer, Lane::ImageGeneration, "1", QueuedState::Completed).await?;
    let job = producer.peek(Lane::ImageGeneration, "1").await?.context("the job is kept")?;
    assert_eq!(job.return_value, Some(json!("generate-image")));
    assert!(semantest::queue::tickets::read::<Generate>(&job.data).is_ok());
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

/// Writes a job as BullMQ's Node library does, and gives its stored options back.
async fn bullmq_like(server: &Server, prefix: &str) -> Result<Value> {
    let mut redis = server.connection().await?;
    let base = format!("{prefix}:image-generation");
    redis::cmd("HSET")
        .arg(format!("{base}:1"))
        .arg(&["name", "generate-image", "data", r#"{"prompt":"a garden","surprise":1}"#, "opts", r#"{"attempts":0}"#])
        .arg(&["timestamp", "1790000000000", "delay", "0", "priority", "0"])
        .query_async::<()>(&mut redis)
        .await?;
    redis::cmd("LPUSH").arg(format!("{base}:wait")).arg("1").query_async::<()>(&mut redis).await?;
    redis::cmd("ZADD").arg(format!("{base}:marker")).arg(0).arg("0").query_async::<()>(&mut redis).await?;
    let options: String = redis::cmd("HGET").arg(format!("{base}:1")).arg("opts").query_async(&mut redis).await?;
    Ok(serde_json::from_str(&options)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_bounds_how_many_jobs_start() -> Result<()> {
    let server = Server::start()?;
    let settings = semantest::config::queues::LaneSettings { rate_max: 2, rate_per: Span::millis(400), ..quick() };
    let producer = producer(&server, &settings).await?;
    for number in 0..6 {
        add(&producer, &format!("call_{number}")).await?;
    }
    let began = std::time::Instant::now();
    let hand = Hand::new(|_| async { Verdict::Done(Value::Null) });
    let consumer = consumer(&server, &settings, &hand).await?;
    until("all are done", || async { Ok(producer.depth(LANE).await?.completed == 6) }).await?;
    assert!(began.elapsed() >= Duration::from_millis(750), "two windows had to pass");
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}
