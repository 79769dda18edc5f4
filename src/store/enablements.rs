//! Which user has which addon, in which state. Changed by compare-and-set on a revision that counts up.

use chrono::{DateTime, Utc};
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::digest::Digest;
use crate::model::grants::Grants;
use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::model::job::{Failure, Step};
use crate::model::lifecycle::EnablementState;
use crate::store::control::{CHANNEL, Message};
use crate::store::{Page, Store, StoreError, jobs, kv_keys, script};

/// Whether an enablement follows its addon's newer versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutoUpdate {
    /// It stays where it is.
    #[default]
    None,
    /// It follows within the same major version, as long as no more is asked for.
    Compatible,
}

impl AutoUpdate {
    /// The mode as clients write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Compatible => "compatible",
        }
    }

    /// Reads a mode by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Compatible].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// An upgrade on its way; the enablement itself does not change before the switch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The version it would become.
    pub version: Version,
    /// That version's bytes.
    pub digest: Digest,
    /// The job that brings it.
    pub job_id: JobId,
    /// `loading`, `awaiting-consent` or `failed`.
    pub state: EnablementState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// An unload on its way: what its job has to do, and what it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unloading {
    /// The state when it was asked for: an addon that was enabled gets a last word, and a cancelled unload goes back there.
    pub from: EnablementState,
    /// Whether record and data go too.
    pub erase: bool,
}

/// One addon for one user of one client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enablement {
    /// The client.
    pub client: ClientId,
    /// The client's end user.
    pub user: UserId,
    /// The addon.
    pub addon: AddonId,
    /// The version in use; none before the first load resolved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// That version's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// An upgrade on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
    /// Where it stands.
    pub state: EnablementState,
    /// While it is `disabling`: what its job has to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unloading: Option<Unloading>,
    /// What the addon may do.
    pub grants: Grants,
    /// The user's settings, defaults applied.
    pub config: Value,
    /// Place in the chain of hooks, lowest first.
    pub order: i64,
    /// Whether it follows newer versions.
    pub auto_update: AutoUpdate,
    /// The job that last changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// Fingerprint of the request behind `job_id`: the same request again means the same job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Digest>,
    /// The steps of the last load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Why the last load failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Since when it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<DateTime<Utc>>,
    /// The digest that the user consented to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Digest>,
    /// Opaque name of the user for the guest: stable for this addon, meaningless elsewhere. It lives as long as this
    /// record: after an erase there is another one, by which the addon's values know who may still write ([`kv`]).
    pub subject: String,
    /// Counts the changes, from 1; 0 is a record that was never stored.
    #[serde(default)]
    pub revision: u64,
}

impl Enablement {
    /// A record that was never stored: off, nothing granted, a fresh pseudonym for the user.
    #[must_use]
    pub fn fresh(client: ClientId, user: UserId, addon: AddonId) -> Self {
        Self {
            client,
            user,
            addon,
            version: None,
            digest: None,
            candidate: None,
            state: EnablementState::Disabled,
            unloading: None,
            grants: Grants::default(),
            config: Value::Object(serde_json::Map::new()),
            order: 0,
            auto_update: AutoUpdate::None,
            job_id: None,
            request: None,
            steps: Vec::new(),
            error: None,
            enabled_at: None,
            consent: None,
            subject: format!("sub_{}", ulid::Ulid::generate()),
            revision: 0,
        }
    }

    /// An opaque name of this enablement for its guest: stable, and meaningless elsewhere.
    #[must_use]
    pub fn id(&self) -> String {
        let name = format!("{} {} {}", self.client, self.addon, self.subject);
        format!("enb_{}", Digest::of(name.as_bytes()).hex().split_at(32).0)
    }
}

/// What came of [`Enablements::put`].
#[derive(Clone, Debug, PartialEq)]
pub enum Put {
    /// Stored; the record has this revision now.
    Stored(u64),
    /// Somebody else changed it since; this is what it is now (none: it is gone).
    Conflict(Option<Box<Enablement>>),
}

/// What came of the last write of a job, [`Enablements::conclude`] or [`Enablements::erase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concluded {
    /// It was written, and the job can no longer be cancelled.
    Written,
    /// Somebody else changed the enablement since.
    Conflict,
    /// Nothing was written: the job was cancelled, or is over.
    Stopped,
}

/// The book of enablements.
#[derive(Clone, Debug)]
pub struct Enablements {
    store: Store,
}

/// Noun of a user's enablements: one hash a user, a field an addon.
const OF_USER: &str = "enablements";
/// Noun of an addon's users: who is affected when it changes. A hash, a field a user, its value what runs for them.
const OF_ADDON: &str = "addon-users";

impl Enablements {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// One enablement: one round trip.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(
        &self,
        client: &ClientId,
        user: &UserId,
        addon: &AddonId,
    ) -> Result<Option<Enablement>, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(user_key(&self.store, client, user)).arg(addon.as_str());
        self.store.ask::<Option<String>>(&command).await?.as_deref().map(decode).transpose()
    }

    /// Stores `enablement` if the stored one still has `expected_revision` (0: only if there is none), and makes
    /// every process forget what it knew of it. The stored record gets the next revision, whatever
    /// `enablement.revision` says.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn put(&self, expected_revision: u64, enablement: &Enablement) -> Result<Put, StoreError> {
        let (answer, kept) = self.write(expected_revision, enablement, None).await?;
        if answer == WRITTEN {
            return Ok(Put::Stored(expected_revision.saturating_add(1)));
        }
        Ok(Put::Conflict(kept.as_deref().map(decode).transpose()?.map(Box::new)))
    }

    /// Stores what `job` found as [`Enablements::put`] does, but only while nobody cancelled it; in the same step the job
    /// can no longer be cancelled.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn conclude(&self, job: &JobId, enablement: &Enablement) -> Result<Concluded, StoreError> {
        let (answer, _) = self.write(enablement.revision, enablement, Some(job)).await?;
        Ok(concluded(answer))
    }

    async fn write(
        &self,
        expected_revision: u64,
        enablement: &Enablement,
        job: Option<&JobId>,
    ) -> Result<(u8, Option<String>), StoreError> {
        let revision = expected_revision.saturating_add(1);
        let record = Enablement { revision, ..enablement.clone() };
        let json = serde_json::to_string(&record).map_err(StoreError::unwritable("enablement"))?;
        let mut invocation = script::ENABLEMENT_PUT.prepare_invoke();
        invocation
            .key(user_key(&self.store, &record.client, &record.user))
            .key(self.store.key(OF_ADDON, record.addon.as_str()))
            .arg(record.addon.as_str())
            .arg(expected_revision)
            .arg(format!("{revision} {json}"))
            .arg(format!("{}:{}", record.client, record.user))
            .arg(self.store.only_key(CHANNEL))
            .arg(changed(&record.client, &record.user, &record.addon)?)
            .arg(in_use(&record));
        if let Some(job) = job {
            invocation.key(self.store.key(jobs::RECORD, job.as_str()));
        }
        self.store.run(&invocation).await
    }

    /// Every enablement of a user, in the order of their hooks.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or a record cannot be read.
    pub async fn list(&self, client: &ClientId, user: &UserId) -> Result<Vec<Enablement>, StoreError> {
        let mut command = redis::cmd("HVALS");
        command.arg(user_key(&self.store, client, user));
        let texts: Vec<String> = self.store.ask(&command).await?;
        let mut all = texts.iter().map(|text| decode(text)).collect::<Result<Vec<_>, _>>()?;
        all.sort_by(|one, other| (one.order, &one.addon).cmp(&(other.order, &other.addon)));
        Ok(all)
    }

    /// Removes an enablement that still has this revision together with every value that its addon kept, and makes every
    /// process forget it; all of it as [`Enablements::conclude`] does, only while nobody cancelled `job`. From then on no
    /// call that began before can write a value ([`kv`]). Gone already is fine.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn erase(&self, job: &JobId, enablement: &Enablement) -> Result<Concluded, StoreError> {
        let Enablement { client, user, addon, .. } = enablement;
        let mut invocation = script::ENABLEMENT_ERASE.prepare_invoke();
        invocation
            .key(user_key(&self.store, client, user))
            .key(self.store.key(OF_ADDON, addon.as_str()))
            .key(self.store.key(jobs::RECORD, job.as_str()));
        for key in kv_keys::keys_of(&self.store, &kv_keys::scope_of(client, user, addon)) {
            invocation.key(key);
        }
        invocation
            .arg(addon.as_str())
            .arg(enablement.revision)
            .arg(format!("{client}:{user}"))
            .arg(self.store.only_key(CHANNEL))
            .arg(changed(client, user, addon)?);
        Ok(concluded(self.store.run(&invocation).await?))
    }

    /// Who has an enablement of `addon`, in no order; a page may be of any size, and one may appear twice.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked, or [`StoreError::Cursor`].
    pub async fn of_addon(
        &self,
        addon: &AddonId,
        cursor: Option<&str>,
    ) -> Result<Page<(ClientId, UserId)>, StoreError> {
        let Page { items, next_cursor } = self.of_addon_as(addon, cursor).await?;
        Ok(Page { items: items.into_iter().map(|(client, user, _)| (client, user)).collect(), next_cursor })
    }

    /// The same, each with the component that runs for the user; none where it is switched off or was never loaded.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked, or [`StoreError::Cursor`].
    pub async fn of_addon_as(
        &self,
        addon: &AddonId,
        cursor: Option<&str>,
    ) -> Result<Page<(ClientId, UserId, Option<Digest>)>, StoreError> {
        let cursor: u64 = cursor.unwrap_or("0").parse().map_err(|_| StoreError::Cursor)?;
        let mut command = redis::cmd("HSCAN");
        command.arg(self.store.key(OF_ADDON, addon.as_str())).arg(cursor).arg("COUNT").arg(1000);
        let (next, members): (u64, Vec<(String, String)>) = self.store.ask(&command).await?;
        let items = members
            .iter()
            .filter_map(|(member, digest)| Some((member.split_once(':')?, Digest::parse(digest).ok())))
            .filter_map(|((client, user), digest)| {
                Some((ClientId::parse(client).ok()?, UserId::parse(user).ok()?, digest))
            })
            .collect();
        Ok(Page { items, next_cursor: (next != 0).then(|| next.to_string()) })
    }
}

/// What stands beside a user among an addon's users: the component that runs for them, so that whoever blocks it can see
/// for how many.
fn in_use(enablement: &Enablement) -> String {
    let digest = enablement.digest.filter(|_| enablement.state != EnablementState::Disabled);
    digest.map(|digest| digest.to_string()).unwrap_or_default()
}

/// A client's name has no colon, so the rest is the user, whatever it contains.
pub(super) fn user_key(store: &Store, client: &ClientId, user: &UserId) -> String {
    store.key(OF_USER, &format!("{client}:{user}"))
}

/// What the scripts answer where they wrote.
const WRITTEN: u8 = 1;
/// What they answer where the job may not write any more.
const STOPPED: u8 = 2;

fn concluded(answer: u8) -> Concluded {
    match answer {
        WRITTEN => Concluded::Written,
        STOPPED => Concluded::Stopped,
        _ => Concluded::Conflict,
    }
}

/// What every process has to hear before it may call the addon again.
fn changed(client: &ClientId, user: &UserId, addon: &AddonId) -> Result<String, StoreError> {
    let message = Message::EnablementChanged { client: client.clone(), user: user.clone(), addon: addon.clone() };
    serde_json::to_string(&message).map_err(StoreError::unwritable("control message"))
}

/// Reads `<revision> <json>`.
fn decode(text: &str) -> Result<Enablement, StoreError> {
    let json = text.split_once(' ').map_or(text, |(_, json)| json);
    serde_json::from_str(json).map_err(StoreError::corrupt("enablement"))
}
