//! The host's side of each interface that a guest imports, one file each.

pub(super) mod assets;
mod config;
mod host;
pub(super) mod kv;
mod log;
mod progress;
mod types;
