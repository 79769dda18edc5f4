//! The paths of the platform's first API: they answer as the newer ones do.

use serde_json::json;

use super::api_alone;
use crate::support::app::TestApp;
use crate::support::components::built;
use crate::support::platform::Platform;
use crate::support::tenant::id_of;

const NOTES: &str = "semantest.notes";

#[tokio::test]
async fn an_older_path_says_the_same_as_the_newer_one() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(NOTES)).await;
    let acme = &platform.acme;
    let newer = acme.get(&format!("/api/v1/addons/{NOTES}")).await.expect(200).json();
    let manifest = acme.get(&format!("/api/v1/addons/{NOTES}/manifest")).await.expect(200);
    assert_eq!(manifest.json(), newer["latest"]["manifest"]);
    let download = acme.get(&format!("/api/v1/addons/{NOTES}/download")).await.expect(200);
    assert_eq!(download.bytes, built(NOTES));
    assert_eq!(download.header("content-type"), "application/wasm");
    for path in ["manifest", "download"] {
        acme.get(&format!("/api/v1/addons/acme.nothing/{path}")).await.expect_problem(404, "ADDON_NOT_FOUND");
    }
    let job = acme.done("/api/v1/images/generate", &json!({ "prompt": "a cat", "size": "256x256" })).await;
    let status = acme.get(&format!("/api/v1/images/status/{}", id_of(&job))).await.expect(200);
    assert_eq!(status.json(), acme.job(&id_of(&job)).await);
    acme.delete(&format!("/api/v1/images/cancel/{}", id_of(&job))).await.expect_problem(409, "CONFLICT");
    platform.other.get(&format!("/api/v1/images/status/{}", id_of(&job))).await.expect_problem(404, "JOB_NOT_FOUND");
    platform.end().await;
}

#[tokio::test]
async fn a_load_that_is_cancelled_by_the_older_path_leaves_nothing_half_done() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(NOTES)).await;
    platform.admin.post("/api/v1/admin/queues/addons/pause", &json!({})).await.expect(200);
    let path = format!("/api/v1/users/alice/addons/{NOTES}");
    let load = platform.acme.put(&path, &json!({})).await.expect(202).json();
    platform.acme.delete(&format!("/api/v1/images/cancel/{}", id_of(&load))).await.expect(204);
    let record = platform.acme.enablement("alice", NOTES).await.json();
    assert_ne!(record["state"], "loading", "{record}");
    platform.admin.post("/api/v1/admin/queues/addons/resume", &json!({})).await.expect(200);
    platform.end().await;
}

#[tokio::test]
async fn health_tells_each_part_and_a_service_without_its_bytes_is_degraded() {
    let app = TestApp::start(api_alone(), |_| {}).await;
    for path in ["/health", "/api/v1/health"] {
        let health = app.stranger().get(path).await.expect(200).json();
        assert_eq!(health["status"], "healthy", "{health}");
        assert_eq!(health["services"], json!({ "redis": "healthy", "queues": "healthy", "storage": "healthy" }));
        assert!(health["version"].is_string() && health["timestamp"].is_string(), "{health}");
    }
    let blobs = app.folder().join("blobs");
    std::fs::remove_dir_all(&blobs).expect("the folder goes");
    std::fs::write(&blobs, b"a file in its place").expect("a file");
    let health = app.stranger().get("/health").await.expect(200).json();
    assert_eq!(
        (&health["status"], &health["services"]["storage"]),
        (&json!("degraded"), &json!("unhealthy")),
        "{health}"
    );
}
