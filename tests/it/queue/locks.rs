//! Locks: kept while a job runs, heard of when they are lost, and let go when a worker dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use semantest::config::queues::LaneSettings;
use semantest::queue::{Abandoned, Interruption, QueuedState, Verdict};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use super::server::Server;
use super::worker::{Hand, LANE, add, consumer, producer, quick, reaches, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_longer_than_its_lock_runs_once() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let runs = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&runs);
    let hand = Hand::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async {
            // Three times the lock, with stalled checks all along.
            tokio::time::sleep(Duration::from_secs(3)).await;
            Verdict::Done(Value::Null)
        }
    });
    let consumer = consumer(&server, &quick(), &hand).await?;
    add(&producer, "call_1").await?;
    reaches(&producer, LANE, "call_1", QueuedState::Completed).await?;
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

/// Takes the lock away as `how` says and gives the job's fate.
async fn robbed(how: &str) -> Result<()> {
    let server = Server::start()?;
    // Nobody else looks for stalled jobs meanwhile.
    let settings = LaneSettings { stalled_check: semantest::model::units::Span::secs(60), ..quick() };
    let producer = producer(&server, &settings).await?;
    let (tell, mut told) = mpsc::channel(1);
    let hand = Hand::new(move |delivery| {
        let tell = tell.clone();
        async move {
            delivery.token.cancelled().await;
            // The test waits for this.
            let _ = tell.send(delivery.interruption()).await;
            Verdict::GiveUp(String::from("interrupted"))
        }
    });
    let consumer = consumer(&server, &settings, &hand).await?;
    add(&producer, "call_1").await?;
    reaches(&producer, LANE, "call_1", QueuedState::Active).await?;
    let key = format!("{{test}}:{LANE}:call_1:lock");
    let mut redis = server.connection().await?;
    match how {
        "delete" => redis::cmd("DEL").arg(&key).query_async::<()>(&mut redis).await?,
        _ => redis::cmd("SET").arg(&key).arg("another worker").query_async::<()>(&mut redis).await?,
    }
    let heard = tokio::time::timeout(Duration::from_secs(3), told.recv()).await?.flatten();
    assert_eq!(heard, Some(Interruption::LockLost));
    consumer.close(Duration::from_secs(3)).await;
    let job = producer.peek(LANE, "call_1").await?.context("it is there")?;
    assert_eq!((job.failed_reason, job.finished_at_ms), (None, None), "nothing was written for a job that is not ours");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_lock_cancels_the_job() -> Result<()> {
    robbed("delete").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_lock_cancels_the_job() -> Result<()> {
    robbed("steal").await
}

/// Works `LANE` in a runtime of its own and tears that down in the middle of a job, as `kill -9` would.
async fn die_over(server: &Server, settings: &LaneSettings, id: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let producer = producer(server, settings).await?;
    let (redis, settings) = (server.settings(), settings.clone());
    let (begin, mut begun) = mpsc::channel(1);
    runtime.spawn(async move {
        let hand = Hand::new(move |_| {
            let begin = begin.clone();
            async move {
                let _ = begin.send(()).await;
                std::future::pending().await
            }
        });
        let consumer = semantest::queue::Consumer::start(&redis, LANE, &settings, hand).await;
        std::future::pending::<()>().await;
        drop(consumer);
    });
    add(&producer, id).await?;
    begun.recv().await.context("the job begins")?;
    runtime.shutdown_background();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_a_killed_worker_is_done_by_another() -> Result<()> {
    let server = Server::start()?;
    die_over(&server, &quick(), "call_1").await?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|delivery| async move { Verdict::Done(json!([delivery.attempt, delivery.stalls])) });
    let consumer = consumer(&server, &quick(), &hand).await?;
    reaches(&producer, LANE, "call_1", QueuedState::Completed).await?;
    let job = producer.peek(LANE, "call_1").await?.context("it is kept")?;
    assert_eq!(job.return_value, Some(json!([1, 1])), "the first try still, its worker lost once");
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_loses_its_worker_too_often_is_given_up_and_the_handler_hears_of_it() -> Result<()> {
    let server = Server::start()?;
    let settings = LaneSettings { max_stalled: 0, ..quick() };
    die_over(&server, &settings, "call_1").await?;
    let producer = producer(&server, &settings).await?;
    let runs = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&runs);
    let hand = Hand::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Verdict::Done(Value::Null) }
    });
    let consumer = consumer(&server, &settings, &hand).await?;
    reaches(&producer, LANE, "call_1", QueuedState::Failed).await?;
    assert_eq!(hand.abandoned(), [(String::from("call_1"), Abandoned::WorkerLost(1))]);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    let reason = producer.peek(LANE, "call_1").await?.and_then(|job| job.failed_reason);
    assert!(reason.is_some_and(|reason| reason.starts_with("WORKER_LOST: ")));
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_long_jobs_keep_all_their_locks() -> Result<()> {
    let server = Server::start()?;
    let settings = LaneSettings { concurrency: 600, ..quick() };
    let producer = producer(&server, &settings).await?;
    let (runs, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
    let (count, inner) = (Arc::clone(&runs), Arc::clone(&gate));
    let hand = Hand::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        let gate = Arc::clone(&inner);
        async move { Verdict::Done(json!(gate.acquire().await.is_ok())) }
    });
    let consumer = consumer(&server, &settings, &hand).await?;
    let ids: Vec<String> = (0..600).map(|number| format!("call_{number}")).collect();
    futures::future::try_join_all(ids.iter().map(|id| add(&producer, id))).await?;
    until("all run", || async { Ok(producer.depth(LANE).await?.active == 600) }).await?;
    // Twice the lock: without renewal the stalled check would have taken them all away.
    tokio::time::sleep(Duration::from_secs(2)).await;
    gate.close();
    until("all are done", || async { Ok(producer.depth(LANE).await?.completed == 600) }).await?;
    assert_eq!(runs.load(Ordering::SeqCst), 600);
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}
