//! Taking a component into the registry: bytes first, then everything that is said of them, then the record.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::addons::blocking::blocking;
use crate::addons::record::stopped;
use crate::addons::running::CallContext;
use crate::addons::source::Located;
use crate::addons::trust::{Claim, is_news, text_of};
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
use crate::model::units::ByteSize;
use crate::net::oci::Reference;
use crate::queue::tickets::publish::{Publish, Source};
use crate::store::addons::{PutVersion, VersionRecord, VersionState};
use crate::store::blobs::{BlobKind, Staged, Staging};
use crate::work::progress::{Found, Progress};
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
    /// Begins to receive an upload, of as many bytes as the publisher's namespaces may have.
    ///
    /// # Errors
    /// [`AddonsError::Blob`] when nothing can be received here.
    pub async fn receive(&self, publisher: &Publisher) -> Result<Staging, AddonsError> {
        Ok(self.inner.blobs.stage(self.upload_limit(publisher)).await?)
    }

    /// Largest component that `publisher` may upload.
    #[must_use]
    pub fn upload_limit(&self, publisher: &Publisher) -> ByteSize {
        self.inner.settings.limit_for(&publisher.namespaces, publisher.is_admin)
    }

    /// Makes a `publish` job for bytes that are in memory already.
    ///
    /// # Errors
    /// [`AddonsError`] as for [`Addons::publish_upload`].
    pub async fn publish_bytes(
        &self,
        publisher: &Publisher,
        bytes: &[u8],
        options: &JobOptions,
    ) -> Result<Published, AddonsError> {
        let mut staging = self.receive(publisher).await?;
        staging.write(bytes).await?;
        self.publish_upload(publisher, staging.finish().await?, None, options, None).await
    }

    /// Makes a `publish` job for uploaded bytes.
    ///
    /// # Errors
    /// [`AddonsError`]: too large, `VERSION_EXISTS` with other bytes, or a namespace that is not the caller's.
    pub async fn publish_upload(
        &self,
        publisher: &Publisher,
        staged: Staged,
        signature: Option<&SignedStatement>,
        options: &JobOptions,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<Published, AddonsError> {
        let digest = *staged.digest();
        let (staged, manifest) = manifest_of(staged).await;
        if let Some(manifest) = manifest {
            if !publisher.owns(&manifest.id) {
                return Err(AddonsError::Forbidden(format!("`{}` is not in your namespaces", manifest.id)));
            }
            let limit = self.inner.settings.limit_of(manifest.id.publisher());
            if staged.size() > limit.as_u64() {
                return Err(AddonsError::TooLarge { limit });
            }
            if let Some(record) = self.inner.versions.get(&manifest.id, &manifest.version).await?
                && !is_news(&record, &digest, signature)
            {
                return self.existing(&record, staged).await;
            }
        }
        self.inner.blobs.keep(BlobKind::Component, staged).await?;
        let ticket = ticket_of(publisher, Source::Upload, Some(&digest), signature);
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
        let source = self.allowed_source(publisher, source)?;
        // A registry's manifest names the digest; anything else could give other bytes to everybody who asks.
        if digest.is_none() && !matches!(source, Source::Oci(_)) {
            let message = "is missing: name the component's sha-256, so that nobody can swap it on the way";
            return Err(AddonsError::invalid("/digest", message));
        }
        let ticket = ticket_of(publisher, source, digest.as_ref(), signature);
        self.submit(publisher, &ticket, options, idempotency).await
    }

    /// What can be said against a source before a worker asks it.
    fn allowed_source(&self, publisher: &Publisher, source: PublishSource) -> Result<Source, AddonsError> {
        match source {
            PublishSource::Url(url) => {
                let address = url::Url::parse(&url).ok();
                if address.is_none_or(|address| self.inner.sources.policy().check_url(&address).is_err()) {
                    let message = "is not an https:// address that this server may fetch from";
                    return Err(AddonsError::invalid("/source/url", message));
                }
                Ok(Source::Url(url))
            }
            PublishSource::Oci(text) => {
                let reference = Reference::parse(&text);
                let reference = reference.map_err(|error| AddonsError::invalid("/source/oci", error.to_string()))?;
                if self.inner.registries.check(&reference).is_err() {
                    let message = "names a registry that this server may not fetch from";
                    return Err(AddonsError::invalid("/source/oci", message));
                }
                Ok(Source::Oci(reference.to_string()))
            }
            PublishSource::Path(path) if publisher.is_admin => Ok(Source::Path(path)),
            PublishSource::Path(_) => {
                Err(AddonsError::Forbidden(String::from("only an admin publishes from a path of the server")))
            }
        }
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
        let limit = self.inner.settings.limit_for(&ticket.namespaces, ticket.is_admin);
        let mut located = self.locate(ticket, progress).await?;
        let fetched = progress.step("fetch", self.inner.fetched(&mut located, limit)).await?;
        let bytes = fetched.bytes;
        let digest = progress.step("digest", verify::digest(bytes.clone(), Some(*located.digest()))).await?;
        let claim = Claim::of(&bytes).await?;
        let beside = fetched.signature.as_deref().and_then(|text| std::str::from_utf8(text).ok());
        let word = ticket.signature.as_deref().or(beside).map(str::trim);
        let what = self.inner.claimed(claim.as_ref(), digest, word);
        progress.step("revocation", std::future::ready(self.inner.revocation(&what))).await?;
        let mut judged = progress.step("signature", self.inner.judge_new(claim.as_ref(), &digest, word)).await?;
        let manifest = progress.step("manifest", self.own_manifest(ticket, &bytes)).await?;
        progress.percent(40).await;
        let limit = self.inner.settings.limit_of(manifest.id.publisher());
        let inspecting = async {
            let found = verify::component(&self.inner.inspections, &digest, bytes.clone(), limit).await?;
            judged.fits(&found.value().contract)?;
            Ok(found)
        };
        let inspection = progress.step("inspect", inspecting).await?;
        progress.percent(70).await;
        let approval = self.inner.policy().await?.policy.approval_of(&manifest.id);
        let record = VersionRecord {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            digest,
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            manifest,
            contract: inspection.contract.clone(),
            state: match approval {
                ApprovalMode::Auto => VersionState::Approved,
                ApprovalMode::Manual => VersionState::Pending,
            },
            state_note: None,
            published_at: clock::now(),
            publisher: ticket.client_id.clone(),
            source: located.words,
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
    async fn existing(&self, record: &VersionRecord, staged: Staged) -> Result<Published, AddonsError> {
        if record.digest.matches(staged.digest()) {
            self.inner.blobs.keep(BlobKind::Component, staged).await?;
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

    /// Where the ticket's bytes are; a registry is asked for it, as a step of its own.
    async fn locate(&self, ticket: &Publish, progress: &Progress) -> Result<Located, JobError> {
        let expected = ticket.digest.as_deref().map(Digest::parse).transpose();
        let expected = expected.map_err(|error| JobError::permanent(JobCode::TicketInvalid, error.to_string()))?;
        match &ticket.source {
            Source::Oci(reference) => {
                progress.step("resolve", self.inner.located_in_registry(reference, expected)).await
            }
            Source::Upload | Source::Url(_) | Source::Path(_) => self.inner.located(&ticket.source, expected),
        }
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
            PutVersion::Same(kept) if text_of(&kept) != text_of(record) => self.inner.sign_again(record).await,
            PutVersion::Stored | PutVersion::Same(_) => {
                // A sweep may have taken what was there before the record named it.
                blobs.put(BlobKind::Component, &record.digest, bytes).await?;
                if record.state == VersionState::Approved {
                    self.inner.versions.mark_update(&record.id).await?;
                }
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

/// The manifest of a received file, where it has a good one; that it has none is for the job to say.
async fn manifest_of(staged: Staged) -> (Staged, Option<Manifest>) {
    let file = staged.open();
    let read = tokio::task::spawn_blocking(move || section::read(&section::excerpt(file.ok()?).ok()?).ok());
    (staged, read.await.ok().flatten())
}

fn ticket_of(
    publisher: &Publisher,
    source: Source,
    digest: Option<&Digest>,
    signature: Option<&SignedStatement>,
) -> Publish {
    Publish {
        signature: signature.map(ToString::to_string),
        source,
        digest: digest.map(ToString::to_string),
        client_id: publisher.client.to_string(),
        namespaces: publisher.namespaces.clone(),
        is_admin: publisher.is_admin,
    }
}
