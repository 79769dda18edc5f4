//! Servers that keep to no rule: the guest hears what happened, in time, and never more than it may.

use std::time::Duration;

use anyhow::Result;
use semantest::config::guest_http::GuestHttpSettings;
use semantest::host::CallFailure;
use semantest::model::code::JobCode;
use semantest::model::units::{ByteSize, Span};
use semantest::net::SystemLookup;
use serde_json::{Value, json};

use super::super::peer::{Peer, Script, answer};
use super::server::Server;
use super::{Fetcher, place, quick, way_out};
use crate::support::until;

const LOOPBACK: [&str; 1] = ["127.0.0.0/8"];
const SHORT: Duration = Duration::from_millis(150);

fn impatient() -> GuestHttpSettings {
    GuestHttpSettings { first_byte: Span::of(SHORT), between_bytes: Span::of(SHORT), ..quick() }
}

/// What a guest hears from a server that answers so, under impatient settings.
async fn heard(script: Script) -> Result<Value> {
    let peer = Peer::start(vec![script]).await?;
    let url = peer.url("/")?;
    let guest = Fetcher::over(way_out(&impatient(), &LOOPBACK, SystemLookup)?, &[place(&url)]).await?;
    guest.get(url.as_str()).await
}

fn say(text: &str) -> Script {
    Script::Say(text.into())
}

fn drip(head: &str, again: &str) -> Script {
    Script::Drip(head.into(), again.into(), Duration::from_millis(20))
}

fn flood(headers: &str) -> Script {
    Script::Drip(format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into(), vec![b'x'; 64 * 1024], Duration::ZERO)
}

/// WASI has names for what happens before the head of an answer, and only words for what happens after it.
#[tokio::test]
async fn each_mishap_has_its_own_word() -> Result<()> {
    let many: String = (0..200).map(|number| format!("x-{number}: y\r\n")).collect();
    let large = format!("x-large: {}\r\n", "y".repeat(33 * 1024));
    let huge = format!("x-huge: {}\r\n", "y".repeat(300 * 1024));
    let stall = |head: &str| Script::Drip(head.into(), Vec::new(), Duration::from_secs(60));
    for (what, script, word) in [
        ("silence", Script::Silence, "HttpResponseTimeout"),
        ("a head that drips", drip("HTTP/1.1 200 OK\r\n", "x-slow: drip\r\n"), "HttpResponseTimeout"),
        ("a reset", Script::Reset, "HttpResponseIncomplete"),
        ("nothing", say(""), "HttpResponseIncomplete"),
        ("no HTTP", say("SSH-2.0-OpenSSH_9.6\r\n"), "HttpProtocolError"),
        ("HTTP/2", say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HttpProtocolError"),
        ("many headers", answer(200, &many, ""), "HttpResponseHeaderSectionSize(Some(32768))"),
        ("large headers", answer(200, &large, ""), "HttpResponseHeaderSectionSize(Some(32768))"),
        ("huge headers", answer(200, &huge, ""), "HttpResponseHeaderSectionSize(Some(32768))"),
        ("another protocol", say("HTTP/1.1 101 X\r\nupgrade: ws\r\nconnection: upgrade\r\n\r\n"), "HttpUpgradeFailed"),
        ("a body that stalls", stall("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"), "connection read timeout"),
        (
            "a chunk that stalls",
            stall("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nx"),
            "connection read timeout",
        ),
        (
            "less than announced",
            say("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nshort"),
            "incomplete HTTP response",
        ),
        (
            "two lengths",
            say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"),
            "HttpProtocolError",
        ),
        ("a length that is none", say("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nxx"), "HttpProtocolError"),
        ("more than may come", say("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nx"), "HttpResponseBodySize"),
        (
            "a torn chunk",
            say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nx"),
            "incomplete HTTP response",
        ),
    ] {
        let heard = heard(script).await?;
        assert!(heard["error"].as_str().is_some_and(|text| text.contains(word)), "{what}: {heard}");
    }
    Ok(())
}

#[tokio::test]
async fn more_than_announced_is_not_read() -> Result<()> {
    let heard = heard(say("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour and much more")).await?;
    assert_eq!((&heard["bytes"], &heard["body"]), (&json!(4), &json!("four")), "{heard}");
    Ok(())
}

#[tokio::test]
async fn an_endless_body_ends_at_the_budget_compressed_or_not() -> Result<()> {
    for headers in ["", "content-encoding: gzip\r\n"] {
        let peer = Peer::start(vec![flood(headers)]).await?;
        let url = peer.url("/")?;
        let mut guest = Fetcher::new(&[place(&url)], &LOOPBACK).await?;
        guest.limits.egress.received = ByteSize::kib(300);
        let report = guest.report("fetch", json!({ "url": url })).await?;
        let failure = report.outcome.err().map(|failure| failure.failure());
        assert_eq!(failure.as_ref().map(|failure| failure.code), Some(JobCode::QuotaExceeded), "{failure:?}");
        let allowed = failure.and_then(|failure| failure.details).map(|details| details["allowed"].clone());
        assert_eq!(allowed, Some(json!(300 * 1024)));
        assert!(report.usage.egress_bytes < 1024 * 1024, "{} bytes were taken", report.usage.egress_bytes);
    }
    Ok(())
}

/// Ten thousand zeros, as `gzip -9` writes them.
const BOMB: [u8; 45] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x01, 0x0d, 0x00, 0x00, 0x00, 0xc2, 0xa0,
    0xf7, 0x4f, 0x6d, 0x0e, 0x37, 0xa0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xe0, 0xdf, 0x00, 0x2e,
    0xca, 0x3b, 0x4d, 0x10, 0x27, 0x00, 0x00,
];

#[tokio::test]
async fn a_gzip_bomb_is_passed_on_as_it_is() -> Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", BOMB.len());
    let heard = heard(Script::Say([head.as_bytes(), &BOMB].concat())).await?;
    assert_eq!(heard["bytes"], BOMB.len(), "{heard}");
    let headers = heard["headers"].to_string();
    assert!(headers.contains("content-encoding"), "{headers}");
    Ok(())
}

#[tokio::test]
async fn a_slow_drip_ends_with_the_call_and_takes_its_connection_along() -> Result<()> {
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx").await?;
    let mut guest = Fetcher::new(&[place(&server.url("/"))], &LOOPBACK).await?;
    guest.limits.wall = Duration::from_millis(300);
    let failure = guest.failure("fetch", json!({ "url": server.url("/") })).await?;
    assert!(matches!(failure, CallFailure::DeadlineExceeded { .. }), "{failure}");
    until("the connection is closed", async || server.open() == 0).await;
    assert_eq!(guest.client.idle_connections(), 0);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_call_drops_what_it_waits_for() -> Result<()> {
    let server = Server::saying("").await?;
    let guest = Fetcher::new(&[place(&server.url("/"))], &LOOPBACK).await?;
    let mut request = crate::host::guest::request(guest.limits);
    request.ports = guest.ports()?;
    let cancel = request.cancel.clone();
    let params = json!({ "url": server.url("/") });
    let call = guest.sandbox.host.call(
        &guest.addon,
        request,
        semantest::host::Invocation::Action { name: String::from("fetch"), params },
    );
    let cancelling = async {
        until("the request is there", async || server.heads().len() == 1).await;
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(call, cancelling);
    assert!(matches!(report.outcome, Err(CallFailure::Cancelled)), "{:?}", report.outcome);
    until("the connection is closed", async || server.open() == 0).await;
    Ok(())
}

#[tokio::test]
async fn a_guests_own_patience_is_kept_where_it_is_shorter() -> Result<()> {
    let server = Server::saying("").await?;
    let guest = Fetcher::new(&[place(&server.url("/"))], &LOOPBACK).await?;
    let failure = guest.failure("fetch", json!({ "url": server.url("/"), "firstByteMs": 50 })).await?;
    assert!(failure.failure().message.contains("HttpResponseTimeout"), "{failure}");
    assert_eq!(failure.code(), JobCode::AddonFailed, "a mishap is no refusal");
    Ok(())
}

#[tokio::test]
async fn an_early_answer_reaches_a_guest_that_still_sends() -> Result<()> {
    let peer = Peer::start(vec![answer(413, "", "enough")]).await?;
    let url = peer.url("/")?;
    let guest = Fetcher::new(&[place(&url)], &LOOPBACK).await?;
    // The peer reads the head and as much as it says; a chunked body is not waited for.
    let came = guest.act("trailers", json!({ "url": url })).await?;
    assert_eq!(came["status"], 413, "{came}");
    Ok(())
}

#[tokio::test]
async fn more_requests_than_the_process_bears_wait_and_are_told_so() -> Result<()> {
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789").await?;
    let settings = GuestHttpSettings { concurrent_in_all: 1, first_byte: Span::of(SHORT), ..quick() };
    let guest = Fetcher::over(way_out(&settings, &LOOPBACK, SystemLookup)?, &[place(&server.url("/"))]).await?;
    let begun = guest.act("hoard", json!({ "url": server.url("/"), "count": 2 })).await?;
    assert_eq!(begun[0], 200, "{begun}");
    assert!(begun[1].as_str().is_some_and(|text| text.contains("ConnectionLimitReached")), "{begun}");
    Ok(())
}
