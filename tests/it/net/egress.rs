//! Requests of addons: none gets where it may not go, and the allowed one beside it does. Real guests, all on loopback.

mod budget;
mod door;
mod headers;
mod jobs;
mod mishaps;
mod names;
mod pools;
mod server;
mod targets;
mod tls;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use semantest::config::guest_http::GuestHttpSettings;
use semantest::host::{CallFailure, CallReport, CompiledAddon, Invocation, Ports, Reply};
use semantest::model::ceiling::{Bounds, Ceilings};
use semantest::model::grants::Grants;
use semantest::model::id::{AddonId, ClientId};
use semantest::model::limits::CallLimits;
use semantest::model::manifest::Manifest;
use semantest::model::right::Rights;
use semantest::net::{GuestClient, Lookup, SystemLookup};
use semantest::ports::CallHttp;
use serde_json::{Value, json};

use super::listing;
use crate::host::guest::{Sandbox, request, roomy};
use crate::support::components::built;

/// The fixture that sends what it is told.
const ADDON: &str = "semantest.fixture-fetch";

/// A guest that may send requests, within rights and limits of a test's own.
struct Fetcher {
    sandbox: Sandbox,
    addon: CompiledAddon,
    client: GuestClient,
    rights: Arc<Rights>,
    limits: CallLimits,
    tenant: String,
}

/// Settings that a test changes one of.
fn quick() -> GuestHttpSettings {
    GuestHttpSettings::default()
}

/// The way out, with `networks` listed.
fn way_out(settings: &GuestHttpSettings, networks: &[&str], lookup: impl Lookup) -> Result<GuestClient> {
    Ok(GuestClient::with_lookup(&listing(networks), settings, false, Arc::new(lookup))?)
}

/// Rights to send anything to `hosts`.
fn rights(hosts: &[String]) -> Result<Arc<Rights>> {
    let capability = |hosts: &[String]| json!({ "kind": "http", "reason": "a test", "hosts": hosts });
    let manifest = Manifest::from_value(json!({
        "id": ADDON, "version": "0.1.0", "name": "Fetch", "description": "Fetches.", "actions": [{ "name": "fetch" }],
        "capabilities": hosts.chunks(64).map(capability).collect::<Vec<_>>(),
    }))?;
    let given = Grants::requested(&manifest);
    Ok(Arc::new(Rights::new(&manifest, Bounds::new(&Ceilings::default(), None), Some(given))))
}

impl Fetcher {
    /// A guest that may ask `hosts`, where the listed `networks` may be reached.
    async fn new(hosts: &[String], networks: &[&str]) -> Result<Self> {
        Self::over(way_out(&quick(), networks, SystemLookup)?, hosts).await
    }

    /// The same over another way out.
    async fn over(client: GuestClient, hosts: &[String]) -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let addon = sandbox.ready(built(ADDON)).await?;
        Ok(Self { sandbox, addon, client, rights: rights(hosts)?, limits: roomy(), tenant: String::from("acme") })
    }

    /// The doors of one call.
    fn ports(&self) -> Result<Ports> {
        let (client, addon) = (ClientId::parse(&self.tenant)?, AddonId::parse(ADDON)?);
        let http = CallHttp::new(self.client.clone(), (&client, &addon), Arc::clone(&self.rights));
        Ok(Ports { http: Some(Arc::new(http)), ..Ports::none() })
    }

    /// One call, whatever comes of it.
    async fn report(&self, action: &str, params: Value) -> Result<CallReport> {
        let mut request = request(self.limits);
        request.ports = self.ports()?;
        let invocation = Invocation::Action { name: action.to_owned(), params };
        Ok(self.sandbox.host.call(&self.addon, request, invocation).await)
    }

    /// What an action answers.
    async fn act(&self, action: &str, params: Value) -> Result<Value> {
        match self.report(action, params).await?.outcome? {
            Reply::Action(output) => Ok(output.value),
            other => anyhow::bail!("{other:?}"),
        }
    }

    /// How an action fails that must fail.
    async fn failure(&self, action: &str, params: Value) -> Result<CallFailure> {
        self.report(action, params).await?.outcome.err().context("it did not fail")
    }

    /// What came of a GET to `url`: the answer, or `error` and `code`.
    async fn get(&self, url: &str) -> Result<Value> {
        let all = self.act("try-all", json!({ "urls": [url] })).await?;
        Ok(all.get(0).cloned().unwrap_or_default())
    }
}

/// Whether a peer's own port may be asked: as a pattern for rights.
fn place(url: &url::Url) -> String {
    url.origin().ascii_serialization()
}
