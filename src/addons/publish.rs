//! Taking a component into the registry: bytes first, then everything that is said of them, then the record.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::addons::blocking::blocking;
use crate::addons::record::stopped;
use crate::addons::running::CallContext;
use crate::addons::trust::Claim;
use crate::addons::views::VersionView;
use crate::addons::{Addons, AddonsError, PublishSource, Published, verify};
use crate::clock;
use crate::config::addons::ApprovalMode;
use crate::host::section;
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::id::{AddonId, ClientId, JobId};
use crate::model::job_error::JobError;
use crate::model::manifest::Manifest;
use crate::model::signature::SignedStatement;
use crate::queue::tickets::publish::{Publish, Source};
use crate::store::addons::{PutVersion, VersionRecord, VersionState};
use crate::store::blobs::BlobKind;
use crate::work::progress::Found;
use crate::work::{IdempotencyKey, JobOptions, Submission};

/// Who publishes, and in which namespaces they may.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// The tenant.
    pub client: ClientId,
    /// Namespaces (`acme`); `*` is every one but the platform's own `semantest`.
    pub namespaces: Vec<String>,
    /// Whether every namespace is open, and paths of this machine too.
    pub is_admin: bool,
}

impl Publisher {
    /// Whether this publisher may publish `addon`.
    #[must_use]
    pub fn owns(&self, addon: &AddonId) -> bool {
        let namespace = addon.publisher();
        self.is_admin || self.namespaces.iter().any(|own| own == namespace || (own == "*" && namespace != "semantest"))
    }
}

impl Addons {
    /// Makes a `publish` job for uploaded bytes.
    ///
    /// # Errors
    /// [`AddonsError`]: too large, `VERSION_EXISTS` with other bytes, or a namespace that is not the caller's.
    pub async fn publish_upload(
        &self,
        publisher: &Publisher,
        bytes: Bytes,
        signature: Option<&SignedStatement>,
        options: &JobOptions,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<Published, AddonsError> {
        let limit = self.inner.settings.component_limit;
        if bytes.len() > limit.as_usize() {
            return Err(AddonsError::TooLarge { limit });
        }
        let digest = Digest::of(&bytes);
        if let Ok(manifest) = section::read(&bytes) {
            if !publisher.owns(&manifest.id) {
                return Err(AddonsError::Forbidden(format!("`{}` is not in your namespaces", manifest.id)));
            }
            if let Some(record) = self.inner.versions.get(&manifest.id, &manifest.version).await?
                && !is_news(&record, &digest, signature)
            {
                return self.existing(&record, &digest, bytes).await;
            }
        }
        self.inner.blobs.put(BlobKind::Component, &digest, bytes).await?;
        let ticket = ticket_of(publisher, Source::Upload, &digest, signature);
        self.submit(publisher, &ticket, options, idempotency).await
    }

    /// Makes a `publish` job for bytes that a worker fetches.
    ///
    /// # Errors
    /// [`AddonsError`]: a source without pinned digest, or a path from somebody who is no admin.
    pub async fn publish_from(
        &self,
        publisher: &Publisher,
        source: PublishSource,
        digest: Option<Digest>,
        signature: Option<&SignedStatement>,
        options: &JobOptions,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<Published, AddonsError> {
        let digest = digest.ok_or_else(|| {
            AddonsError::invalid(
                "/digest",
                "is missing: name the component's sha-256, so that nobody can swap it on the way",
            )
        })?;
        let source = match source {
            PublishSource::Url(url) => {
                let address = url::Url::parse(&url).ok();
                if address.is_none_or(|address| self.inner.sources.policy().check_url(&address).is_err()) {
                    let message = "is not an https:// address that this server may fetch from";
                    return Err(AddonsError::invalid("/source/url", message));
                }
                Source::Url(url)
            }
            PublishSource::Path(path) if publisher.is_admin => Source::Path(path),
            PublishSource::Path(_) => {
                return Err(AddonsError::Forbidden(String::from("only an admin publishes from a path of the server")));
            }
        };
        let ticket = ticket_of(publisher, source, &digest, signature);
        self.submit(publisher, &ticket, options, idempotency).await
    }

    async fn submit(
        &self,
        publisher: &Publisher,
        ticket: &Publish,
        options: &JobOptions,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<Published, AddonsError> {
        let client = &publisher.client;
        let submission =
            Submission { client, user: None, addon: None, ticket, options, idempotency, traceparent: None };
        Ok(Published::Accepted(self.inner.work.submit(&submission).await?))
    }

    /// Runs a `publish` job. Where it fails or is cancelled, bytes that no version names are left to
    /// [`Addons::sweep_components`]: another publication may be on its way to them.
    ///
    /// # Errors
    /// [`JobError`] with the code of the step that failed.
    pub async fn take_in(&self, ticket: &Publish, context: &CallContext) -> Result<Value, JobError> {
        let progress = &context.progress;
        let expected = Digest::parse(&ticket.digest)
            .map_err(|error| JobError::permanent(JobCode::TicketInvalid, error.to_string()))?;
        let bytes = progress.step("fetch", self.fetched(&ticket.source, &expected)).await?;
        let digest = progress.step("digest", verify::digest(bytes.clone(), Some(expected))).await?;
        let claim = Claim::of(&bytes).await?;
        let what = self.inner.claimed(claim.as_ref(), digest, ticket.signature.as_deref());
        progress.step("revocation", std::future::ready(self.inner.revocation(&what))).await?;
        let judging = self.inner.judge_new(claim.as_ref(), &digest, ticket.signature.as_deref());
        let mut judged = progress.step("signature", judging).await?;
        let manifest = progress.step("manifest", self.own_manifest(ticket, &bytes)).await?;
        progress.percent(40).await;
        let limit = self.inner.settings.component_limit;
        let inspecting = async {
            let found = verify::component(&self.inner.inspections, &digest, bytes.clone(), limit).await?;
            judged.fits(&found.value().contract)?;
            Ok(found)
        };
        let inspection = progress.step("inspect", inspecting).await?;
        progress.percent(70).await;
        let record = VersionRecord {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            digest,
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            manifest,
            contract: inspection.contract.clone(),
            state: match self.inner.settings.approval {
                ApprovalMode::Auto => VersionState::Approved,
                ApprovalMode::Manual => VersionState::Pending,
            },
            state_note: None,
            published_at: clock::now(),
            publisher: ticket.client_id.clone(),
            source: ticket.source.in_words(),
            signature: judged.signature,
            warnings: inspection.warnings.clone(),
        };
        progress.step("register", self.register(&context.job_id, &record, bytes)).await?;
        Ok(json!({
            "addonId": record.id, "version": record.version, "digest": record.digest,
            "sizeBytes": record.size, "state": record.state.as_str(),
        }))
    }

    /// The version is there. Its bytes may be missing, as after a disk was lost: whoever has them brings them back.
    async fn existing(&self, record: &VersionRecord, digest: &Digest, bytes: Bytes) -> Result<Published, AddonsError> {
        if record.digest.matches(digest) {
            if !self.inner.blobs.exists(BlobKind::Component, digest).await? {
                self.inner.blobs.put(BlobKind::Component, digest, bytes).await?;
            }
            return Ok(Published::Exists(Box::new(VersionView::of(record))));
        }
        Err(AddonsError::Conflict {
            code: "VERSION_EXISTS",
            message: format!(
                "{} {} was published before with other bytes ({}); versions are immutable, raise the number",
                record.id, record.version, record.digest
            ),
        })
    }

    /// The version is there, and this is a newer word about it: good ones replace what was said before.
    async fn sign_again(&self, record: &VersionRecord) -> Result<Found<()>, JobError> {
        let Some(signature) = record.signature.as_ref().filter(|signature| signature.is_verified) else {
            return Ok(Found::with((), json!({ "signature": "kept" })));
        };
        self.inner.versions.set_signature(&record.id, &record.version, signature).await?;
        self.inner.caches.tell_of_addon(&record.id).await;
        Ok(Found::with((), json!({ "signature": "replaced", "keyId": signature.key })))
    }

    async fn fetched(&self, source: &Source, digest: &Digest) -> Result<Found<Bytes>, JobError> {
        let bytes = match source {
            Source::Upload => self.inner.stored_component(digest).await?,
            Source::Url(url) => self.inner.downloaded_component(url, digest).await?,
            Source::Path(path) => self.inner.component_at(path).await?,
        };
        let limit = self.inner.settings.component_limit;
        if bytes.len() > limit.as_usize() {
            return Err(super::fetch::too_large(u64::try_from(bytes.len()).unwrap_or(u64::MAX), limit));
        }
        let evidence = json!({ "source": source.in_words(), "sizeBytes": bytes.len() });
        Ok(Found::with(bytes, evidence))
    }

    async fn own_manifest(&self, ticket: &Publish, bytes: &Bytes) -> Result<Found<Manifest>, JobError> {
        let bytes = bytes.clone();
        let manifest = blocking(move || {
            section::read(&bytes).map_err(|error| JobError::permanent(error.code(), error.to_string()))
        })
        .await?;
        let publisher = Publisher {
            client: ClientId::parse(&ticket.client_id)
                .map_err(|error| JobError::permanent(JobCode::TicketInvalid, error.to_string()))?,
            namespaces: ticket.namespaces.clone(),
            is_admin: ticket.is_admin,
        };
        if !publisher.owns(&manifest.id) {
            let message = format!("`{}` is not in the publisher's namespaces", manifest.id);
            return Err(JobError::permanent(JobCode::ManifestInvalid, message));
        }
        let evidence = json!({ "id": manifest.id, "version": manifest.version });
        Ok(Found::with(manifest, evidence))
    }

    async fn register(&self, job: &JobId, record: &VersionRecord, bytes: Bytes) -> Result<Found<()>, JobError> {
        let blobs = &self.inner.blobs;
        // The bytes first: a record whose bytes are missing would be half a version.
        blobs.put(BlobKind::Component, &record.digest, bytes.clone()).await?;
        match self.inner.versions.conclude(job, record).await? {
            PutVersion::Same(kept) if text_of(&kept) != text_of(record) => self.sign_again(record).await,
            PutVersion::Stored | PutVersion::Same(_) => {
                // A sweep may have taken what was there before the record named it.
                blobs.put(BlobKind::Component, &record.digest, bytes).await?;
                Ok(Found::with((), json!({ "state": record.state.as_str() })))
            }
            PutVersion::Doomed => {
                Err(JobError::transient(JobCode::Internal, "bytes that lay unused for long are being swept just now"))
            }
            PutVersion::Stopped => Err(stopped()),
            PutVersion::Conflict(existing) => Err(JobError::permanent(
                JobCode::ManifestInvalid,
                format!(
                    "{} {} was published before with other bytes ({existing}); versions are immutable, raise the number",
                    record.id, record.version
                ),
            )),
        }
    }
}

/// Whether an upload of a version that is there brings a signature that is not.
fn is_news(record: &VersionRecord, digest: &Digest, signature: Option<&SignedStatement>) -> bool {
    let brought = signature.map(ToString::to_string);
    record.digest.matches(digest) && brought.is_some() && brought.as_deref() != text_of(record)
}

/// A version's signature as it came.
fn text_of(record: &VersionRecord) -> Option<&str> {
    record.signature.as_ref().map(|signature| signature.text.as_str())
}

fn ticket_of(publisher: &Publisher, source: Source, digest: &Digest, signature: Option<&SignedStatement>) -> Publish {
    Publish {
        signature: signature.map(ToString::to_string),
        source,
        digest: digest.to_string(),
        client_id: publisher.client.to_string(),
        namespaces: publisher.namespaces.clone(),
        is_admin: publisher.is_admin,
    }
}
