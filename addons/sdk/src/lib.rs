//! Write addons for Semantest in Rust.
//!
//! An addon is a type that implements one trait for each thing it does, and a
//! line that exports them. The component's world is made from that line: what
//! is not named is not exported, and what is not called is not imported, so an
//! addon that keeps nothing in [`kv`] needs no capability for it.
//!
//! ```
//! use semantest_addon::{Actions, Call, Error, Json, Output, log};
//!
//! struct Greeter;
//!
//! impl Actions for Greeter {
//!     fn invoke(_call: Call, name: &str, params: Json) -> Result<Output, Error> {
//!         #[derive(serde::Deserialize)]
//!         struct Params { who: String }
//!         let params: Params = params.read()?;
//!         log!(info, "ran `{name}`"; who = params.who);
//!         Output::of(&format!("hello {}", params.who))
//!     }
//! }
//!
//! semantest_addon::export!(Greeter: Actions);
//! ```
//!
//! Beside it stands `addon.toml`, the manifest; `semantest addon build` makes
//! the component from both. Each call runs in a fresh instance that is dropped
//! afterwards: a `static` remembers nothing, [`kv`] does.

#[cfg(all(target_family = "wasm", feature = "arena-allocator"))]
mod allocator;
pub mod assets;
#[doc(hidden)]
pub mod bindings;
mod chat;
pub mod config;
mod error;
pub mod events;
mod export;
pub mod http;
pub mod images;
pub mod jobs;
mod json;
pub mod kv;
pub mod kv_shared;
mod last_words;
mod logging;
pub mod progress;
pub mod provider;
pub mod schedule;
pub mod secrets;

pub use assets::{Asset, AssetWriter};
pub use bindings::semantest::addon::chat_types::{Message, Role};
pub use bindings::semantest::addon::host;
pub use bindings::semantest::addon::image_types::{ImageRequest, Size};
pub use bindings::semantest::addon::types::{Call, Error, ErrorKind, Refusal};
pub use export::{
    Actions, AfterImage, AfterReply, BeforeImage, BeforePrompt, ConfigHandler, EventHandler, Exported, ImageProvider,
    ImageVerdict, Lifecycle, Migration, Output, PictureOutcome, PictureVerdict, PromptVerdict, ReplyVerdict,
    ScheduleHandler, StopReason,
};
pub use json::Json;
pub use logging::{Level, write_log};
pub use {serde, serde_json};
