//! Compiled code, kept twice: ready to run in memory, and as files that survive a restart.
//!
//! Compiled code is native code: whoever can write it owns the process. A file is
//! therefore believed only after its HMAC under the host's own key was checked, and
//! the code is loaded from those checked bytes in memory, never from a path that
//! somebody could swap meanwhile.

pub(super) mod disk;
pub(super) mod memory;
