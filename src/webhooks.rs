//! Webhooks: who hears what, how it is signed, when it is tried again, and one attempt to deliver it.
//!
//! The wire format is Standard Webhooks (`webhook-id`, `webhook-timestamp`,
//! `webhook-signature`), so that receivers verify with a library that they
//! already have. When what happens, and the queue between attempts, are the
//! business of the jobs `dispatch` and `deliver`.

mod body;
mod deliver;
mod deliveries;
mod endpoints;
mod error;
mod fan_out;
mod key_pair;
mod keyring;
mod pacing;
mod schedule;
mod secret;
mod service;
mod sign;

pub use body::truncate_body;
pub use deliver::{Attempt, Attempted, Deliverer, Delivery, Receipt, TargetError};
pub use deliveries::{DeliveryView, Tried};
pub use endpoints::{DisabledView, EndpointChange, EndpointSpec, EndpointView};
pub use error::WebhooksError;
pub use fan_out::Told;
pub use key_pair::{KeyPair, PublicKeyView};
pub use keyring::{SealError, Signers};
pub use schedule::{Schedule, parse_retry_after};
pub use secret::{SecretError, WebhookSecret};
pub use service::{Parts, SecretPair, Webhooks};
pub use sign::{signature_header, webhook_id, webhook_id_of_occurrence};
