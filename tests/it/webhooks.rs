//! Webhook deliveries: outcomes of one attempt against receivers of every temper, and signatures seen from outside.

mod attempts;
mod enablements;
mod endpoints;
mod outcomes;
mod signatures;

use semantest::config::webhooks::WebhookSettings;
use semantest::model::units::Span;
use semantest::net::{Client, ClientLimits, NetError, Policy, Purpose};
use semantest::webhooks::{Deliverer, Delivery, Signers, WebhookSecret};

use crate::net::listing;

/// Settings with a short timeout and no chance in the waits.
fn settings() -> WebhookSettings {
    WebhookSettings { timeout: Span::millis(600), jitter_percent: 0, ..WebhookSettings::default() }
}

/// A deliverer as `dev` has it (`true`) or as production has it.
fn deliverer(is_dev: bool) -> Result<Deliverer, NetError> {
    let policy = Policy::new(&listing(&[]), Purpose::Webhooks, is_dev);
    Ok(Deliverer::new(Client::new(policy, ClientLimits::default())?, &settings()))
}

/// The first attempt of some delivery.
fn delivery(url: impl Into<String>) -> Delivery {
    Delivery {
        url: url.into(),
        webhook_id: String::from("msg_0123"),
        body: String::from(r#"{"type":"job.completed"}"#),
        signers: Signers { secrets: vec![WebhookSecret::generate()], pairs: Vec::new() },
        attempt: 1,
    }
}
