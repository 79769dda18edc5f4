//! The starting fixture over ports in memory: what reaches them, and what a guest without them hears.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use parking_lot::Mutex;
use semantest::host::ports::{ImagesPort, JobsPort, PortError};
use semantest::host::{Invocation, Reply};
use semantest::model::image::{ImageRequest, Size};
use semantest::model::job::JobStatus;
use serde_json::{Value, json};

use super::Enabled;

const STARTS: &str = "semantest.fixture-starts";

/// What a guest started, in words.
#[derive(Default)]
struct Started(Mutex<Vec<String>>);

#[async_trait]
impl ImagesPort for Started {
    async fn submit(&self, request: ImageRequest, then: Option<&str>) -> Result<String, PortError> {
        let size = request.size.map(|size| size.to_string()).unwrap_or_default();
        self.0.lock().push(format!("{} {size} {} {then:?}", request.prompt, request.count));
        Ok(String::from("img_1"))
    }

    async fn state(&self, id: &str) -> Result<JobStatus, PortError> {
        if id == "img_1" { Ok(JobStatus::Pending) } else { Err(PortError::missing("no such picture")) }
    }

    async fn cancel(&self, _id: &str) -> Result<bool, PortError> {
        Ok(true)
    }
}

#[async_trait]
impl JobsPort for Started {
    async fn enqueue(
        &self,
        action: &str,
        params: Value,
        delay: Duration,
        dedupe: Option<&str>,
    ) -> Result<String, PortError> {
        self.0.lock().push(format!("{action} {params} {delay:?} {dedupe:?}"));
        Ok(String::from("call_1"))
    }

    async fn cancel(&self, _id: &str) -> Result<bool, PortError> {
        Ok(false)
    }
}

async fn act(addon: &Enabled, started: &Arc<Started>, name: &str, params: Value) -> Result<Value> {
    let mut request = addon.request();
    request.ports.images = Some(Arc::clone(started) as _);
    request.ports.jobs = Some(Arc::clone(started) as _);
    let invocation = Invocation::Action { name: name.to_owned(), params };
    let report = addon.sandbox.host.call(&addon.addon, request, invocation).await;
    let Reply::Action(output) = report.outcome? else { bail!("no action's reply") };
    Ok(output.value)
}

#[tokio::test]
async fn what_a_guest_starts_reaches_the_ports_as_it_said() -> Result<()> {
    let addon = Enabled::by_default(STARTS).await?;
    let started = Arc::default();
    let answer = act(&addon, &started, "submit", json!({"prompt": "a cat", "count": 2, "then": "drawn"})).await?;
    assert_eq!(answer, json!([{"ok": "img_1"}]));
    let later = json!({"action": "echo", "params": {"n": 1}, "delayMs": 250, "dedupe": "soon"});
    assert_eq!(act(&addon, &started, "later", later).await?, json!([{"ok": "call_1"}]));
    let expected = [r#"a cat 64x64 2 Some("drawn")"#, r#"echo {"n":1} 250ms Some("soon")"#];
    assert_eq!(*started.0.lock(), expected);
    assert_eq!(act(&addon, &started, "look", json!({"id": "img_1"})).await?["ok"], "ImageState::Queued");
    assert_eq!(act(&addon, &started, "look", json!({"id": "img_2"})).await?["kind"], "ErrorKind::Missing");
    assert_eq!(act(&addon, &started, "stop", json!({"id": "img_1"})).await?["ok"], true);
    assert_eq!(act(&addon, &started, "never", json!({"id": "call_1"})).await?["ok"], false);
    Ok(())
}

#[tokio::test]
async fn a_malformed_request_never_reaches_the_port() -> Result<()> {
    let addon = Enabled::by_default(STARTS).await?;
    let started = Arc::default();
    let answer = act(&addon, &started, "submit", json!({"prompt": "", "side": 1, "count": 0})).await?;
    assert_eq!(answer[0]["kind"], "ErrorKind::BadInput", "{answer}");
    let faults = answer[0]["details"]["faults"].as_array().map(Vec::len);
    assert_eq!((faults, started.0.lock().len()), (Some(3), 0), "{answer}");
    Ok(())
}

#[tokio::test]
async fn without_a_port_the_host_says_that_it_is_unavailable() -> Result<()> {
    let addon = Enabled::by_default(STARTS).await?;
    for (action, params) in [("submit", json!({})), ("later", json!({}))] {
        let answer = addon.act(action, params).await?;
        assert_eq!(answer[0]["kind"], "ErrorKind::Unavailable", "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_painter_answers_with_its_pictures_or_its_refusal() -> Result<()> {
    let request = ImageRequest { count: 2, size: Some(Size { width: 64, height: 64 }), ..ImageRequest::of("a cat") };
    let good = Enabled::by_default(STARTS).await?;
    let Reply::Drawn(pictures) = good.ask(Invocation::Draw { request: request.clone() }).await.outcome? else {
        bail!("no pictures");
    };
    assert_eq!(pictures.len(), 2);
    assert!(pictures.iter().all(|picture| good.memory.bytes_of(picture).starts_with(b"\x89PNG")));
    assert_eq!(pictures[0].metadata["revisedPrompt"], "a pixel of a cat");
    let refusing = Enabled::with(STARTS, json!({"draw": "refuse"})).await?;
    let failure = refusing.ask(Invocation::Draw { request }).await.outcome.err().map(|failure| failure.code());
    assert_eq!(failure, Some(semantest::model::code::JobCode::AddonRefused));
    Ok(())
}
