//! Chat messages.

use crate::{Message, Role};

impl Message {
    /// A message of the answering side, without attachments.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: Role::Assistant, text: text.into(), attachments: Vec::new() }
    }

    /// A message of the platform's side, without attachments: what `add-context` usually adds.
    pub fn system(text: impl Into<String>) -> Self {
        Self { role: Role::System, text: text.into(), attachments: Vec::new() }
    }
}
