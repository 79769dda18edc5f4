//! The contract as Rust types, one module a major version.

pub(super) mod v1;
