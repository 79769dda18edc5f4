//! Whose word a version is: the step `signature`, at publish and again at every load.
//!
//! What was believed once is not believed for ever: the key may have been revoked since, or the policy changed. So the
//! signature is kept with the version as it came, and is looked at anew each time.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::addons::Inner;
use crate::addons::blocking::blocking;
use crate::clock;
use crate::config::signatures::SignatureMode;
use crate::host::section;
use crate::model::block::Blockable;
use crate::model::code::JobCode;
use crate::model::contract::ContractRange;
use crate::model::digest::Digest;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::manifest::Manifest;
use crate::model::signature::{SignatureFault, SignedStatement, Subject};
use crate::store::StoreError;
use crate::store::addons::{VersionRecord, VersionSignature};
use crate::store::publishers::PublisherKey;
use crate::work::progress::Found;

/// What a component says of itself, read before it is believed: enough to know whose word is asked for.
pub(super) struct Claim {
    pub(super) manifest: Manifest,
    /// Of the manifest's bytes as they stand in the component.
    pub(super) digest: Digest,
}

impl Claim {
    /// The claim of a component; none where its manifest cannot be read, which the step `manifest` then says.
    pub(super) async fn of(bytes: &Bytes) -> Result<Option<Self>, JobError> {
        let bytes = bytes.clone();
        blocking(move || {
            let contents = section::contents(&bytes).ok();
            let digest = contents.as_deref().map(Digest::of);
            Ok(section::read(&bytes).ok().zip(digest).map(|(manifest, digest)| Self { manifest, digest }))
        })
        .await
    }

    /// What a signature has to be about.
    fn subject<'a>(&'a self, component: &'a Digest, contract: Option<&'a ContractRange>) -> Subject<'a> {
        Subject {
            addon: &self.manifest.id,
            version: &self.manifest.version,
            component,
            manifest: &self.digest,
            contract,
        }
    }
}

/// A signature that was looked at.
pub(super) struct Judged {
    pub(super) mode: SignatureMode,
    pub(super) signature: Option<VersionSignature>,
}

impl Judged {
    /// Whether the contract range, which only `inspect` finds out, is the one that was signed.
    pub(super) fn fits(&mut self, contract: &ContractRange) -> Result<(), JobError> {
        let Some(signature) = self.signature.as_mut() else { return Ok(()) };
        let Ok(signed) = SignedStatement::parse(&signature.text) else { return Ok(()) };
        if signed.statement.contract == *contract {
            return Ok(());
        }
        signature.is_verified = false;
        if self.mode != SignatureMode::Require {
            return Ok(());
        }
        let (said, actual) = (signed.statement.contract.to_string(), contract.to_string());
        Err(invalid(&SignatureFault::Other { what: "contract range", signed: said, actual }))
    }
}

impl Inner {
    /// What a namespace's signatures have to be.
    pub(super) async fn signature_mode(&self, namespace: &str) -> Result<SignatureMode, StoreError> {
        Ok(self.fresh_policy().await?.policy.signatures_of(namespace, &self.settings))
    }

    /// What is claimed of a component that comes in, as the list of blocks knows it: signed at the earliest now, whatever
    /// the signature says.
    #[expect(clippy::unused_self, reason = "stands beside the steps that it belongs to")]
    pub(super) fn claimed(&self, claim: Option<&Claim>, digest: Digest, text: Option<&str>) -> Blockable {
        let signature = text.and_then(|text| VersionSignature::of(text, clock::now(), false));
        Blockable {
            digest,
            version: claim.map(|claim| (claim.manifest.id.clone(), claim.manifest.version.clone())),
            signed: signature.map(|signature| signature.signer()),
        }
    }

    /// The step `signature` of a publication: `text` came with the component, just now.
    pub(super) async fn judge_new(
        &self,
        claim: Option<&Claim>,
        component: &Digest,
        text: Option<&str>,
    ) -> Result<Found<Judged>, JobError> {
        let Some(claim) = claim else {
            let judged = Judged { mode: SignatureMode::Require, signature: None };
            return Ok(Found::with(judged, json!({ "state": "unreadable-manifest" })));
        };
        self.judge(&claim.subject(component, None), text, clock::now()).await
    }

    /// The step `signature` of a load: the version as it is stored, against its bytes as they are now.
    pub(super) async fn judge_stored(&self, record: &VersionRecord, bytes: &Bytes) -> Result<Found<Judged>, JobError> {
        let stored = record.signature.as_ref();
        let seen = stored.map_or(record.published_at, |signature| signature.seen_at);
        let bytes = bytes.clone();
        let contents = blocking(move || Ok(section::contents(&bytes).unwrap_or_default())).await?;
        let manifest = Digest::of(&contents);
        let subject = Subject {
            addon: &record.id,
            version: &record.version,
            component: &record.digest,
            manifest: &manifest,
            contract: Some(&record.contract),
        };
        self.judge(&subject, stored.map(|signature| signature.text.as_str()), seen).await
    }

    /// The version is there, and this is a newer word about it: good ones replace what was said before.
    pub(super) async fn sign_again(&self, record: &VersionRecord) -> Result<Found<()>, JobError> {
        let Some(signature) = record.signature.as_ref().filter(|signature| signature.is_verified) else {
            return Ok(Found::with((), json!({ "signature": "kept" })));
        };
        self.versions.set_signature(&record.id, &record.version, signature).await?;
        self.caches.tell_of_addon(&record.id).await;
        Ok(Found::with((), json!({ "signature": "replaced", "keyId": signature.key })))
    }

    async fn judge(
        &self,
        subject: &Subject<'_>,
        text: Option<&str>,
        seen: DateTime<Utc>,
    ) -> Result<Found<Judged>, JobError> {
        let publisher = subject.addon.publisher();
        let mode = self.signature_mode(publisher).await?;
        let Some(text) = text else { return unsigned(subject, mode) };
        let unjudged = |is_verified| VersionSignature::of(text, seen, is_verified);
        if mode == SignatureMode::Off {
            let judged = Judged { mode, signature: unjudged(false) };
            return Ok(Found::with(judged, json!({ "mode": mode.as_str(), "state": "not-checked" })));
        }
        let checked = match SignedStatement::parse(text) {
            Ok(signed) => {
                let key = self.publishers.get(publisher, &signed.key).await?;
                believed(&signed, key.as_ref(), subject, seen).map(|()| evidence(&signed, key.as_ref(), subject))
            }
            Err(fault) => Err(fault),
        };
        match checked {
            Ok(mut evidence) => {
                put(&mut evidence, "mode", json!(mode.as_str()));
                put(&mut evidence, "state", json!("verified"));
                Ok(Found::with(Judged { mode, signature: unjudged(true) }, evidence))
            }
            Err(fault) if mode == SignatureMode::Require => Err(invalid(&fault)),
            Err(fault) => {
                let evidence = json!({
                    "mode": mode.as_str(), "state": "invalid", "code": JobCode::SignatureInvalid,
                    "reason": fault.reason(), "warning": fault.to_string(),
                });
                Ok(Found::with(Judged { mode, signature: unjudged(false) }, evidence))
            }
        }
    }
}

/// Every rule that a signature has to meet: the key is the publisher's, it signed this text, the text is about this
/// version, and the key was good then.
fn believed(
    signed: &SignedStatement,
    key: Option<&PublisherKey>,
    subject: &Subject<'_>,
    seen: DateTime<Utc>,
) -> Result<(), SignatureFault> {
    let publisher = subject.addon.publisher();
    let key =
        key.ok_or_else(|| SignatureFault::UnknownKey { publisher: publisher.to_owned(), key: signed.key.clone() })?;
    signed.verify(&key.public_key)?;
    signed.statement.is_about(subject)?;
    key.standing.accepts(signed.statement.created, seen)
}

fn evidence(signed: &SignedStatement, key: Option<&PublisherKey>, subject: &Subject<'_>) -> Value {
    json!({
        "keyId": signed.key, "keyState": key.map(|key| key.standing.as_str()),
        "publisher": signed.statement.publisher, "created": signed.statement.created,
        "digest": subject.component, "manifestDigest": subject.manifest,
    })
}

fn put(evidence: &mut Value, name: &str, value: Value) {
    if let Some(members) = evidence.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn unsigned(subject: &Subject<'_>, mode: SignatureMode) -> Result<Found<Judged>, JobError> {
    let publisher = subject.addon.publisher();
    if mode == SignatureMode::Require {
        let message = format!(
            "{} {} is not signed, and versions of `{publisher}` have to be; `semantest addon sign` makes a signature",
            subject.addon, subject.version
        );
        return Err(JobError::permanent(JobCode::SignatureMissing, message));
    }
    let evidence = match mode {
        SignatureMode::Warn => json!({
            "mode": mode.as_str(), "state": "unsigned", "code": JobCode::SignatureMissing,
            "warning": "the version is not signed",
        }),
        SignatureMode::Require | SignatureMode::Off => json!({ "mode": mode.as_str(), "state": "unsigned" }),
    };
    Ok(Found::with(Judged { mode, signature: None }, evidence))
}

fn invalid(fault: &SignatureFault) -> JobError {
    let failure = Failure::permanent(JobCode::SignatureInvalid, fault.to_string());
    failure.with_details(json!({ "reason": fault.reason() })).into()
}

/// Whether an upload of a version that is there brings a signature that is not.
pub(super) fn is_news(record: &VersionRecord, digest: &Digest, signature: Option<&SignedStatement>) -> bool {
    let brought = signature.map(ToString::to_string);
    record.digest.matches(digest) && brought.is_some() && brought.as_deref() != text_of(record)
}

/// A version's signature as it came.
pub(super) fn text_of(record: &VersionRecord) -> Option<&str> {
    record.signature.as_ref().map(|signature| signature.text.as_str())
}
