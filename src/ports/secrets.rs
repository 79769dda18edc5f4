//! `secrets`: what one call opened, what stands for it, and what of it may leave.

pub(super) mod held;
pub(super) mod swap;
pub(super) mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::Mutex;
use rand::RngCore as _;
use sha2::Sha256;

use crate::addons::{CallScope, Owner};
use crate::clock;
use crate::host::ports::{OpenSecret, PortError, PortErrorKind, SecretsPort};
use crate::model::egress::EgressFault;
use crate::model::id::JobId;
use crate::model::origin::Origin;
use crate::model::right::Rights;
use crate::model::secret_value::SecretValue;
use crate::model::usage::Use;
use crate::store::audit::{Audit, AuditAction, AuditEntry};
use crate::store::secrets::SealedSecrets;

use swap::{Swap, Swappable};
use watch::{SHORTEST, Watch};

/// What every placeholder begins with, for people who find one; letters, digits and dashes, so that nothing encodes it.
const PLACEHOLDER: &str = "semantest-secret-";
/// Random bytes of a placeholder.
const PLACEHOLDER_BYTES: usize = 16;
/// How often one call may read secrets in clear: each time is an entry of the audit trail, which keeps so many.
const MAX_REVEALS: u64 = 32;

/// The secrets of one call.
pub(super) struct CallSecrets {
    owner: Owner,
    job: JobId,
    rights: Arc<Rights>,
    sealed: SealedSecrets,
    audit: Audit,
    state: Mutex<State>,
}

/// What the call did so far.
#[derive(Default)]
struct State {
    opened: BTreeMap<String, Opened>,
    reveals: u64,
    revealed: BTreeMap<String, Arc<SecretValue>>,
    /// Made when the first request is sent.
    watch: Option<Option<Watch>>,
}

/// A secret that was opened.
#[derive(Clone)]
struct Opened {
    placeholder: String,
    value: Arc<SecretValue>,
}

impl CallSecrets {
    pub(super) fn new(audit: Audit, scope: &CallScope<'_>, sealed: SealedSecrets) -> Self {
        Self {
            owner: scope.owner.clone(),
            job: scope.context.job_id.clone(),
            rights: Arc::clone(scope.rights),
            sealed,
            audit,
            state: Mutex::default(),
        }
    }

    /// What of the opened secrets may go to `origin`.
    pub(super) fn swap(&self, origin: &Origin) -> Swap {
        let opened = self.state.lock().opened.clone();
        let may_go = |(name, opened): (String, Opened)| {
            let asked = Use::Secret { name: name.clone(), origin: Some(origin.clone()) };
            let is_bound = self.rights.decide(&asked).is_allowed();
            is_bound.then_some(Swappable { name, placeholder: opened.placeholder, value: opened.value })
        };
        Swap::new(opened.into_iter().filter_map(may_go).collect())
    }

    /// What must not leave by the guest's own hand: every secret that it may read in clear, in this call or in an earlier one.
    /// None where there is none.
    pub(super) fn watch(&self) -> Result<Option<Watch>, EgressFault> {
        if let Some(watch) = self.state.lock().watch.clone() {
            return Ok(watch);
        }
        let watch = self.fresh_watch().map_err(|error| EgressFault::Secret { rule: error.message })?;
        self.state.lock().watch = Some(watch.clone());
        Ok(watch)
    }

    fn fresh_watch(&self) -> Result<Option<Watch>, PortError> {
        let mut values = Vec::new();
        for capability in self.rights.effective().capabilities() {
            for spec in &capability.secrets {
                let may_read = self.rights.decide(&Use::Reveal { name: spec.name.clone() }).is_allowed();
                if may_read && let Some(value) = self.unsealed(&spec.name)? {
                    values.push(value);
                }
            }
        }
        // Shorter ones are never given out in clear.
        values.retain(|value| value.expose().len() >= SHORTEST);
        if values.is_empty() {
            return Ok(None);
        }
        Watch::of(&values).map(Some).map_err(|error| PortError::unavailable(error.to_string()))
    }

    fn unsealed(&self, name: &str) -> Result<Option<SecretValue>, PortError> {
        self.sealed.open(name).map_err(|error| {
            let addon = &self.owner.addon;
            tracing::error!(
                error = %error, addon.id = %addon, secret.name = name,
                "The secret `{name}` of `{addon}` cannot be opened: {error}"
            );
            PortError::unavailable(format!(
                "the secret `{name}` cannot be opened right now; the operator's log says why"
            ))
        })
    }

    fn value(&self, secret: &OpenSecret) -> Result<Arc<SecretValue>, PortError> {
        let opened = self.state.lock().opened.get(&secret.name).map(|opened| Arc::clone(&opened.value));
        opened.ok_or_else(|| PortError::unavailable("the secret was not opened in this call"))
    }

    fn must_be_allowed(&self, asked: &Use) -> Result<(), PortError> {
        match self.rights.decide(asked).denial() {
            Some(denial) => Err(PortError::not_granted(&denial)),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl SecretsPort for CallSecrets {
    fn open(&self, name: &str) -> Result<OpenSecret, PortError> {
        self.must_be_allowed(&Use::Secret { name: name.to_owned(), origin: None })?;
        let as_open = |opened: &Opened| OpenSecret { name: name.to_owned(), placeholder: opened.placeholder.clone() };
        if let Some(opened) = self.state.lock().opened.get(name) {
            return Ok(as_open(opened));
        }
        let Some(value) = self.unsealed(name)? else {
            let message = format!("the secret `{name}` is not set; the user's client sets it");
            return Err(PortError::new(PortErrorKind::Missing, "secret-missing", message));
        };
        let opened = Opened { placeholder: placeholder(), value: Arc::new(value) };
        Ok(as_open(self.state.lock().opened.entry(name.to_owned()).or_insert(opened)))
    }

    fn authenticate(&self, secret: &OpenSecret, message: &[u8]) -> Result<[u8; 32], PortError> {
        let value = self.value(secret)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(value.expose())
            .map_err(|_| PortError::unavailable("the secret cannot be a key"))?;
        mac.update(message);
        Ok(mac.finalize().into_bytes().into())
    }

    async fn reveal(&self, secret: &OpenSecret) -> Result<SecretValue, PortError> {
        self.must_be_allowed(&Use::Reveal { name: secret.name.clone() })?;
        let value = self.value(secret)?;
        if value.expose().len() < SHORTEST {
            let message = format!(
                "the secret `{}` is shorter than {SHORTEST} bytes: nobody could see it leave again, so it is not given out",
                secret.name
            );
            return Err(PortError::new(PortErrorKind::Refused, "secret-too-short", message));
        }
        let reveals = {
            let mut state = self.state.lock();
            state.reveals = state.reveals.saturating_add(1);
            state.reveals
        };
        if reveals > MAX_REVEALS {
            return Err(PortError::over_quota("the secrets read in clear in one call", reveals, MAX_REVEALS));
        }
        let scope = self.sealed.scope_of(&secret.name).map_or("user", |scope| scope.as_str());
        let entry = AuditEntry {
            at: clock::now(),
            action: AuditAction::SecretRevealed,
            by: format!("addon:{}", self.owner.addon),
            scope: scope.to_owned(),
            client: Some(self.owner.client.clone()),
            user: Some(self.owner.user.clone()),
            addon: Some(self.owner.addon.clone()),
            name: secret.name.clone(),
            job: Some(self.job.clone()),
            request: None,
        };
        // First the trail: what cannot be written down is not given out.
        self.audit.note(&entry).await.map_err(|error| {
            tracing::warn!(error = %error, "A secret was not given out, because that could not be written down");
            PortError::unavailable("reading a secret in clear cannot be written down right now")
        })?;
        self.state.lock().revealed.insert(secret.name.clone(), Arc::clone(&value));
        Ok(SecretValue::clone(&value))
    }

    fn without_revealed(&self, text: &str) -> Option<String> {
        let revealed = self.state.lock().revealed.clone();
        let mut clean: Option<String> = None;
        for (name, value) in revealed {
            let Ok(secret) = std::str::from_utf8(value.expose()) else { continue };
            let current = clean.as_deref().unwrap_or(text);
            // A line that a guest logs has lost its line ends at the edges, so the secret's own may be gone.
            let secret = secret.trim();
            if !secret.is_empty() && current.contains(secret) {
                clean = Some(current.replace(secret, &format!("[secret {name}]")));
            }
        }
        clean
    }
}

/// Something that stands for a secret in one call.
fn placeholder() -> String {
    let mut bytes = [0; PLACEHOLDER_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    format!("{PLACEHOLDER}{}", hex::encode(bytes))
}
