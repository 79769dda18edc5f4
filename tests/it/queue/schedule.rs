//! Ticking.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use semantest::queue::schedule::CronRule;
use semantest::queue::tickets::{Tick, Upkeep};
use semantest::queue::{Consumer, Handler, Lane, QueueError, Verdict, schedule};
use serde_json::Value;

use super::server::Server;
use super::worker::{Hand, producer, quick, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_does_not_swallow_the_ticks_after_it() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let hand: Arc<dyn Handler> = Hand::new(move |delivery| {
        if let Ok(mut notes) = notes.lock() {
            notes.push((delivery.id.clone(), delivery.name.clone()));
        }
        async move {
            delivery.token.cancelled().await;
            Verdict::Done(Value::Null)
        }
    });
    let consumer = Consumer::start(&server.settings(), Lane::Upkeep, &quick(), hand).await?;
    schedule::every(&producer, "sweep", Duration::from_millis(200), &Upkeep {}).await?;
    schedule::every(&producer, "sweep", Duration::from_millis(200), &Upkeep {}).await?;
    // None of the runs ends, and still the ticks go on.
    until("four runs began", || async { Ok(seen.lock().is_ok_and(|seen| seen.len() >= 4)) }).await?;
    let runs = seen.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.clone();
    let mut ids: Vec<_> = runs.iter().map(|(id, _)| id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), runs.len(), "every tick leaves one job");
    assert!(runs.iter().all(|(id, name)| id.starts_with("keep_sweep-") && name == "upkeep"), "{runs:?}");
    assert!(schedule::cease::<Upkeep>(&producer, "sweep").await?);
    assert!(!schedule::cease::<Upkeep>(&producer, "sweep").await?);
    assert!(matches!(
        schedule::every(&producer, "a:b", Duration::from_secs(1), &Upkeep {}).await,
        Err(QueueError::Id { .. })
    ));
    consumer.close(Duration::ZERO).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cron_schedule_leaves_one_job_a_time_and_says_when_it_was_due() -> Result<()> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let hand: Arc<dyn Handler> = Hand::new(move |delivery| {
        if let Ok(mut notes) = notes.lock() {
            notes.push((delivery.id.clone(), delivery.data["dueMs"].as_u64().unwrap_or(0)));
        }
        async move { Verdict::Done(Value::Null) }
    });
    // Two workers look at the same queue.
    let one = Consumer::start(&server.settings(), Lane::AddonCalls, &quick(), Arc::clone(&hand)).await?;
    let two = Consumer::start(&server.settings(), Lane::AddonCalls, &quick(), hand).await?;
    let rule = CronRule { cron: String::from("* * * * * *"), timezone: String::from("Europe/Berlin") };
    let ticket = Tick { schedule: String::from("beat"), ..Tick::default() };
    assert!(schedule::at(&producer, "one-beat", &rule, &ticket).await?);
    until("three runs", || async {
        // However often it is said again, nothing is lost and nothing comes twice.
        assert!(!schedule::at(&producer, "one-beat", &rule, &ticket).await?);
        Ok(seen.lock().is_ok_and(|seen| seen.len() >= 3))
    })
    .await?;
    assert!(schedule::cease::<Tick>(&producer, "one-beat").await?);
    let mut runs = seen.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.clone();
    runs.sort();
    for (id, due) in &runs {
        assert_eq!((id, due % 1000), (&format!("tick_one-beat-{due}"), 0));
    }
    let gaps: Vec<u64> = runs.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    assert!(gaps.iter().all(|gap| *gap > 0), "each due time once: {runs:?}");
    // Another rule takes the place of the first.
    let later = CronRule { cron: String::from("0 7 * * *"), ..rule.clone() };
    assert!(schedule::at(&producer, "one-beat", &rule, &ticket).await?);
    assert!(schedule::at(&producer, "one-beat", &later, &ticket).await?);
    assert!(!schedule::at(&producer, "one-beat", &later, &ticket).await?);
    one.close(Duration::ZERO).await;
    two.close(Duration::ZERO).await;
    Ok(())
}
