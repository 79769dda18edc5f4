//! Settings: defaults, then a file, then the environment; unknown keys are refused.

pub mod egress;
pub mod imaging;
pub mod queues;
pub mod redis;
pub mod sandbox;
pub mod secret;
pub mod storage;
pub mod webhooks;
