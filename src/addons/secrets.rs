//! Secrets of addons as people set them: a user's own, a client's for all its users, the publisher's default for everybody.
//!
//! Values go in and never come out: whoever asks sees names. Which names there are is the manifests' word.

mod declared;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;

use crate::addons::enable::not_enabled;
use crate::addons::owner::Owner;
use crate::addons::registry::unknown_addon;
use crate::addons::{Addons, AddonsError, Inner};
use crate::clock;
use crate::model::code::JobCode;
use crate::model::grants::Grants;
use crate::model::id::JobId;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::manifest::Manifest;
use crate::model::right::Rights;
use crate::model::secret_value::SecretValue;
use crate::store::StoreError;
use crate::store::audit::{AuditAction, AuditEntry};
use crate::store::enablements::Enablement;
use crate::store::secret_scope::SecretScope;
use crate::store::secrets::{SealedSecrets, SecretError};

use declared::{Declared, granted, required};

/// One secret of an addon, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    /// Its name.
    pub name: String,
    /// Whether the addon cannot work without it.
    pub required: bool,
    /// Whether there is a value.
    pub set: bool,
    /// Whose value it is: `user`, `client` or `publisher`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_by: Option<&'static str>,
    /// The places that may receive it.
    pub origins: Vec<String>,
}

impl Addons {
    /// The secrets that a user's addon asks for, and which of them are set by whom.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when the user never had this addon.
    pub async fn secrets(&self, owner: &Owner) -> Result<Vec<SecretView>, AddonsError> {
        let record = self.with_secrets(owner).await?;
        let declared = self.declared_for(&record).await?;
        self.secret_views(&declared, &scopes_of(owner)).await
    }

    /// Sets a user's own value. Where the addon waited for it, its load goes on: the answer is that job.
    ///
    /// # Errors
    /// [`AddonsError`]: the user never had this addon, it asks for no such secret, or a record cannot be written.
    pub async fn set_secret(
        &self,
        owner: &Owner,
        name: &str,
        value: &SecretValue,
    ) -> Result<Option<JobId>, AddonsError> {
        let record = self.with_secrets(owner).await?;
        if record.version.is_none() && record.candidate.is_none() {
            return Err(AddonsError::conflict(
                "the addon was never loaded for this user, so nobody knows its secrets yet; PUT it first, and wait for its job",
            ));
        }
        if !self.declared_for(&record).await?.has(name) {
            return Err(no_secret(name, &format!("`{}` as this user has it", owner.addon)));
        }
        let [own, ..] = scopes_of(owner);
        if !self.inner.secrets.put(&own, name, value).await? {
            return Err(not_enabled(&owner.addon, &owner.user));
        }
        self.note_secret(AuditAction::SecretSet, &own, &format!("client:{}", owner.client), name).await?;
        self.go_on(owner).await
    }

    /// Removes a user's own value.
    ///
    /// # Errors
    /// [`AddonsError`]: there is no such addon or secret, or a record cannot be written.
    pub async fn remove_secret(&self, owner: &Owner, name: &str) -> Result<(), AddonsError> {
        let record = self.with_secrets(owner).await?;
        let [own, ..] = scopes_of(owner);
        if self.inner.secrets.remove(&own, name).await? {
            return self.note_secret(AuditAction::SecretRemoved, &own, &format!("client:{}", owner.client), name).await;
        }
        if self.declared_for(&record).await?.has(name) {
            return Ok(());
        }
        Err(no_secret(name, &format!("`{}` as this user has it", owner.addon)))
    }

    /// The secrets that any version of an addon asks for, and which of them are set in a scope that several users share.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when there is no such addon.
    pub async fn shared_secrets(&self, scope: &SecretScope) -> Result<Vec<SecretView>, AddonsError> {
        let declared = self.declared_by_any(scope).await?;
        let publisher = SecretScope::Publisher { addon: scope.addon().clone() };
        let below = (*scope != publisher).then_some(publisher);
        let scopes: Vec<SecretScope> = std::iter::once(scope.clone()).chain(below).collect();
        self.secret_views(&declared, &scopes).await
    }

    /// Sets a value for several users at once; `by` says who does. Loads that waited for it go on: some now, the others with
    /// upkeep.
    ///
    /// # Errors
    /// [`AddonsError`]: there is no such addon or secret, or a record cannot be written.
    pub async fn set_shared_secret(
        &self,
        scope: &SecretScope,
        by: &str,
        name: &str,
        value: &SecretValue,
    ) -> Result<(), AddonsError> {
        if !self.declared_by_any(scope).await?.has(name) {
            return Err(no_secret(name, &format!("any version of `{}`", scope.addon())));
        }
        self.inner.secrets.put(scope, name, value).await?;
        self.note_secret(AuditAction::SecretSet, scope, by, name).await?;
        self.go_on_for_all(scope).await
    }

    /// Removes such a value.
    ///
    /// # Errors
    /// [`AddonsError`]: there is no such addon or secret, or a record cannot be written.
    pub async fn remove_shared_secret(&self, scope: &SecretScope, by: &str, name: &str) -> Result<(), AddonsError> {
        let declared = self.declared_by_any(scope).await?;
        if self.inner.secrets.remove(scope, name).await? {
            return self.note_secret(AuditAction::SecretRemoved, scope, by, name).await;
        }
        if declared.has(name) { Ok(()) } else { Err(no_secret(name, &format!("any version of `{}`", scope.addon()))) }
    }

    async fn with_secrets(&self, owner: &Owner) -> Result<Enablement, AddonsError> {
        let record = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
        self.settled(record.ok_or_else(|| not_enabled(&owner.addon, &owner.user))?).await
    }

    /// What is asked for by the version that a user has, by the one that is to come, and by the one to go back to.
    async fn declared_for(&self, record: &Enablement) -> Result<Declared, AddonsError> {
        let mut declared = Declared::default();
        let candidate = record.candidate.as_ref().map(|candidate| &candidate.version);
        for version in record.version.iter().chain(candidate) {
            if let Some(edition) = self.inner.edition(&record.addon, version).await? {
                declared.add(&edition.manifest);
            }
        }
        if let Some(previous) = &record.previous
            && let Some(edition) = self.inner.edition(&record.addon, &previous.setup.version).await?
        {
            declared.add_optional(&edition.manifest);
        }
        Ok(declared)
    }

    async fn declared_by_any(&self, scope: &SecretScope) -> Result<Declared, AddonsError> {
        let mut records = self.inner.versions.list(scope.addon()).await?;
        if records.is_empty() {
            return Err(unknown_addon(scope.addon()));
        }
        records.sort_by(|one, other| other.version.cmp(&one.version));
        let mut declared = Declared::default();
        // What the newest version says stands; what older ones alone ask for is still somebody's.
        for (index, record) in records.iter().enumerate() {
            if index == 0 { declared.add(&record.manifest) } else { declared.add_optional(&record.manifest) }
        }
        Ok(declared)
    }

    async fn secret_views(&self, declared: &Declared, scopes: &[SecretScope]) -> Result<Vec<SecretView>, AddonsError> {
        let names = declared.names().collect();
        let sealed = self.inner.secrets.sealed(scopes, &names).await?;
        let view = |(name, required, origins): (&str, bool, Vec<String>)| {
            let set_by = sealed.scope_of(name).map(SecretScope::as_str);
            SecretView { name: name.to_owned(), required, set: set_by.is_some(), set_by, origins }
        };
        Ok(declared.all().map(view).collect())
    }

    async fn note_secret(
        &self,
        action: AuditAction,
        scope: &SecretScope,
        by: &str,
        name: &str,
    ) -> Result<(), AddonsError> {
        let entry = AuditEntry {
            at: clock::now(),
            action,
            by: by.to_owned(),
            scope: scope.as_str().to_owned(),
            client: scope.client().cloned(),
            user: scope.user().cloned(),
            addon: Some(scope.addon().clone()),
            name: name.to_owned(),
            job: None,
            request: None,
        };
        self.inner.audit.note(&entry).await?;
        Ok(())
    }
}

impl Inner {
    /// The names of required secrets that a version may use for a user and that nobody set.
    pub(super) async fn missing_secrets(
        &self,
        owner: &Owner,
        manifest: &Manifest,
        grants: &Grants,
    ) -> Result<Vec<String>, StoreError> {
        if required(manifest).next().is_none() {
            return Ok(Vec::new());
        }
        let rights = self.rights_of(manifest, Some(grants.clone())).await?;
        let sealed = self.secrets.sealed(&scopes_of(owner), &granted(&rights)).await?;
        Ok(missing(manifest, &rights, &sealed))
    }

    /// What a call may open, read once for the whole call; none where it may open nothing.
    ///
    /// # Errors
    /// [`JobError`] with `SECRET_MISSING` where `is_needed`, and the addon cannot work without one that is not set.
    pub(super) async fn secrets_for_call(
        &self,
        owner: &Owner,
        manifest: &Manifest,
        rights: &Rights,
        is_needed: bool,
    ) -> Result<Option<SealedSecrets>, JobError> {
        let names = granted(rights);
        if names.is_empty() {
            return Ok(None);
        }
        let sealed = self.secrets.sealed(&scopes_of(owner), &names).await?;
        let missing = missing(manifest, rights, &sealed);
        if is_needed && !missing.is_empty() {
            return Err(secret_missing(owner, &missing));
        }
        Ok(Some(sealed))
    }
}

impl From<SecretError> for AddonsError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Store(error) => error.into(),
            SecretError::Envelope(error) => Self::Envelope(error),
        }
    }
}

pub(super) fn scopes_of(owner: &Owner) -> [SecretScope; 3] {
    SecretScope::of(&owner.client, &owner.user, &owner.addon)
}

fn missing(manifest: &Manifest, rights: &Rights, sealed: &SealedSecrets) -> Vec<String> {
    let names = granted(rights);
    let missing: BTreeSet<&str> = required(manifest)
        // What the user does not let it use is not waited for.
        .filter(|name| names.contains(name) && sealed.scope_of(name).is_none())
        .collect();
    missing.into_iter().map(str::to_owned).collect()
}

fn secret_missing(owner: &Owner, missing: &[String]) -> JobError {
    let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "{} not set, and `{addon}` cannot work without; PUT /users/{user}/addons/{addon}/secrets/{first} sets it",
        match names.as_slice() {
            [one] => format!("the secret {one} is"),
            all => format!("the secrets {} are", all.join(", ")),
        },
        addon = owner.addon,
        user = owner.user,
        first = missing.first().map_or("", String::as_str),
    );
    Failure::permanent(JobCode::SecretMissing, message).with_details(json!({ "secrets": missing })).into()
}

fn no_secret(name: &str, whose: &str) -> AddonsError {
    // A stranger chooses this text, and it ends up in an answer.
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(80).collect();
    AddonsError::Missing(format!("{whose} asks for no secret `{name}`; GET the list of its secrets for the names"))
}
