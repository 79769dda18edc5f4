//! The hook fixture does what its settings say; the host hears each of them.

use anyhow::Result;
use bytes::Bytes;
use semantest::host::invocation::{ImageVerdict, PictureOutcome, PictureVerdict, PromptVerdict, StopReason};
use semantest::host::{Invocation, Reply};
use semantest::model::chat::{Message, Role};
use semantest::model::code::JobCode;
use semantest::model::image::ImageRequest;
use serde_json::{Value, json};

use super::Enabled;

async fn hooks(config: Value) -> Result<Enabled> {
    Enabled::with("semantest.fixture-hooks", config).await
}

fn chat() -> Invocation {
    let message = Message { role: Role::User, text: String::from("hello"), attachments: Vec::new() };
    Invocation::BeforePrompt { history: vec![message] }
}

fn image() -> Invocation {
    Invocation::BeforeImage { request: ImageRequest::of("a cat") }
}

#[tokio::test]
async fn lifecycle_calls_reach_the_addon_and_its_refusals_come_back() -> Result<()> {
    let fine = hooks(json!({})).await?;
    let report = fine.ask(Invocation::Activate).await;
    assert_eq!(report.outcome?, Reply::Done);
    assert!(report.logs.iter().any(|line| line.message == "activated"), "{:?}", report.logs);
    assert_eq!(fine.ask(Invocation::Deactivate(StopReason::UserDisabled)).await.outcome?, Reply::Done);

    let refusing = hooks(json!({ "activate": "refuse", "reconfigure": "fail" })).await?;
    let codes = [Invocation::Activate, Invocation::Reconfigure].map(|invocation| refusing.ask(invocation));
    let mut found = Vec::new();
    for report in codes {
        found.push(report.await.outcome.err().map(|failure| failure.code()));
    }
    assert_eq!(found, [Some(JobCode::AddonRefused), Some(JobCode::AddonFailed)]);
    Ok(())
}

#[tokio::test]
async fn every_verdict_on_a_prompt_arrives() -> Result<()> {
    for (behaviour, expected) in [
        ("pass", "Pass"),
        ("rewrite", "Rewrite([Message { role: User, text: \"marked hello\""),
        ("reply", "Reply(Message { role: Assistant, text: \"marked\""),
        ("add-context", "AddContext([Message { role: System, text: \"marked\""),
        ("block", "Block(Refusal { code: \"fixture-blocked\""),
    ] {
        let hooks = hooks(json!({ "beforePrompt": behaviour })).await?;
        let Reply::BeforePrompt(verdict) = hooks.ask(chat()).await.outcome? else { continue };
        assert!(format!("{verdict:?}").starts_with(expected), "{behaviour}: {verdict:?}");
        assert_eq!(verdict == PromptVerdict::Pass, behaviour == "pass");
    }
    Ok(())
}

#[tokio::test]
async fn every_verdict_on_a_request_arrives() -> Result<()> {
    let rewriting = hooks(json!({ "beforeImage": "rewrite", "mark": "blue" })).await?;
    let expected = Reply::BeforeImage(ImageVerdict::Rewrite(ImageRequest::of("blue a cat")));
    assert_eq!(rewriting.ask(image()).await.outcome?, expected);
    for (behaviour, code) in
        [("fail", JobCode::AddonFailed), ("refuse", JobCode::AddonRefused), ("trap", JobCode::AddonTrapped)]
    {
        let hooks = hooks(json!({ "beforeImage": behaviour })).await?;
        assert_eq!(hooks.ask(image()).await.outcome.err().map(|failure| failure.code()), Some(code), "{behaviour}");
    }
    Ok(())
}

#[tokio::test]
async fn a_picture_is_tagged_or_replaced() -> Result<()> {
    let picture = Bytes::from_static(b"a picture");
    let after = |hooks: &Enabled| Invocation::AfterImage {
        request: ImageRequest::of("a cat"),
        asset: hooks.memory.keep("image/png", picture.clone(), json!({})),
    };
    let tagging = hooks(json!({ "afterImage": "tag" })).await?;
    let Reply::AfterImage(PictureOutcome { tags: Some(tags), .. }) = tagging.ask(after(&tagging)).await.outcome? else {
        anyhow::bail!("no tags");
    };
    assert_eq!((&tags["mark"], &tags["size"], &tags["prompt"]), (&json!("marked"), &json!(9), &json!("a cat")));

    let replacing = hooks(json!({ "afterImage": "replace" })).await?;
    let outcome = replacing.ask(after(&replacing)).await.outcome?;
    let Reply::AfterImage(PictureOutcome { verdict: PictureVerdict::Replace(copy), .. }) = outcome else {
        anyhow::bail!("not replaced: {outcome:?}");
    };
    assert_eq!(replacing.memory.bytes_of(&copy), picture);
    Ok(())
}
