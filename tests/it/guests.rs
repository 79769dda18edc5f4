//! The addons and fixtures of this repository, run in the sandbox with ports in memory.
//!
//! `scripts/build-addons` makes them; `make test` calls it.

mod hooks;
mod memory;
mod misbehave;
mod notes;
mod palette;
mod prompt_styles;
mod starts;
mod tools;
mod wasi;

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use semantest::host::ports::Ports;
use semantest::host::section;
use semantest::host::{CallFailure, CallReport, CallRequest, CompiledAddon, Invocation, Reply};
use semantest::model::limits::CallLimits;
use semantest::model::manifest::{HookPoint, Manifest};
use semantest::model::schema;
use serde_json::Value;

use crate::host::guest::{Sandbox, request, roomy};
use memory::Memory;

/// One addon of this repository, enabled for one user.
struct Enabled {
    sandbox: Sandbox,
    addon: CompiledAddon,
    manifest: Manifest,
    config: Value,
    memory: Arc<Memory>,
    attempt: u32,
    key: String,
    limits: CallLimits,
}

fn bytes(id: &str) -> Result<Vec<u8>> {
    let path = format!("{}/target/addons/{id}.wasm", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).with_context(|| format!("{path} is missing; run `make addons`"))
}

impl Enabled {
    /// Loads the addon with these settings over the defaults of its schema.
    async fn with(id: &str, mut config: Value) -> Result<Self> {
        let bytes = bytes(id)?;
        let manifest = section::read(&bytes)?;
        let config_schema = manifest.config_schema();
        schema::apply_defaults(&config_schema, &mut config);
        let faults = schema::compile(&config_schema)?.faults(&config);
        if !faults.is_empty() {
            bail!("the settings do not fit: {faults:?}");
        }
        let sandbox = Sandbox::start()?;
        let addon = sandbox.ready(bytes.into()).await?;
        Ok(Self {
            sandbox,
            addon,
            manifest,
            config,
            memory: Arc::default(),
            attempt: 1,
            key: String::from("key-1"),
            limits: roomy(),
        })
    }

    /// Loads the addon with the defaults of its schema.
    async fn by_default(id: &str) -> Result<Self> {
        Self::with(id, Value::Object(serde_json::Map::new())).await
    }

    fn request(&self) -> CallRequest {
        let mut request = request(self.limits);
        request.config = self.config.to_string().into();
        request.facts.attempt = self.attempt;
        request.facts.idempotency_key.clone_from(&self.key);
        request.ports = Ports {
            kv: Some(Arc::clone(&self.memory) as _),
            assets: Some(Arc::clone(&self.memory) as _),
            progress: Some(Arc::clone(&self.memory) as _),
            ..Ports::none()
        };
        request
    }

    async fn ask(&self, invocation: Invocation) -> CallReport {
        self.sandbox.host.call(&self.addon, self.request(), invocation).await
    }

    /// Runs an action whose parameters and result must fit the manifest, and answers its value.
    async fn act(&self, name: &str, params: Value) -> Result<Value> {
        let action = self.manifest.action(name).with_context(|| format!("no action `{name}`"))?;
        check("parameters", action.params.as_ref(), &params)?;
        let Reply::Action(output) = self.try_act(name, params).await.outcome? else { bail!("no action's reply") };
        check("result", action.result.as_ref(), &output.value)?;
        Ok(output.value)
    }

    async fn try_act(&self, name: &str, params: Value) -> CallReport {
        self.ask(Invocation::Action { name: name.to_owned(), params }).await
    }

    /// How an action fails that must fail.
    async fn failure(&self, name: &str, params: Value) -> Result<CallFailure> {
        self.try_act(name, params).await.outcome.err().context("it did not fail")
    }

    /// The limits that the manifest sets for one of its hooks, where it sets them.
    fn hook_limits(&self, point: HookPoint) -> CallLimits {
        let hook = self.manifest.hook(point);
        let milliseconds = |wish: Option<u64>, default| std::time::Duration::from_millis(wish.unwrap_or(default));
        CallLimits {
            cpu: milliseconds(hook.and_then(|hook| hook.cpu_ms), 100),
            wall: milliseconds(hook.and_then(|hook| hook.timeout_ms), 1000),
            ..CallLimits::default().with_wish(self.manifest.limit_wish(), &CallLimits::default())
        }
    }
}

fn check(what: &str, schema: Option<&Value>, value: &Value) -> Result<()> {
    let Some(schema) = schema else { return Ok(()) };
    let faults = schema::compile(schema)?.faults(value);
    if faults.is_empty() { Ok(()) } else { bail!("the {what} {value} do not fit: {faults:?}") }
}
