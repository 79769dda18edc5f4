//! Flows: the dispatch that waits for its work, however that ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use semantest::queue::tickets::{Dispatch, Noop};
use semantest::queue::{AddOptions, Consumer, Handler, Lane, Producer, QueueError, QueuedState, Removal, Verdict};
use serde_json::Value;

use super::server::Server;
use super::worker::{Hand, LANE, consumer, producer, quick, reaches, until};

async fn add_flow(producer: &Producer, number: usize) -> Result<(), QueueError> {
    let (child, parent) = (format!("call_{number}"), format!("hook_{number}"));
    let dispatch = Dispatch { job_id: child.clone(), ..Dispatch::default() };
    producer.add_with_parent((&parent, &dispatch), (&child, &Noop {}), &AddOptions::default()).await
}

/// Works the webhooks' lane and counts how often each job ran.
async fn dispatcher(server: &Server) -> Result<(Consumer, Arc<Mutex<HashMap<String, u32>>>)> {
    let runs: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let count = Arc::clone(&runs);
    let hand: Arc<dyn Handler> = Hand::new(move |delivery| {
        if let Ok(mut count) = count.lock() {
            *count.entry(delivery.id).or_default() += 1;
        }
        async { Verdict::Done(Value::Null) }
    });
    Ok((Consumer::start(&server.settings(), Lane::Webhooks, &quick(), hand).await?, runs))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parent_runs_once_however_its_child_ends() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let (dispatcher, runs) = dispatcher(&server).await?;
    for number in 1..=3 {
        add_flow(&producer, number).await?;
    }
    for number in 1..=3 {
        let id = format!("hook_{number}");
        assert_eq!(producer.state(Lane::Webhooks, &id).await?, QueuedState::WaitingChildren, "{id}");
    }
    assert_eq!(producer.remove(LANE, "call_3").await?, Removal::Removed);
    reaches(&producer, Lane::Webhooks, "hook_3", QueuedState::Completed).await?;

    let hand = Hand::new(|delivery| async move {
        if delivery.id == "call_1" { Verdict::Done(Value::Null) } else { Verdict::Retry(String::from("no")) }
    });
    let worker = consumer(&server, &quick(), &hand).await?;
    reaches(&producer, Lane::Webhooks, "hook_1", QueuedState::Completed).await?;
    reaches(&producer, Lane::Webhooks, "hook_2", QueuedState::Completed).await?;
    assert_eq!(producer.state(LANE, "call_2").await?, QueuedState::Failed);
    let runs = runs.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.clone();
    assert_eq!(runs.values().copied().collect::<Vec<_>>(), [1, 1, 1]);
    worker.close(Duration::from_secs(1)).await;
    dispatcher.close(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_flow_twice_is_asking_once() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    add_flow(&producer, 1).await?;
    add_flow(&producer, 1).await?;
    let (work, hooks) = (producer.depth(LANE).await?, producer.depth(Lane::Webhooks).await?);
    assert_eq!((work.waiting, hooks.waiting_children), (1, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_that_arrive_together_share_their_batches() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    futures::future::try_join_all((0..300).map(|number| add_flow(&producer, number))).await?;
    let (work, hooks) = (producer.depth(LANE).await?, producer.depth(Lane::Webhooks).await?);
    assert_eq!((work.waiting, hooks.waiting_children), (300, 300));
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut server.connection().await?).await?;
    let loads: u64 = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_script|load:calls="))
        .and_then(|rest| rest.split(',').next())
        .context("scripts were loaded")?
        .parse()?;
    // How many share a batch depends on the moment; alone, each flow would load its three scripts.
    assert!(loads <= 3 * 100, "{loads} loads for 300 flows: they were not gathered");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_takes_nobody_with_it() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let mut tasks = Vec::new();
    for number in 0..200 {
        let producer = producer.clone();
        tasks.push(tokio::spawn(async move { add_flow(&producer, number).await }));
    }
    // Every third caller hangs up; whoever of them carried others leaves these to carry themselves.
    let mut kept = 0;
    for (number, task) in tasks.into_iter().enumerate() {
        if number % 3 == 0 {
            task.abort();
        } else {
            task.await??;
            kept += 1;
        }
    }
    assert!(producer.depth(LANE).await?.waiting >= kept);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_waits_can_be_taken_back() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    add_flow(&producer, 1).await?;
    assert_eq!(producer.remove(LANE, "call_9").await?, Removal::Absent);
    let hand = Hand::new(|delivery| async move {
        delivery.token.cancelled().await;
        Verdict::Done(Value::Null)
    });
    let worker = consumer(&server, &quick(), &hand).await?;
    reaches(&producer, LANE, "call_1", QueuedState::Active).await?;
    assert_eq!(producer.remove(LANE, "call_1").await?, Removal::Active);
    until("the job is in our hands", || async { Ok(worker.cancel("call_1")) }).await?;
    reaches(&producer, LANE, "call_1", QueuedState::Completed).await?;
    assert_eq!(producer.remove(LANE, "call_1").await?, Removal::Absent);
    assert_eq!(producer.state(LANE, "call_1").await?, QueuedState::Completed, "what has ended stays");
    worker.close(Duration::from_secs(1)).await;
    Ok(())
}
