//! Makes a component of what a compiler wrote.

use anyhow::{Context as _, bail};
use wit_component::ComponentEncoder;

use crate::host::inspect::BinaryKind;

/// A component stays as it is; a core module becomes one by the types that its bindings left in it.
pub(super) fn component(bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    match BinaryKind::of(&bytes) {
        BinaryKind::Component => Ok(bytes),
        BinaryKind::CoreModule => {
            ComponentEncoder::default().module(&bytes).and_then(|encoder| encoder.validate(true).encode()).context(
                "cannot make a component of this module; it must be built for wasm32-unknown-unknown with bindings \
                 of the contract (wit/), or be a component already (wasm32-wasip2)",
            )
        }
        other => bail!("the input is {other}; {}", other.advice()),
    }
}
