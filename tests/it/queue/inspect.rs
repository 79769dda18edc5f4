//! Looking at lanes and jobs.

use std::time::Duration;

use anyhow::Result;
use semantest::queue::tickets::Noop;
use semantest::queue::{AddOptions, Lane, QueuedState, Verdict};
use serde_json::Value;

use super::server::Server;
use super::worker::{Hand, LANE, add, consumer, producer, quick, reaches, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_says_how_full_it_is_and_a_job_how_many_stand_before_it() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    assert_eq!(producer.depth(LANE).await?.oldest_waiting_ms, None);
    for id in ["call_a", "call_b"] {
        add(&producer, id).await?;
    }
    producer.add("call_p", &Noop {}, &AddOptions { priority: 5, ..AddOptions::default() }).await?;
    let delay = Some(Duration::from_secs(60));
    producer.add("call_d", &Noop {}, &AddOptions { delay, ..AddOptions::default() }).await?;
    until("time has passed", || async { Ok(producer.depth(LANE).await?.oldest_waiting_ms > Some(20)) }).await?;
    let depth = producer.depth(LANE).await?;
    assert_eq!((depth.waiting, depth.prioritized, depth.delayed, depth.active), (2, 1, 1, 0));
    for (id, expected) in [("call_a", Some(0)), ("call_b", Some(1)), ("call_p", Some(2)), ("call_d", None)] {
        assert_eq!(producer.position(LANE, id).await?, expected, "{id}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_bounded_newest_first_and_without_ghosts() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|_| async { Verdict::GiveUp(String::from("no")) });
    let worker = consumer(&server, &quick(), &hand).await?;
    for number in 0..5 {
        let id = format!("call_{number}");
        add(&producer, &id).await?;
        reaches(&producer, LANE, &id, QueuedState::Failed).await?;
    }
    worker.close(Duration::from_secs(1)).await;
    // A ghost: its id is in the set, its hash is gone.
    let mut redis = server.connection().await?;
    redis::cmd("DEL").arg(format!("{{test}}:{LANE}:call_3")).query_async::<()>(&mut redis).await?;
    let page = producer.page(LANE, QueuedState::Failed, 0, 3).await?;
    assert_eq!(page.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["call_4", "call_2"]);
    assert_eq!(producer.page(LANE, QueuedState::Failed, 0, usize::MAX).await?.len(), 4);
    assert_eq!(producer.page(LANE, QueuedState::Failed, 99, 10).await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ghost_among_the_waiting_does_not_stop_the_lane() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    add(&producer, "call_ghost").await?;
    add(&producer, "call_real").await?;
    let mut redis = server.connection().await?;
    redis::cmd("DEL").arg(format!("{{test}}:{LANE}:call_ghost")).query_async::<()>(&mut redis).await?;
    let hand = Hand::new(|_| async { Verdict::Done(Value::Null) });
    let worker = consumer(&server, &quick(), &hand).await?;
    reaches(&producer, LANE, "call_real", QueuedState::Completed).await?;
    worker.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_lane_keeps_its_jobs() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    producer.pause(LANE).await?;
    let hand = Hand::new(|_| async { Verdict::Done(Value::Null) });
    let worker = consumer(&server, &quick(), &hand).await?;
    add(&producer, "call_1").await?;
    assert!(producer.is_paused(LANE).await? && producer.depth(LANE).await?.is_paused);
    assert!(!producer.is_paused(Lane::Upkeep).await?);
    assert_eq!(producer.state(LANE, "call_1").await?, QueuedState::Waiting);
    producer.resume(LANE).await?;
    reaches(&producer, LANE, "call_1", QueuedState::Completed).await?;
    worker.close(Duration::from_secs(1)).await;
    Ok(())
}
