//! To be written.

pub mod dev_redis;
