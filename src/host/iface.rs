//! The host's side of each interface that a guest imports, one file each.

mod assets;
mod config;
mod events;
mod host;
pub(super) mod http;
mod images;
mod jobs;
mod kv;
mod log;
mod progress;
mod random;
mod secrets;
mod types;
