//! The integration tests: one binary, one private Redis a test.
#![cfg(test)]

mod store;
mod support;
