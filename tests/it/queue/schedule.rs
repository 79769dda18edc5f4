//! Ticking.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use semantest::queue::tickets::Upkeep;
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
