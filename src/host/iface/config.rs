//! `config`: the user's settings.

use crate::host::api::v1::imports::semantest::addon::config::Host;
use crate::host::state::GuestState;

impl Host for GuestState {
    fn get(&mut self) -> wasmtime::Result<String> {
        Ok(self.config.to_string())
    }
}
