//! The registry: which versions of which addons there are. Bytes live in the blob store, under their digest.

mod due;

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::model::contract::ContractRange;
use crate::model::digest::Digest;
use crate::model::id::{AddonId, JobId};
use crate::model::manifest::Manifest;
use crate::model::signature::{PublisherKeyId, SignedStatement, signed_at};
use crate::store::{Page, Store, StoreError, jobs, script};

pub use due::DueUpdate;

/// Whether a version may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionState {
    /// Waits for an admin.
    Pending,
    /// May be enabled.
    Approved,
    /// Taken back by its publisher: no new enablement picks it, running ones go on.
    Yanked,
    /// Blocked by an admin.
    Blocked,
}

impl VersionState {
    /// The state as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Yanked => "yanked",
            Self::Blocked => "blocked",
        }
    }
}

/// A publisher's word about a version, as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionSignature {
    /// The signature's own text: it is judged anew at each load.
    pub text: String,
    /// The key that it names.
    pub key: PublisherKeyId,
    /// When the signer says that it was made.
    pub created: DateTime<Utc>,
    /// When the registry first saw it.
    pub seen_at: DateTime<Utc>,
    /// Whether it was good when it came.
    pub is_verified: bool,
}

impl VersionSignature {
    /// A signature that came at `seen_at`; none where the text is none.
    #[must_use]
    pub fn of(text: &str, seen_at: DateTime<Utc>, is_verified: bool) -> Option<Self> {
        let signed = SignedStatement::parse(text).ok()?;
        let created = signed.statement.created;
        Some(Self { text: text.to_owned(), key: signed.key, created, seen_at, is_verified })
    }

    /// The key, and when it counts as having signed.
    #[must_use]
    pub fn signer(&self) -> (PublisherKeyId, DateTime<Utc>) {
        (self.key.clone(), signed_at(self.created, self.seen_at))
    }
}

/// One version of an addon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionRecord {
    /// The addon.
    pub id: AddonId,
    /// The version; immutable once published.
    pub version: Version,
    /// Of the component's bytes.
    pub digest: Digest,
    /// Of the component, in bytes.
    pub size: u64,
    /// Its manifest.
    pub manifest: Manifest,
    /// Contract versions that it works with.
    pub contract: ContractRange,
    /// Whether it may be used.
    pub state: VersionState,
    /// Why the state is what it is, such as a yank's reason and note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_note: Option<String>,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// Who published it: the client of the key that did.
    pub publisher: String,
    /// Where the bytes came from: `upload`, a URL or a path.
    pub source: String,
    /// Its publisher's word, where one came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<VersionSignature>,
    /// What inspection found odd but allowed, such as a declared capability that is not imported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What came of [`AddonVersions::put_version`].
#[derive(Clone, Debug, PartialEq)]
pub enum PutVersion {
    /// The version is new.
    Stored,
    /// The version was there with the same bytes; this is its record.
    Same(Box<VersionRecord>),
    /// The version was there with other bytes, of this digest.
    Conflict(Digest),
    /// Its bytes are being swept right now: put them again, then try again.
    Doomed,
    /// The job that wrote was cancelled, or is over.
    Stopped,
}

/// The registry's records.
#[derive(Clone, Debug)]
pub struct AddonVersions {
    store: Store,
}

/// Noun of an addon's versions. (`addons` alone is the name of a queue.)
const VERSIONS: &str = "addon-versions";
/// Noun of the set of all addons.
const IDS: &str = "addon-ids";
/// Noun of the marks of component bytes that are being swept.
const DOOMED: &str = "components-doomed";
/// Noun of the mark of the last sweep.
const SWEPT: &str = "components-swept";
/// How long a mark outlives a sweep that died: longer than removing bytes takes, short for a publisher who waits.
const DOOM: Duration = Duration::from_secs(300);

impl AddonVersions {
    /// The registry in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Stores a version unless it exists.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the stored record cannot be read.
    pub async fn put_version(&self, record: &VersionRecord) -> Result<PutVersion, StoreError> {
        self.put(record, None).await
    }

    /// The same as the last write of `job`: only while nobody cancelled it; in the same step the job can no longer be
    /// cancelled.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the stored record cannot be read.
    pub async fn conclude(&self, job: &JobId, record: &VersionRecord) -> Result<PutVersion, StoreError> {
        self.put(record, Some(job)).await
    }

    async fn put(&self, record: &VersionRecord, job: Option<&JobId>) -> Result<PutVersion, StoreError> {
        let json = serde_json::to_string(record).map_err(StoreError::unwritable("addon version"))?;
        let mut invocation = script::VERSION_PUT.prepare_invoke();
        invocation
            .key(self.versions_key(&record.id))
            .key(self.store.only_key(IDS))
            .key(self.store.key(DOOMED, &record.digest.hex()))
            .arg(record.version.to_string())
            .arg(json)
            .arg(record.id.as_str());
        if let Some(job) = job {
            invocation.key(self.store.key(jobs::RECORD, job.as_str()));
        }
        let (word, kept): (String, Option<String>) = self.store.run(&invocation).await?;
        let kept = match (word.as_str(), kept) {
            ("stopped", _) => return Ok(PutVersion::Stopped),
            ("doomed", _) => return Ok(PutVersion::Doomed),
            (_, Some(kept)) => decode(&kept)?,
            (_, None) => return Ok(PutVersion::Stored),
        };
        Ok(if kept.digest == record.digest {
            PutVersion::Same(Box::new(kept))
        } else {
            PutVersion::Conflict(kept.digest)
        })
    }

    /// One version.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(&self, id: &AddonId, version: &Version) -> Result<Option<VersionRecord>, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.versions_key(id)).arg(version.to_string());
        self.store.ask::<Option<String>>(&command).await?.as_deref().map(decode).transpose()
    }

    /// Every version of an addon, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or a record cannot be read.
    pub async fn list(&self, id: &AddonId) -> Result<Vec<VersionRecord>, StoreError> {
        let mut command = redis::cmd("HVALS");
        command.arg(self.versions_key(id));
        let texts: Vec<String> = self.store.ask(&command).await?;
        let mut records = texts.iter().map(|text| decode(text)).collect::<Result<Vec<_>, _>>()?;
        records.sort_by(|one, other| other.version.cmp(&one.version));
        Ok(records)
    }

    /// The ids of all addons in the order of the alphabet; the cursor is the last id of the page before.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked, or [`StoreError::Cursor`].
    pub async fn all(&self, cursor: Option<&str>, limit: usize) -> Result<Page<AddonId>, StoreError> {
        let start = match cursor {
            Some(text) => format!("({}", AddonId::parse(text).map_err(|_| StoreError::Cursor)?),
            None => String::from("-"),
        };
        let mut command = redis::cmd("ZRANGEBYLEX");
        command.arg(self.store.only_key(IDS)).arg(start).arg("+").arg("LIMIT").arg(0).arg(limit);
        let texts: Vec<String> = self.store.ask(&command).await?;
        let next_cursor = if texts.len() < limit { None } else { texts.last().cloned() };
        Ok(Page { items: texts.iter().filter_map(|text| AddonId::parse(text).ok()).collect(), next_cursor })
    }

    /// The digests that versions name. Looks at every version: for sweeps, not for requests.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or a record cannot be read.
    pub async fn named(&self) -> Result<HashSet<Digest>, StoreError> {
        let mut named = HashSet::new();
        let mut cursor = None;
        loop {
            let page = self.all(cursor.as_deref(), 200).await?;
            for id in &page.items {
                named.extend(self.list(id).await?.into_iter().map(|record| record.digest));
            }
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(named),
            }
        }
    }

    /// Marks bytes that no version names and that shall go: until [`AddonVersions::spare`] no new version names them
    /// ([`PutVersion::Doomed`]). Ask [`AddonVersions::named`] once more after this and before removing anything.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn doom(&self, digest: &Digest) -> Result<(), StoreError> {
        let mut command = redis::cmd("SET");
        command.arg(self.store.key(DOOMED, &digest.hex())).arg(1).arg("EX").arg(DOOM.as_secs());
        self.store.ask(&command).await
    }

    /// Takes the mark away.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked; the mark then goes by itself.
    pub async fn spare(&self, digest: &Digest) -> Result<(), StoreError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.store.key(DOOMED, &digest.hex()));
        self.store.ask(&command).await
    }

    /// Whether it is time to sweep the bytes again: true for one caller within `every`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn is_sweep_due(&self, every: Duration) -> Result<bool, StoreError> {
        let mut command = redis::cmd("SET");
        command.arg(self.store.only_key(SWEPT)).arg(1).arg("NX").arg("EX").arg(every.as_secs().max(1));
        Ok(self.store.ask::<Option<String>>(&command).await?.is_some())
    }

    /// Changes a version's state and the note beside it, where its state is one of `from`; answers the record as it is then,
    /// none where there is none.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn set_state(
        &self,
        id: &AddonId,
        version: &Version,
        (from, state): (&[VersionState], VersionState),
        note: Option<&str>,
    ) -> Result<Option<VersionRecord>, StoreError> {
        let changed = |record: VersionRecord| match from.contains(&record.state) {
            true => VersionRecord { state, state_note: note.map(str::to_owned), ..record },
            false => record,
        };
        self.edit(id, version, changed).await
    }

    /// Puts a signature in the place of the one that is there, or of none; answers the record as it is now.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn set_signature(
        &self,
        id: &AddonId,
        version: &Version,
        signature: &VersionSignature,
    ) -> Result<Option<VersionRecord>, StoreError> {
        self.edit(id, version, |record| VersionRecord { signature: Some(signature.clone()), ..record }).await
    }

    async fn edit(
        &self,
        id: &AddonId,
        version: &Version,
        edit: impl Fn(VersionRecord) -> VersionRecord,
    ) -> Result<Option<VersionRecord>, StoreError> {
        let key = self.versions_key(id);
        let field = version.to_string();
        loop {
            let mut command = redis::cmd("HGET");
            command.arg(&key).arg(&field);
            let Some(before) = self.store.ask::<Option<String>>(&command).await? else { return Ok(None) };
            let record = edit(decode(&before)?);
            let after = serde_json::to_string(&record).map_err(StoreError::unwritable("addon version"))?;
            let mut invocation = script::FIELD_REPLACE.prepare_invoke();
            invocation.key(&key).arg(&field).arg(&before).arg(&after);
            // Somebody else changed it in between: look again.
            if self.store.run(&invocation).await? {
                return Ok(Some(record));
            }
        }
    }

    fn versions_key(&self, id: &AddonId) -> String {
        self.store.key(VERSIONS, id.as_str())
    }
}

fn decode(text: &str) -> Result<VersionRecord, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt("addon version"))
}
