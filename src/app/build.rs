//! Putting the parts together, bottom floor first.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::addons::{Addons, Parts};
use crate::api::{self, ApiState};
use crate::app::{App, Roles, public_url};
use crate::config::Config;
use crate::config::secrets::RootKey;
use crate::host::Host;
use crate::imaging::Imaging;
use crate::imaging::gallery::Gallery;
use crate::jobs::Services;
use crate::model::id::ClientId;
use crate::net::oci::Registries;
use crate::net::{Client, ClientLimits, Policy, Purpose};
use crate::ports::GuestPorts;
use crate::queue::Producer;
use crate::store::Store;
use crate::store::blobs::Blobs;
use crate::store::control::Control;
use crate::store::keys::Keys;
use crate::webhooks::Webhooks;
use crate::work::Work;

/// How strict a process is, and what its secrets are made from.
#[derive(Clone, Debug)]
pub struct Mode {
    /// Whether this is `dev`: loopback may be reached, an evicting Redis is only warned about.
    pub is_dev: bool,
    /// What every secret is derived from.
    pub root: RootKey,
}

impl App {
    /// Puts a process together.
    ///
    /// # Errors
    /// Redis is not there or evicts, the sandbox or the blob store cannot be set up, or a setting is wrong.
    pub async fn build(config: Config, roles: Roles, numbers: PrometheusHandle, mode: Mode) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let store = Store::connect(&config.redis)
            .await
            .with_context(|| format!("connecting to {} (SEMANTEST_REDIS_URL)", config.redis.place()))?;
        refuse_eviction(&store, &mode).await?;
        let producer = Producer::connect(&config.redis, &config.queues).await.context("connecting to the queues")?;
        let control = Control::new(store.clone());
        let work = Work::new(&store, producer.clone(), control.clone());
        let blobs = Blobs::open(&config.storage).context("opening the blob store")?;
        let host = if roles.lanes.is_empty() { None } else { Some(host(&config, &mode).await?) };
        // A worker has no listener of its own; its links lead to where the settings say that the API is.
        let public_url = public_url(&config, config.server.listen);
        let gallery =
            Gallery::new(&store, blobs.clone(), &mode.root, &public_url, config.server.artifact_ttl.duration());
        let sources = client(&config, Purpose::Sources, &mode)?;
        let registries = Registries::new(sources.clone(), &config.addons.registries, mode.is_dev)
            .context("reading the logins of `addons.registries`")?;
        let addons = Addons::new(Parts {
            settings: config.addons.clone(),
            store: store.clone(),
            blobs,
            host: host.clone(),
            sources,
            registries,
            work: work.clone(),
            control: control.clone(),
            runner: Arc::new(GuestPorts::new(&store, gallery.clone())),
            defaults: config.sandbox.default_limits(),
            ceiling: config.sandbox.ceiling_limits(),
            user_concurrency: config.sandbox.user_concurrency,
        });
        // Before anything runs: a process that does not know what is blocked would run it.
        addons.read_blocks().await.context("reading what is blocked")?;
        let services = Arc::new(Services {
            imaging: Imaging::new(&config.imaging, &config.egress, mode.is_dev)
                .context("setting up image providers")?,
            webhooks: Webhooks::new(&config.webhooks, client(&config, Purpose::Webhooks, &mode)?, mode.root.clone()),
            keys: Keys::new(store.clone()),
            default_client: ClientId::parse(&config.server.default_client).context("server.default_client")?,
            is_dev: mode.is_dev,
            work,
            addons,
            gallery,
        });
        let description = api::openapi_json().context("describing the API")?;
        let state = ApiState::new(&config, &store, &control, &services, description.into());
        Ok(Self { config, roles, numbers, store, producer, control, services, host, state })
    }
}

fn client(config: &Config, purpose: Purpose, mode: &Mode) -> anyhow::Result<Client> {
    Ok(Client::new(Policy::new(&config.egress, purpose, mode.is_dev), ClientLimits::default())?)
}

async fn host(config: &Config, mode: &Mode) -> anyhow::Result<Arc<Host>> {
    let cache = Path::new(&config.storage.data_dir).join("cache");
    let mac_key = mode.root.derive("compile-cache", "");
    let host = Host::new(&config.sandbox, &cache, mac_key).context("setting up the sandbox")?;
    host.rehearse().await.context("setting up the sandbox")?;
    Ok(host)
}

/// A queue on a Redis that evicts loses jobs without a word.
async fn refuse_eviction(store: &Store, mode: &Mode) -> anyhow::Result<()> {
    let policy = store.eviction_policy().await.context("asking Redis for its eviction policy")?;
    if policy == "noeviction" {
        return Ok(());
    }
    let cure = format!(
        "this Redis evicts keys (maxmemory-policy is `{policy}`), so it would lose jobs without a word: \
         set `maxmemory-policy noeviction` in redis.conf, with `CONFIG SET maxmemory-policy noeviction`, or in your provider's console"
    );
    if mode.is_dev {
        tracing::warn!("{cure}");
        return Ok(());
    }
    bail!("{cure}");
}
