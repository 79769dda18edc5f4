//! The store, on a real Redis.

mod jobs;
