//! Compiled code, kept three times: linked and ready to run, checked in sealed memory, and as files that survive a
//! restart.
//!
//! Compiled code is native code: whoever can write it owns the process. A file is
//! therefore believed only after its HMAC under the host's own key was checked, and
//! the code is mapped from the sealed copy that was made of the checked bytes, never from a path that
//! somebody could swap meanwhile.

pub(super) mod counter;
pub(super) mod disk;
pub(super) mod memory;
pub(super) mod sealed;
pub(super) mod vault;
