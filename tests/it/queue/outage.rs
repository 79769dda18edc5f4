//! Redis goes away and comes back.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use semantest::queue::{Consumer, Producer, QueueError, QueuedState, Verdict};
use serde_json::Value;

use super::server::Server;
use super::worker::{Hand, LANE, add, consumer, everywhere, producer, quick, reaches, until, within};

/// What the API promises: a quick refusal, not a long wait.
const QUICK: Duration = Duration::from_millis(1300);
/// What the platform promises after an outage.
const RECOVERY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn producers_refuse_quickly_while_redis_is_away_and_go_on_when_it_is_back() -> Result<()> {
    let mut server = Server::durable()?;
    let producer = producer(&server, &quick()).await?;
    add(&producer, "call_before").await?;
    server.kill()?;
    for number in 0..5 {
        let began = Instant::now();
        let answer = add(&producer, &format!("call_{number}")).await;
        assert!(matches!(answer, Err(QueueError::Unavailable { .. })), "{answer:?}");
        assert!(began.elapsed() < QUICK, "took {:?}", began.elapsed());
    }
    let began = Instant::now();
    assert!(Producer::connect(&server.settings(), &everywhere(&quick())).await.is_err_and(|e| e.is_unavailable()));
    let hand = Hand::new(|_| async { Verdict::Done(Value::Null) });
    let refused = Consumer::start(&server.settings(), LANE, &quick(), hand).await;
    assert!(refused.is_err_and(|error| error.is_unavailable()));
    assert!(began.elapsed() < QUICK * 2, "took {:?}", began.elapsed());

    let late = Producer::lazy(&server.settings(), &everywhere(&quick()))?;
    server.restart()?;
    let recovered = within(RECOVERY, "both producers are back", || async {
        Ok(add(&producer, "call_after").await.is_ok() && add(&late, "call_late").await.is_ok())
    })
    .await?;
    assert!(recovered < Duration::from_secs(1), "took {recovered:?}");
    assert_eq!(producer.state(LANE, "call_before").await?, QueuedState::Waiting);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_outage_under_load_loses_nothing_and_ends_within_five_seconds() -> Result<()> {
    let mut server = Server::durable()?;
    let producer = producer(&server, &quick()).await?;
    let done: Arc<Mutex<HashSet<String>>> = Arc::default();
    let notes = Arc::clone(&done);
    let hand = Hand::new(move |delivery| {
        let notes = Arc::clone(&notes);
        async move {
            if let Ok(mut notes) = notes.lock() {
                notes.insert(delivery.id);
            }
            Verdict::Done(Value::Null)
        }
    });
    let worker = consumer(&server, &quick(), &hand).await?;
    let accepted: Arc<Mutex<Vec<String>>> = Arc::default();
    let (list, source) = (Arc::clone(&accepted), producer.clone());
    let load = tokio::spawn(async move {
        for number in 0.. {
            let id = format!("call_{number}");
            if add(&source, &id).await.is_ok()
                && let Ok(mut list) = list.lock()
            {
                list.push(id);
            }
        }
    });
    let count = || accepted.lock().map_or(0, |list| list.len());
    until("the load is on", || async { Ok(count() > 200) }).await?;
    server.kill()?;
    // Long enough that the crate's own connections would wait for seconds until their next attempt.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let before = count();
    server.restart()?;
    within(RECOVERY, "jobs are accepted again", || async { Ok(count() > before + 50) }).await?;
    load.abort();
    let last = accepted.lock().ok().and_then(|list| list.last().cloned()).context("jobs were accepted")?;
    reaches(&producer, LANE, &last, QueuedState::Completed).await?;
    until("everything that was accepted is done", || async {
        let (accepted, done) = (accepted.lock().ok(), done.lock().ok());
        Ok(accepted.zip(done).is_some_and(|(accepted, done)| accepted.iter().all(|id| done.contains(id))))
    })
    .await?;
    worker.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_takes_the_first_job_within_five_seconds_of_a_long_outage() -> Result<()> {
    let mut server = Server::durable()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|_| async { Verdict::Done(Value::Null) });
    let worker = consumer(&server, &quick(), &hand).await?;
    add(&producer, "call_1").await?;
    reaches(&producer, LANE, "call_1", QueuedState::Completed).await?;
    server.kill()?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    server.restart()?;
    let took = within(RECOVERY, "a job is done", || async {
        Ok(add(&producer, "call_2").await.is_ok()
            && producer.state(LANE, "call_2").await.ok() == Some(QueuedState::Completed))
    })
    .await?;
    assert!(took < Duration::from_millis(1500), "took {took:?}");
    // And the blocking read is really there again: a job that comes later is taken at once, not by polling.
    let began = Instant::now();
    add(&producer, "call_3").await?;
    reaches(&producer, LANE, "call_3", QueuedState::Completed).await?;
    assert!(began.elapsed() < Duration::from_millis(900), "took {:?}", began.elapsed());
    worker.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_runs_through_an_outage_longer_than_its_lock_hears_of_it() -> Result<()> {
    let mut server = Server::durable()?;
    let producer = producer(&server, &quick()).await?;
    let (tell, mut told) = tokio::sync::mpsc::channel(8);
    let hand = Hand::new(move |delivery| {
        let tell = tell.clone();
        async move {
            if delivery.stalls > 0 {
                return Verdict::Done(Value::Null);
            }
            delivery.token.cancelled().await;
            let _ = tell.send(delivery.interruption()).await;
            Verdict::Retry(String::from("interrupted"))
        }
    });
    let worker = consumer(&server, &quick(), &hand).await?;
    add(&producer, "call_1").await?;
    reaches(&producer, LANE, "call_1", QueuedState::Active).await?;
    server.kill()?;
    let heard = tokio::time::timeout(Duration::from_secs(5), told.recv()).await?.flatten();
    assert_eq!(heard, Some(semantest::queue::Interruption::LockLost));
    server.restart()?;
    reaches(&producer, LANE, "call_1", QueuedState::Completed).await?;
    worker.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_during_an_outage_does_not_hang() -> Result<()> {
    let mut server = Server::start()?;
    let hand = Hand::new(|_| async { Verdict::Done(Value::Null) });
    let worker = consumer(&server, &quick(), &hand).await?;
    server.kill()?;
    let began = Instant::now();
    worker.close(Duration::from_secs(1)).await;
    assert!(began.elapsed() < Duration::from_secs(7), "took {:?}", began.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_are_mended_before_anybody_is_refused() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|_| async { Verdict::Done(Value::Null) });
    let worker = consumer(&server, &quick(), &hand).await?;
    for round in 0..5 {
        let mut redis = server.connection().await?;
        redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").query_async::<()>(&mut redis).await?;
        let id = format!("call_{round}");
        add(&producer, &id).await?;
        let took = within(RECOVERY, "the job is done", || async {
            Ok(producer.state(LANE, &id).await? == QueuedState::Completed)
        })
        .await?;
        assert!(took < Duration::from_secs(3), "took {took:?}");
    }
    worker.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_there_and_does_not_answer_costs_a_second() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let hand = Hand::new(|_| async { Verdict::Done(Value::Null) });
    let worker = consumer(&server, &quick(), &hand).await?;
    server.signal("STOP")?;
    for number in 0..3 {
        let began = Instant::now();
        let answer = add(&producer, &format!("call_{number}")).await;
        assert!(matches!(answer, Err(QueueError::Unavailable { .. })), "{answer:?}");
        assert!(began.elapsed() < QUICK, "took {:?}", began.elapsed());
    }
    server.signal("CONT")?;
    within(RECOVERY, "jobs run again", || async {
        Ok(add(&producer, "call_after").await.is_ok()
            && producer.state(LANE, "call_after").await.ok() == Some(QueuedState::Completed))
    })
    .await?;
    worker.close(Duration::from_secs(1)).await;
    Ok(())
}
