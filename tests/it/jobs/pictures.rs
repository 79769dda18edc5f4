//! Pictures that were made: marked, small copies beside them, kept as long as their client wants.

use reqwest::Method;
use semantest::config::imaging::ProviderSettings;
use semantest::model::units::Span;
use serde_json::{Value, json};

use crate::support::platform::Platform;
use crate::support::tenant::id_of;
use crate::support::until;

const GENERATE: &str = "/api/v1/images/generate";

async fn picture(platform: &Platform, body: &Value) -> Value {
    let job = platform.acme.done(GENERATE, body).await;
    assert_eq!(job["status"], "completed", "{job}");
    job["result"]["images"][0].clone()
}

#[tokio::test]
async fn a_picture_says_what_made_it() {
    let platform = Platform::start().await;
    let made = picture(&platform, &json!({"prompt": "A cat", "size": "64x64"})).await;
    assert_eq!(made["provenance"]["digitalSourceType"], "algorithmicMedia", "{made}");
    assert_eq!(made["provenance"]["provider"], "sketch", "{made}");
    assert_eq!(made["thumbnailUrl"], Value::Null, "it is small already: {made}");
    let path = format!("/api/v1/artifacts/{}", made["id"].as_str().expect("an id"));
    let answer = platform.acme.get(&path).await.expect(200);
    assert_eq!(answer.header("x-digital-source-type"), "algorithmicMedia");
    assert_eq!(answer.header("x-content-generated"), "", "no model made it");
    platform.end().await;
}

#[tokio::test]
async fn what_a_model_made_is_marked_as_the_law_wants() {
    let provider = crate::faults::provider::Provider::start().await;
    provider.answer_from_now_on();
    let base = provider.base_url().parse().expect("a URL");
    let platform = Platform::with(move |config| {
        let settings = ProviderSettings { base_url: Some(base), ..ProviderSettings::default() };
        config.imaging.providers.insert(String::from("openai"), settings);
    })
    .await;
    let made = picture(&platform, &json!({"prompt": "A cat", "provider": "openai"})).await;
    assert_eq!(made["provenance"]["digitalSourceType"], "trainedAlgorithmicMedia", "{made}");
    let path = format!("/api/v1/artifacts/{}", made["id"].as_str().expect("an id"));
    let answer = platform.acme.get(&path).await.expect(200);
    assert_eq!(answer.header("x-content-generated"), "ai");
    platform.end().await;
}

#[tokio::test]
async fn a_thumbnail_is_made_apart_and_until_then_the_picture_stands_for_it() {
    let platform = Platform::with(|config| config.pictures.thumbnail_pixels = 64).await;
    let made = picture(&platform, &json!({"prompt": "A cat", "size": "256x128"})).await;
    let url = made["thumbnailUrl"].as_str().expect("a link");
    let url = url.find("/api/").and_then(|at| url.get(at..)).expect("a path").to_owned();
    let before = platform.app.stranger().get(&url).await.expect(200);
    let is_whole = before.bytes.len() as u64 == made["sizeBytes"].as_u64().expect("a size");
    assert!(!is_whole || before.header("cache-control") == "no-store", "nobody keeps what stands in");
    let (gallery, caps) = (&platform.app.services.gallery, platform.app.services.imaging.caps());
    gallery.make_thumbnails(caps, 10).await.expect("thumbnails");
    let small = platform.app.stranger().get(&url).await.expect(200);
    let size = imagesize::blob_size(&small.bytes).expect("a picture");
    assert_eq!((size.width, size.height), (64, 32));
    assert!(small.header("cache-control").contains("immutable"));
    let known = platform.app.stranger();
    let known = known.request(Method::GET, &url).header("if-none-match", small.header("etag"));
    assert!(platform.app.stranger().send(known).await.expect(304).bytes.is_empty());
    let id = made["id"].as_str().expect("an id");
    let whole = platform.acme.get(&format!("/api/v1/artifacts/{id}")).await.expect(200);
    assert_eq!(whole.bytes.len() as u64, made["sizeBytes"].as_u64().expect("a size"), "the picture is as it was");
    platform.acme.delete(&format!("/api/v1/artifacts/{id}")).await.expect(204);
    platform.app.stranger().get(&url).await.expect_problem(404, "NOT_FOUND");
    platform.end().await;
}

#[tokio::test]
async fn a_client_of_its_own_has_its_pictures_kept_as_long_as_it_wants() {
    let platform = Platform::with(|config| {
        config.pictures.keep.insert(String::from("acme"), Span::secs(40 * 24 * 60 * 60));
    })
    .await;
    let made = picture(&platform, &json!({"prompt": "A cat", "size": "64x64"})).await;
    let end: chrono::DateTime<chrono::Utc> = made["expiresAt"].as_str().expect("a time").parse().expect("a time");
    assert!((end - chrono::Utc::now()).num_days() >= 39, "{made}");
    platform.end().await;
}

#[tokio::test]
async fn a_cancelled_picture_lets_go_of_its_provider() {
    let provider = crate::faults::provider::Provider::start().await;
    let base = provider.base_url().parse().expect("a URL");
    let platform = Platform::with(move |config| {
        let settings = ProviderSettings { base_url: Some(base), ..ProviderSettings::default() };
        config.imaging.providers.insert(String::from("openai"), settings);
    })
    .await;
    let body = json!({"prompt": "A cat", "provider": "openai"});
    let job = id_of(&platform.acme.post(GENERATE, &body).await.expect(202).json());
    until("the provider is asked", async || provider.asked() == 1).await;
    platform.acme.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).await.expect(202);
    platform.acme.reaches(&job, "cancelled").await;
    // The provider never answers, so a worker that still waited for it would keep the lane from draining.
    platform.end().await;
}
