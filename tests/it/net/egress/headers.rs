//! What a receiver sees: the platform's own words where they are its business, the guest's everywhere else.

use anyhow::Result;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::peer::{Peer, answer};
use super::names::Named;
use super::server::Server;
use super::{ADDON, Fetcher, place, quick, way_out};

const LOOPBACK: [&str; 1] = ["127.0.0.0/8"];
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nproxy-authenticate: x\r\nkeep-alive: 5\r\nx-own: y\r\n\r\n";

#[tokio::test]
async fn the_receiver_sees_the_addon_and_no_header_that_speaks_for_others() -> Result<()> {
    let server = Server::saying(OK).await?;
    let guest = Fetcher::new(&[place(&server.url("/"))], &LOOPBACK).await?;
    let headers = [
        ("user-agent", "curl/8"),
        ("via", "1.1 me"),
        ("expect", "100-continue"),
        ("x-own", "1"),
        ("accept-encoding", "gzip"),
    ];
    let seen = guest.act("fetch", json!({ "url": server.url("/"), "headers": headers })).await?;
    let heads = server.heads();
    let head = heads.first().map(String::as_str).unwrap_or_default();
    let agent = format!("user-agent: semantest/{} (addon {ADDON})\r\n", env!("CARGO_PKG_VERSION"));
    assert!(head.contains(&agent), "{head}");
    assert_eq!(head.matches("user-agent").count(), 1, "{head}");
    assert!(head.contains("x-own: 1\r\n") && head.contains("accept-encoding: gzip\r\n"), "{head}");
    assert!(!head.contains("via") && !head.contains("expect"), "{head}");
    // Nor does the guest see what is between the platform and the server.
    let names: Vec<_> = seen["headers"].as_array().into_iter().flatten().filter_map(|pair| pair[0].as_str()).collect();
    assert_eq!(names, ["content-length", "x-own"], "{seen}");
    Ok(())
}

#[tokio::test]
async fn headers_of_the_connection_cannot_even_be_made() -> Result<()> {
    let server = Server::saying(OK).await?;
    let guest = Fetcher::new(&[place(&server.url("/"))], &LOOPBACK).await?;
    let forbidden = [
        "host",
        "Host",
        "connection",
        "keep-alive",
        "proxy-authorization",
        "Proxy-Anything",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
        "te",
        "trailer",
        "forwarded",
        "X-Forwarded-For",
        "x-forwarded-host",
        "x-real-ip",
    ];
    let tried = guest.act("odd-header", json!({ "names": forbidden })).await?;
    for (name, came) in forbidden.iter().zip(tried.as_array().into_iter().flatten()) {
        assert_eq!(came, "HeaderError::Forbidden", "{name}");
    }
    let tried = guest.act("odd-header", json!({ "names": ["x-own", "authorization", "bad name", "x\r\ny"] })).await?;
    assert_eq!(tried, json!(["taken", "taken", "HeaderError::InvalidSyntax", "HeaderError::InvalidSyntax"]));
    Ok(())
}

#[tokio::test]
async fn trailers_of_the_connection_cannot_be_made_and_none_is_sent() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/trailed", listener.local_addr()?);
    let guest = Fetcher::new(&[url.trim_end_matches("/trailed").to_owned()], &LOOPBACK).await?;
    let listening = async {
        let (mut stream, _) = listener.accept().await?;
        let mut sent = Vec::new();
        while !sent.ends_with(b"0\r\n\r\n") {
            anyhow::ensure!(stream.read_buf(&mut sent).await? > 0, "{}", String::from_utf8_lossy(&sent));
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
        anyhow::Ok(String::from_utf8(sent)?)
    };
    let (sent, came) = tokio::join!(listening, guest.act("trailers", json!({ "url": url })));
    assert_eq!(came?, json!({ "status": 200, "refused": true }));
    let sent = sent?;
    assert!(sent.contains("transfer-encoding: chunked\r\n") && !sent.contains("content-length"), "{sent}");
    assert!(!sent.contains("x-checksum") && !sent.contains("via"), "{sent}");
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_announced_and_not_sent_never_looks_complete() -> Result<()> {
    let peer = Peer::start(vec![answer(200, "", "")]).await?;
    let url = peer.url("/")?;
    let guest = Fetcher::new(&[place(&url)], &LOOPBACK).await?;
    let came = guest.act("unfinished", json!({ "url": url })).await?;
    assert_eq!(came["finished"], false, "{came}");
    assert_ne!(came["came"], 200, "{came}");
    Ok(())
}

#[tokio::test]
async fn tls_is_spoken_in_the_name_that_was_asked_for() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let names = Named::from([("secure.test", &["127.0.0.1"][..])]);
    let client = way_out(&quick(), &LOOPBACK, names)?;
    let guest = Fetcher::over(client, &[format!("https://secure.test:{port}")]).await?;
    let listening = async {
        let (mut stream, _) = listener.accept().await?;
        let mut hello = vec![0; 4096];
        let count = stream.read(&mut hello).await?;
        hello.truncate(count);
        anyhow::Ok(hello)
    };
    let url = format!("https://secure.test:{port}/");
    let (hello, answer) = tokio::join!(listening, guest.get(&url));
    let hello = hello?;
    assert_eq!(hello.first(), Some(&22), "a TLS record");
    let has = |needle: &[u8]| hello.windows(needle.len()).any(|window| window == needle);
    assert!(has(b"secure.test"), "the server's name is the URL's");
    assert!(has(b"http/1.1") && !has(b"\x02h2"), "one protocol is offered");
    let answer = answer?;
    assert!(answer["error"].as_str().is_some_and(|text| text.contains("TlsProtocolError")), "{answer}");
    Ok(())
}
