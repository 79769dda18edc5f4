//! Names: what the resolver says is filtered, and what was checked is what is dialled.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use semantest::net::{Lookup, Method, NetError, Purpose, Request, UNREACHABLE};

use super::peer::{Peer, answer};
use super::{Outcome, client, client_with};

/// A resolver with a fixed answer for every name.
struct Fixed(Vec<IpAddr>);

#[async_trait]
impl Lookup for Fixed {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(self.0.clone())
    }
}

/// A resolver that alternates between a listed address and a closed one, in each of the ways an attacker would.
#[derive(Default)]
pub(super) struct Rebinding(AtomicUsize);

#[async_trait]
impl Lookup for Rebinding {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        let (listed, closed) = (IpAddr::from([127, 0, 0, 2]), IpAddr::from([127, 0, 0, 1]));
        Ok(match self.0.fetch_add(1, Ordering::Relaxed) % 4 {
            0 => vec![listed],
            1 => vec![closed],
            2 => vec![closed, listed],
            _ => vec![listed, closed],
        })
    }
}

#[tokio::test]
async fn a_name_for_a_closed_address_is_refused_without_a_connection() -> Outcome {
    let peer = Peer::start(vec![answer(200, "", "leak")]).await?;
    for address in ["127.0.0.1", "::ffff:127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "fd00:ec2::254"] {
        // Another network is listed, so that plain http and the odd port are no reason to refuse by themselves.
        let client = client_with(Purpose::Webhooks, &["127.9.9.9/32"], Fixed(vec![address.parse()?]))?;
        let error = client.send(Request::new(Method::Post, peer.url_as("inside.test", "/")?)).await.err();
        assert!(matches!(error, Some(NetError::Denied(_))), "{address}: {error:?}");
        assert_eq!(error.map(|error| error.public_message()).as_deref(), Some(UNREACHABLE));
    }
    assert_eq!(peer.connections(), 0);
    Ok(())
}

#[tokio::test]
async fn of_a_mixed_answer_only_the_listed_address_is_dialled() -> Outcome {
    let closed = Peer::start(vec![answer(200, "", "leak")]).await?;
    let addresses = vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
    let client = client_with(Purpose::Webhooks, &["127.0.0.2/32"], Fixed(addresses))?;
    // Nothing listens on the listed address's port: the closed one must not be tried instead.
    let refused = client.send(Request::new(Method::Post, closed.url_as("mixed.test", "/")?)).await;
    assert!(matches!(refused, Err(NetError::Connect(_))), "{refused:?}");
    assert_eq!(closed.connections(), 0);
    Ok(())
}

#[tokio::test]
async fn a_public_name_on_plain_http_does_not_reach_a_public_address_either() -> Outcome {
    let client = client_with(Purpose::Webhooks, &["127.0.0.2/32"], Fixed(vec![IpAddr::from([8, 8, 8, 8])]))?;
    let refused = client.send(Request::new(Method::Post, "http://public.test/".parse()?)).await;
    assert!(matches!(refused, Err(NetError::Denied(_))), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_thousand_rebindings_leak_nothing() -> Outcome {
    let listed = Peer::start_on([127, 0, 0, 2].into(), vec![answer(200, "", "in")]).await?;
    // The trap listens on the same port of the closed address, where a second lookup would end.
    let port = listed.url("/")?.port().unwrap_or_default();
    let trap = std::net::TcpListener::bind(("127.0.0.1", port))?;
    trap.set_nonblocking(true)?;
    let client = client_with(Purpose::Webhooks, &["127.0.0.2/32"], Rebinding::default())?;
    let (mut reached, mut refused) = (0, 0);
    for _ in 0..1000 {
        match client.send(Request::new(Method::Post, listed.url_as("rebind.test", "/")?)).await {
            Ok(answer) if answer.body == "in" => reached += 1,
            Err(NetError::Denied(_)) => refused += 1,
            other => return Err(format!("neither reached nor refused: {other:?}").into()),
        }
    }
    assert_eq!((reached, refused), (750, 250));
    let leaked = trap.accept().map_err(|error| error.kind());
    assert!(matches!(leaked, Err(io::ErrorKind::WouldBlock)), "a connection reached the closed address");
    Ok(())
}

#[tokio::test]
async fn a_name_that_does_not_resolve_sounds_like_one_that_is_refused() -> Outcome {
    let client = client(Purpose::Webhooks, &["127.0.0.2/32"])?;
    let error = client.send(Request::new(Method::Post, "http://no-such-name.invalid/".parse()?)).await.err();
    assert_eq!(error.map(|error| error.public_message()).as_deref(), Some(UNREACHABLE));
    Ok(())
}

/// Runs in a process of its own with the proxy variables set; by itself it only shows that the direct way works.
#[tokio::test]
async fn the_direct_way_is_taken() -> Outcome {
    let peer = Peer::start(vec![answer(200, "", "direct")]).await?;
    let addresses = vec![IpAddr::from([127, 0, 0, 1])];
    let client = client_with(Purpose::Webhooks, &["127.0.0.0/8"], Fixed(addresses))?;
    for url in [peer.url("/")?, peer.url_as("named.test", "/")?] {
        let answer = client.send(Request::new(Method::Post, url)).await?;
        assert_eq!(answer.body, "direct");
    }
    Ok(())
}

#[tokio::test]
async fn proxies_of_the_environment_are_ignored() -> Outcome {
    let proxy = Peer::start(vec![answer(200, "", "proxied")]).await?;
    let mut child = tokio::process::Command::new(std::env::current_exe()?);
    child.args(["--exact", "net::names::the_direct_way_is_taken"]).env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, proxy.url("")?.as_str());
    }
    let output = child.kill_on_drop(true).output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(proxy.connections(), 0);
    Ok(())
}
