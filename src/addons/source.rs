//! Getting a component's bytes, wherever they are: uploaded, at an `https://` address, in an OCI registry, or in an allowed
//! folder.
//!
//! Every road is the same: the bytes stream into a temporary file, counted against the publisher's limit and hashed on the
//! way; when they are the ones that were named, the file is moved into the content-addressed store. Nothing half-written is
//! ever visible, and a worker that dies leaves nothing to repair: the next attempt starts over.

pub(super) mod flight;
mod folder;
mod registry;

use std::path::PathBuf;

use bytes::Bytes;
use serde_json::json;
use url::Url;

use crate::addons::Inner;
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::units::ByteSize;
use crate::net::oci::{Artifact, Pull};
use crate::net::{Incoming, Method, NetError, Request};
use crate::queue::tickets::publish::Source;
use crate::store::blobs::{BlobError, BlobKind, Staged, Staging, StagingError};
use crate::work::progress::Found;

/// Where bytes are, and which they must be. From here on nothing goes by a name that can move.
pub(super) struct Located {
    place: Place,
    digest: Digest,
    /// The source as the registry shows it.
    pub(super) words: String,
}

enum Place {
    Store,
    Address(Url),
    File(PathBuf),
    Registry(Box<(Pull, Artifact)>),
}

/// What a source gave.
pub(super) struct Fetched {
    /// The component.
    pub(super) bytes: Bytes,
    /// The signature that lay beside it, as the header `Semantest-Signature` would carry it.
    pub(super) signature: Option<Bytes>,
}

impl Located {
    /// What the component is called.
    pub(super) const fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl Inner {
    /// The bytes that `digest` names, from our own store.
    pub(super) async fn stored_component(&self, digest: &Digest) -> Result<Bytes, JobError> {
        self.blobs.get(BlobKind::Component, digest).await.map_err(|error| unread(&error, digest))
    }

    /// Where the bytes of `source` are. Only a registry has to be asked for it, which is [`Inner::located_in_registry`].
    pub(super) fn located(&self, source: &Source, digest: Option<Digest>) -> Result<Located, JobError> {
        let place = match source {
            Source::Upload => Place::Store,
            Source::Url(url) => {
                let address = Url::parse(url);
                Place::Address(address.map_err(|_| refused("the source is not an https:// address"))?)
            }
            Source::Path(path) => Place::File(PathBuf::from(path)),
            Source::Oci(_) => return Err(refused("a registry has to be asked first")),
        };
        let digest = digest.ok_or_else(|| JobError::permanent(JobCode::TicketInvalid, "the ticket names no digest"))?;
        Ok(Located { place, digest, words: source.in_words() })
    }

    /// The located bytes, in the store and in memory. The same bytes are fetched once at a time, and not at all where the
    /// store has them.
    pub(super) async fn fetched(&self, located: &mut Located, limit: ByteSize) -> Result<Found<Fetched>, JobError> {
        let (blobs, digest) = (&self.blobs, located.digest);
        let _turn = self.flights.board(&digest).await;
        let is_there = blobs.exists(BlobKind::Component, &digest).await?;
        if !is_there {
            match &mut located.place {
                Place::Store => {}
                Place::Address(url) => self.fetch_address(url, &digest, limit).await?,
                Place::File(path) => self.fetch_file(path, &digest, limit).await?,
                Place::Registry(found) => self.fetch_layer(&mut found.0, &found.1, limit).await?,
            }
        }
        // The step after this one hashes what was read.
        let bytes = blobs.get_unchecked(BlobKind::Component, &digest).await.map_err(|error| unread(&error, &digest))?;
        if bytes.len() > limit.as_usize() {
            return Err(too_large(bytes.len() as u64, limit));
        }
        let signature = match &mut located.place {
            Place::Registry(found) => self.fetch_signature(&mut found.0, &found.1).await?,
            Place::Store | Place::Address(_) | Place::File(_) => None,
        };
        let evidence = json!({
            "source": located.words, "sizeBytes": bytes.len(), "from": if is_there { "store" } else { "source" },
            "signatureBytes": signature.as_ref().map(Bytes::len),
        });
        Ok(Found::with(Fetched { bytes, signature }, evidence))
    }

    async fn fetch_address(&self, url: &Url, digest: &Digest, limit: ByteSize) -> Result<(), JobError> {
        let time = self.settings.fetch_timeout.duration();
        let request = Request::new(Method::Get, url.clone()).within(time).refusing_above(limit);
        let incoming = self.sources.open(&request).await.map_err(|error| unfetched(&error, limit))?;
        self.take(incoming, digest, limit).await
    }

    /// Streams a body into the store; what is not the named bytes never gets there.
    async fn take(&self, mut incoming: Incoming, digest: &Digest, limit: ByteSize) -> Result<(), JobError> {
        let mut staging = self.blobs.stage(limit).await?;
        while let Some(part) = incoming.next().await.map_err(|error| unfetched(&error, limit))? {
            write(&mut staging, &part).await?;
        }
        self.keep(staging.finish().await.map_err(unstaged)?, digest).await
    }

    async fn keep(&self, staged: Staged, digest: &Digest) -> Result<(), JobError> {
        if !digest.matches(staged.digest()) {
            let found = *staged.digest();
            let message = format!("expected {digest}, got {found}");
            return Err(Failure::permanent(JobCode::DigestMismatch, message)
                .with_details(json!({ "expected": digest, "actual": found }))
                .into());
        }
        self.blobs.keep(BlobKind::Component, staged).await?;
        Ok(())
    }
}

async fn write(staging: &mut Staging, part: &[u8]) -> Result<(), JobError> {
    staging.write(part).await.map_err(unstaged)
}

fn unstaged(error: StagingError) -> JobError {
    match error {
        StagingError::TooLarge { limit } => JobError::permanent(
            JobCode::TooLarge,
            format!("the component is larger than the {limit} that are taken here"),
        ),
        StagingError::Disk(error) => {
            tracing::warn!(%error, "A component could not be received");
            JobError::transient(JobCode::AddonFetchFailed, "the component could not be received: the disk took it not")
        }
    }
}

fn unread(error: &BlobError, digest: &Digest) -> JobError {
    match error {
        BlobError::Missing { .. } => {
            JobError::permanent(JobCode::AddonFetchFailed, format!("the store has no component {digest}"))
        }
        error => JobError::transient(JobCode::AddonFetchFailed, format!("cannot read the component: {error}")),
    }
}

/// What a client hears of a failed download; the admin's log has the rest.
fn unfetched(error: &NetError, limit: ByteSize) -> JobError {
    tracing::info!(reason = %error.detail(), "A component could not be fetched");
    if matches!(error, NetError::TooLarge { .. }) {
        return unstaged(StagingError::TooLarge { limit });
    }
    let message = format!("cannot fetch the component: {}", error.public_message());
    let disposition = error.disposition();
    let failure =
        Failure { retryable: disposition.is_retryable(), ..Failure::permanent(JobCode::AddonFetchFailed, message) };
    JobError { failure, disposition }
}

fn refused(message: &str) -> JobError {
    JobError::permanent(JobCode::AddonFetchFailed, message)
}

pub(super) fn too_large(size: u64, limit: ByteSize) -> JobError {
    JobError::permanent(
        JobCode::TooLarge,
        format!("the component is {} and at most {limit} are taken here", ByteSize::bytes(size)),
    )
}
