//! JSON text from the host, read when and as the addon wants it.

use serde::de::DeserializeOwned;

use crate::Error;

/// JSON text, not parsed yet.
#[derive(Clone, Debug)]
pub struct Json(String);

impl Json {
    /// Wraps text that is known to be JSON.
    #[must_use]
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// Reads the text into `T`.
    ///
    /// # Errors
    /// `bad-input` with the code `json` when the text does not fit `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.0).map_err(|error| Error::bad_input("json", error.to_string()))
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
