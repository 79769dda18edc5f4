//! The integration tests: one binary, one private Redis a test.

mod store;
mod support;
