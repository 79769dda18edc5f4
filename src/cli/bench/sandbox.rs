//! A sandbox of the bench's own, without queue or Redis: one component, compiled, and one action of it to call.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::addons::measure::empty_kv;
use crate::config::sandbox::SandboxSettings;
use crate::host::measure::BareCall;
use crate::host::{CallFacts, CallRequest, CompiledAddon, Host, Interface, InterfaceSet, Invocation, Ports, section};
use crate::model::digest::Digest;
use crate::model::limits::CallLimits;

/// What is called, and where its compiled code is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subject {
    /// The component.
    pub(super) file: PathBuf,
    /// The action's name.
    pub(super) action: String,
    /// Its parameters.
    pub(super) params: Value,
    /// The folder of compiled code.
    cache: PathBuf,
    /// The key that authenticates it, as hexadecimal digits.
    key: String,
    /// Compiled code that may be linked at once, in bytes.
    memory_cache: u64,
}

/// A subject that is ready to be called.
pub(super) struct Sandbox {
    pub(super) host: Arc<Host>,
    pub(super) digest: Digest,
    pub(super) addon: CompiledAddon,
    subject: Subject,
    bytes: Bytes,
}

impl Subject {
    /// The first action that a component declares, or the one that is named.
    pub(super) fn of(file: &Path, action: Option<&str>, params: Value, cache: &Path) -> anyhow::Result<Self> {
        let bytes =
            std::fs::read(file).with_context(|| format!("reading {} (`make addons` builds it)", file.display()))?;
        let action = match action {
            Some(action) => action.to_owned(),
            None => {
                let manifest = section::read(&bytes).with_context(|| format!("reading {}", file.display()))?;
                let first = manifest.actions.first().context("the component has no action; name one with --action")?;
                first.name.clone()
            }
        };
        Ok(Self {
            file: file.to_owned(),
            action,
            params,
            cache: cache.to_owned(),
            key: hex::encode(rand::random::<[u8; 32]>()),
            memory_cache: SandboxSettings::default().memory_cache.as_u64(),
        })
    }

    /// The same with room for fewer components.
    pub(super) const fn with_memory_cache(mut self, bytes: u64) -> Self {
        self.memory_cache = bytes;
        self
    }
}

impl Sandbox {
    /// Sets the sandbox up and makes the component ready, compiling it where nobody did.
    pub(super) async fn start(subject: Subject) -> anyhow::Result<Self> {
        let bytes = Bytes::from(tokio::fs::read(&subject.file).await?);
        let mut key = [0; 32];
        hex::decode_to_slice(&subject.key, &mut key).context("reading the key")?;
        let room = crate::model::units::ByteSize::bytes(subject.memory_cache);
        let settings = SandboxSettings { memory_cache: room, sealed_cache: room, ..SandboxSettings::default() };
        let host = Host::new(&settings, &subject.cache, key)?;
        let digest = Digest::of(&bytes);
        let addon = host.compile(&digest, doors(), bytes.clone()).await?;
        Ok(Self { host, digest, addon, subject, bytes })
    }

    /// The component again, from wherever its code is now.
    pub(super) async fn again(&self) -> anyhow::Result<CompiledAddon> {
        Ok(self.host.compile(&self.digest, doors(), self.bytes.clone()).await?)
    }

    /// Code that was compiled before, under another name.
    pub(super) async fn cached(&self, digest: &Digest) -> anyhow::Result<CompiledAddon> {
        let missing = || std::future::ready(Err("the code is not cached".into()));
        Ok(self.host.get(digest, doors(), missing).await?)
    }

    /// One call: fresh instance, answer, instance dropped.
    pub(super) async fn call(&self, addon: &CompiledAddon) -> anyhow::Result<()> {
        let Subject { action, params, .. } = &self.subject;
        let invocation = Invocation::Action { name: action.clone(), params: params.clone() };
        let report = self.host.call(addon, request(), invocation).await;
        report.outcome.map(|_| ()).with_context(|| format!("calling `{action}` of {}", self.subject.file.display()))
    }

    /// The same with wasmtime alone.
    pub(super) fn bare(&self) -> BareCall {
        self.host.bare_call(&self.addon, request(), &self.subject.action, &self.subject.params)
    }
}

fn doors() -> InterfaceSet {
    Interface::ALL.into_iter().collect()
}

fn request() -> CallRequest {
    CallRequest {
        facts: CallFacts {
            job_id: String::from("call_measured"),
            attempt: 1,
            idempotency_key: String::from("call_measured"),
            subject: String::from("bench"),
            enablement: String::from("bench"),
            traceparent: None,
            locale: None,
        },
        limits: CallLimits { cpu: Duration::from_secs(10), ..CallLimits::default() },
        config: Arc::from("{}"),
        ports: Ports { kv: Some(empty_kv()), ..Ports::none() },
        cancel: CancellationToken::new(),
        leave: None,
    }
}
