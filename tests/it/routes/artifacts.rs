//! Pictures: uploaded, fetched whole, in part, or not at all.

use std::time::Duration;

use chrono::Utc;
use reqwest::Method;
use semantest::imaging::artifacts::ArtifactLinks;
use semantest::model::id::ArtifactId;
use semantest::store::keys::KeyScope;

use crate::support::app::TestApp;
use crate::support::http::Http;

/// A picture of one pixel.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8,
    6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0,
    0xf0, 0x1f, 0, 5, 0, 1, 0xff, 0x56, 0xc7, 0x2f, 0x0d, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

async fn upload(client: &Http) -> (String, String) {
    let request = client.request(Method::POST, "/api/v1/artifacts").header("content-type", "image/png").body(PIXEL);
    let answer = client.send(request).await.expect(201);
    let made = answer.json();
    assert_eq!((made["mediaType"].as_str(), made["sizeBytes"].as_u64()), (Some("image/png"), Some(PIXEL.len() as u64)));
    (answer.header("location").to_owned(), made["sha256"].as_str().unwrap_or("").to_owned())
}

#[tokio::test]
async fn an_upload_comes_back_byte_by_byte() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let (path, sha256) = upload(&client).await;
    let whole = client.get(&path).await.expect(200);
    assert_eq!(whole.bytes, PIXEL);
    assert_eq!((whole.header("content-type"), whole.header("accept-ranges")), ("image/png", "bytes"));
    assert_eq!(whole.header("etag"), format!("\"{sha256}\""));
    assert!(whole.header("content-security-policy").contains("sandbox"));
    let known = client.request(Method::GET, &path).header("if-none-match", whole.header("etag"));
    assert!(client.send(known).await.expect(304).bytes.is_empty());
}

#[tokio::test]
async fn a_range_is_a_part_and_a_range_outside_is_refused() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let (path, _) = upload(&client).await;
    let ask = |range: &str| client.send(client.request(Method::GET, &path).header("range", range));
    let part = ask("bytes=1-3").await.expect(206);
    assert_eq!(part.bytes, b"PNG");
    assert_eq!(part.header("content-range"), format!("bytes 1-3/{}", PIXEL.len()));
    assert_eq!(ask("bytes=-4").await.expect(206).bytes, &PIXEL[PIXEL.len() - 4..]);
    assert_eq!(ask("bytes=0-1,4-5").await.expect(200).bytes, PIXEL);
    let outside = ask("bytes=9999-").await.expect_problem(416, "RANGE_NOT_SATISFIABLE");
    assert_eq!(outside.header("content-range"), format!("bytes */{}", PIXEL.len()));
}

#[tokio::test]
async fn an_artifact_is_not_there_for_anybody_else() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let (path, _) = upload(&client).await;
    app.caller("other", &[KeyScope::Client]).await.get(&path).await.expect_problem(404, "NOT_FOUND");
    app.stranger().get(&path).await.expect_problem(404, "NOT_FOUND");
    app.stranger().get(&format!("{path}?expires=9999999999&signature=forged")).await.expect_problem(404, "NOT_FOUND");
    app.stranger().with_key("nonsense").get(&path).await.expect_problem(401, "UNAUTHENTICATED");
    client.get("/api/v1/artifacts/art_nonsense").await.expect_problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_signed_link_needs_no_key_and_has_an_end() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let (path, _) = upload(&client).await;
    let id = ArtifactId::parse(path.rsplit('/').next().unwrap_or("")).expect("an artifact's id");
    let links = ArtifactLinks::new("", app.root().derive("artifact-links", ""), Duration::from_secs(60));
    let open = links.url(&id, Utc::now() + Duration::from_secs(30));
    assert_eq!(app.stranger().get(&open).await.expect(200).bytes, PIXEL);
    let over = links.url(&id, Utc::now() - Duration::from_secs(30));
    app.stranger().get(&over).await.expect_problem(404, "NOT_FOUND");
    let other = open.replace(id.as_str(), ArtifactId::fresh().as_str());
    app.stranger().get(&other).await.expect_problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_is_no_picture_is_not_taken() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let html = client.request(Method::POST, "/api/v1/artifacts").header("content-type", "image/png").body("<html>");
    client.send(html).await.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test]
async fn a_picture_that_is_not_what_the_request_says_is_not_taken() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let send = async |media_type: &'static str, bytes: Vec<u8>| {
        let request = client.request(Method::POST, "/api/v1/artifacts").header("content-type", media_type).body(bytes);
        client.send(request).await
    };
    let refused = send("image/jpeg", PIXEL.to_vec()).await.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE").json();
    assert!(refused["detail"].as_str().is_some_and(|text| text.contains("image/png")), "{refused}");
    send("application/octet-stream", PIXEL.to_vec()).await.expect(201);
    send("image/png", PIXEL[..PIXEL.len() - 6].to_vec()).await.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    let mut bomb = PIXEL.to_vec();
    bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let bomb = send("image/png", bomb).await.expect_problem(413, "PAYLOAD_TOO_LARGE").json();
    assert!(bomb["detail"].as_str().is_some_and(|text| text.contains("65536x65536")), "{bomb}");
}

#[tokio::test]
async fn a_removed_picture_is_gone_for_everybody_and_equal_bytes_of_another_stay() {
    let app = TestApp::api_only().await;
    let (client, other) = (app.client().await, app.caller("other", &[KeyScope::Client]).await);
    let ((path, _), (same, _)) = (upload(&client).await, upload(&other).await);
    let blobs = || std::fs::read_dir(app.folder().join("blobs/artifacts")).map(Iterator::count).unwrap_or_default();
    assert_eq!(blobs(), 1, "equal bytes are kept once");
    other.delete(&path).await.expect_problem(404, "NOT_FOUND");
    client.delete(&path).await.expect(204);
    client.get(&path).await.expect_problem(404, "NOT_FOUND");
    client.delete(&path).await.expect_problem(404, "NOT_FOUND");
    assert_eq!(other.get(&same).await.expect(200).bytes, PIXEL);
    other.delete(&same).await.expect(204);
    let left = app.folder().join("blobs/artifacts");
    let files = std::fs::read_dir(left).into_iter().flatten().flatten().map(|folder| folder.path());
    assert_eq!(
        files.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().count(),
        0,
        "the last one took them"
    );
}
