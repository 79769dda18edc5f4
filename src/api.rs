//! REST: requests in, JSON or a problem out.
//!
//! A handler is four lines: extract, call, translate, answer. [`extract`] reads
//! every part of a request whole, so that one answer lists every fault;
//! [`errors`] is the only place that knows both services' errors and HTTP;
//! [`layers`] stands around every handler. [`ops`] is the other listener.

pub mod answer;
mod code_schemas;
pub mod errors;
pub mod extract;
pub mod key_cache;
pub mod layers;
pub mod limits;
mod openapi;
pub mod ops;
pub mod problem;
mod problem_code;
mod router;
pub mod routes;
mod serve;
mod state;
pub mod tenant;

pub use ops::{Figures, OpsState, ReadinessCheck};
pub use router::{openapi_json, router};
pub use serve::{serve, serve_bare, serve_ops};
pub use state::ApiState;
