//! Small durable state that all users of one client share for this addon. Needs the capability `kv-shared`.
//!
//! Several calls write at the same time: change values with [`Bucket::update`](crate::kv::Bucket::update) and
//! [`increment`](crate::kv::Bucket::increment) rather than by reading and setting.

use crate::Error;
use crate::bindings::semantest::addon::kv_shared;
use crate::kv::Bucket;

/// Opens the bucket.
///
/// # Errors
/// `not-granted` when the user did not consent to `kv-shared`.
pub fn open() -> Result<Bucket, Error> {
    kv_shared::open()
}
