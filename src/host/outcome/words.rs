//! What wasmtime's errors mean where their types are not told, and the texts that carry numbers.

use wasmtime_wasi_http::FieldMapError;

use crate::host::limiter::Resource;
use crate::model::units::ByteSize;

/// Whether wasmtime stopped copying because the guest passed too much to the host at once.
///
/// wasmtime 48 keeps this error's type private, so the name that it prints for
/// debugging is all there is to recognise it by; a test hits the limit and would
/// notice a new name.
pub(super) fn is_crossing_limit(error: &wasmtime::Error) -> bool {
    format!("{:?}", error.root_cause()) == "HostcallFuelExhausted"
}

pub(super) fn memory_text(resource: Resource, wanted: u64, allowed: u64) -> String {
    match resource {
        Resource::Memory => {
            format!("the addon asked for {wanted} bytes of memory in all, {} are allowed", ByteSize::bytes(allowed))
        }
        Resource::Tables => format!("the addon asked for {wanted} table elements in all, {allowed} are allowed"),
    }
}

pub(super) fn output_text(reached: Option<u64>, allowed: u64) -> String {
    let allowed = ByteSize::bytes(allowed);
    match reached {
        Some(reached) => format!("the addon returned {reached} bytes or more, {allowed} are allowed"),
        None => format!("the addon passed more than the {allowed} that are allowed at once"),
    }
}

/// Whether a guest was ended because headers that it made are larger than they may be.
pub(super) fn is_header_limit(error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref(), Some(FieldMapError::TotalSizeTooBig | FieldMapError::TooManyFields))
}
