//! `semantest.prompt-styles`: a style in every request, banned words in none.

use anyhow::{Result, bail};
use semantest::host::invocation::ImageVerdict;
use semantest::host::{Invocation, Reply};
use semantest::model::image::ImageRequest;
use semantest::model::manifest::HookPoint;
use serde_json::{Value, json};

use super::Enabled;

async fn verdict(config: Value, request: ImageRequest) -> Result<ImageVerdict> {
    let mut styles = Enabled::with("semantest.prompt-styles", config).await?;
    styles.limits = semantest::model::limits::CallLimits {
        memory: styles.hook_limits(HookPoint::BeforeImage).memory,
        ..styles.limits
    };
    match styles.ask(Invocation::BeforeImage { request }).await.outcome? {
        Reply::BeforeImage(verdict) => Ok(verdict),
        other => bail!("not an image's reply: {other:?}"),
    }
}

async fn rewritten(config: Value, request: ImageRequest) -> Result<ImageRequest> {
    match verdict(config, request).await? {
        ImageVerdict::Rewrite(request) => Ok(request),
        other => bail!("not rewritten: {other:?}"),
    }
}

#[tokio::test]
async fn the_default_style_is_added_and_the_rest_stays() -> Result<()> {
    let asked = ImageRequest { seed: Some(7), count: 2, ..ImageRequest::of("A serene garden") };
    let request = rewritten(json!({}), asked).await?;
    assert!(request.prompt.starts_with("A serene garden, loose watercolour"), "{}", request.prompt);
    assert_eq!(request.negative_prompt.as_deref(), Some("photograph, hard outlines"));
    assert_eq!((request.seed, request.count), (Some(7), 2));
    Ok(())
}

#[tokio::test]
async fn a_request_may_name_another_preset_and_a_providers_own_style_stays() -> Result<()> {
    let with_style = |style: &str| ImageRequest { style: Some(style.to_owned()), ..ImageRequest::of("a cat") };
    let ink = rewritten(json!({}), with_style("ink")).await?;
    assert!(ink.prompt.starts_with("a cat, black ink drawing"), "{}", ink.prompt);
    assert_eq!(ink.style, None, "a preset's name means nothing to a provider");
    let vivid = rewritten(json!({}), with_style("vivid")).await?;
    assert!(vivid.prompt.contains("watercolour"), "{}", vivid.prompt);
    assert_eq!(vivid.style.as_deref(), Some("vivid"));
    Ok(())
}

#[tokio::test]
async fn an_own_preset_stands_around_the_prompt() -> Result<()> {
    let config = json!({ "style": "ours", "presets": { "ours": { "before": "poster of", "after": "three colours" } } });
    let request = rewritten(config, ImageRequest::of("a cat")).await?;
    assert_eq!(request.prompt, "poster of, a cat, three colours");
    assert_eq!(request.negative_prompt, None);
    Ok(())
}

#[tokio::test]
async fn banned_words_block_or_vanish() -> Result<()> {
    let config = json!({ "style": "none", "bannedWords": ["logo", "new york"] });
    let ImageVerdict::Block(refusal) = verdict(config, ImageRequest::of("a Logo on a wall")).await? else {
        bail!("a banned word passed");
    };
    assert_eq!((refusal.code.as_str(), refusal.message.as_str()), ("banned-word", "“logo” is a banned word"));

    let config = json!({ "style": "none", "bannedWords": ["logo", "new york"], "onBannedWord": "remove" });
    let request = rewritten(config.clone(), ImageRequest::of("a Logo in New  York at night")).await?;
    assert_eq!(request.prompt, "a in at night");
    let nothing_left = verdict(config, ImageRequest::of("LOGO")).await?;
    assert!(matches!(nothing_left, ImageVerdict::Block(_)), "{nothing_left:?}");
    Ok(())
}

#[tokio::test]
async fn nothing_to_do_passes() -> Result<()> {
    assert_eq!(verdict(json!({ "style": "none" }), ImageRequest::of("a cat")).await?, ImageVerdict::Pass);
    assert_eq!(verdict(json!({ "style": "no-such" }), ImageRequest::of("a cat")).await?, ImageVerdict::Pass);
    Ok(())
}

#[tokio::test]
async fn a_prompt_without_room_for_a_style_is_still_drawn() -> Result<()> {
    let long = "x".repeat(4000);
    let request = rewritten(json!({}), ImageRequest::of(&long)).await?;
    assert_eq!(request.prompt, long);
    Ok(())
}
