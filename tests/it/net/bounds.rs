//! Bounds: time, size and headers, against peers that respect none of them.

use std::time::{Duration, Instant};

use semantest::model::units::ByteSize;
use semantest::net::{Client, ClientLimits, Method, Multipart, NetError, Policy, Purpose, Request};

use super::peer::{Peer, Script, answer};
use super::{Outcome, client, listing, streamed};

const LOOPBACK: [&str; 1] = ["127.0.0.0/8"];
const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(20);

fn drip(head: &str, again: &str) -> Script {
    Script::Drip(head.into(), again.into(), Duration::from_millis(20))
}

fn flood() -> Script {
    Script::Drip("HTTP/1.1 200 OK\r\n\r\n".into(), vec![b'x'; 64 * 1024], Duration::ZERO)
}

#[tokio::test]
async fn a_peer_that_stalls_anywhere_costs_no_more_than_the_timeout() -> Outcome {
    for script in [
        Script::Silence,
        drip("HTTP/1.1 200 OK\r\n", "x-slow: drip\r\n"),
        drip("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", "x"),
        drip("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ] {
        let peer = Peer::start(vec![script.clone()]).await?;
        let started = Instant::now();
        let request = Request::new(Method::Post, peer.url("/")?).within(SHORT);
        let error = client(Purpose::Webhooks, &LOOPBACK)?.send(request).await.err();
        // Header lines without end meet the header limit first when the machine is fast.
        assert!(matches!(error, Some(NetError::TimedOut | NetError::Broken(_))), "{script:?}: {error:?}");
        assert!(started.elapsed() < SHORT + Duration::from_secs(2), "{script:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_body_that_drips_past_the_deadline_is_cut_where_only_the_status_counts() -> Outcome {
    let peer = Peer::start(vec![drip("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", "x")]).await?;
    let request = Request::new(Method::Post, peer.url("/")?).within(SHORT).cutting_at(ByteSize::kib(1));
    let answer = client(Purpose::Webhooks, &LOOPBACK)?.send(request).await?;
    assert_eq!((answer.status, answer.is_cut), (200, true));
    Ok(())
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() -> Outcome {
    let peer = Peer::start(vec![flood()]).await?;
    let client = client(Purpose::Webhooks, &LOOPBACK)?;
    let request = Request::new(Method::Post, peer.url("/")?).within(LONG);
    let cut = client.send(request.clone().cutting_at(ByteSize::kib(1))).await?;
    assert_eq!((cut.body.len(), cut.is_cut), (1024, true));
    let refused = client.send(request.refusing_above(ByteSize::kib(256))).await;
    assert!(matches!(refused, Err(NetError::TooLarge { .. })), "{refused:?}");
    let refused = streamed(&client, peer.url("/")?, ByteSize::mib(1), LONG).await;
    assert!(matches!(refused, Err(NetError::TooLarge { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_whole() -> Outcome {
    let peer = Peer::start(vec![answer(200, "", &"x".repeat(1024))]).await?;
    let request = Request::new(Method::Post, peer.url("/")?);
    let client = client(Purpose::Webhooks, &LOOPBACK)?;
    let cut = client.send(request.clone().cutting_at(ByteSize::kib(1))).await?;
    assert_eq!((cut.body.len(), cut.is_cut), (1024, false));
    assert_eq!(client.send(request.refusing_above(ByteSize::kib(1))).await?.body.len(), 1024);
    Ok(())
}

#[tokio::test]
async fn an_announced_size_over_the_limit_is_not_even_read() -> Outcome {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 209715200\r\n\r\n";
    let peer = Peer::start(vec![Script::Drip(head.into(), Vec::new(), LONG)]).await?;
    let refused = streamed(&client(Purpose::Sources, &LOOPBACK)?, peer.url("/")?, ByteSize::mib(64), LONG).await;
    assert!(matches!(refused, Err(NetError::TooLarge { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn headers_without_measure_are_refused() -> Outcome {
    let many: String = (0..200).map(|number| format!("x-{number}: y\r\n")).collect();
    let large = format!("x-large: {}\r\n", "y".repeat(100 * 1024));
    for headers in [many, large] {
        let peer = Peer::start(vec![answer(200, &headers, "")]).await?;
        let refused = client(Purpose::Webhooks, &LOOPBACK)?.send(Request::new(Method::Post, peer.url("/")?)).await;
        assert!(matches!(refused, Err(NetError::HeadersTooLarge { .. } | NetError::Broken(_))), "{refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_compressed_body_is_passed_on_as_it_is() -> Outcome {
    let bomb = "\u{1f}pretended gzip";
    let peer = Peer::start(vec![answer(200, "content-encoding: gzip\r\n", bomb)]).await?;
    let answer = client(Purpose::Webhooks, &LOOPBACK)?.send(Request::new(Method::Post, peer.url("/")?)).await?;
    assert_eq!(answer.body, bomb);
    let seen = peer.seen();
    let seen = seen.first().ok_or("nothing came")?;
    assert_eq!(seen.header("accept-encoding"), None);
    assert_eq!(seen.header("user-agent"), Some(concat!("semantest/", env!("CARGO_PKG_VERSION"))));
    Ok(())
}

#[tokio::test]
async fn a_reset_and_a_closed_port_are_told_apart_for_the_admin_only() -> Outcome {
    let peer = Peer::start(vec![Script::Reset]).await?;
    let client = client(Purpose::Webhooks, &LOOPBACK)?;
    let broken = client.send(Request::new(Method::Post, peer.url("/")?)).await.err();
    let url = peer.url("/")?;
    drop(peer);
    let closed = client.send(Request::new(Method::Post, url)).await.err();
    assert!(matches!(broken, Some(NetError::Broken(_))), "{broken:?}");
    assert!(matches!(closed, Some(NetError::Connect(_) | NetError::Broken(_))), "{closed:?}");
    let texts = [broken, closed].map(|error| error.map(|error| (error.public_message(), error.detail())));
    let [Some((first, first_detail)), Some((second, second_detail))] = texts else { return Err("no errors".into()) };
    assert_eq!(first, second);
    assert_ne!(first_detail, second_detail);
    Ok(())
}

#[tokio::test]
async fn a_download_that_drips_is_given_up_long_before_its_timeout() -> Outcome {
    let peer = Peer::start(vec![drip("HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n", "x")]).await?;
    let limits = ClientLimits { slow_start: SHORT, ..ClientLimits::default() };
    let client = Client::new(Policy::new(&listing(&LOOPBACK), Purpose::Sources, false), limits)?;
    let started = Instant::now();
    let refused = streamed(&client, peer.url("/")?, ByteSize::mib(1), LONG).await;
    assert!(matches!(refused, Err(NetError::TooSlow { bytes_per_second: 1000 })), "{refused:?}");
    assert!(started.elapsed() < LONG / 2);
    Ok(())
}

#[tokio::test]
async fn a_download_that_is_not_there_says_so() -> Outcome {
    for (status, is_retryable) in [(404, false), (403, false), (500, true), (503, true), (429, true)] {
        let peer = Peer::start(vec![answer(status, "", "sorry")]).await?;
        let error = streamed(&client(Purpose::Sources, &LOOPBACK)?, peer.url("/")?, ByteSize::kib(1), LONG).await.err();
        let error = error.ok_or("it was there")?;
        assert_eq!(error.disposition().is_retryable(), is_retryable, "{status}");
        assert_eq!(error.public_message(), format!("answered {status}"));
    }
    Ok(())
}

#[tokio::test]
async fn json_and_forms_arrive_as_they_were_sent() -> Outcome {
    let peer = Peer::start(vec![answer(200, "x-id: 7\r\n", "{}")]).await?;
    let client = client(Purpose::Providers, &LOOPBACK)?;
    let json = serde_json::json!({"prompt": "a garden"});
    let answer = client.send(Request::new(Method::Post, peer.url("/json")?).json(&json)).await?;
    assert!(answer.is_success());
    assert_eq!(answer.headers.get("X-Id"), Some("7"));
    let form = Multipart::new().text("n", "1").file("image", "a.png", "image/png", b"png");
    client.send(Request::new(Method::Post, peer.url("/form")?).multipart(form)).await?;
    let seen = peer.seen();
    let [first, second] = seen.as_slice() else { return Err("two requests were sent".into()) };
    assert_eq!(first.line, "POST /json HTTP/1.1");
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&first.body)?, json);
    assert!(second.header("content-type").is_some_and(|value| value.starts_with("multipart/form-data; boundary=")));
    assert!(String::from_utf8_lossy(&second.body).contains("filename=\"a.png\""));
    Ok(())
}

#[tokio::test]
async fn a_header_with_a_line_break_is_not_sent() -> Outcome {
    let peer = Peer::start(vec![answer(200, "", "")]).await?;
    let request = Request::new(Method::Post, peer.url("/")?).header("x-note", "a\r\nhost: evil");
    let refused = client(Purpose::Webhooks, &LOOPBACK)?.send(request).await;
    assert!(matches!(refused, Err(NetError::Malformed { .. })), "{refused:?}");
    assert_eq!(peer.connections(), 0);
    Ok(())
}
