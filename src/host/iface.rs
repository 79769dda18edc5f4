//! The host's side of each interface that a guest imports, one file each.

mod assets;
mod config;
mod host;
mod kv;
mod log;
mod progress;
mod random;
mod types;
