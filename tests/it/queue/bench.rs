//! The seam's price: our consumer against the crate's bare worker, side by side.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use semantest::config::queues::LaneSettings;
use semantest::queue::Verdict;
use serde_json::Value;

use super::server::Server;
use super::worker::{Hand, add, consumer, producer, quick, until};

const JOBS: u32 = 5000;

/// Jobs per second of `JOBS` jobs that wait already, at concurrency 50.
async fn rate(is_bare: bool) -> Result<f64> {
    let server = Server::start()?;
    let settings = LaneSettings { concurrency: 50, ..quick() };
    let producer = producer(&server, &settings).await?;
    let ids: Vec<String> = (0..JOBS).map(|number| format!("call_{number}")).collect();
    for some in ids.chunks(100) {
        futures::future::try_join_all(some.iter().map(|id| add(&producer, id))).await?;
    }
    let done = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&done);
    let began = Instant::now();
    let finished = || async { Ok(done.load(Ordering::SeqCst) >= JOBS) };
    if is_bare {
        let redis = server.settings();
        let options = bullmq::WorkerOptions::new()
            .connection(bullmq::options::RedisConnectionOptions::new().url(redis.url))
            .prefix(redis.prefix)
            .drain_delay(Duration::from_secs(1))
            .concurrency(50);
        let work = move |_: bullmq::Job, _| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok(Value::Null) }
        };
        let worker = bullmq::Worker::with_options("addon-calls", work, options).await?;
        until("all are done", finished).await?;
        let rate = f64::from(JOBS) / began.elapsed().as_secs_f64();
        worker.close(1000).await?;
        Ok(rate)
    } else {
        let hand = Hand::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Verdict::Done(Value::Null) }
        });
        let worker = consumer(&server, &settings, &hand).await?;
        until("all are done", finished).await?;
        let rate = f64::from(JOBS) / began.elapsed().as_secs_f64();
        worker.close(Duration::from_secs(1)).await;
        Ok(rate)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seam_costs_little() -> Result<()> {
    let (mut ours, mut bare) = (0.0_f64, 0.0_f64);
    for _ in 0..3 {
        bare = bare.max(rate(true).await?);
        ours = ours.max(rate(false).await?);
    }
    assert!(ours > 0.5 * bare, "bare worker {bare:.0}/s, through the seam {ours:.0}/s");
    Ok(())
}
