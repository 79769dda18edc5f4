//! How long one user waits whose few pictures come after another one's crowd.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::cli::bench::setup::{Bench, PICTURES_AT_ONCE};
use crate::model::id::{JobId, UserId};
use crate::model::image::{ImageRequest, Size};
use crate::queue::Lane;
use crate::queue::tickets::generate::Generate;
use crate::work::{BatchSubmission, JobOptions, MOST_JOBS};

/// Pictures of the user who was there first.
const CROWD: usize = 1000;
/// Pictures of the one who comes after.
const FEW: usize = 10;

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Turns {
    crowd_jobs: usize,
    few_jobs: usize,
    concurrency: usize,
    /// How many of the crowd's pictures were ready before the last of the few: without turns it would be all.
    crowd_before_last_of_few: usize,
    last_of_few_ms: i64,
    last_of_crowd_ms: i64,
    pictures_per_s: f64,
}

/// Asks for the crowd, then for the few, then lets one worker begin.
pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Turns> {
    let (alice, bob) = (UserId::parse("crowd")?, UserId::parse("few")?);
    let mut crowd = Vec::with_capacity(CROWD);
    for _ in 0..CROWD / MOST_JOBS {
        crowd.extend(ask(bench, &alice, MOST_JOBS).await?);
    }
    let few = ask(bench, &bob, FEW).await?;
    let began = crate::clock::now();
    let consumer = bench.app.work_on(Lane::ImageGeneration).await?;
    for job in crowd.iter().rev().chain(few.iter().rev()) {
        bench.done(job).await?;
    }
    consumer.close(Duration::from_secs(1)).await;
    let (crowd, few) = (ends(bench, &crowd).await?, ends(bench, &few).await?);
    let last = |ends: &[DateTime<Utc>]| ends.iter().max().copied().context("nothing was made");
    let (last_of_few, last_of_crowd) = (last(&few)?, last(&crowd)?);
    let seconds = (last_of_crowd - began).as_seconds_f64();
    Ok(Turns {
        crowd_jobs: crowd.len(),
        few_jobs: few.len(),
        concurrency: PICTURES_AT_ONCE,
        crowd_before_last_of_few: crowd.iter().filter(|end| **end < last_of_few).count(),
        last_of_few_ms: (last_of_few - began).num_milliseconds(),
        last_of_crowd_ms: (last_of_crowd - began).num_milliseconds(),
        pictures_per_s: f64::from(u32::try_from(CROWD + FEW)?) / seconds,
    })
}

async fn ask(bench: &Bench, user: &UserId, count: usize) -> anyhow::Result<Vec<JobId>> {
    let work = &bench.services().work;
    let request = ImageRequest {
        provider: Some(String::from("sketch")),
        size: Some(Size { width: 64, height: 64 }),
        ..ImageRequest::of("a garden")
    };
    let ticket = Generate {
        user_id: Some(user.to_string()),
        client_id: Some(bench.client.to_string()),
        ..Generate::of(request)
    };
    let tickets = vec![(ticket, None); count];
    let options = JobOptions::default();
    let submission =
        BatchSubmission { client: &bench.client, user, tickets: &tickets, options: &options, traceparent: None };
    let reserved = work.reserve_batch(&bench.client, None).await?;
    let submitted = Box::pin(work.submit_batch(&reserved, &submission)).await?;
    Ok(submitted.jobs.into_iter().map(|(id, _)| id).collect())
}

async fn ends(bench: &Bench, jobs: &[JobId]) -> anyhow::Result<Vec<DateTime<Utc>>> {
    let records = bench.services().work.records().get_many(jobs).await?;
    records.into_iter().map(|record| record.and_then(|it| it.finished_at).context("a job has no end")).collect()
}
