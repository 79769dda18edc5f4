//! Addons that draw: providers of pictures for the users who enabled them.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use super::starts::{STARTS, jobs, said};
use crate::support::platform::Platform;
use crate::support::until;

const IMAGES: &str = "/api/v1/images/generate";

fn by_addon(more: &Value) -> Value {
    let mut body = json!({"userId": "alice", "prompt": "a cat", "provider": format!("addon:{STARTS}")});
    if let (Some(members), Some(more)) = (body.as_object_mut(), more.as_object()) {
        members.extend(more.clone());
    }
    body
}

#[tokio::test]
async fn an_addon_draws_for_the_user_who_enabled_it() {
    let platform = Platform::start().await;
    platform.give_with("alice", STARTS, &json!({"hook": "off"})).await;
    let job = platform.acme.done(IMAGES, &by_addon(&json!({"count": 2, "seed": 7}))).await;
    assert_eq!(job["status"], "completed", "{job}");
    let result = &job["result"];
    let name = format!("addon:{STARTS}");
    assert_eq!((&result["provider"], &result["requestedProvider"]), (&json!(name), &json!(name)), "{result}");
    assert_eq!(result["model"], format!("{STARTS}@0.1.0"), "{result}");
    assert_eq!(result["cost"], json!({"usdMicros": 40_000}), "{result}");
    let pictures = result["images"].as_array().expect("pictures");
    assert_eq!(pictures.len(), 2);
    for picture in pictures {
        assert_eq!((&picture["format"], &picture["width"]), (&json!("png"), &json!(1)), "{picture}");
        assert_eq!(picture["metadata"]["revisedPrompt"], "a pixel of a cat", "{picture}");
        assert_eq!(picture["metadata"]["seed"], 7, "{picture}");
        let path = format!("/api/v1/artifacts/{}", picture["id"].as_str().expect("an id"));
        assert!(platform.acme.get(&path).await.expect(200).bytes.starts_with(b"\x89PNG"));
    }
    let chat = json!({"userId": "alice", "prompt": "a cat",
        "imageGeneration": {"enabled": true, "provider": name}});
    let job = platform.acme.done("/api/v1/chat/new", &chat).await;
    assert_eq!(job["result"]["provider"], json!(name), "{job}");
    platform.end().await;
}

#[tokio::test]
async fn an_addon_that_is_not_enabled_or_does_not_draw_is_refused_at_the_door() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    platform.give("alice", "semantest.palette").await;
    for (user, provider) in [
        ("bob", format!("addon:{STARTS}")),
        ("alice", String::from("addon:semantest.palette")),
        ("alice", String::from("addon:acme.nobody")),
        ("alice", String::from("addon:")),
    ] {
        let body = json!({"userId": user, "prompt": "a cat", "provider": provider});
        let problem = platform.acme.post(IMAGES, &body).await.expect(422).json();
        assert_eq!(problem["errors"][0]["pointer"], "/provider", "{problem}");
        let chat =
            json!({"userId": user, "prompt": "a cat", "imageGeneration": {"enabled": true, "provider": provider}});
        let problem = platform.acme.post("/api/v1/chat/new", &chat).await.expect(422).json();
        assert_eq!(problem["errors"][0]["pointer"], "/imageGeneration/provider", "{problem}");
    }
    // What was enabled at the door and is off when the job runs, or came in by the queue.
    let ask = json!({"provider": "addon:acme.nobody", "then": "drawn"});
    let answer = said(&platform, "submit", &ask).await;
    let id = answer[0]["ok"].as_str().expect("an id");
    let job = platform.acme.reaches(id, "failed").await;
    assert_eq!(job["error"]["code"], "PROVIDER_UNAVAILABLE", "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_request_beyond_the_manifest_is_refused_before_the_addon_is_asked() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    for (more, says) in [
        (json!({"size": "128x128"}), "it draws 1x1, 64x64, not 128x128"),
        (json!({"count": 3}), "it makes at most 2 pictures, 3 were asked for"),
    ] {
        let job = platform.acme.done(IMAGES, &by_addon(&more)).await;
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("PROVIDER_REFUSED")), "{job}");
        assert!(job["error"]["message"].as_str().is_some_and(|text| text.contains(says)), "{job}");
    }
    platform.end().await;
}

#[tokio::test]
async fn each_way_of_not_drawing_is_a_failure_of_the_provider() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    for (how, code, own, attempts) in [
        ("refuse", "PROVIDER_REFUSED", Some("not-that"), 1),
        ("fail", "PROVIDER_FAILED", Some("no-paint"), 1),
        ("transient", "PROVIDER_FAILED", Some("wet"), 3),
        ("trap", "PROVIDER_FAILED", None, 1),
        ("text", "PROVIDER_FAILED", None, 1),
        ("gif", "PROVIDER_FAILED", None, 1),
        ("too-many", "PROVIDER_FAILED", None, 1),
    ] {
        platform.acme.enable_well("alice", STARTS, &json!({"draw": how, "hook": "off"})).await;
        let job = platform.acme.done(IMAGES, &by_addon(&json!({}))).await;
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)), "{how}: {job}");
        assert_eq!(job["error"]["addonCode"].as_str(), own, "{how}: {job}");
        assert_eq!(job["attempts"]["made"], attempts, "{how}: {job}");
    }
    platform.end().await;
}

#[tokio::test]
async fn a_picture_that_the_user_handed_in_can_be_read_and_is_not_passed_off_as_drawn() {
    let platform = Platform::start().await;
    platform.give_with("alice", STARTS, &json!({"draw": "foreign", "hook": "off"})).await;
    let drawn = platform.acme.done(IMAGES, &json!({"prompt": "a cat", "provider": "sketch", "size": "64x64"})).await;
    let id = drawn["result"]["images"][0]["id"].as_str().expect("an id").to_owned();
    let bytes = platform.acme.get(&format!("/api/v1/artifacts/{id}")).await.expect(200).bytes;
    let upload = platform.acme.request(Method::POST, "/api/v1/artifacts").header("content-type", "image/png");
    let upload = platform.acme.send(upload.body(Bytes::from(bytes.to_vec()))).await.expect(201).json();
    let job = platform.acme.done(IMAGES, &by_addon(&json!({"image": upload["id"]}))).await;
    assert_eq!(job["error"]["code"], "PROVIDER_FAILED", "{job}");
    let message = job["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("not of its own making"), "it could open the picture: {job}");
    platform.end().await;
}

#[tokio::test]
async fn automatic_asks_an_addon_only_where_the_settings_name_it() {
    let body = json!({"userId": "alice", "prompt": "a cat", "size": "64x64"});
    let plain = Platform::start().await;
    plain.give("alice", STARTS).await;
    assert_eq!(plain.acme.done(IMAGES, &body).await["result"]["provider"], "sketch");
    plain.end().await;
    let named = Platform::with(|config| {
        config.imaging.default = vec![format!("addon:{STARTS}"), String::from("sketch")];
    })
    .await;
    named.give("alice", STARTS).await;
    let mine = named.acme.done(IMAGES, &body).await;
    assert_eq!(mine["result"]["provider"], format!("addon:{STARTS}"), "{mine}");
    let bob = json!({"userId": "bob", "prompt": "a cat", "size": "64x64"});
    assert_eq!(named.acme.done(IMAGES, &bob).await["result"]["provider"], "sketch", "bob has no such addon");
    named.end().await;
}

#[tokio::test]
async fn an_addon_that_asks_itself_to_draw_counts_its_hops() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    let ask = json!({"provider": format!("addon:{STARTS}"), "then": "drawn"});
    let answer = said(&platform, "submit", &ask).await;
    let id = answer[0]["ok"].as_str().expect("an id").to_owned();
    let job = platform.acme.reaches(&id, "completed").await;
    assert_eq!(job["startedBy"]["hops"], 1, "{job}");
    until("what follows it ran", async || {
        jobs(&platform, "invoke")
            .await
            .iter()
            .any(|job| job["startedBy"]["follows"] == id && job["status"] == "completed")
    })
    .await;
    platform.end().await;
}
