//! `types`, `image-types`, `chat-types`: plain data, and the contract's one error type.

use std::borrow::Cow;
use std::time::Duration;

use wasmtime::component::ResourceTableError;

use crate::host::api::v1::imports::semantest::addon::{chat_types, image_types, types};
use crate::host::ports::{PortError, PortErrorKind};
use crate::host::state::GuestState;
use crate::model::limit::{Excess, Limit};

impl types::Host for GuestState {
    fn convert_error(&mut self, error: PortError) -> wasmtime::Result<types::Error> {
        // What went beyond a limit of the call ends it: a guest that is only told could go on for ever.
        if let Some(excess) = self.tally.excess() {
            return Err(excess.into());
        }
        if error.code == NO_HANDLES {
            let allowed = u64::try_from(self.limits.handles).unwrap_or(u64::MAX);
            return Err(Excess::beyond(Limit::Handles, allowed).into());
        }
        Ok(error.into())
    }
}

/// The code of a port's error that says that all handles are in use.
const NO_HANDLES: &str = "too-many-handles";

impl image_types::Host for GuestState {}

impl chat_types::Host for GuestState {}

impl From<ResourceTableError> for PortError {
    fn from(error: ResourceTableError) -> Self {
        match error {
            ResourceTableError::Full => {
                Self::new(PortErrorKind::OverQuota, NO_HANDLES, "all handles of this call are in use")
            }
            // The component model checks handles before they get here, so these would be faults of ours.
            ResourceTableError::NotPresent | ResourceTableError::WrongType | ResourceTableError::HasChildren => {
                Self::unavailable(error.to_string())
            }
        }
    }
}

impl From<PortError> for types::Error {
    fn from(error: PortError) -> Self {
        Self {
            kind: error.kind.into(),
            code: error.code.into_owned(),
            message: error.message,
            retry_after_ms: error.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            details: error.details.map(|details| details.to_string()),
        }
    }
}

impl From<types::Error> for PortError {
    fn from(error: types::Error) -> Self {
        Self {
            kind: error.kind.into(),
            code: Cow::Owned(error.code),
            message: error.message,
            retry_after: error.retry_after_ms.map(Duration::from_millis),
            // An author's details that are no JSON are still worth showing.
            details: error.details.map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text))),
        }
    }
}

/// The same list twice, so that a case that is missing on one side does not compile.
macro_rules! same_kinds {
    ($($kind:ident),+ $(,)?) => {
        impl From<PortErrorKind> for types::ErrorKind {
            fn from(kind: PortErrorKind) -> Self {
                match kind {
                    $(PortErrorKind::$kind => Self::$kind,)+
                }
            }
        }

        impl From<types::ErrorKind> for PortErrorKind {
            fn from(kind: types::ErrorKind) -> Self {
                match kind {
                    $(types::ErrorKind::$kind => Self::$kind,)+
                }
            }
        }
    };
}

same_kinds!(BadInput, Refused, Transient, Permanent, Cancelled, NotGranted, OverQuota, Missing, TooLarge, Unavailable,);
