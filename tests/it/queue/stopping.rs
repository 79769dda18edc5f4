//! Stopping: quick when idle, patient with what runs, nothing lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use semantest::queue::tickets::Noop;
use semantest::queue::{AddOptions, Consumer, Handler, Interruption, Lane, QueuedState, Verdict, close_all};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::server::Server;
use super::worker::{Hand, LANE, add, consumer, producer, quick, reaches, within};

#[tokio::test(flavor = "multi_thread")]
async fn idle_lanes_close_together_and_quickly() -> Result<()> {
    let server = Server::start()?;
    let hand: Arc<dyn Handler> = Hand::new(|_| async { Verdict::Done(Value::Null) });
    let mut consumers = Vec::new();
    for lane in Lane::ALL {
        consumers.push(Consumer::start(&server.settings(), lane, &quick(), Arc::clone(&hand)).await?);
    }
    let began = Instant::now();
    close_all(consumers, Duration::from_secs(25)).await;
    assert!(began.elapsed() < Duration::from_millis(1500), "took {:?}", began.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_with_only_delayed_jobs_closes_quickly_too() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let delay = Some(Duration::from_secs(600));
    producer.add("call_1", &Noop {}, &AddOptions { delay, ..AddOptions::default() }).await?;
    let hand = Hand::new(|_| async { Verdict::Done(Value::Null) });
    let consumer = consumer(&server, &quick(), &hand).await?;
    let began = Instant::now();
    consumer.close(Duration::from_secs(25)).await;
    assert!(began.elapsed() < Duration::from_millis(2500), "took {:?}", began.elapsed());
    assert_eq!(producer.state(LANE, "call_1").await?, QueuedState::Delayed);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_within_the_grace_is_done() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let gate = Arc::new(Semaphore::new(0));
    let begun = Arc::new(Semaphore::new(0));
    let inner = (Arc::clone(&begun), Arc::clone(&gate));
    let hand = Hand::new(move |_| {
        let (begun, gate) = inner.clone();
        begun.add_permits(1);
        async move { Verdict::Done(json!(gate.acquire().await.is_ok())) }
    });
    let consumer = consumer(&server, &quick(), &hand).await?;
    add(&producer, "call_1").await?;
    // A job that is active and not begun yet is handed back by a closing lane, so the handler itself says when.
    begun.acquire().await?.forget();
    let mut closing = Box::pin(consumer.close(Duration::from_secs(20)));
    // The first poll is what begins the closing; a task of its own might begin it after the second job was taken.
    assert!(futures::poll!(&mut closing).is_pending(), "the first job still runs");
    add(&producer, "call_2").await?;
    gate.add_permits(1);
    closing.await;
    assert_eq!(producer.state(LANE, "call_1").await?, QueuedState::Completed);
    assert_eq!(producer.state(LANE, "call_2").await?, QueuedState::Waiting, "nothing new was taken");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlives_the_grace_goes_back_uncharged_and_a_peer_takes_it_at_once() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let stubborn = Hand::new(|delivery| async move {
        if delivery.id == "call_plain" {
            return std::future::pending().await;
        }
        delivery.token.cancelled().await;
        assert_eq!(delivery.interruption(), Some(Interruption::Closing));
        Verdict::Retry(String::from("interrupted"))
    });
    let leaving = consumer(&server, &quick(), &stubborn).await?;
    producer.add("call_first", &Noop {}, &AddOptions { priority: 5, ..AddOptions::default() }).await?;
    add(&producer, "call_plain").await?;
    reaches(&producer, LANE, "call_first", QueuedState::Active).await?;
    reaches(&producer, LANE, "call_plain", QueuedState::Active).await?;

    let willing = Hand::new(|delivery| async move { Verdict::Done(json!(delivery.attempt)) });
    let peer = consumer(&server, &quick(), &willing).await?;
    let closing = tokio::spawn(leaving.close(Duration::ZERO));
    let waited = within(Duration::from_secs(2), "the peer has the prioritised job", || async {
        Ok(producer.state(LANE, "call_first").await? == QueuedState::Completed)
    })
    .await?;
    assert!(
        waited < Duration::from_millis(900),
        "an idle peer would find it by itself only after a second: {waited:?}"
    );
    reaches(&producer, LANE, "call_plain", QueuedState::Completed).await?;
    closing.await?;
    for id in ["call_first", "call_plain"] {
        let job = producer.peek(LANE, id).await?.context("it is kept")?;
        assert_eq!((job.return_value, job.attempts_made), (Some(json!(1)), 1), "{id}");
    }
    peer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_may_hand_its_job_back() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let refusing = Hand::new(|_| async { Verdict::HandBack });
    add(&producer, "call_1").await?;
    let first = consumer(&server, &quick(), &refusing).await?;
    within(Duration::from_secs(5), "it was handed back several times", || async {
        let starts: Option<u32> = redis::cmd("HGET")
            .arg(format!("{{test}}:{LANE}:call_1"))
            .arg("ats")
            .query_async(&mut server.connection().await?)
            .await?;
        Ok(starts.is_some_and(|starts| starts > 3))
    })
    .await?;
    first.close(Duration::from_secs(1)).await;
    assert_eq!(producer.peek(LANE, "call_1").await?.map(|job| job.attempts_made), Some(0));
    assert_eq!(producer.state(LANE, "call_1").await?, QueuedState::Waiting);
    Ok(())
}
