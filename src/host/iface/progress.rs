//! `progress`: how far a guest is, and the checkpoint that survives a retry.

use bytes::Bytes;

use crate::host::api::v1::imports::semantest::addon::progress::Host;
use crate::host::ports::{PortError, Progress};
use crate::host::state::GuestState;
use crate::model::limit::Limit;

/// Largest note of a progress report, in bytes; the rest is cut.
const MAX_NOTE_BYTES: usize = 256;
/// Largest piece of partial output, in bytes: it goes through the job's event stream.
const MAX_PARTIAL_BYTES: usize = 64 * 1024;
/// Largest checkpoint, in bytes: it lives in the job's record.
const MAX_CHECKPOINT_BYTES: usize = 64 * 1024;

impl Host for GuestState {
    async fn report(&mut self, done: u32, total: u32, note: Option<String>) -> wasmtime::Result<()> {
        self.tally.progress(&self.limits, note.as_ref().map_or(0, String::len).min(MAX_NOTE_BYTES))?;
        if let Some(port) = &self.ports.progress {
            let note = note.map(|note| crate::host::logbook::clean(&note, MAX_NOTE_BYTES));
            port.report(Progress { done: done.min(total), total, note }).await;
        }
        Ok(())
    }

    async fn partial(&mut self, chunk: String) -> Result<(), PortError> {
        within(Limit::PartialBytes, "a piece of partial output", chunk.len(), MAX_PARTIAL_BYTES)?;
        self.tally.progress(&self.limits, chunk.len())?;
        let chunk = serde_json::from_str(&chunk).map_err(|error| PortError::bad_input(format!("not JSON: {error}")))?;
        match &self.ports.progress {
            Some(port) => port.partial(chunk).await,
            None => Err(nowhere()),
        }
    }

    async fn cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.cancel.is_cancelled())
    }

    async fn save_checkpoint(&mut self, state: Vec<u8>) -> Result<(), PortError> {
        within(Limit::CheckpointBytes, "the checkpoint", state.len(), MAX_CHECKPOINT_BYTES)?;
        self.tally.progress(&self.limits, state.len())?;
        match &self.ports.progress {
            Some(port) => port.save_checkpoint(Bytes::from(state)).await,
            None => Err(nowhere()),
        }
    }

    async fn load_checkpoint(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        self.tally.progress(&self.limits, 0)?;
        match &self.ports.progress {
            Some(port) => Ok(port.load_checkpoint().await?.map(Vec::from)),
            None => Ok(None),
        }
    }
}

fn within(limit: Limit, what: &str, bytes: usize, most: usize) -> Result<(), PortError> {
    if bytes <= most {
        return Ok(());
    }
    let number = |bytes| u64::try_from(bytes).unwrap_or(u64::MAX);
    Err(PortError::too_large(what, number(bytes), number(most)).of(limit))
}

fn nowhere() -> PortError {
    PortError::unavailable("this call reports to nobody")
}
