//! Publishing, as far as it goes without a worker.

use reqwest::Method;
use semantest::store::keys::KeyScope;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::http::Http;

const ADDONS: &str = "/api/v1/addons";

fn bytes(caller: &Http, body: Vec<u8>) -> reqwest::RequestBuilder {
    caller.request(Method::POST, ADDONS).header("content-type", "application/wasm").body(body)
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_an_answer() {
    let app = TestApp::api_only().await;
    let publisher = app.caller("acme", &[KeyScope::Publisher]).await;
    for size in [5, 50, 200] {
        let upload = bytes(&publisher, vec![0; size * 1024 * 1024]);
        publisher.send(upload).await.expect_problem(413, "PAYLOAD_TOO_LARGE");
    }
    let jobs = publisher.get("/api/v1/jobs").await.expect(200).json();
    assert_eq!(jobs["data"], json!([]));
}

#[tokio::test]
async fn a_body_of_unknown_length_is_counted_while_it_comes() {
    let app = TestApp::api_only().await;
    let publisher = app.caller("acme", &[KeyScope::Publisher]).await;
    let chunks = (0..60).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 1024 * 1024]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let upload = publisher.request(Method::POST, ADDONS).header("content-type", "application/wasm").body(body);
    publisher.send(upload).await.expect_problem(413, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn bytes_are_accepted_as_they_are_and_in_a_form() {
    let app = TestApp::api_only().await;
    let publisher = app.caller("acme", &[KeyScope::Publisher]).await;
    let plain = publisher.send(bytes(&publisher, b"\0asm".to_vec())).await.expect(202).json();
    assert!(plain["jobId"].as_str().unwrap_or("").starts_with("add_"));
    let form = "--x\r\nContent-Disposition: form-data; name=\"component\"\r\n\r\n\0asm\r\n--x--\r\n";
    let request = |body: String| {
        publisher.request(Method::POST, ADDONS).header("content-type", "multipart/form-data; boundary=x").body(body)
    };
    publisher.send(request(form.to_owned())).await.expect(202);
    let wrong = form.replace("component", "komponent");
    let answer = publisher.send(request(wrong)).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(answer.pointers(), ["/component", "/komponent"]);
    publisher.send(request(String::from("nonsense"))).await.expect_problem(400, "MALFORMED_FORM");
}

#[tokio::test]
async fn a_source_needs_a_digest_and_a_path_an_admin() {
    let app = TestApp::api_only().await;
    let publisher = app.caller("acme", &[KeyScope::Publisher]).await;
    let digest = format!("sha256:{}", "0".repeat(64));
    let wrong =
        json!({"source": {"url": "https://a.example/x.wasm", "path": "/x"}, "digest": "md5:1", "signatur": "x"});
    let answer = publisher.post(ADDONS, &wrong).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(answer.pointers(), ["/digest", "/signatur", "/source/path"]);
    let without = json!({"source": {"url": "https://a.example/x.wasm"}});
    publisher.post(ADDONS, &without).await.expect_problem(422, "VALIDATION_ERROR");
    let path = json!({"source": {"path": "/etc/passwd"}, "digest": digest});
    publisher.post(ADDONS, &path).await.expect_problem(403, "FORBIDDEN");
    let url = json!({"source": {"url": "https://a.example/x.wasm"}, "digest": digest, "metadata": {"a": 1}});
    publisher.post(ADDONS, &url).await.expect(202);
    let text = publisher.request(Method::POST, ADDONS).header("content-type", "text/plain").body("x");
    publisher.send(text).await.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
}
