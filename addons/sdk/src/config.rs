//! The user's settings, checked against the manifest's schema, defaults applied.

use serde::de::DeserializeOwned;

use crate::bindings::semantest::addon::config;
use crate::{Error, Json};

/// The settings as `T`.
///
/// # Errors
/// `bad-input` when `T` asks for something that the schema does not promise.
pub fn get<T: DeserializeOwned>() -> Result<T, Error> {
    raw().read()
}

/// The settings as they came.
#[must_use]
pub fn raw() -> Json {
    Json::from_text(config::get())
}
