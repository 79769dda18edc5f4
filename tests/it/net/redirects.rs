//! Redirects: answers for webhooks, short and judged walks for sources.

use std::time::Duration;

use bytes::Bytes;
use semantest::model::units::ByteSize;
use semantest::net::{Denied, Method, NetError, Purpose, Request};
use url::Url;

use super::peer::{Peer, answer, redirect};
use super::{Outcome, client, streamed};

const LOOPBACK: [&str; 1] = ["127.0.0.0/8"];

async fn fetch(purpose: Purpose, url: &Url) -> Result<Bytes, NetError> {
    streamed(&client(purpose, &LOOPBACK)?, url.clone(), ByteSize::kib(64), Duration::from_secs(10)).await
}

#[tokio::test]
async fn a_source_that_redirects_to_link_local_is_refused() -> Outcome {
    for target in ["http://169.254.169.254/latest/meta-data/", "http://[::ffff:a9fe:a9fe]/", "http://0xa9fea9fe/"] {
        let peer = Peer::start(vec![redirect(302, target)]).await?;
        let error = fetch(Purpose::Sources, &peer.url("/addon.wasm")?).await.err();
        assert!(matches!(error, Some(NetError::Denied(Denied::Address { .. }))), "{target}: {error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_source_may_move_three_times_and_not_four() -> Outcome {
    for (moves, is_found) in [(1, true), (3, true), (4, false)] {
        let mut scripts = vec![redirect(302, "/again"); moves];
        scripts.push(answer(200, "", "wasm"));
        let peer = Peer::start(scripts).await?;
        let found = fetch(Purpose::Sources, &peer.url("/")?).await;
        match found {
            Ok(download) => assert!(is_found && download == "wasm"),
            Err(error) => assert!(!is_found && matches!(error, NetError::Redirect { .. }), "{error:?}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_webhook_is_never_redirected() -> Outcome {
    let elsewhere = Peer::start(vec![answer(200, "", "")]).await?;
    for status in [301, 302, 303, 307, 308] {
        let peer = Peer::start(vec![redirect(status, elsewhere.url("/")?.as_str())]).await?;
        let answer = client(Purpose::Webhooks, &LOOPBACK)?.send(Request::new(Method::Post, peer.url("/")?)).await?;
        assert_eq!(answer.status, status);
    }
    assert_eq!(elsewhere.connections(), 0);
    Ok(())
}

#[tokio::test]
async fn credentials_stay_with_the_origin_they_were_meant_for() -> Outcome {
    let elsewhere = Peer::start(vec![answer(200, "", "picture")]).await?;
    let first = Peer::start(vec![redirect(307, elsewhere.url("/")?.as_str())]).await?;
    let request = Request::new(Method::Get, first.url("/")?)
        .header("authorization", "Bearer secret")
        .header("x-api-key", "secret")
        .header("accept", "image/png");
    let answer = client(Purpose::Providers, &LOOPBACK)?.send(request).await?;
    assert_eq!(answer.body, "picture");
    let (before, after) = (first.seen(), elsewhere.seen());
    assert_eq!(before.first().and_then(|seen| seen.header("authorization")), Some("Bearer secret"));
    let after = after.first().ok_or("nothing came")?;
    assert_eq!((after.header("authorization"), after.header("x-api-key")), (None, None));
    assert_eq!(after.header("accept"), Some("image/png"));
    Ok(())
}
