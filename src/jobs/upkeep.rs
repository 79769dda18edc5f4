//! `upkeep`: what dead workers, outages and the passing of time leave behind.
//!
//! The sweeps are independent: one that fails does not keep the others from
//! their work, and each is bounded, since the next tick goes on.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use rand::seq::SliceRandom as _;
use serde_json::json;
use tracing::info;

use crate::clock;
use crate::jobs::{JobResult, Services};
use crate::model::id::{ClientId, JobId};
use crate::model::job_error::JobError;
use crate::work::LOST_AFTER;

/// How long a foreign job's own worker has to leave the dispatch: longer than any lock.
const OWED_AFTER: TimeDelta = TimeDelta::seconds(90);
/// How long whoever made a change has to announce it: it does so at once.
const ANNOUNCED_AFTER: TimeDelta = TimeDelta::seconds(5);
/// Most dispatches that one sweep leaves.
const MAX_OWED: usize = 500;
/// How far back the first look for lost jobs goes.
const FIRST_LOOK: TimeDelta = TimeDelta::hours(24);
/// Questions to the queue that are open at the same time.
const AT_ONCE: usize = 16;
/// Clients whose lists one sweep tidies.
const MAX_CLIENTS: usize = 50;
/// Members of a list that one sweep looks at.
const MAX_MEMBERS: usize = 1000;
/// No record goes earlier than this, so no list is looked at earlier.
const LISTED_FOR: TimeDelta = TimeDelta::hours(1);
/// Artifacts that one sweep removes.
const MAX_ARTIFACTS: usize = 500;
/// Thumbnails that one sweep makes: some seconds of one thread.
const MAX_THUMBNAILS: usize = 100;

/// How often the components are looked through: each look lists all of them.
const COMPONENTS_EVERY: Duration = Duration::from_secs(60 * 60);
/// Components that one sweep removes.
const MAX_COMPONENTS: usize = 500;
/// Enablements that one look for updates takes up.
const MAX_FOLLOWED: usize = 1000;
/// Enablements that one look takes up whose schedules and listening are made right where they are not.
const MAX_SIGNALS: usize = 2000;
/// Enablements that wait for secrets, and places of secrets to be moved to a newer key, that one sweep takes up.
const MAX_SECRETS: usize = 200;

pub(super) async fn run(services: &Services) -> JobResult {
    let now = clock::now();
    let owed = leave_owed(services, now).await;
    let announced = settle_announcements(services, now).await;
    let lost = end_lost(services, now).await;
    let unlisted = tidy_lists(services, now).await;
    let expired = services.gallery.sweep(MAX_ARTIFACTS).await.map_err(JobError::from);
    let small = services.gallery.make_thumbnails(services.imaging.caps(), MAX_THUMBNAILS).await;
    let unnamed = sweep_components(services).await;
    let recompiled = services.addons.recompile().await;
    let followed = services.addons.follow_versions(MAX_FOLLOWED).await;
    let signals = services.addons.look_after_signals(MAX_SIGNALS).await;
    let secrets = services.addons.look_after_secrets(MAX_SECRETS).await;
    let (owed, announced, lost, unlisted, expired) = (owed?, announced?, lost?, unlisted?, expired?);
    let small = small.map_err(JobError::from)?;
    let (unnamed, recompiled, followed, signals) = (unnamed?, recompiled?, followed?, signals?);
    let (gone_on, rewrapped) = secrets?;
    if owed + lost > 0 {
        info!(
            owed,
            lost, "Left {owed} dispatches that dead workers owed, and ended {lost} jobs that the queue does not know"
        );
    }
    Ok(json!({
        "owed": owed, "announced": announced, "lost": lost, "unlisted": unlisted, "expired": expired, "unnamed": unnamed,
        "thumbnails": small, "recompiled": recompiled, "followed": followed, "signals": signals, "goneOn": gone_on, "rewrapped": rewrapped,
    }))
}

/// Removes the bytes of publications that came to nothing.
async fn sweep_components(services: &Services) -> Result<usize, JobError> {
    if !services.addons.is_sweep_due(COMPONENTS_EVERY).await? {
        return Ok(0);
    }
    services.addons.sweep_components(MAX_COMPONENTS).await
}

/// Leaves the dispatch of each foreign or retried job whose worker died for good before it could.
async fn leave_owed(services: &Services, now: DateTime<Utc>) -> Result<usize, JobError> {
    let records = services.work.records();
    let mut left = 0;
    for job in &records.owed_before(now - OWED_AFTER, MAX_OWED).await? {
        let Some(record) = records.get(job).await? else {
            records.settle(job).await?;
            continue;
        };
        let record = services.work.reconcile(record).await?;
        if record.is_finished() {
            services.work.leave_dispatch(&record).await?;
            left += 1;
        }
    }
    Ok(left)
}

/// Leaves the announcements of changes whose maker died before it could.
async fn settle_announcements(services: &Services, now: DateTime<Utc>) -> Result<usize, JobError> {
    let owed = services.work.outbox().owed_before(now - ANNOUNCED_AFTER, MAX_OWED).await?;
    for entry in &owed {
        services.work.settle_owed(entry).await?;
    }
    Ok(owed.len())
}

/// Asks the queue once about each job that nobody has begun for a while: Redis may have gone away between its record
/// and its ticket.
async fn end_lost(services: &Services, now: DateTime<Utc>) -> Result<usize, JobError> {
    let records = services.work.records();
    let until = now - LOST_AFTER;
    let mut ended = 0;
    for client in clients(services).await? {
        let since = records.checked_until(&client).await?.unwrap_or(now - FIRST_LOOK);
        let unbegun = records.unbegun(&client, since, until).await?;
        for some in unbegun.chunks(AT_ONCE) {
            let mut looks = Vec::with_capacity(some.len());
            for job in some {
                looks.push(is_ended(services, job));
            }
            for is_ended in join_all(looks).await {
                ended += usize::from(is_ended?);
            }
        }
        records.set_checked_until(&client, until).await?;
    }
    Ok(ended)
}

async fn is_ended(services: &Services, job: &JobId) -> Result<bool, JobError> {
    match services.work.records().get(job).await? {
        Some(record) if !record.is_finished() => Ok(services.work.reconcile(record).await?.is_finished()),
        Some(_) | None => Ok(false),
    }
}

/// Everybody who may have jobs: those with a key, and the one that foreign producers work for.
async fn clients(services: &Services) -> Result<Vec<ClientId>, JobError> {
    let mut clients = services.keys.clients().await?;
    if !clients.contains(&services.default_client) {
        clients.push(services.default_client.clone());
    }
    Ok(clients)
}

/// Drops from the clients' lists what is gone.
async fn tidy_lists(services: &Services, now: DateTime<Utc>) -> Result<usize, JobError> {
    let mut clients: Vec<ClientId> = clients(services).await?;
    clients.shuffle(&mut rand::rng());
    let mut dropped = 0;
    for client in clients.iter().take(MAX_CLIENTS) {
        dropped += services.work.records().sweep(client, now - LISTED_FOR, MAX_MEMBERS).await?;
    }
    Ok(dropped)
}
