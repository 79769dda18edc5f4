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
    pub(super) async fn new(bound: &Bound, keyring: &Keyring, redis: &RedisSettings) -> anyhow::Result<Self> {
        let address = bound.api_address.context("dev always has an API listener")?;
        let webhooks = &bound.app().services().webhooks;
        let ops = bound.ops_address.context("dev always has an operators' listener")?;
        Ok(Self {
            ready: true,
            url: format!("http://{address}"),
            ops_url: format!("http://{ops}"),
            admin_key: keyring.admin_key().to_owned(),
            publisher_key: keyring.publisher_key().to_owned(),
            client_key: keyring.client_key().to_owned(),
            webhook_secret: webhooks.default_secret(&ClientId::parse(DEV_CLIENT)?).await?.secret.reveal(),
            redis_url: redis.url.clone(),
            prefix: redis.prefix.clone(),
        })
    }

    pub(super) fn as_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    pub(super) fn as_text(&self) -> String {
        let Self { url, ops_url, admin_key, publisher_key, client_key, webhook_secret, redis_url, prefix, .. } = self;
        format!(
            r#"
Semantest is ready at {url}

Paste this into a second terminal:

export URL={url} KEY={client_key} PUBLISHER_KEY={publisher_key} ADMIN_KEY={admin_key} WEBHOOK_SECRET={webhook_secret}

and ask for a picture:

curl -sS "$URL/api/v1/chat/new" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
  -H 'Prefer: wait=30' -d '{{"prompt": "A serene garden", "imageGeneration": {{"enabled": true}}}}'

The README's tour goes on from here; {url}/openapi.json describes every route.
Metrics: {ops_url}/metrics   Queues: {redis_url} (prefix {prefix})
Ctrl-C stops everything; the same --data keeps keys, jobs and enablements."#
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_paste_names_what_the_tour_uses() {
        let ready = Ready {
            ready: true,
            url: String::from("http://127.0.0.1:1"),
            ops_url: String::from("http://127.0.0.1:2"),
            admin_key: String::from("sk_dev_a"),
            publisher_key: String::from("sk_dev_p"),
            client_key: String::from("sk_dev_c"),
            webhook_secret: String::from("whsec_w="),
            redis_url: String::from("redis://:secret@127.0.0.1:3"),
            prefix: String::from("{semantest}"),
        };
        let text = ready.as_text();
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("export ")).collect();
        let expected = "export URL=http://127.0.0.1:1 KEY=sk_dev_c PUBLISHER_KEY=sk_dev_p ADMIN_KEY=sk_dev_a \
                        WEBHOOK_SECRET=whsec_w=";
        assert_eq!(lines, [expected]);
        assert!(text.contains(r#"-d '{"prompt": "A serene garden", "imageGeneration": {"enabled": true}}'"#), "{text}");
    }
}
