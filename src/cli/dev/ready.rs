//! What `dev` says when it is ready: one line for programs, a page for people.

use anyhow::Context as _;
use serde::Serialize;

use crate::app::Bound;
use crate::cli::dev::keyring::{DEV_CLIENT, Keyring};
use crate::config::redis::RedisSettings;
use crate::model::id::ClientId;

/// Everything somebody needs to begin.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ready {
    ready: bool,
    url: String,
    ops_url: String,
    admin_key: String,
    publisher_key: String,
    client_key: String,
    webhook_secret: String,
    redis_url: String,
    prefix: String,
}

impl Ready {
    pub(super) fn new(bound: &Bound, keyring: &Keyring, redis: &RedisSettings) -> anyhow::Result<Self> {
        let address = bound.api_address.context("dev always has an API listener")?;
        Ok(Self {
            ready: true,
            url: format!("http://{address}"),
            ops_url: format!("http://{}", bound.ops_address),
            admin_key: keyring.admin_key().to_owned(),
            publisher_key: keyring.publisher_key().to_owned(),
            client_key: keyring.client_key().to_owned(),
            webhook_secret: bound.app().services().webhooks.default_secret(&ClientId::parse(DEV_CLIENT)?).reveal(),
            redis_url: redis.url.clone(),
            prefix: redis.prefix.clone(),
        })
    }

    pub(super) fn as_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    pub(super) fn as_text(&self) -> String {
        let Self { url, ops_url, admin_key, publisher_key, client_key, webhook_secret, redis_url, .. } = self;
        format!(
            r#"
Semantest is ready.

  API             {url}
  operators       {ops_url}/metrics
  client key      {client_key}
  publisher key   {publisher_key}
  admin key       {admin_key}
  webhook secret  {webhook_secret}
  Redis           {redis_url}

Try a picture:

  curl -s {url}/api/v1/chat/new -H 'Authorization: Bearer {client_key}' -H 'Content-Type: application/json' \
    -H 'Prefer: wait=30' -d '{{"prompt":"A serene garden","imageGeneration":{{"enabled":true}}}}'

The README's tour goes on from here. Ctrl-C stops everything."#
        )
    }
}
