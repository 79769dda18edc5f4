//! What one call carries with it: made before the guest, dropped after it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::random;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::host::api::v1::imports::semantest::addon;
use crate::host::iface::http::HttpDoor;
use crate::host::interface::{Interface, InterfaceSet};
use crate::host::limiter::Limiter;
use crate::host::logbook::SharedLogBook;
use crate::host::ports::Ports;
use crate::host::tally::Tally;
use crate::host::traffic::Traffic;
use crate::host::wasi;
use crate::model::limits::CallLimits;

/// The state of one call.
pub(super) struct GuestState {
    pub(super) limiter: Limiter,
    pub(super) tally: Tally,
    pub(super) table: ResourceTable,
    pub(super) log: SharedLogBook,
    pub(super) ports: Ports,
    pub(super) interfaces: InterfaceSet,
    /// The user's settings as JSON text.
    pub(super) config: Arc<str>,
    pub(super) cancel: CancellationToken,
    pub(super) limits: CallLimits,
    pub(super) assets: AssetLimits,
    /// Made when the guest first touches WASI: many guests never do.
    wasi: Option<Box<WasiCtx>>,
    /// Made when the guest first touches `wasi:http`.
    http: Option<Box<HttpDoor>>,
}

/// Most handles of a call that may send requests: headers and bodies that it makes are held by the host, so many times
/// up to [`crate::model::limits::EgressLimits::headers`].
const MAX_HTTP_HANDLES: usize = 1024;

/// The limits that hold for a guest with these doors: what is allowed is what its errors say is allowed.
pub(super) fn limits_for(limits: CallLimits, interfaces: InterfaceSet) -> CallLimits {
    let most = if interfaces.has(Interface::Http) { MAX_HTTP_HANDLES } else { usize::MAX };
    CallLimits { handles: limits.handles.min(most), ..limits }
}

/// How much of the assets of a guest is at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct AssetLimits {
    /// Bytes of one read.
    pub(super) max_window: u32,
    /// Bytes that unfinished writers hold.
    pub(super) unfinished_bytes: u64,
}

/// What a call's state is made of.
pub(super) struct StateParts {
    pub(super) log: SharedLogBook,
    pub(super) ports: Ports,
    pub(super) interfaces: InterfaceSet,
    pub(super) config: Arc<str>,
    pub(super) cancel: CancellationToken,
    pub(super) limits: CallLimits,
    pub(super) assets: AssetLimits,
}

impl GuestState {
    pub(super) fn new(parts: StateParts) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(parts.limits.handles);
        Self {
            limiter: Limiter::new(&parts.limits),
            tally: Tally::default(),
            table,
            log: parts.log,
            ports: parts.ports,
            interfaces: parts.interfaces,
            config: parts.config,
            cancel: parts.cancel,
            limits: parts.limits,
            assets: parts.assets,
            wasi: None,
            http: None,
        }
    }

    /// What the guest sent and received, where it touched `wasi:http` at all.
    pub(super) fn traffic(&self) -> Option<&Traffic> {
        self.http.as_ref().map(|door| door.traffic())
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (log, limits) = (&self.log, &self.limits);
        WasiCtxView { ctx: self.wasi.get_or_insert_with(|| Box::new(wasi::inert(log, limits))), table: &mut self.table }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (port, limits, log) = (&self.ports.http, self.limits.egress, &self.log);
        let door = || Box::new(HttpDoor::new(port.clone(), limits, Arc::clone(log)));
        self.http.get_or_insert_with(door).view(&mut self.table)
    }
}

/// Links the baseline and the doors in `interfaces`, and nothing else.
pub(super) fn link(linker: &mut Linker<GuestState>, interfaces: InterfaceSet) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    // Random bytes are counted (`iface/random.rs`).
    linker.allow_shadowing(true);
    random::random::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    random::insecure::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    linker.allow_shadowing(false);
    addon::types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    addon::assets::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    addon::image_types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    addon::chat_types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    addon::kv_types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    addon::host::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    addon::log::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    addon::config::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    addon::progress::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    for interface in interfaces.iter() {
        match interface {
            Interface::Kv => addon::kv::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?,
            Interface::KvShared => addon::kv_shared::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?,
            Interface::Events => addon::events::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?,
            Interface::Secrets => addon::secrets::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?,
            Interface::SecretsReveal => addon::secrets_reveal::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?,
            Interface::Http => wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?,
            Interface::Images => addon::images::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?,
            Interface::Jobs => addon::jobs::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?,
        }
    }
    Ok(())
}
