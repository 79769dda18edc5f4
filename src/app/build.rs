//! Putting the parts together, bottom floor first.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::addons::{Addons, Parts};
use crate::api::{self, ApiState};
use crate::app::{App, Roles, code_cache, public_url};
use crate::config::Config;
use crate::config::secrets::RootKey;
use crate::config::value_keys::ValueKeys;
use crate::host::Host;
use crate::imaging::Imaging;
use crate::imaging::gallery::Gallery;
use crate::imaging::sniff::Caps;
use crate::imaging::spend::Spending;
use crate::jobs::Services;
use crate::model::id::ClientId;
use crate::net::oci::Registries;
use crate::net::{Client, ClientLimits, GuestClient, Policy, Purpose};
use crate::ports::GuestPorts;
use crate::ports::provider::Painters;
use crate::queue::Producer;
use crate::store::Store;
use crate::store::blobs::Blobs;
use crate::store::control::Control;
use crate::store::keys::Keys;
use crate::store::secrets::envelope::Envelopes;
use crate::store::secrets::{KeyUse, SecretStore};
use crate::webhooks::{self, Webhooks};
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
        Self::build_under(config, roles, numbers, mode, None).await
    }

    /// The same for a worker process, which asks its supervisor for compiled code over `supervisor`.
    ///
    /// # Errors
    /// Likewise.
    pub async fn build_under(
        config: Config,
        roles: Roles,
        numbers: PrometheusHandle,
        mode: Mode,
        supervisor: Option<UnixStream>,
    ) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let store = Store::connect(&config.redis)
            .await
            .with_context(|| format!("connecting to {} (SEMANTEST_REDIS_URL)", config.redis.place()))?;
        refuse_eviction(&store, &mode).await?;
        let producer = Producer::connect(&config.redis, &config.queues).await.context("connecting to the queues")?;
        let control = Control::new(store.clone());
        let work = Work::new(&store, producer.clone(), control.clone());
        let blobs = Blobs::open(&config.storage).context("opening the blob store")?;
        let host = if roles.lanes.is_empty() { None } else { Some(host(&config, &mode, supervisor).await?) };
        // A worker has no listener of its own; its links lead to where the settings say that the API is.
        let public_url = public_url(&config, config.server.listen);
        let kept = (config.server.artifact_ttl.duration(), &config.pictures);
        let gallery = Gallery::new(&store, blobs.clone(), &mode.root, &public_url, kept);
        let sources = client(&config, Purpose::Sources, &mode)?;
        let guests = GuestClient::new(&config.egress, &config.sandbox.http, mode.is_dev)
            .context("setting up the way out for addons")?;
        let registries = Registries::new(sources.clone(), &config.addons.registries, mode.is_dev)
            .context("reading the logins of `addons.registries`")?;
        let secrets = secrets(&config, &store, &mode).await?;
        let addons = Addons::new(Parts {
            settings: config.addons.clone(),
            store: store.clone(),
            secrets,
            blobs,
            host: host.clone(),
            sources,
            registries,
            work: work.clone(),
            control: control.clone(),
            runner: Arc::new(GuestPorts::new(
                &store,
                gallery.clone(),
                guests.clone(),
                (work.clone(), config.addons.signals),
            )),
            defaults: config.sandbox.default_limits(),
            ceiling: config.sandbox.ceiling_limits(),
            user_concurrency: config.sandbox.user_concurrency,
        });
        // Before anything runs: a process that does not know what is blocked would run it.
        addons.read_blocks().await.context("reading what is blocked")?;
        let services = Arc::new(Services {
            imaging: Imaging::new(&config.imaging, &config.egress, mode.is_dev)
                .context("setting up image providers")?,
            webhooks: webhooks(&config, &store, &producer, &mode)?,
            spending: Spending::new(&store, &config.spend),
            keys: Keys::new(store.clone()),
            painters: Painters::new(addons.clone(), gallery.clone(), Caps::of(&config.imaging)),
            default_client: ClientId::parse(&config.server.default_client).context("server.default_client")?,
            is_dev: mode.is_dev,
            work,
            addons,
            gallery,
        });
        let description = api::openapi_json().context("describing the API")?;
        let state = ApiState::new(&config, &store, &control, &services, description.into());
        Ok(Self { config, roles, numbers, store, producer, control, services, host, guests, state })
    }
}

fn client(config: &Config, purpose: Purpose, mode: &Mode) -> anyhow::Result<Client> {
    Ok(Client::new(Policy::new(&config.egress, purpose, mode.is_dev), ClientLimits::default())?)
}

fn webhooks(config: &Config, store: &Store, producer: &Producer, mode: &Mode) -> anyhow::Result<Webhooks> {
    Ok(Webhooks::new(webhooks::Parts {
        settings: config.webhooks.clone(),
        concurrency: config.queues.webhooks.concurrency,
        store: store.clone(),
        producer: producer.clone(),
        client: client(config, Purpose::Webhooks, mode)?,
        root: mode.root.clone(),
    }))
}

async fn host(config: &Config, mode: &Mode, supervisor: Option<UnixStream>) -> anyhow::Result<Arc<Host>> {
    let (cache, mac_key) = code_cache::of(config, &mode.root);
    let host = Host::under(&config.sandbox, &cache, mac_key, supervisor).context("setting up the sandbox")?;
    host.rehearse().await.context("setting up the sandbox")?;
    Ok(host)
}

/// The addons' secrets. A process without a key that stored ones need would fail its users one by one.
async fn secrets(config: &Config, store: &Store, mode: &Mode) -> anyhow::Result<SecretStore> {
    let keys = ValueKeys::of(&config.secrets, &mode.root).context("reading secrets.value_keys")?;
    let secrets = SecretStore::new(store.clone(), Envelopes::new(keys));
    for needed in secrets.keys_in_use().await.context("asking which keys the stored secrets need")? {
        if needed.is_known {
            continue;
        }
        let KeyUse { key, scopes, .. } = needed;
        let cure = format!(
            "secrets of {scopes} users or clients are encrypted with the key {key}, which is not among secrets.value_keys and not              derived from this master key: give it in SEMANTEST_VALUE_KEYS behind the newest one, or, where it is lost,              throw those secrets away with `semantest secrets forget {key}`"
        );
        if mode.is_dev { tracing::warn!("{cure}") } else { bail!("{cure}") }
    }
    Ok(secrets)
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
