//! Every way in which a server can fail, and what the job makes of it: one table.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use semantest::imaging::error::ImagingError;
use semantest::model::disposition::Disposition::{self, GiveUp, Retry, RetryAfter};
use semantest::model::units::{ByteSize, Span};
use serde_json::json;

use super::{KEY, answer, ask, bytes, context, imaging, picture, pictures, settings, to};
use crate::net::peer::{Peer, Script, redirect};

fn fault(status: u16, headers: &str, code: &str, message: &str) -> Script {
    let body = json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": code } });
    answer(status, headers, &body.to_string())
}

fn datum(datum: &serde_json::Value) -> Script {
    answer(200, "content-type: application/json\r\n", &json!({ "created": 1, "data": [datum] }).to_string())
}

/// A name for the fault, the server's answer, and what the job should make of it.
type Row = (&'static str, Script, &'static str, Disposition);

fn table() -> anyhow::Result<Vec<Row>> {
    let whole = picture(9)?;
    let half = whole.get(..whole.len() / 2).unwrap_or_default();
    let svg = STANDARD.encode("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>");
    let html = STANDARD.encode("<html><body>Bad gateway</body></html>");
    Ok(vec![
        (
            "slow down, 7 s",
            fault(429, "retry-after: 7\r\n", "rate_limit_exceeded", ""),
            "PROVIDER_UNAVAILABLE",
            RetryAfter(Duration::from_secs(7)),
        ),
        (
            "slow down, a day",
            fault(429, "retry-after: 86400\r\n", "rate_limit_exceeded", ""),
            "PROVIDER_UNAVAILABLE",
            RetryAfter(Duration::from_secs(3600)),
        ),
        ("slow down", fault(429, "", "rate_limit_exceeded", ""), "PROVIDER_UNAVAILABLE", Retry),
        ("no credit", fault(429, "", "insufficient_quota", ""), "PROVIDER_UNAVAILABLE", GiveUp),
        ("wrong key", fault(401, "", "invalid_api_key", KEY), "PROVIDER_UNAVAILABLE", GiveUp),
        ("500", fault(500, "", "server_error", ""), "PROVIDER_FAILED", Retry),
        ("502 in HTML", answer(502, "content-type: text/html\r\n", "<html>"), "PROVIDER_FAILED", Retry),
        ("503, 30 s", answer(503, "retry-after: 30\r\n", ""), "PROVIDER_FAILED", RetryAfter(Duration::from_secs(30))),
        ("the prompt breaks rules", fault(400, "", "moderation_blocked", ""), "PROVIDER_REFUSED", GiveUp),
        ("it broke older rules", fault(400, "", "content_policy_violation", ""), "PROVIDER_REFUSED", GiveUp),
        ("no such size", fault(400, "", "invalid_value", "size must be …"), "PROVIDER_FAILED", GiveUp),
        ("no such model", fault(404, "", "model_not_found", ""), "PROVIDER_FAILED", GiveUp),
        ("redirect to metadata", redirect(302, "http://169.254.169.254/latest/"), "PROVIDER_FAILED", GiveUp),
        ("HTML as JSON", answer(200, "content-type: text/html\r\n", "<html>"), "PROVIDER_FAILED", GiveUp),
        ("no picture", answer(200, "", r#"{"created":1,"data":[]}"#), "PROVIDER_FAILED", GiveUp),
        ("neither bytes nor address", datum(&json!({})), "PROVIDER_FAILED", GiveUp),
        ("not base64", datum(&json!({ "b64_json": "§§§" })), "PROVIDER_FAILED", GiveUp),
        ("HTML as PNG", datum(&json!({ "b64_json": html })), "PROVIDER_FAILED", GiveUp),
        ("a program as SVG", datum(&json!({ "b64_json": svg })), "PROVIDER_FAILED", GiveUp),
        ("half a picture", pictures(&[half.to_vec()]), "PROVIDER_FAILED", GiveUp),
        ("picture at metadata", datum(&json!({ "url": "http://169.254.169.254/a.png" })), "PROVIDER_FAILED", GiveUp),
        ("picture in a file", datum(&json!({ "url": "file:///etc/passwd" })), "PROVIDER_FAILED", GiveUp),
        ("picture nowhere", datum(&json!({ "url": "no url" })), "PROVIDER_FAILED", GiveUp),
        ("cut after accept", Script::Reset, "PROVIDER_FAILED", Retry),
        (
            "cut in the body",
            Script::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"data\":".to_vec()),
            "PROVIDER_FAILED",
            Retry,
        ),
    ])
}

#[tokio::test]
async fn each_fault_has_its_code_and_its_verdict() -> anyhow::Result<()> {
    for (what, script, code, disposition) in table()? {
        let peer = Peer::start(vec![script]).await?;
        let Err(error) = ask(&peer, &to("openai")).await? else { anyhow::bail!("{what} was taken for a success") };
        assert_eq!((error.code().as_str().as_str(), error.disposition()), (code, disposition), "{what}: {error:?}");
        assert!(!error.public_message().contains(KEY), "{what} shows the key");
    }
    Ok(())
}

/// Asks with small limits.
async fn within_limits(script: Script) -> anyhow::Result<ImagingError> {
    let peer = Peer::start(vec![script]).await?;
    let mut settings = settings(Some(peer.url("/v1")?));
    settings.max_picture = ByteSize::kib(4);
    settings.max_pixels = 100;
    if let Some(openai) = settings.providers.get_mut("openai") {
        openai.timeout = Some(Span::millis(300));
    }
    match imaging(&settings)?.generate(&to("openai"), &context()).await {
        Ok(_) => anyhow::bail!("a picture came"),
        Err(error) => Ok(error),
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_in_time_and_tried_again() -> anyhow::Result<()> {
    let error = within_limits(Script::Silence).await?;
    assert_eq!((error.code().as_str().as_str(), error.disposition()), ("PROVIDER_FAILED", Retry), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn too_many_bytes_and_too_many_pixels_are_refused_before_anything_decodes_them() -> anyhow::Result<()> {
    let endless = Script::Drip(
        b"HTTP/1.1 200 OK\r\ncontent-length: 2147483648\r\n\r\n".to_vec(),
        vec![b' '; 256 * 1024],
        Duration::from_millis(1),
    );
    for (script, says) in [
        (pictures(&[vec![0x89; 5000]]), "larger than 4KiB"),
        (pictures(&[picture(51)?]), "says it is 51x2"),
        (endless, "larger than"),
    ] {
        let error = within_limits(script).await?;
        assert!(error.public_message().contains(says), "{}", error.public_message());
        assert_eq!(error.disposition(), GiveUp, "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_picture_by_address_is_judged_like_one_in_the_answer() -> anyhow::Result<()> {
    for (script, says) in [
        (bytes("image/png", b"<html>"), "neither PNG"),
        (answer(404, "", ""), "status 404"),
        (redirect(302, "http://169.254.169.254/latest/"), "not allowed or unreachable"),
    ] {
        let peer =
            Peer::start_naming_itself(|own| vec![datum(&json!({ "url": format!("http://{own}/1.png") })), script])
                .await?;
        let Err(error) = ask(&peer, &to("openai")).await? else { anyhow::bail!("a picture came") };
        assert!(error.public_message().contains(says), "{}", error.public_message());
        assert_eq!((error.code().as_str().as_str(), error.disposition()), ("PROVIDER_FAILED", GiveUp));
    }
    Ok(())
}
