//! Connections are kept for who opened them, and for nobody else; few of them, and not for long.

use std::time::Duration;

use anyhow::Result;
use semantest::config::guest_http::GuestHttpSettings;
use semantest::model::egress::EgressFault;
use semantest::model::units::Span;
use semantest::net::SystemLookup;
use serde_json::json;

use super::names::get;
use super::server::Server;
use super::{Fetcher, place, quick, way_out};
use crate::support::until;

const LOOPBACK: [&str; 1] = ["127.0.0.0/8"];
const IN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nin";

#[tokio::test]
async fn a_connection_is_used_again_by_its_own_tenant_and_by_nobody_else() -> Result<()> {
    let server = Server::saying(IN).await?;
    let mut guest = Fetcher::new(&[place(&server.url("/"))], &LOOPBACK).await?;
    for (tenant, connections) in [("acme", 1), ("acme", 1), ("globex", 2), ("acme", 2), ("globex", 2)] {
        guest.tenant = String::from(tenant);
        assert_eq!(guest.get(server.url("/").as_str()).await?["body"], "in");
        until("the connection waits", async || guest.client.idle_connections() == server.connections()).await;
        assert_eq!(server.connections(), connections, "{tenant}");
    }
    Ok(())
}

#[tokio::test]
async fn one_call_uses_one_connection_for_request_after_request() -> Result<()> {
    let server = Server::saying(IN).await?;
    let guest = Fetcher::new(&[place(&server.url("/"))], &LOOPBACK).await?;
    let urls = vec![server.url("/"); 8];
    let answers = guest.act("try-all", json!({ "urls": urls })).await?;
    assert!(answers.as_array().is_some_and(|all| all.iter().all(|one| one["body"] == "in")), "{answers}");
    assert!(server.connections() <= 2, "{}", server.connections());
    Ok(())
}

#[tokio::test]
async fn waiting_connections_are_few_and_do_not_wait_for_ever() -> Result<()> {
    let server = Server::saying(IN).await?;
    let few = GuestHttpSettings { idle_connections: 2, ..quick() };
    let client = way_out(&few, &LOOPBACK, SystemLookup)?;
    for tenant in ["a1", "b1", "c1", "d1"] {
        get(&client, tenant, &server.url("/")).await?;
    }
    assert_eq!(client.idle_connections(), 2);
    until("the others are closed", async || server.open() == 2).await;

    let brief = GuestHttpSettings { idle: Span::of(Duration::ZERO), ..quick() };
    let client = way_out(&brief, &LOOPBACK, SystemLookup)?;
    let before = server.connections();
    for _ in 0..3 {
        get(&client, "acme", &server.url("/")).await?;
    }
    assert_eq!(server.connections() - before, 3);
    client.sweep();
    assert_eq!(client.idle_connections(), 0);
    Ok(())
}

#[tokio::test]
async fn what_a_server_says_unasked_is_not_taken_for_an_answer() -> Result<()> {
    // Two answers to one request: the second one would be the next request's.
    let server = Server::saying(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\ninHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
    )
    .await?;
    let client = way_out(&quick(), &LOOPBACK, SystemLookup)?;
    for _ in 0..20 {
        match get(&client, "acme", &server.url("/")).await {
            Ok(body) => assert_eq!(body, "in"),
            Err(fault) => assert_eq!(fault, EgressFault::Protocol),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_costs_no_request() -> Result<()> {
    let server = Server::saying(IN).await?;
    let client = way_out(&quick(), &LOOPBACK, SystemLookup)?;
    get(&client, "acme", &server.url("/")).await?;
    let url = server.url("/");
    drop(server);
    let again = std::net::TcpListener::bind(("127.0.0.1", url.port().unwrap_or_default()));
    // The port may be taken by somebody else in between; then there is nothing to show.
    let Ok(listener) = again else { return Ok(()) };
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let answering = async {
        let (mut stream, _) = listener.accept().await?;
        tokio::io::AsyncWriteExt::write_all(&mut stream, IN.as_bytes()).await?;
        anyhow::Ok(stream)
    };
    let (stream, body) = tokio::join!(answering, get(&client, "acme", &url));
    assert_eq!(body?, "in");
    drop(stream?);
    Ok(())
}
