//! Small durable state, private to this addon and user. Needs the capability `kv`.
//!
//! Each call of a [`Bucket`] is a round trip to the platform's store: an addon
//! that keeps what belongs together under one key reads it in one.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::bindings::semantest::addon::{kv, kv_types};
pub use kv_types::{Bucket, Entry, KeyPage, Swap};

/// How often [`Bucket::update`] starts over when others write the same key.
const MAX_TRIES: u32 = 16;

/// Opens the bucket.
///
/// # Errors
/// `not-granted` when the user did not consent to `kv`.
pub fn open() -> Result<Bucket, Error> {
    kv::open()
}

impl Bucket {
    /// The value of `key`, read as JSON.
    ///
    /// # Errors
    /// What the host answers, or `permanent` when the value does not fit `T`.
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        match self.get(key)? {
            Some(entry) => Ok(Some(serde_json::from_slice(&entry.value)?)),
            None => Ok(None),
        }
    }

    /// Writes `value` as JSON; with a `lifetime` the host forgets it afterwards.
    ///
    /// # Errors
    /// What the host answers, such as `over-quota`.
    pub fn set_json(&self, key: &str, value: &impl Serialize, lifetime: Option<Duration>) -> Result<(), Error> {
        self.set(key, &serde_json::to_vec(value)?, milliseconds(lifetime)).map(|_| ())
    }

    /// Changes the JSON value of `key` by compare-and-swap: reads it, lets `change` work on it
    /// and answers what `change` answers, once it was written. When somebody else wrote in
    /// between, `change` runs again on what is there then, so it must not do anything else.
    ///
    /// # Errors
    /// What `change` or the host answers; `transient` with the code `kv-contended` after 16 tries.
    pub fn update<T, A>(&self, key: &str, mut change: impl FnMut(&mut T) -> Result<A, Error>) -> Result<A, Error>
    where
        T: Default + Serialize + DeserializeOwned,
    {
        let mut current = self.get(key)?;
        for _ in 0..MAX_TRIES {
            let (mut value, version) = match &current {
                Some(entry) => (serde_json::from_slice(&entry.value)?, Some(entry.version)),
                None => (T::default(), None),
            };
            let answer = change(&mut value)?;
            match self.compare_and_swap(key, &serde_json::to_vec(&value)?, version, None)? {
                Swap::Stored(_) => return Ok(answer),
                Swap::Stale(entry) => current = entry,
            }
        }
        Err(Error::transient("kv-contended", format!("others kept writing `{key}`")))
    }
}

fn milliseconds(lifetime: Option<Duration>) -> Option<u64> {
    lifetime.map(|lifetime| u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX))
}
