//! Addons from a stranger's bytes to a running enablement: one step a file.
//!
//! A version is published once and named by its digest; an enablement is one
//! user's version of one addon, with what the user granted and configured.
//! Requests answer from records or leave a ticket; what fetches, verifies,
//! compiles or runs a guest is called by a job.

mod actions;
mod begin;
mod blocking;
mod blocks;
mod budget;
mod consent;
mod disable;
pub mod draw;
mod edition;
mod enable;
mod erase;
pub mod error;
pub mod everywhere;
pub mod explain;
mod export;
mod follow;
pub mod forbid;
mod given;
mod heard;
pub mod hooks;
mod inspections;
mod install;
mod last_rights;
mod lineage;
pub mod measure;
mod news;
mod outcome;
mod owner;
mod publish;
pub mod publishers;
mod quarantine;
mod recompile;
mod reconfigure;
mod record;
mod registry;
mod rights;
mod rollback;
mod running;
mod schedules;
pub mod secrets;
mod settings;
mod settle;
mod signals;
mod source;
pub mod starts;
mod sweep;
mod tell_block;
mod told;
mod trust;
mod turns;
mod updates;
mod verify;
pub mod views;
mod waiting;
mod writes;
mod yank;

use std::sync::Arc;

use serde_json::Value;

use crate::config::addons::AddonSettings;
use crate::host::Host;
use crate::model::budget::Budget;
use crate::model::capability::Capability;
use crate::model::digest::Digest;
use crate::model::limits::CallLimits;
use crate::net::Client;
use crate::net::oci::Registries;
use crate::store::Store;
use crate::store::addons::AddonVersions;
use crate::store::audit::Audit;
use crate::store::blobs::Blobs;
use crate::store::blocks::Blocks;
use crate::store::breakers::Breakers;
use crate::store::control::Control;
use crate::store::crashes::Crashes;
use crate::store::enablements::{AutoUpdate, Enablements};
use crate::store::kv::KvStore;
use crate::store::policy::{Policies, Policy, PolicyRecord};
use crate::store::publishers::Publishers;
use crate::store::secrets::SecretStore;
use crate::store::signals::Signals;
use crate::store::usage::Usages;
use crate::store::waiters::Waiters;
use crate::work::{Submitted, Work};

pub use actions::ActionAnswer;
pub use error::{AddonsError, Fault};
pub use given::GivenAsset;
pub use heard::Hearer;
pub use lineage::Lineage;
pub use owner::Owner;
pub use publish::Publisher;
pub use running::{CallContext, CallScope, Runner};
pub use turns::Turn;
pub use yank::YankReason;

/// What a client says about an enablement that it wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnableSpec {
    /// Exact, a range, `latest` or `beta`; `latest` when left out.
    pub version: Option<String>,
    /// The user's settings.
    pub config: Option<Value>,
    /// A narrowing of what the addon asks for; everything when left out.
    pub grants: Option<Vec<Capability>>,
    /// The digest that the user consents to.
    pub consent: Option<Digest>,
    /// What to do about new versions.
    pub auto_update: Option<AutoUpdate>,
    /// The time zone of the user's schedules, an IANA name.
    pub timezone: Option<String>,
}

/// What a client changes about an enablement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PatchSpec {
    /// New settings, whole.
    pub config: Option<Value>,
    /// New place among the user's hooks.
    pub order: Option<i64>,
    /// What to do about new versions.
    pub auto_update: Option<AutoUpdate>,
    /// A narrowing of the grants.
    pub grants: Option<Vec<Capability>>,
    /// Another budget; one without any measure takes it away.
    pub budget: Option<Budget>,
    /// The time zone of the user's schedules, an IANA name.
    pub timezone: Option<String>,
}

/// The answer to a wish for an enablement.
#[derive(Clone, Debug, PartialEq)]
pub enum EnableAnswer {
    /// It is exactly so already; no job was made.
    Unchanged(Box<views::EnablementView>),
    /// A job is on its way.
    Accepted(Submitted),
}

/// The answer to a publication.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// A job verifies it.
    Accepted(Submitted),
    /// The same bytes are in the registry under this version already.
    Exists(Box<views::VersionView>),
}

/// Where the bytes of a version come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishSource {
    /// `https://`, with a pinned digest.
    Url(String),
    /// A place in an OCI registry; a tag is asked once, at publish.
    Oci(String),
    /// A file under an allowed root; admins only.
    Path(String),
}

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Addons {
    inner: Arc<Inner>,
}

struct Inner {
    settings: AddonSettings,
    versions: AddonVersions,
    enablements: Enablements,
    /// What holds until an admin stores a policy.
    unwritten_policy: Arc<PolicyRecord>,
    kv: KvStore,
    secrets: SecretStore,
    waiters: Waiters,
    audit: Audit,
    blocks: Arc<blocks::BlockWatch>,
    crashes: Crashes,
    usages: Usages,
    turns: Arc<turns::Turns>,
    breakers: Breakers,
    publishers: Publishers,
    policies: Policies,
    signals: Signals,
    blobs: Blobs,
    host: Option<Arc<Host>>,
    sources: Client,
    registries: Registries,
    flights: source::flight::Flights,
    work: Work,
    runner: Arc<dyn Runner>,
    starting: starts::Starting,
    defaults: CallLimits,
    ceiling: CallLimits,
    caches: running::Caches,
    inspections: inspections::Inspections,
}

/// What the service is made of.
pub struct Parts {
    /// Rules for addons.
    pub settings: AddonSettings,
    /// The records.
    pub store: Store,
    /// The addons' secrets.
    pub secrets: SecretStore,
    /// The bytes.
    pub blobs: Blobs,
    /// The sandbox; a process that only answers requests has none.
    pub host: Option<Arc<Host>>,
    /// The door that sources are fetched through.
    pub sources: Client,
    /// The registries behind the same door.
    pub registries: Registries,
    /// The desk.
    pub work: Work,
    /// What tells the caches that something changed.
    pub control: Control,
    /// What makes the doors of a call.
    pub runner: Arc<dyn Runner>,
    /// Limits of a call whose manifest wishes nothing.
    pub defaults: CallLimits,
    /// Limits that no wish exceeds.
    pub ceiling: CallLimits,
    /// Calls of one addon for one user at the same time in this process.
    pub user_concurrency: u32,
}

impl Addons {
    /// The service over its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let policy = Policy::of(&parts.settings);
        let rules = parts.settings.signals;
        let unwritten_policy = Arc::new(PolicyRecord { policy, ..PolicyRecord::default() });
        let starting = starts::Starting::new(&parts.store, &parts.work, &parts.settings);
        Self {
            inner: Arc::new(Inner {
                settings: parts.settings,
                versions: AddonVersions::new(parts.store.clone()),
                enablements: Enablements::new(parts.store.clone()),
                blocks: blocks::BlockWatch::new(Blocks::new(parts.store.clone())),
                crashes: Crashes::new(parts.store.clone()),
                usages: Usages::new(parts.store.clone()),
                turns: turns::Turns::new(parts.user_concurrency),
                breakers: Breakers::new(parts.store.clone()),
                publishers: Publishers::new(parts.store.clone()),
                policies: Policies::new(parts.store.clone()),
                signals: Signals::new(parts.store.clone()),
                unwritten_policy,
                audit: Audit::new(parts.store.clone()),
                waiters: Waiters::new(parts.store.clone()),
                secrets: parts.secrets,
                kv: KvStore::new(parts.store),
                blobs: parts.blobs,
                host: parts.host,
                sources: parts.sources,
                registries: parts.registries,
                flights: source::flight::Flights::default(),
                work: parts.work,
                runner: parts.runner,
                starting,
                defaults: parts.defaults,
                ceiling: parts.ceiling,
                caches: running::Caches::new(parts.control),
                inspections: inspections::Inspections::new(rules),
            }),
        }
    }

    /// How many components this process has read through since it began; what it knew already is not counted.
    #[must_use]
    pub fn inspections(&self) -> u64 {
        self.inner.inspections.made()
    }
}
