//! What comes of one attempt, receiver by receiver.

use std::time::{Duration, Instant};

use semantest::net::UNREACHABLE;
use semantest::webhooks::{Attempted, Delivery};

use super::{deliverer, delivery, settings};
use crate::net::Outcome;
use crate::net::peer::{Peer, Script, answer, redirect};

const FIVE_SECONDS: Duration = Duration::from_secs(5);

fn again(after: Duration, why: &str) -> Attempted {
    Attempted::TryAgain { after, why: why.to_owned() }
}

#[tokio::test]
async fn every_answer_has_its_outcome() -> Outcome {
    let deliverer = deliverer(true)?;
    let wait = |seconds| Duration::from_secs(seconds);
    for (script, status, expected) in [
        (answer(200, "", "thanks"), 200, Attempted::Delivered),
        (answer(201, "", ""), 201, Attempted::Delivered),
        (answer(204, "", ""), 204, Attempted::Delivered),
        (answer(299, "", ""), 299, Attempted::Delivered),
        (redirect(302, "http://127.0.0.1:1/"), 302, again(FIVE_SECONDS, "answered 302; redirects are not followed")),
        (answer(304, "", ""), 304, again(FIVE_SECONDS, "answered 304; redirects are not followed")),
        (answer(400, "", "bad"), 400, again(FIVE_SECONDS, "answered 400")),
        (answer(404, "", ""), 404, again(FIVE_SECONDS, "answered 404")),
        (answer(410, "", ""), 410, Attempted::Gone),
        (answer(429, "retry-after: 30\r\n", ""), 429, again(wait(30), "answered 429")),
        (answer(429, "retry-after: 1\r\n", ""), 429, again(FIVE_SECONDS, "answered 429")),
        (answer(429, "", ""), 429, again(FIVE_SECONDS, "answered 429")),
        (answer(500, "", "oops"), 500, again(FIVE_SECONDS, "answered 500")),
        (answer(503, "retry-after: 999999999\r\n", ""), 503, again(wait(86_400), "answered 503")),
    ] {
        let peer = Peer::start(vec![script]).await?;
        let attempt = deliverer.attempt(&delivery(peer.url("/hook")?)).await;
        assert_eq!((attempt.outcome, attempt.receipt.status), (expected, Some(status)));
        assert_eq!(peer.connections(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_gives_no_status_is_tried_again_within_the_timeout() -> Outcome {
    let deliverer = deliverer(true)?;
    let pause = Duration::from_millis(20);
    for script in [
        Script::Silence,
        Script::Reset,
        Script::Say(b"hello".to_vec()),
        Script::Say(Vec::new()),
        Script::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-slow: drip\r\n".to_vec(), pause),
    ] {
        let peer = Peer::start(vec![script.clone()]).await?;
        let started = Instant::now();
        let attempt = deliverer.attempt(&delivery(peer.url("/hook")?)).await;
        assert_eq!(attempt.outcome, again(FIVE_SECONDS, UNREACHABLE), "{script:?}");
        assert_eq!(attempt.receipt.status, None, "{script:?}");
        assert!(started.elapsed() < settings().timeout.duration() + Duration::from_secs(2), "{script:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_accepts_and_then_drips_has_accepted() -> Outcome {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
    let peer = Peer::start(vec![Script::Drip(head, b"x".to_vec(), Duration::from_millis(20))]).await?;
    let started = Instant::now();
    let attempt = deliverer(true)?.attempt(&delivery(peer.url("/hook")?)).await;
    assert_eq!(attempt.outcome, Attempted::Delivered);
    assert!(started.elapsed() < settings().timeout.duration() + Duration::from_secs(2));
    Ok(())
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_tried_again() -> Outcome {
    let peer = Peer::start(vec![answer(200, "", "")]).await?;
    let url = peer.url("/hook")?;
    drop(peer);
    let attempt = deliverer(true)?.attempt(&delivery(url)).await;
    assert_eq!(attempt.outcome, again(FIVE_SECONDS, UNREACHABLE));
    Ok(())
}

#[tokio::test]
async fn the_last_attempt_gives_up_and_says_why() -> Outcome {
    let peer = Peer::start(vec![answer(500, "retry-after: 1\r\n", "")]).await?;
    let deliverer = deliverer(true)?;
    let at = |attempt| Delivery { attempt, ..delivery("") };
    for (attempt, expected) in [
        (2, again(Duration::from_secs(300), "answered 500")),
        (9, again(Duration::from_secs(86_400), "answered 500")),
        (10, Attempted::GiveUp { why: String::from("answered 500") }),
        (11, Attempted::GiveUp { why: String::from("answered 500") }),
    ] {
        let outcome = deliverer.attempt(&Delivery { url: peer.url("/")?.into(), ..at(attempt) }).await.outcome;
        assert_eq!(outcome, expected, "attempt {attempt}");
    }
    Ok(())
}

#[tokio::test]
async fn only_the_first_kilobyte_of_an_answer_is_kept() -> Outcome {
    let flood = Script::Drip(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 64 * 1024], Duration::ZERO);
    for (script, kept) in [(answer(500, "", "sorry"), 5), (answer(200, "", &"x".repeat(5000)), 1024), (flood, 1024)] {
        let peer = Peer::start(vec![script]).await?;
        let attempt = deliverer(true)?.attempt(&delivery(peer.url("/hook")?)).await;
        assert_eq!(attempt.receipt.answer.len(), kept);
    }
    Ok(())
}

#[tokio::test]
async fn a_private_receiver_is_refused_outside_dev_and_nobody_is_asked() -> Outcome {
    let peer = Peer::start(vec![answer(200, "", "leak")]).await?;
    let deliverer = deliverer(false)?;
    for host in ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::ffff:7f00:1]", "localhost", "localhost."] {
        let url = peer.url_as(host, "/hook")?;
        let attempt = deliverer.attempt(&delivery(url.clone())).await;
        assert_eq!(attempt.outcome, Attempted::Refused { why: UNREACHABLE.to_owned() }, "{host}");
        assert_eq!(
            deliverer.check_target(url.as_str()).map_err(|error| error.to_string()),
            Err(UNREACHABLE.to_owned())
        );
    }
    for url in
        ["https://10.0.0.1/", "https://169.254.169.254/latest/", "https://[fd00:ec2::254]/", "ftp://example.com/"]
    {
        let attempt = deliverer.attempt(&delivery(url)).await;
        assert_eq!(attempt.outcome, Attempted::Refused { why: UNREACHABLE.to_owned() }, "{url}");
    }
    assert_eq!(peer.connections(), 0);
    Ok(())
}

#[tokio::test]
async fn a_target_is_looked_at_before_anything_is_sent_there() -> Outcome {
    let deliverer = deliverer(true)?;
    let long = format!("https://example.com/{}", "x".repeat(2048));
    for (text, is_good) in [
        ("https://example.com/hook", true),
        ("http://127.0.0.1:3000/hook", true),
        ("http://localhost:3000/hook", true),
        // Over plain http only a name of the machine itself will do; the resolver says whether this is one.
        ("http://example.com/hook", true),
        ("http://10.0.0.1/hook", false),
        ("example.com/hook", false),
        ("/hook", false),
        ("mailto:a@example.com", false),
        ("file:///etc/passwd", false),
        ("https://", false),
        ("", false),
        (long.as_str(), false),
    ] {
        assert_eq!(deliverer.check_target(text).is_ok(), is_good, "{text}");
    }
    assert!(self::deliverer(false)?.check_target("http://example.com/hook").is_err());
    Ok(())
}
