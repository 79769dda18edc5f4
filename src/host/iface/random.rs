//! `wasi:random` with a limit for a request and one for a call; the numbers are wasmtime's own.
//!
//! `state.rs` links these in the place of what WASI brings. wasmtime bounds one request. A guest that asks again and again would still have the host draw for it as long as its
//! processor time lasts.

use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::p2::bindings::random::{insecure, random};

use crate::host::state::GuestState;

/// Bytes of one number.
const NUMBER_BYTES: u64 = 8;

impl random::Host for GuestState {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.tally.random(&self.limits, len)?;
        self.ctx().ctx.random().get_random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.tally.random(&self.limits, NUMBER_BYTES)?;
        self.ctx().ctx.random().get_random_u64()
    }
}

impl insecure::Host for GuestState {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.tally.random(&self.limits, len)?;
        self.ctx().ctx.random().get_insecure_random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.tally.random(&self.limits, NUMBER_BYTES)?;
        self.ctx().ctx.random().get_insecure_random_u64()
    }
}
