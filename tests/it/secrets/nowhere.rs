//! The plaintext of secrets is looked for, byte for byte, in everything that the program keeps and says.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use redis::Value as Kept;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ADDON, bound_to, of_user, set};
use crate::net::peer::{Peer, answer};
use crate::support::http::Http;
use crate::support::program::Program;
use crate::support::receiver::Receiver;
use crate::support::tenant::id_of;
use crate::support::until;

/// The user's, the client's and the publisher's value of the same secret; each is used at one time.
const VALUES: [&str; 3] = ["zebra-Quartz/user+0001", "zebra-Quartz/client+0002", "zebra-Quartz/publisher+0003"];
/// What is no secret and has to be found, or the search proves nothing.
const MARKER: &str = "a marker in the clear 4711";

/// Everything that was seen: where, and the bytes.
type Seen = Vec<(String, Vec<u8>)>;

/// Where any of the values stands, in any of the spellings.
fn found(seen: &Seen) -> Vec<String> {
    let spellings = |value: &str| {
        let encoded = [BASE64_STANDARD.encode(value), BASE64_URL_SAFE.encode(value)];
        let bare = encoded.map(|text| text.trim_end_matches('=').to_owned());
        bare.into_iter().chain([value.to_owned(), hex::encode(value), hex::encode_upper(value)])
    };
    let needles: Vec<String> = VALUES.iter().flat_map(|value| spellings(value)).collect();
    let mut places = Vec::new();
    for (place, bytes) in seen {
        let text = String::from_utf8_lossy(bytes);
        for needle in &needles {
            if text.contains(needle) {
                places.push(format!("`{needle}` in {place}"));
            }
        }
    }
    places
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(needle)
}

/// Every key of a Redis and whatever stands under it.
async fn kept(url: &str) -> Seen {
    let client = redis::Client::open(url).expect("a Redis URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.expect("keys");
    let mut all = Seen::new();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.expect("a type");
        let words: &[&str] = match kind.as_str() {
            "string" => &["GET"],
            "hash" => &["HGETALL"],
            "list" => &["LRANGE", "0", "-1"],
            "set" => &["SMEMBERS"],
            "zset" => &["ZRANGE", "0", "-1"],
            "stream" => &["XRANGE", "-", "+"],
            // It went away while we looked.
            "none" => continue,
            other => panic!("nobody looks into a {other}: {key}"),
        };
        let mut command = redis::cmd(words[0]);
        command.arg(&key).arg(&words[1..]);
        let value: Kept = command.query_async(&mut connection).await.expect("a value");
        let mut bytes = key.clone().into_bytes();
        flatten(&value, &mut bytes);
        all.push((format!("the Redis key {key}"), bytes));
    }
    all
}

fn flatten(value: &Kept, bytes: &mut Vec<u8>) {
    bytes.push(b'\n');
    match value {
        Kept::BulkString(text) => bytes.extend_from_slice(text),
        Kept::SimpleString(text) => bytes.extend_from_slice(text.as_bytes()),
        Kept::Array(values) | Kept::Set(values) => values.iter().for_each(|value| flatten(value, bytes)),
        Kept::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            flatten(key, bytes);
            flatten(value, bytes);
        }),
        other => bytes.extend_from_slice(format!("{other:?}").as_bytes()),
    }
}

fn files(folder: &Path) -> Seen {
    let mut all = Seen::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.is_file() {
            all.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
    all
}

/// A running `dev` with the fixture, and everything that it answered.
struct Stage {
    client: Http,
    admin: Http,
    receiver: Receiver,
    seen: Seen,
}

impl Stage {
    /// Runs an action to its end, and reads everything that anybody may read of the job.
    async fn act(&mut self, action: &str, params: Value) -> Value {
        let path = format!("/api/v1/users/alice/addons/{ADDON}/actions/{action}");
        let asked = self.client.post(&path, &json!({ "params": params, "webhookUrl": self.receiver.url() })).await;
        let job = id_of(&asked.expect(202).json());
        let path = format!("/api/v1/jobs/{job}");
        let stream = self.client.get(&format!("{path}/events")).await.expect(200);
        self.seen.push((format!("the events of {action}"), stream.bytes));
        let is_over =
            async || ["completed", "failed"].contains(&self.client.job(&job).await["status"].as_str().unwrap_or(""));
        until("the job is over", is_over).await;
        for part in ["", "/logs?limit=200"] {
            let answer = self.client.get(&format!("{path}{part}")).await.expect(200);
            self.seen.push((format!("{path}{part} of {action}"), answer.bytes));
        }
        self.client.job(&job).await
    }

    async fn look(&mut self, paths: &[String]) {
        for path in paths {
            let answer = self.client.get(path).await.expect(200);
            self.seen.push((path.clone(), answer.bytes));
        }
    }

    /// Sets the secret on all three levels, and tries what is refused.
    async fn set_everywhere(&mut self, of_client: &str) {
        let of_all = format!("/api/v1/admin/addons/{ADDON}/secrets");
        for (caller, path, value) in [
            (self.admin.clone(), &of_all, VALUES[2]),
            (self.client.clone(), &of_client.to_owned(), VALUES[1]),
            (self.client.clone(), &of_user("alice"), VALUES[0]),
        ] {
            set(&caller, path, "key", value).await.expect(204);
            // A value that is refused leaves no trace either.
            let body = json!({ "value": value, "hint": value });
            let request = caller.request(Method::PUT, &format!("{path}/key")).json(&body);
            let refused = caller.send(request).await.expect(422);
            self.seen.push((String::from("a refusal"), refused.bytes));
            let enabled = async || self.client.enablement("alice", ADDON).await.json()["state"] == "enabled";
            until("the fixture is enabled", enabled).await;
        }
    }

    /// Sends and signs with each value in turn: the user's, the client's, the publisher's.
    async fn send_each(&mut self, bound: &Peer, of_client: &str) {
        let url = format!("{}/path?key={{{{key}}}}", origin_of(bound));
        for expected in VALUES {
            let sent = self.act("send", json!({ "url": url, "headers": { "x-key": "{{key}}" } })).await;
            assert_eq!(sent["status"], "completed", "{sent}");
            let seen = bound.seen();
            assert_eq!(
                seen.last().and_then(|seen| seen.header("x-key")),
                Some(expected),
                "it does get where it belongs"
            );
            let signed = self.act("sign", json!({ "message": MARKER })).await;
            assert_eq!(signed["status"], "completed", "{signed}");
            if expected != VALUES[2] {
                // Removed, the next one counts.
                let path = if expected == VALUES[0] { of_user("alice") } else { of_client.to_owned() };
                self.client.delete(&format!("{path}/key")).await.expect(204);
            }
        }
    }

    /// What a guest that reads the secret may try, and how it ends.
    async fn misbehave(&mut self, origin: &str) {
        let url = format!("{origin}/path?key={{{{key}}}}");
        for (action, params, code) in [
            ("length", json!({}), Value::Null),
            ("log", json!({}), Value::Null),
            ("send", json!({ "url": url, "body": "it is [[key]]" }), json!("EGRESS_DENIED")),
            ("trap", json!({}), json!("ADDON_TRAPPED")),
            ("panic", json!({}), json!("ADDON_TRAPPED")),
        ] {
            let job = self.act(action, params).await;
            assert_eq!(job["error"]["code"], code, "{action}: {job}");
        }
    }
}

fn origin_of(peer: &Peer) -> String {
    peer.url("").expect("a URL").origin().ascii_serialization()
}

#[tokio::test]
async fn the_value_of_a_secret_is_in_no_record_file_log_event_or_answer() {
    let (folder, addons) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (data, none) = (folder.path().display().to_string(), addons.path().display().to_string());
    let words = ["dev", "--json", "--listen", "127.0.0.1:0", "--data", &data, "--addons", &none];
    // Everything that our own code can say, and what our dependencies say at their chattiest that is still about events.
    let log = (String::from("SEMANTEST_LOG"), String::from("trace"));
    let mut program = Program::start(&words, &[log]);
    let ready = program.first_answer().await;
    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    let caller = |key: &str| Http::to(&text("url")).with_key(&text(key));
    let bound = Peer::start(vec![answer(200, "", "ok")]).await.expect("a free port");
    let origin = origin_of(&bound);
    let mut stage = Stage {
        client: caller("clientKey"),
        admin: caller("adminKey"),
        receiver: Receiver::content().await,
        seen: Seen::new(),
    };
    stage.admin.publish_well(bound_to(&origin, "https://other.example.com")).await;
    stage.client.enable("alice", ADDON, &json!({ "webhookUrl": stage.receiver.url() })).await.expect(200);

    let of_client = format!("/api/v1/addons/{ADDON}/secrets");
    stage.set_everywhere(&of_client).await;
    stage.send_each(&bound, &of_client).await;
    stage.misbehave(&origin_of(&bound)).await;
    let addon = format!("/api/v1/users/alice/addons/{ADDON}");
    stage.look(&[addon.clone(), format!("{addon}/data"), format!("{addon}/secrets"), of_client]).await;
    let told = stage.receiver.arrived_at_least(12).await;
    stage.seen.extend(told.iter().map(|told| (String::from("a webhook"), told.bytes().to_vec())));
    let metrics = Http::to(&text("opsUrl")).get("/metrics").await.expect(200);
    stage.seen.push((String::from("/metrics"), metrics.bytes));

    let records = kept(&text("redisUrl")).await;
    assert!(
        records.len() > 20 && records.iter().any(|(_, bytes)| holds(bytes, MARKER)),
        "the search finds nothing at all"
    );
    assert!(
        records.iter().any(|(key, _)| key.contains("secrets:user:default") || key.contains(":secrets:")),
        "rows are there"
    );
    stage.seen.extend(records);
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
    let files = files(folder.path());
    let is_kept = |(name, bytes): &(String, Vec<u8>)| name.contains("appendonly") && holds(bytes, MARKER);
    assert!(files.iter().any(is_kept), "Redis' own log of writes holds what was written");
    stage.seen.extend(files);
    let log = program.log();
    assert!(log.contains("secret.revealed") || log.contains("SecretRevealed"), "readings in clear are in the log");
    stage.seen.push((String::from("the log"), log.into_bytes()));
    let places = found(&stage.seen);
    assert!(places.is_empty(), "{places:#?}");
}
