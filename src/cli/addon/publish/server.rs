//! A server, as a publisher's program sees it: it is asked, and the job that it makes is waited for.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use crate::cli::say;
use crate::model::digest::Digest;
use crate::net::{Answer, Client, Method, Request};

/// Longest time for one request: 48 MiB on a slow line, and the wait at its end.
const LONGEST: Duration = Duration::from_secs(300);
/// How long the server may wait before it answers with an unfinished job.
const WAIT: &str = "wait=30";
/// Between two looks at an unfinished job; what the server's `Retry-After` says.
const PAUSE: Duration = Duration::from_secs(1);
/// How often an unfinished job is looked at.
const MOST_LOOKS: u32 = 600;

/// A server and a key.
pub(super) struct Server {
    client: Client,
    base: Url,
    key: String,
}

/// How a publication ended.
pub(super) struct Ended(Value);

impl Server {
    pub(super) const fn new(client: Client, base: Url, key: String) -> Self {
        Self { client, base, key }
    }

    /// Uploads a component and waits for the end of its job.
    pub(super) async fn upload(&self, component: Bytes, signature: Option<Bytes>) -> anyhow::Result<Ended> {
        let mut request = self.request(Method::Post, "api/v1/addons")?.body("application/wasm", component);
        if let Some(signature) = signature {
            let text = std::str::from_utf8(&signature).context("the signature is not text")?;
            request = request.header("semantest-signature", text.trim());
        }
        self.finish(request).await
    }

    /// Lets the server take what lies in a registry, and waits for the end of the job.
    pub(super) async fn publish_from(&self, reference: &str, digest: Option<&Digest>) -> anyhow::Result<Ended> {
        let mut body = json!({ "source": { "oci": format!("oci://{reference}") } });
        if let (Some(digest), Some(members)) = (digest, body.as_object_mut()) {
            members.insert(String::from("digest"), json!(digest));
        }
        self.finish(self.request(Method::Post, "api/v1/addons")?.json(&body)).await
    }

    async fn finish(&self, request: Request) -> anyhow::Result<Ended> {
        let answer = self.client.send(request.header("prefer", WAIT)).await;
        let mut answer = read(&answer.with_context(|| format!("asking {}", self.base))?)?;
        for _ in 0..MOST_LOOKS {
            let Some(job) = unfinished(&answer) else { return Ok(Ended(answer)) };
            tokio::time::sleep(PAUSE).await;
            let request = self.request(Method::Get, &format!("api/v1/jobs/{job}"))?;
            answer = read(&self.client.send(request).await.with_context(|| format!("asking {}", self.base))?)?;
        }
        bail!("the job is not over yet: {answer}")
    }

    fn request(&self, method: Method, path: &str) -> anyhow::Result<Request> {
        let url = self.base.join(path).with_context(|| format!("making an address of {}", self.base))?;
        let request = Request::new(method, url).header("authorization", format!("Bearer {}", self.key));
        Ok(request.within(LONGEST))
    }
}

impl Ended {
    /// Whether there is a version now.
    pub(super) fn is_good(&self) -> bool {
        self.0.get("status").is_none_or(|status| status == "completed")
    }

    /// The job, or the version that was there.
    pub(super) const fn as_json(&self) -> &Value {
        &self.0
    }

    /// Prints the job's steps and what came of it.
    pub(super) fn print(&self) {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        for step in self.0.get("steps").and_then(Value::as_array).into_iter().flatten() {
            let (name, status, code) = (text(step, "name"), text(step, "status"), text(step, "code"));
            say::line(format!("  {name:<10} {status} {code}").trim_end());
        }
        if self.0.get("status").is_none() {
            let (id, version) = (text(&self.0, "id"), text(&self.0, "version"));
            return say::line(&format!("{id} {version} is published already, with the same bytes"));
        }
        match self.0.get("result").filter(|_| self.is_good()) {
            Some(result) => {
                let (id, version, state) = (text(result, "addonId"), text(result, "version"), text(result, "state"));
                say::line(&format!("{id} {version} is published ({state}): {}", text(result, "digest")));
            }
            None => {
                let error = self.0.get("error").unwrap_or(&Value::Null);
                say::error(&format!("{}: {}", text(error, "code"), text(error, "message")));
            }
        }
    }
}

/// The id of a job that is not over.
fn unfinished(answer: &Value) -> Option<String> {
    let status = answer.get("status").and_then(Value::as_str)?;
    let is_over = ["completed", "failed", "cancelled"].contains(&status);
    answer.get("jobId").and_then(Value::as_str).filter(|_| !is_over).map(str::to_owned)
}

/// The answer's JSON; a problem is an error that says what the server said.
fn read(answer: &Answer) -> anyhow::Result<Value> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    if answer.is_success() && !body.is_null() {
        return Ok(body);
    }
    let mut said = body.get("detail").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
    for fault in body.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
        said.push_str(&format!("; {} {}", text("pointer"), text("message")));
    }
    bail!("the server refuses with {}: {said}", answer.status)
}
