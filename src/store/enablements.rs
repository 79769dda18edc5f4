//! Which user has which addon, in which state. Changed by compare-and-set on a revision that counts up.

mod handover;
mod record;

use crate::model::digest::Digest;
use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::model::lifecycle::EnablementState;
use crate::store::control::{CHANNEL, Message};
use crate::store::outbox::OwedEntry;
use crate::store::secret_scope::SecretScope;
use crate::store::{Page, Store, StoreError, jobs, kv_keys, outbox, script, usage};

pub use handover::{Handover, RolledBack, Switched};
pub use record::{AutoUpdate, Candidate, CandidateState, Enablement, LastTold, Previous, Setup, Unloading};

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

/// A record that is to be written, and what is to be announced of the change.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    record: &'a Enablement,
    owed: Option<&'a OwedEntry>,
}

impl<'a> Written<'a> {
    /// A change that is announced: from the very step on in which it is made (`store/outbox.rs`).
    #[must_use]
    pub const fn announced(record: &'a Enablement, owed: Option<&'a OwedEntry>) -> Self {
        Self { record, owed }
    }
}

impl<'a> From<&'a Enablement> for Written<'a> {
    /// A change that nobody hears of.
    fn from(record: &'a Enablement) -> Self {
        Self::announced(record, None)
    }
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
    pub async fn put(&self, expected_revision: u64, written: impl Into<Written<'_>>) -> Result<Put, StoreError> {
        let (answer, kept) = self.write(expected_revision, written.into(), None).await?;
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
    pub async fn conclude(&self, job: &JobId, written: impl Into<Written<'_>>) -> Result<Concluded, StoreError> {
        let written = written.into();
        let (answer, _) = self.write(written.record.revision, written, Some(job)).await?;
        Ok(concluded(answer))
    }

    async fn write(
        &self,
        expected_revision: u64,
        written: Written<'_>,
        job: Option<&JobId>,
    ) -> Result<(u8, Option<String>), StoreError> {
        let enablement = written.record;
        let mut invocation = script::ENABLEMENT_PUT.prepare_invoke();
        invocation
            .key(user_key(&self.store, &enablement.client, &enablement.user))
            .key(self.store.key(OF_ADDON, enablement.addon.as_str()));
        self.change_arguments(&mut invocation, expected_revision, enablement)?;
        if let Some(job) = job {
            invocation.key(self.store.key(jobs::RECORD, job.as_str()));
        }
        outbox::add_owed(&self.store, &mut invocation, written.owed);
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

    /// Removes an enablement that still has this revision together with every value that its addon kept and the user's secrets
    /// for it, and makes every process forget it; all of it as [`Enablements::conclude`] does, only while nobody cancelled `job`. From then on no
    /// call that began before can write a value ([`kv`]). Gone already is fine.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn erase(&self, job: &JobId, written: impl Into<Written<'_>>) -> Result<Concluded, StoreError> {
        let Written { record: enablement, owed } = written.into();
        let Enablement { client, user, addon, .. } = enablement;
        let mut invocation = script::ENABLEMENT_ERASE.prepare_invoke();
        invocation
            .key(user_key(&self.store, client, user))
            .key(self.store.key(OF_ADDON, addon.as_str()))
            .key(self.store.key(jobs::RECORD, job.as_str()));
        for key in enablement.kv_scopes().iter().flat_map(|scope| kv_keys::keys_of(&self.store, scope)) {
            invocation.key(key);
        }
        invocation.key(usage::key(&self.store, client, user, addon));
        let [own, ..] = SecretScope::of(client, user, addon);
        invocation.key(own.key(&self.store));
        invocation
            .arg(addon.as_str())
            .arg(enablement.revision)
            .arg(format!("{client}:{user}"))
            .arg(self.store.only_key(CHANNEL))
            .arg(changed(client, user, addon)?);
        outbox::add_owed(&self.store, &mut invocation, owed);
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

    /// Whether any user of `client` has an enablement of `addon`, switched off or not.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn has_user_of(&self, client: &ClientId, addon: &AddonId) -> Result<bool, StoreError> {
        let mut cursor = 0_u64;
        loop {
            let mut command = redis::cmd("HSCAN");
            command.arg(self.store.key(OF_ADDON, addon.as_str())).arg(cursor);
            // A client's name has nothing that a pattern minds.
            command.arg("MATCH").arg(format!("{client}:*")).arg("COUNT").arg(1000);
            let (next, members): (u64, Vec<(String, String)>) = self.store.ask(&command).await?;
            if !members.is_empty() {
                return Ok(true);
            }
            if next == 0 {
                return Ok(false);
            }
            cursor = next;
        }
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
