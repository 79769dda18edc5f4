//! What is asked of the server, and what becomes of its pictures.

use std::time::Duration;

use semantest::config::imaging::Price;
use semantest::imaging::cost::Cost;
use semantest::model::image::{ImageRequest, Size};
use serde_json::{Value, json};

use super::{KEY, answer, ask, bytes, context, imaging, picture, pictures, settings, to};
use crate::net::peer::{Peer, Script};

#[tokio::test]
async fn the_server_is_asked_in_its_own_words() -> anyhow::Result<()> {
    let peer = Peer::start(vec![pictures(&[picture(3)?, picture(4)?])]).await?;
    let request = ImageRequest {
        count: 2,
        size: Some(Size { width: 1536, height: 1024 }),
        quality: Some(String::from("high")),
        negative_prompt: Some(String::from("people")),
        extra: Some(json!({ "background": "transparent", "model": "dearer", "n": 99 })),
        ..to("openai")
    };
    let generated = ask(&peer, &request).await??;
    let seen = peer.seen().into_iter().next().unwrap_or_default();
    assert_eq!(seen.line, "POST /v1/images/generations HTTP/1.1");
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(
        serde_json::from_slice::<Value>(&seen.body)?,
        json!({
            "model": "gpt-image-2.5-flare", "prompt": "a garden\n\nLeave out: people", "n": 2, "size": "1536x1024",
            "quality": "high", "background": "transparent", "safety_identifier": "tag-of-the-user",
        })
    );
    assert_eq!(generated.pictures.len(), 2);
    assert_eq!((generated.provider.as_str(), generated.model.as_str()), ("openai", "gpt-image-2.5-flare"));
    assert!(generated.notes.iter().any(|note| note.contains("`extra.model` is not passed on")));
    Ok(())
}

#[tokio::test]
async fn pictures_come_as_base64_or_by_address_and_their_bytes_are_kept() -> anyhow::Result<()> {
    let original = picture(5)?;
    let store = Peer::start(vec![bytes("image/png", &original)]).await?;
    let elsewhere = json!({ "data": [{ "url": store.url("/finished/1.png")? }] });
    let asked = Peer::start(vec![answer(200, "", &elsewhere.to_string())]).await?;
    let refused = ask(&asked, &to("openai")).await?.err().map(|error| error.public_message()).unwrap_or_default();
    assert!(refused.contains("not allowed or unreachable"), "another server on loopback is a stranger: {refused}");
    assert_eq!(store.connections(), 0);

    // The server's own address is what the admin wrote, so it is allowed, loopback or not.
    let peer = Peer::start_naming_itself(|own| {
        let data = json!({ "data": [{ "url": format!("http://{own}/1.png"), "revised_prompt": "a calm garden" }] });
        vec![answer(200, "", &data.to_string()), bytes("image/png", &original)]
    })
    .await?;
    for (peer, revised) in
        [(peer, Some("a calm garden")), (Peer::start(vec![pictures(std::slice::from_ref(&original))]).await?, None)]
    {
        let generated = ask(&peer, &to("openai")).await??;
        let picture = generated.pictures.first().map(|picture| {
            (
                picture.bytes.as_ref(),
                picture.media_type,
                picture.width,
                picture.height,
                picture.revised_prompt.as_deref(),
            )
        });
        assert_eq!(picture, Some((original.as_slice(), "image/png", 5, 2, revised)));
    }
    Ok(())
}

#[tokio::test]
async fn dalle3_is_asked_for_in_todays_words_and_the_result_says_so() -> anyhow::Result<()> {
    let peer = Peer::start(vec![pictures(&[picture(3)?])]).await?;
    let request = ImageRequest {
        model: Some(String::from("dall-e-3")),
        size: Some(Size { width: 1792, height: 1024 }),
        quality: Some(String::from("hd")),
        style: Some(String::from("vivid")),
        ..to("dalle3")
    };
    let generated = ask(&peer, &request).await??;
    let seen = peer.seen().into_iter().next().unwrap_or_default();
    let body: Value = serde_json::from_slice(&seen.body)?;
    assert_eq!((&body["model"], &body["size"]), (&json!("gpt-image-2.5-flare"), &json!("1536x1024")));
    assert_eq!((&body["quality"], body.get("style")), (&json!("high"), None));
    assert!(body["prompt"].as_str().is_some_and(|prompt| prompt.contains("Vivid")));
    assert_eq!((generated.provider.as_str(), generated.requested_provider.as_str()), ("openai", "dalle3"));
    assert!(generated.notes.iter().any(|note| note.contains("`dalle3` is an alias")), "{:?}", generated.notes);
    Ok(())
}

#[tokio::test]
async fn what_pictures_cost_is_what_the_settings_say() -> anyhow::Result<()> {
    let peer = Peer::start(vec![pictures(&[picture(3)?, picture(3)?])]).await?;
    let mut settings = settings(Some(peer.url("/v1")?));
    if let Some(openai) = settings.providers.get_mut("openai") {
        openai.prices = vec![Price { usd_micros: 40_000, ..Price::default() }];
    }
    let request = ImageRequest { count: 2, ..to("openai") };
    let generated = imaging(&settings)?.generate(&request, &context()).await?;
    assert_eq!(generated.cost, Some(Cost { usd_micros: 80_000 }));
    Ok(())
}

#[tokio::test]
async fn cancelling_drops_the_request() -> anyhow::Result<()> {
    let peer = Peer::start(vec![Script::Silence]).await?;
    let (service, cx) = (imaging(&settings(Some(peer.url("/v1")?)))?, context());
    let cancel = cx.cancel.clone();
    let cancelling = async {
        while peer.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let request = to("openai");
    let (answer, ()) = tokio::time::timeout(Duration::from_secs(20), async {
        tokio::join!(service.generate(&request, &cx), cancelling)
    })
    .await?;
    assert_eq!(answer.err().map(|error| error.code().as_str()).as_deref(), Some("CANCELLED"));
    Ok(())
}
