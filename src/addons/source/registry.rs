//! A component in an OCI registry: a tag is asked once, everything after goes by digest.

use bytes::Bytes;
use serde_json::json;

use super::{Located, Place, too_large};
use crate::addons::Inner;
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::units::ByteSize;
use crate::net::oci::{Artifact, OciError, Pull, Reference};
use crate::work::progress::Found;

/// Largest signature that is read from a registry.
const MAX_SIGNATURE: ByteSize = ByteSize::kib(16);

impl Inner {
    /// What `reference` stands for now. `expected` is the component's digest, where the publisher named it.
    pub(in crate::addons) async fn located_in_registry(
        &self,
        reference: &str,
        expected: Option<Digest>,
    ) -> Result<Found<Located>, JobError> {
        let reference = Reference::parse(reference)
            .map_err(|error| JobError::permanent(JobCode::TicketInvalid, format!("the reference {error}")))?;
        let mut pull = self.registries.pull(reference);
        let artifact = pull.resolve(self.settings.fetch_timeout.duration()).await.map_err(|error| unusable(&error))?;
        let digest = artifact.component.digest;
        if let Some(expected) = expected.filter(|expected| !expected.matches(&digest)) {
            let message = format!("expected {expected}, but the registry has {digest} there");
            return Err(Failure::permanent(JobCode::DigestMismatch, message)
                .with_details(json!({ "expected": expected, "actual": digest }))
                .into());
        }
        let words = format!("oci {}", pull.reference().pinned(&artifact.manifest));
        let evidence = json!({
            "reference": pull.reference().to_string(), "manifest": artifact.manifest, "digest": digest,
            "sizeBytes": artifact.component.size, "signature": artifact.signature.map(|layer| layer.digest),
        });
        Ok(Found::with(Located { place: Place::Registry(Box::new((pull, artifact))), digest, words }, evidence))
    }

    pub(super) async fn fetch_layer(
        &self,
        pull: &mut Pull,
        artifact: &Artifact,
        limit: ByteSize,
    ) -> Result<(), JobError> {
        let layer = &artifact.component;
        if layer.size > limit.as_u64() {
            return Err(too_large(layer.size, limit));
        }
        let time = self.settings.fetch_timeout.duration();
        let incoming = pull.layer(layer, limit, time).await.map_err(|error| unusable(&error))?;
        self.take(incoming, &layer.digest, limit).await
    }

    pub(super) async fn fetch_signature(
        &self,
        pull: &mut Pull,
        artifact: &Artifact,
    ) -> Result<Option<Bytes>, JobError> {
        let Some(layer) = &artifact.signature else { return Ok(None) };
        let time = self.settings.fetch_timeout.duration();
        pull.small_layer(layer, MAX_SIGNATURE, time).await.map(Some).map_err(|error| unusable(&error))
    }
}

/// What a client hears of a registry; the admin's log has the rest.
fn unusable(error: &OciError) -> JobError {
    let code = match error {
        OciError::Digest { .. } => JobCode::DigestMismatch,
        OciError::TooLarge { .. } => JobCode::TooLarge,
        OciError::NotAComponent { .. } => JobCode::NotAComponent,
        OciError::Net(_)
        | OciError::Missing { .. }
        | OciError::Refused
        | OciError::Status { .. }
        | OciError::Answer { .. } => JobCode::AddonFetchFailed,
    };
    tracing::info!(reason = %error.detail(), "A registry gave no component");
    let disposition = error.disposition();
    let message = format!("cannot fetch the component: {}", error.public_message());
    let failure = Failure { retryable: disposition.is_retryable(), ..Failure::permanent(code, message) };
    JobError { failure, disposition }
}
