//! Semantest: a host for addons that strangers ship as WebAssembly components.
//!
//! The modules stand in reading order, floor by floor; nothing on a lower
//! floor names anything above it (`docs/ARCHITECTURE.md`, held by `tests/tidy.rs`).

// Floor 0: words and wiring.
pub mod clock;
pub mod config;
pub mod gather;
pub mod model;
pub mod shutdown;
pub mod telemetry;

// Floor 1: one heavy dependency each.
pub mod host;
pub mod net;
pub mod queue;
pub mod store;

// Floor 2: services, and the adapters that let guests reach them.
pub mod addons;
pub mod events;
pub mod imaging;
pub mod ports;
pub mod webhooks;
pub mod work;

// Floor 3: one file a job kind.
pub mod jobs;

// Floor 4: HTTP in, JSON or a problem out.
pub mod api;

// Floor 5: composition.
pub mod app;
pub mod cli;
