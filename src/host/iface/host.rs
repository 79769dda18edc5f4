//! `host`: what this host can do.

use crate::host::api::v1::imports::semantest::addon::host::Host;
use crate::host::state::GuestState;
use crate::model::contract::HOST_CONTRACT;

impl Host for GuestState {
    fn contract(&mut self) -> wasmtime::Result<String> {
        Ok(HOST_CONTRACT.to_string())
    }

    fn features(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.interfaces.iter().map(|interface| interface.capability().as_str().to_owned()).collect())
    }
}
