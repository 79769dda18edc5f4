//! The one door out: webhooks, addon sources and image providers connect through [`Client`], guests through
//! [`GuestClient`].
//!
//! A [`Policy`] says where one purpose may connect. It is asked twice about
//! each request: about the URL before anything happens, and about every
//! address inside the resolver that dials. The environment's proxies are
//! ignored, nothing is decompressed, bodies are counted while they stream, and
//! strangers get one text for every refusal ([`NetError::public_message`]).

mod client;
mod error;
mod guard;
mod guest;
mod incoming;
mod limits;
pub mod oci;
mod ranges;
mod request;
mod resolver;

pub use client::Client;
pub use error::{NetError, UNREACHABLE};
pub use guard::{Denied, Policy, Purpose};
pub use guest::{GuestAnswer, GuestBody, GuestClient, GuestRequest, GuestSetupError, Tenant, is_own as is_own_header};
pub use incoming::Incoming;
pub use limits::ClientLimits;
pub use request::{Answer, AnswerHeaders, Body, Method, Multipart, Overflow, Request};
pub use resolver::{Lookup, SystemLookup};
