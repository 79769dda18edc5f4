//! What `semantest bench` asks the sandbox beyond calls: a bare loop to compare with, and code in a chosen state of caching.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, Store};

use crate::host::Host;
use crate::host::api::v1::imports::semantest::addon::types;
use crate::host::cache::disk::Found;
use crate::host::call::CallRequest;
use crate::host::compile::{CompiledAddon, blocking};
use crate::host::compile_error::{BoxError, CompileError};
use crate::host::logbook::LogBook;
use crate::host::ports::Ports;
use crate::host::state::{AssetLimits, GuestState, StateParts};
use crate::model::digest::Digest;
use crate::model::limits::CallLimits;

/// Ticks that no measured call lives for: about as long as anybody's computer.
const NEVER: u64 = 1 << 40;

/// An action called as a program would that embeds wasmtime and does nothing else: a store, an instance, one typed call,
/// and the store dropped. No permit, limiter, meter, deadline, cancelling, block list or report.
pub struct BareCall {
    engine: Engine,
    addon: CompiledAddon,
    call: types::Call,
    action: String,
    params: String,
    config: Arc<str>,
    limits: CallLimits,
    ports: Ports,
    assets: AssetLimits,
}

impl Host {
    /// Prepares bare calls of an action, with the same engine, linker and ports as a call of this host.
    #[must_use]
    pub fn bare_call(&self, addon: &CompiledAddon, request: CallRequest, action: &str, params: &Value) -> BareCall {
        let CallRequest { facts, limits, config, ports, .. } = request;
        let call = types::Call {
            job_id: facts.job_id,
            attempt: facts.attempt,
            idempotency_key: facts.idempotency_key,
            subject: facts.subject,
            enablement: facts.enablement,
            time_left_ms: u64::try_from(limits.wall.as_millis()).unwrap_or(u64::MAX),
            traceparent: facts.traceparent,
            locale: facts.locale,
        };
        BareCall {
            engine: self.engine.clone(),
            addon: addon.clone(),
            call,
            action: action.to_owned(),
            params: params.to_string(),
            config,
            limits,
            ports,
            assets: self.assets,
        }
    }

    /// Drops the linked component, so that the next use maps the sealed copy again.
    pub fn forget_linked(&self, digest: &Digest) {
        self.memory.forget(digest);
    }

    /// Drops the linked component, the sealed copy and what the kernel keeps of the file, so that the next use reads the
    /// disk and checks what it reads.
    ///
    /// # Errors
    /// [`CompileError::Cache`] when there is no such file, or the kernel keeps it.
    pub async fn forget_all_but_the_file(self: &Arc<Self>, digest: &Digest) -> Result<(), CompileError> {
        self.memory.forget(digest);
        self.vault.forget(digest);
        let path = self.disk.path(digest);
        blocking(move || drop_from_page_cache(&path)).await?.map_err(|source| CompileError::Cache { source })
    }

    /// Keeps the code of `digest` under `count` other names too, as if so many components had been compiled.
    ///
    /// # Errors
    /// [`CompileError::Cache`] when there is no code, or no room for more.
    pub async fn multiply(self: &Arc<Self>, digest: &Digest, count: u32) -> Result<Vec<Digest>, CompileError> {
        let (host, digest) = (Arc::clone(self), *digest);
        let planting = move || {
            let Found::Code(code) = host.disk.load(&digest)? else {
                return Err(std::io::Error::from(std::io::ErrorKind::NotFound));
            };
            let names: Vec<Digest> = (0..count).map(|number| Digest::of(&number.to_le_bytes())).collect();
            for name in &names {
                host.disk.plant(name, &code)?;
            }
            Ok(names)
        };
        blocking(planting).await?.map_err(|source| CompileError::Cache { source })
    }

    /// Bytes of code that are linked, and that are kept under seals.
    #[must_use]
    pub fn cached_bytes(&self) -> (u64, u64) {
        (self.memory.stock().1, self.vault.stock().1)
    }
}

impl BareCall {
    /// Makes the call.
    ///
    /// # Errors
    /// It did not end with an answer.
    pub async fn run(&self) -> Result<(), BoxError> {
        let state = GuestState::new(StateParts {
            log: Arc::new(Mutex::new(LogBook::new(&self.limits))),
            ports: self.ports.clone(),
            interfaces: self.addon.interfaces(),
            config: Arc::clone(&self.config),
            cancel: CancellationToken::new(),
            limits: self.limits,
            assets: self.assets,
        });
        let mut store = Store::new(&self.engine, state);
        store.set_epoch_deadline(NEVER);
        let actions = self.addon.linked.exports().actions.as_ref().ok_or("the component has no actions")?;
        let guest = actions.instantiate_async(&mut store).await.map_err(boxed)?;
        let answered =
            guest.semantest_addon_actions().call_invoke(&mut store, &self.call, &self.action, &self.params).await;
        match answered.map_err(boxed)? {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the action answered with an error: {error:?}").into()),
        }
    }
}

fn boxed(error: wasmtime::Error) -> BoxError {
    error.into_boxed_dyn_error()
}

/// Writes a file's pages out and has the kernel forget them.
fn drop_from_page_cache(path: &std::path::Path) -> std::io::Result<()> {
    let file = std::fs::File::open(path)?;
    file.sync_all()?;
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}
