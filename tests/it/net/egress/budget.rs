//! What one call may send and receive: each bound is met by a guest, and says what was reached and what is allowed.

use std::time::Duration;

use anyhow::Result;
use semantest::host::CallFailure;
use semantest::model::code::JobCode;
use semantest::model::units::ByteSize;
use serde_json::{Value, json};

use super::server::Server;
use super::{Fetcher, place};

const LOOPBACK: [&str; 1] = ["127.0.0.0/8"];
const TEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789";

/// A guest that may ask `server` and nobody else.
async fn asking(server: &Server) -> Result<Fetcher> {
    Fetcher::new(&[place(&server.url("/"))], &LOOPBACK).await
}

/// The failure's code and numbers.
fn refused(failure: &CallFailure) -> (JobCode, Value) {
    (failure.code(), failure.failure().details.unwrap_or_default())
}

#[tokio::test]
async fn requests_are_counted_and_the_one_too_many_is_refused_with_the_numbers() -> Result<()> {
    let server = Server::saying(TEN).await?;
    let mut guest = asking(&server).await?;
    guest.limits.egress.requests = 3;
    let urls = vec![server.url("/"); 5];
    let report = guest.report("try-all", json!({ "urls": urls })).await?;
    assert_eq!(report.usage.egress_requests, 3);
    let logged: Vec<_> = report.logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(
        logged,
        [
            "http: the requests of this call would be 4, 3 are allowed",
            "http: the requests of this call would be 5, 3 are allowed"
        ]
    );
    assert_eq!(server.heads().len(), 3);

    guest.limits.egress.requests = 0;
    let failure = guest.failure("fetch", json!({ "url": server.url("/") })).await?;
    assert_eq!(
        refused(&failure),
        (JobCode::QuotaExceeded, json!({ "limit": "egressRequests", "reached": 1, "allowed": 0 }))
    );
    assert_eq!(failure.failure().addon_code.as_deref(), Some("http-over-quota"), "the guest was told too");
    Ok(())
}

#[tokio::test]
async fn request_bodies_have_a_budget_of_one_call_together() -> Result<()> {
    let server = Server::saying(TEN).await?;
    let mut guest = asking(&server).await?;
    guest.limits.egress.sent = ByteSize::bytes(1000);
    let whole = guest.act("fetch", json!({ "url": server.url("/"), "method": "POST", "bodyBytes": 1000 })).await?;
    assert_eq!(whole["status"], 200);
    let failure =
        guest.failure("fetch", json!({ "url": server.url("/"), "method": "POST", "bodyBytes": 1001 })).await?;
    assert_eq!(
        refused(&failure),
        (JobCode::QuotaExceeded, json!({ "limit": "egressSentBytes", "reached": 1001, "allowed": 1000 }))
    );
    assert!(failure.failure().message.contains("HttpRequestBodySize"), "{failure}");
    Ok(())
}

#[tokio::test]
async fn answers_have_a_budget_of_one_call_together() -> Result<()> {
    let server = Server::saying(TEN).await?;
    let mut guest = asking(&server).await?;
    guest.limits.egress.received = ByteSize::bytes(29);
    let urls = vec![server.url("/"); 3];
    let answers = guest.act("try-all", json!({ "urls": urls })).await?;
    assert_eq!((&answers[0]["bytes"], &answers[1]["bytes"]), (&json!(10), &json!(10)));
    assert!(answers[2]["error"].as_str().is_some_and(|text| text.contains("HttpResponseBodySize")), "{answers}");
    guest.limits.egress.received = ByteSize::bytes(9);
    let failure = guest.failure("fetch", json!({ "url": server.url("/") })).await?;
    assert_eq!(
        refused(&failure),
        (JobCode::QuotaExceeded, json!({ "limit": "egressReceivedBytes", "reached": 10, "allowed": 9 }))
    );
    Ok(())
}

#[tokio::test]
async fn what_goes_over_the_wire_is_in_the_report() -> Result<()> {
    let server = Server::saying(TEN).await?;
    let guest = asking(&server).await?;
    let report = guest.report("fetch", json!({ "url": server.url("/"), "method": "POST", "bodyBytes": 500 })).await?;
    assert_eq!(report.usage.egress_requests, 1);
    let heads = report.usage.egress_bytes - 510;
    assert!((40..400).contains(&heads), "{heads} bytes of heads");
    let idle = guest.report("try-all", json!({ "urls": [] })).await?;
    assert_eq!((idle.usage.egress_requests, idle.usage.egress_bytes), (0, 0));
    Ok(())
}

#[tokio::test]
async fn headers_larger_than_allowed_end_the_guest_with_the_number() -> Result<()> {
    let server = Server::saying(TEN).await?;
    let mut guest = asking(&server).await?;
    guest.limits.egress.headers = ByteSize::kib(4);
    assert_eq!(guest.act("big-headers", json!({ "bytes": 3000 })).await?, true);
    let failure = guest.failure("big-headers", json!({ "bytes": 5000 })).await?;
    assert_eq!(failure.code(), JobCode::OutputLimit, "{failure}");
    assert_eq!(failure.failure().details.map(|details| details["allowed"].clone()), Some(json!(4096)));
    Ok(())
}

#[tokio::test]
async fn a_guest_that_reads_no_answer_waits_for_its_own_turns_only() -> Result<()> {
    let server = Server::saying(TEN).await?;
    let mut hoarder = asking(&server).await?;
    hoarder.limits.egress.concurrent = 2;
    hoarder.limits.egress.wait = Duration::from_millis(50);
    let begun = hoarder.act("hoard", json!({ "url": server.url("/"), "count": 3 })).await?;
    assert_eq!((&begun[0], &begun[1]), (&json!(200), &json!(200)));
    assert!(begun[2].as_str().is_some_and(|text| text.contains("ConnectionLimitReached")), "{begun}");
    let neighbour = hoarder.get(server.url("/").as_str()).await?;
    assert_eq!(neighbour["status"], 200);
    Ok(())
}

#[tokio::test]
async fn a_guest_that_makes_handles_without_end_is_stopped_long_before_they_weigh_anything() -> Result<()> {
    let server = Server::saying(TEN).await?;
    let guest = asking(&server).await?;
    assert_eq!(guest.act("hoard-headers", json!({ "count": 1000 })).await?, 1000);
    let failure = guest.failure("hoard-headers", json!({ "count": 1100 })).await?;
    assert_eq!(failure.code(), JobCode::MemoryLimit, "{failure}");
    let details = failure.failure().details;
    assert_eq!(details, Some(json!({ "limit": "handles", "reached": 1025, "allowed": 1024 })));
    Ok(())
}
