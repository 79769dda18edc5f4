//! Words: the values everything else speaks in. Nothing here does I/O.
//!
//! Each type is parsed once and cannot be wrong afterwards; what travels to
//! disk, Redis or a client is written out field by field in its own file.

pub mod block;
pub mod budget;
pub mod capability;
pub mod causes;
pub mod ceiling;
pub mod chat;
pub mod code;
pub mod contract;
pub mod cron;
pub mod digest;
pub mod disposition;
pub mod egress;
pub mod event;
pub mod grants;
pub mod id;
pub mod image;
pub mod job;
pub mod job_error;
pub mod lifecycle;
pub mod limit;
pub mod limits;
pub mod manifest;
pub mod network;
pub mod origin;
pub mod path_prefix;
pub mod rate;
mod reach;
pub mod right;
pub mod schema;
pub mod secret_value;
pub mod signature;
pub mod started;
pub mod topic;
pub mod units;
pub mod usage;
