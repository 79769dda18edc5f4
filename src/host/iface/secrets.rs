//! `secrets` and `secrets-reveal`: handles, what stands for them, and, on its own consent, what they hold.

use wasmtime::component::Resource;

use crate::host::api::v1::imports::semantest::addon::{secrets, secrets_reveal};
use crate::host::ports::{OpenSecret, PortError};
use crate::host::resources::HostSecret;
use crate::host::state::GuestState;
use crate::model::limit::Limit;

/// Largest message that is authenticated at once, in bytes: some hundred microseconds of processor time. What is longer is
/// hashed by the guest first, as signing schemes do.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// Longest name that is looked up, in bytes (`model/capability/faults.rs`).
const MAX_NAME_BYTES: usize = 128;

impl secrets::Host for GuestState {
    fn get(&mut self, name: String) -> Result<Resource<HostSecret>, PortError> {
        if name.len() > MAX_NAME_BYTES {
            return Err(PortError::bad_input(format!("a secret's name has at most {MAX_NAME_BYTES} bytes")));
        }
        let port = self.ports.secrets.clone();
        let port = port.ok_or_else(|| PortError::unavailable("no secrets are attached to this call"))?;
        let secret = port.open(&name)?;
        Ok(self.table.push(HostSecret { secret, port })?)
    }
}

impl GuestState {
    fn secret(&self, handle: &Resource<HostSecret>) -> wasmtime::Result<&OpenSecret> {
        Ok(&self.table.get(handle)?.secret)
    }
}

impl secrets::HostSecret for GuestState {
    fn name(&mut self, secret: Resource<HostSecret>) -> wasmtime::Result<String> {
        Ok(self.secret(&secret)?.name.clone())
    }

    fn placeholder(&mut self, secret: Resource<HostSecret>) -> wasmtime::Result<String> {
        Ok(self.secret(&secret)?.placeholder.clone())
    }

    fn hmac_sha256(&mut self, secret: Resource<HostSecret>, message: Vec<u8>) -> Result<Vec<u8>, PortError> {
        if message.len() > MAX_MESSAGE_BYTES {
            let number = |bytes| u64::try_from(bytes).unwrap_or(u64::MAX);
            let refusal = PortError::too_large("the message", number(message.len()), number(MAX_MESSAGE_BYTES));
            return Err(refusal.of(Limit::SignedBytes));
        }
        let HostSecret { secret, port } = self.table.get(&secret)?;
        Ok(port.authenticate(secret, &message)?.to_vec())
    }

    fn drop(&mut self, secret: Resource<HostSecret>) -> wasmtime::Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}

impl secrets_reveal::Host for GuestState {
    async fn reveal(&mut self, secret: Resource<HostSecret>) -> Result<Vec<u8>, PortError> {
        self.tally.door(&self.limits)?;
        let HostSecret { secret, port } = self.table.get(&secret)?;
        let (secret, port) = (secret.clone(), std::sync::Arc::clone(port));
        // From here on it is in the guest's memory, as its user agreed.
        Ok(port.reveal(&secret).await?.expose().to_vec())
    }
}
