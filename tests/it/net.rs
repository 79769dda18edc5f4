//! The way out: what it reaches, what it refuses, and how it behaves with hostile peers. All on loopback.

mod bounds;
mod egress;
mod names;
pub(crate) mod peer;
mod redirects;
mod targets;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use semantest::config::egress::{EgressSection, EgressSettings};
use semantest::model::network::Network;
use semantest::model::units::ByteSize;
use semantest::net::{Client, ClientLimits, Lookup, Method, NetError, Policy, Purpose, Request};
use url::Url;

/// What a test returns, so that `?` reports what broke.
pub(crate) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Egress settings that list `networks` for every purpose.
pub(crate) fn listing(networks: &[&str]) -> EgressSettings {
    let allow: Vec<Network> = networks.iter().filter_map(|network| Network::parse(network).ok()).collect();
    let section = EgressSection { allow, ..EgressSection::default() };
    EgressSettings { webhooks: section.clone(), sources: section.clone(), guests: section }
}

/// A client for `purpose` that may reach public addresses and the listed `networks`.
pub(crate) fn client(purpose: Purpose, networks: &[&str]) -> Result<Client, NetError> {
    Client::new(Policy::new(&listing(networks), purpose, false), ClientLimits::default())
}

/// The same with names of the test's own making.
pub(crate) fn client_with(purpose: Purpose, networks: &[&str], lookup: impl Lookup) -> Result<Client, NetError> {
    let lookup: Arc<dyn Lookup> = Arc::new(lookup);
    Client::with_lookup(Policy::new(&listing(networks), purpose, false), ClientLimits::default(), &lookup)
}

/// What streams in from `url`, at most `limit`, within `time`.
pub(crate) async fn streamed(client: &Client, url: Url, limit: ByteSize, time: Duration) -> Result<Bytes, NetError> {
    client.open(&Request::new(Method::Get, url).within(time).refusing_above(limit)).await?.whole().await
}
