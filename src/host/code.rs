//! The one place where bytes become native code of this process.
//!
//! Whatever wasmtime loads here it runs, so each function says where its bytes come from and why nobody else's can be
//! among them. wasmtime itself checks only version and settings.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::host::cache::vault::Code;
use crate::host::compiler::Artifact;

/// Loads code from the vault: sealed memory is mapped, other bytes are copied.
pub(super) fn load(engine: &Engine, code: &Code) -> wasmtime::Result<Component> {
    match code {
        // SAFETY: a `Sealed` carries every seal of the kernel, so neither this process nor any other can change,
        // shorten or lengthen it while it is mapped. Its bytes were copied by this process's vault or by its
        // supervisor's (which this process was started by, over a socket that only the two hold), out of a file whose
        // authentication code, made under a key that only they hold, was checked over the very bytes that were copied.
        // So they are what `Engine::precompile_component` gave for this digest and an engine of the same fingerprint.
        // The path is that of a file descriptor which this process holds open until after the mapping was made.
        Code::Sealed(sealed) => unsafe { Component::deserialize_file(engine, sealed.path()) },
        // SAFETY: the bytes carried such an authentication code as well, and lie in this process's own memory, where
        // nobody could change them after the check.
        Code::Own(bytes) => unsafe { Component::deserialize(engine, bytes) },
    }
}

/// Loads what a child of ours compiled just now.
pub(super) fn load_fresh(engine: &Engine, artifact: &Artifact) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are what `Engine::precompile_component` gave in a child that runs this very program with
    // an engine of the same fingerprint; they came through a pipe that only the child held, and are in this
    // process's own memory.
    unsafe { Component::deserialize(engine, &artifact.code) }
}
