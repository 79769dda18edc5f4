//! The process that is measured: private Redis, one client, the example addons published, ten notes written.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::addons::{EnableAnswer, EnableSpec, Owner, Published, Publisher};
use crate::app::{App, Mode, Roles};
use crate::cli::dev_redis::{DevRedis, DevRedisOptions, Durability};
use crate::config::Config;
use crate::config::addons::{ApprovalMode, ConsentMode};
use crate::config::secrets::RootKey;
use crate::config::signatures::SignatureMode;
use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::model::job::JobStatus;
use crate::queue::Lane;
use crate::shutdown::{self, StopHandle};
use crate::store::keys::{KeyScope, Keys, NewKey};
use crate::work::{JobOptions, JobView};

/// Jobs in flight in the one worker.
pub(super) const CONCURRENCY: usize = 50;
/// Pictures that are made at the same time.
pub(super) const PICTURES_AT_ONCE: usize = 4;
/// The addon that is called.
pub(super) const ADDON: &str = "semantest.notes";
/// Longest wait for one job of the preparation.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything that the measurements share.
pub(super) struct Bench {
    pub(super) app: App,
    pub(super) client: ClientId,
    pub(super) owner: Owner,
    pub(super) key: String,
    background: tokio::task::JoinSet<()>,
    stop: StopHandle,
    redis: DevRedis,
    root: RootKey,
    prefix: String,
    folder: tempfile::TempDir,
}

impl Bench {
    /// Starts everything and enables the addon for one user, with ten notes.
    pub(super) async fn start(config: Config, addons: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("making a folder for the run")?;
        let data = folder.path().to_owned();
        let options = DevRedisOptions { folder: data.join("redis"), durability: Durability::EverySecond };
        let redis = tokio::task::spawn_blocking(move || DevRedis::start(&options)).await?;
        let redis = redis.context("starting a private Redis")?;
        let mut config = config;
        config.redis.url = redis.url().to_owned();
        config.storage.data_dir = data;
        config.addons.consent = ConsentMode::Implied;
        config.addons.approval = ApprovalMode::Auto;
        config.addons.signatures = SignatureMode::Warn;
        config.queues.addon_calls.concurrency = CONCURRENCY;
        config.queues.image_generation.concurrency = PICTURES_AT_ONCE;
        let (numbers, root, prefix) =
            (crate::telemetry::start_metrics()?, RootKey::generate(), config.redis.prefix.clone());
        let roles = Roles { api: true, lanes: vec![Lane::Addons, Lane::AddonCalls] };
        let app = App::build(config, roles, numbers, Mode { is_dev: true, root: root.clone() }).await?;
        let (stop, heard) = shutdown::channel();
        let mut background = tokio::task::JoinSet::new();
        app.watch_changes(&mut background, &heard);
        let client = ClientId::parse("bench")?;
        let key =
            Keys::new(app.store().clone()).issue(&NewKey::of(client.clone(), vec![KeyScope::Client]), "bench").await?.0;
        let owner = Owner { client: client.clone(), user: UserId::parse("user")?, addon: AddonId::parse(ADDON)? };
        let bench = Self { app, client, owner, key, background, stop, redis, root, prefix, folder };
        bench.publish(&addons.join(format!("{ADDON}.wasm"))).await?;
        Ok(bench)
    }

    async fn publish(&self, file: &Path) -> anyhow::Result<()> {
        let bytes = tokio::fs::read(file)
            .await
            .with_context(|| format!("reading {} (`make addons` builds it)", file.display()))?;
        let publisher = Publisher { client: self.client.clone(), namespaces: Vec::new(), is_admin: true };
        let consumer = self.app.work_on(Lane::Addons).await?;
        let services = self.app.services();
        let published = services.addons.publish_bytes(&publisher, &bytes, &JobOptions::default()).await?;
        if let Published::Accepted(job) = published {
            self.done(&job.job_id).await?;
        }
        consumer.close(Duration::from_secs(1)).await;
        Ok(())
    }

    /// Enables the addon for `user` and waits for it; a worker of the lane must be running.
    pub(super) async fn enable(&self, user: &UserId) -> anyhow::Result<()> {
        let wish = (&self.client, user);
        let services = self.app.services();
        let answer = services
            .addons
            .request_enable(wish, &self.owner.addon, &EnableSpec::default(), &JobOptions::default(), None)
            .await?;
        match answer {
            EnableAnswer::Unchanged(_) => Ok(()),
            EnableAnswer::Accepted(job) => self.done(&job.job_id).await.map(|_| ()),
        }
    }

    /// Writes ten notes; workers of both lanes must be running.
    pub(super) async fn write_notes(&self) -> anyhow::Result<()> {
        for number in 0..10 {
            let params = json!({ "text": format!("note number {number}, about nothing in particular") });
            let services = self.app.services();
            let job =
                services.addons.request_action(&self.owner, "add", params, &JobOptions::default(), None, None).await?;
            self.done(&job.job_id).await?;
        }
        Ok(())
    }

    /// Waits for a job that must end well.
    pub(super) async fn done(&self, job: &JobId) -> anyhow::Result<JobView> {
        let view = self.app.services().work.wait(&self.client, job, PATIENCE).await?.context("the job is gone")?;
        if view.status != JobStatus::Completed {
            bail!("job {job} is {}: {:?}", view.status, view.error);
        }
        Ok(view)
    }

    /// What makes a worker of its own work on the same queues.
    pub(super) fn worker_variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SEMANTEST_REDIS_URL", self.redis.url().to_owned()),
            ("SEMANTEST_REDIS__PREFIX", self.prefix.clone()),
            ("SEMANTEST_MASTER_KEY", self.root.reveal()),
            ("SEMANTEST_SERVER__OPS_LISTEN", String::from("127.0.0.1:0")),
            ("SEMANTEST_STORAGE__DATA_DIR", self.folder.path().display().to_string()),
            ("SEMANTEST_QUEUES__ADDON_CALLS__CONCURRENCY", CONCURRENCY.to_string()),
        ]
    }

    /// Stops everything that was started.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        let Self { app, mut background, stop, redis, .. } = self;
        stop.fire();
        while background.join_next().await.is_some() {}
        drop(app);
        drop(redis);
        Ok(())
    }

    /// The services.
    pub(super) fn services(&self) -> &Arc<crate::jobs::Services> {
        self.app.services()
    }
}
