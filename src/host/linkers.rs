//! One linker per set of doors, made when the set is first seen.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::host::compile_error::CompileError;
use crate::host::interface::InterfaceSet;
use crate::host::state::{self, GuestState};

/// The linkers of one engine.
pub(super) struct Linkers {
    engine: Engine,
    made: Mutex<HashMap<InterfaceSet, Arc<Linker<GuestState>>>>,
}

impl Linkers {
    pub(super) fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), made: Mutex::new(HashMap::new()) }
    }

    /// The linker that knows the baseline and the doors in `interfaces`.
    pub(super) fn get(&self, interfaces: InterfaceSet) -> Result<Arc<Linker<GuestState>>, CompileError> {
        let mut made = self.made.lock();
        if let Some(linker) = made.get(&interfaces) {
            return Ok(Arc::clone(linker));
        }
        let mut linker = Linker::new(&self.engine);
        state::link(&mut linker, interfaces)
            .map_err(|error| CompileError::Import { source: error.into_boxed_dyn_error() })?;
        let linker = Arc::new(linker);
        made.insert(interfaces, Arc::clone(&linker));
        Ok(linker)
    }
}
