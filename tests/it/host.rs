//! The sandbox: what a guest can do, and what happens when it does more.

pub(crate) mod compiler;
mod compiling;
mod doors;
pub(crate) mod guest;
mod leave;
mod misbehaviour;
mod wasi;
mod wit;
