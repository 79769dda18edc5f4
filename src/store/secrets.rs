//! Secrets of addons: encrypted rows by whose they are. Plaintext comes in, plaintext goes out, and between the two there is
//! none: what Redis holds is an envelope ([`envelope`]).
//!
//! Each scope is a hash, a field a name. Beside it stand the keys in use, each with the scopes that have rows of it, so that
//! a rotation finds them, and an operator sees when a key can be thrown away.

pub mod envelope;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::warn;

use crate::config::value_keys::ValueKeyId;
use crate::model::disposition::Disposition;
use crate::model::job_error::JobError;
use crate::model::secret_value::SecretValue;
use crate::store::secret_scope::SecretScope;
use crate::store::{Store, StoreError, enablements, script};

use envelope::{EnvelopeError, Envelopes, key_of};

/// Noun of the scopes that have rows of a key.
const SCOPES: &str = "secret-scopes";
/// Noun of the set of keys in use.
const KEYS: &str = "secret-keys";

/// The secrets of every scope. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SecretStore {
    store: Store,
    envelopes: Arc<Envelopes>,
}

/// Why a secret could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The envelope could not be closed or opened.
    #[error("the stored secret cannot be used")]
    Envelope(#[from] EnvelopeError),
}

impl From<SecretError> for JobError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Store(error) => error.into(),
            SecretError::Envelope(error) => {
                tracing::error!(error = %error, "A stored secret cannot be used: {error}");
                Self::internal(Disposition::GiveUp)
            }
        }
    }
}

/// What a user's addon has for some names, still closed.
#[derive(Clone, Debug)]
pub struct SealedSecrets {
    rows: BTreeMap<String, (SecretScope, String)>,
    envelopes: Arc<Envelopes>,
}

impl SealedSecrets {
    /// Whose value stands under a name; none where it is not set.
    #[must_use]
    pub fn scope_of(&self, name: &str) -> Option<&SecretScope> {
        self.rows.get(name).map(|(scope, _)| scope)
    }

    /// Opens the value under a name; none where it is not set.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn open(&self, name: &str) -> Result<Option<SecretValue>, EnvelopeError> {
        let Some((scope, row)) = self.rows.get(name) else { return Ok(None) };
        self.envelopes.open(scope, name, row).map(Some)
    }
}

/// A key in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: ValueKeyId,
    /// How many scopes have rows of it.
    pub scopes: u64,
    /// Whether this process has it.
    pub is_known: bool,
    /// Whether it is the one that encrypts.
    pub is_newest: bool,
}

impl SecretStore {
    /// The secrets in `store`.
    #[must_use]
    pub fn new(store: Store, envelopes: Envelopes) -> Self {
        Self { store, envelopes: Arc::new(envelopes) }
    }

    /// Stores a value, whatever was there. `false` where the scope is a user's and the user has no such enablement.
    ///
    /// # Errors
    /// [`SecretError`] when Redis cannot be asked.
    pub async fn put(&self, scope: &SecretScope, name: &str, value: &SecretValue) -> Result<bool, SecretError> {
        let row = self.envelopes.seal(scope, name, value)?;
        let key = self.envelopes.newest();
        let mut invocation = script::SECRET_PUT.prepare_invoke();
        invocation.key(scope.key(&self.store)).key(self.scopes_key(key)).key(self.store.only_key(KEYS));
        if let SecretScope::User { client, user, .. } = scope {
            invocation.key(enablements::user_key(&self.store, client, user));
        }
        let [_, _, addon, _] = scope.parts();
        invocation.arg(name).arg(row).arg(scope.to_string()).arg(key.as_str()).arg(addon);
        Ok(self.store.run(&invocation).await?)
    }

    /// Removes a value; whether there was one.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn remove(&self, scope: &SecretScope, name: &str) -> Result<bool, StoreError> {
        let mut command = redis::cmd("HDEL");
        command.arg(scope.key(&self.store)).arg(name);
        let was_there: bool = self.store.ask(&command).await?;
        self.settle(scope).await?;
        Ok(was_there)
    }

    /// The names that are set in a scope.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn names(&self, scope: &SecretScope) -> Result<BTreeSet<String>, StoreError> {
        let mut command = redis::cmd("HKEYS");
        command.arg(scope.key(&self.store));
        self.store.ask(&command).await
    }

    /// What stands under each of `names` in the first of `scopes` that has it: one round trip.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn sealed(&self, scopes: &[SecretScope], names: &BTreeSet<&str>) -> Result<SealedSecrets, StoreError> {
        let mut rows = BTreeMap::new();
        if !names.is_empty() && !scopes.is_empty() {
            let mut commands = redis::pipe();
            for scope in scopes {
                let command = commands.cmd("HMGET").arg(scope.key(&self.store));
                for name in names {
                    command.arg(*name);
                }
            }
            let found: Vec<Vec<Option<String>>> = self.store.ask_all(&commands).await?;
            for (scope, found) in scopes.iter().zip(found) {
                for (name, row) in names.iter().zip(found) {
                    if let Some(row) = row {
                        rows.entry((*name).to_owned()).or_insert_with(|| (scope.clone(), row));
                    }
                }
            }
        }
        Ok(SealedSecrets { rows, envelopes: Arc::clone(&self.envelopes) })
    }

    /// The keys that stored secrets need.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn keys_in_use(&self) -> Result<Vec<KeyUse>, StoreError> {
        let mut all = Vec::new();
        for key in self.key_ids().await? {
            let mut command = redis::cmd("SCARD");
            command.arg(self.scopes_key(&key));
            let scopes: u64 = self.store.ask(&command).await?;
            let (is_known, is_newest) = (self.envelopes.has(&key), key == *self.envelopes.newest());
            all.push(KeyUse { key, scopes, is_known, is_newest });
        }
        Ok(all)
    }

    /// Closes with the newest key what older ones closed, in at most `limit` scopes; answers how many secrets. What this process
    /// has no key for stays as it is.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn rewrap(&self, limit: usize) -> Result<usize, StoreError> {
        let mut done = 0;
        for key in self.key_ids().await? {
            if key == *self.envelopes.newest() || !self.envelopes.has(&key) {
                continue;
            }
            let mut command = redis::cmd("SRANDMEMBER");
            command.arg(self.scopes_key(&key)).arg(limit);
            let scopes: Vec<String> = self.store.ask(&command).await?;
            for scope in scopes.iter().filter_map(|text| SecretScope::parse(text)) {
                done += self.rewrap_scope(&scope, &key).await?;
                self.settle_key(&scope, &key).await?;
            }
        }
        Ok(done)
    }

    /// Throws away what a key that nobody has any more encrypted; answers how many secrets.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn forget_key(&self, key: &ValueKeyId) -> Result<usize, StoreError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.scopes_key(key));
        let scopes: Vec<String> = self.store.ask(&command).await?;
        let mut gone = 0;
        for scope in scopes.iter().filter_map(|text| SecretScope::parse(text)) {
            for (name, row) in self.rows(&scope).await? {
                if key_of(&row).as_ref() == Some(key) {
                    let mut invocation = script::FIELD_REMOVE.prepare_invoke();
                    invocation.key(scope.key(&self.store)).arg(name).arg(row);
                    gone += self.store.run::<usize>(&invocation).await?;
                }
            }
            self.settle_key(&scope, key).await?;
        }
        Ok(gone)
    }

    /// Sees to it that no key is kept for the sake of a scope that has no row of it any more.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn settle(&self, scope: &SecretScope) -> Result<(), StoreError> {
        for key in self.key_ids().await? {
            self.settle_key(scope, &key).await?;
        }
        Ok(())
    }

    async fn rewrap_scope(&self, scope: &SecretScope, key: &ValueKeyId) -> Result<usize, StoreError> {
        let newest = self.envelopes.newest();
        let mut done = 0;
        for (name, row) in self.rows(scope).await? {
            if key_of(&row).as_ref() != Some(key) {
                continue;
            }
            let fresh = match self.envelopes.rewrap(scope, &name, &row) {
                Ok(fresh) => fresh,
                Err(error) => {
                    warn!(error = %error, "The secret `{name}` of {scope} cannot be moved to the newest key: {error}");
                    continue;
                }
            };
            let mut invocation = script::SECRET_REWRAP.prepare_invoke();
            invocation.key(scope.key(&self.store)).key(self.scopes_key(newest)).key(self.store.only_key(KEYS));
            invocation.arg(name).arg(row).arg(fresh).arg(scope.to_string()).arg(newest.as_str());
            done += self.store.run::<usize>(&invocation).await?;
        }
        Ok(done)
    }

    async fn rows(&self, scope: &SecretScope) -> Result<BTreeMap<String, String>, StoreError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(scope.key(&self.store));
        self.store.ask(&command).await
    }

    async fn settle_key(&self, scope: &SecretScope, key: &ValueKeyId) -> Result<(), StoreError> {
        let mut invocation = script::SECRET_SETTLE.prepare_invoke();
        invocation.key(scope.key(&self.store)).key(self.scopes_key(key)).key(self.store.only_key(KEYS));
        invocation.arg(key.as_str()).arg(scope.to_string());
        self.store.run::<u8>(&invocation).await.map(|_| ())
    }

    async fn key_ids(&self) -> Result<Vec<ValueKeyId>, StoreError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.store.only_key(KEYS));
        let mut ids: Vec<String> = self.store.ask(&command).await?;
        ids.sort();
        Ok(ids.iter().filter_map(|id| ValueKeyId::parse(id)).collect())
    }

    fn scopes_key(&self, key: &ValueKeyId) -> String {
        self.store.key(SCOPES, key.as_str())
    }
}
