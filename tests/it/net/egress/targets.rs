//! The table of targets: each way to say where a guest may not go, asked by a real guest that may ask everybody.

use anyhow::Result;
use semantest::model::origin::OriginPattern;
use serde_json::{Value, json};
use url::Url;

use super::server::Server;
use super::{Fetcher, quick, way_out};
use crate::net::egress::names::Named;

/// What a guest hears of an address that the URL itself names.
const PROHIBITED: &str = "DestinationIpProhibited";
/// What it hears of a name whose address is not allowed.
const UNAVAILABLE: &str = "DestinationUnavailable";
/// What it hears of a scheme, port or place that is not its.
const DENIED: &str = "HttpRequestDenied";

/// Hosts that all mean 127.0.0.1, where a server waits for whoever gets through.
const DISGUISES: [(&str, &str); 34] = [
    ("127.0.0.1", PROHIBITED),
    ("127.1", PROHIBITED),
    ("127.0.1", PROHIBITED),
    ("0x7f000001", PROHIBITED),
    ("0x7F.0.0.1", PROHIBITED),
    ("0x7f.1", PROHIBITED),
    ("0X7F.0x0.0X0.0x1", PROHIBITED),
    ("2130706433", PROHIBITED),
    ("0177.0.0.1", PROHIBITED),
    ("017700000001", PROHIBITED),
    ("0177.1", PROHIBITED),
    ("00000177.0.0.01", PROHIBITED),
    ("127.0.0.1.", PROHIBITED),
    ("localhost", PROHIBITED),
    ("LOCALHOST", PROHIBITED),
    ("localhost.", DENIED),
    ("api.localhost", PROHIBITED),
    ("[::1]", PROHIBITED),
    ("[0:0:0:0:0:0:0:1]", PROHIBITED),
    ("[::ffff:7f00:1]", PROHIBITED),
    ("[::ffff:127.0.0.1]", PROHIBITED),
    ("[::127.0.0.1]", PROHIBITED),
    ("[::ffff:0:7f00:1]", PROHIBITED),
    ("[64:ff9b::7f00:1]", PROHIBITED),
    ("[2002:7f00:1::]", PROHIBITED),
    ("[2001:0:1:2:3:4:80ff:fffe]", PROHIBITED),
    ("[2606:4700::5efe:127.0.0.1]", PROHIBITED),
    ("[::]", PROHIBITED),
    ("0", PROHIBITED),
    ("0.0.0.0", PROHIBITED),
    ("user:secret@127.0.0.1", "HttpRequestUriInvalid"),
    ("allowed.test@127.0.0.1", "HttpRequestUriInvalid"),
    ("inside.test", UNAVAILABLE),
    ("mixed.test", UNAVAILABLE),
];

/// Hosts of every range that is closed, and of what is never open.
const RANGES: [&str; 59] = [
    "0.1.2.3",
    "10.0.0.1",
    "10.1",
    "167772161",
    "100.64.0.1",
    "100.127.255.255",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[fd00:ec2::254]",
    "[fd00:ec2::23]",
    "[fd20:ce::254]",
    "169.254.170.2",
    "169.254.170.23",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "metadata.google.internal",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.1.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "[fc00::1]",
    "[fdff::1]",
    "[fe80::1]",
    "[febf::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[64:ff9b::8.8.8.8]",
    "[64:ff9b:1::1]",
    "[100::1]",
    "[2001::1]",
    "[2001:db8::1]",
    "[2001:2::1]",
    "[2002:808:808::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[4000::1]",
    "[3ffe::1]",
    "[::ffff:0:10.0.0.1]",
];

/// What is no request to a web server that anybody may be asked on.
const DOORS: [(&str, &str); 10] = [
    ("https://example.com:22/", DENIED),
    ("https://example.com:8443/", DENIED),
    ("http://example.com:443/", DENIED),
    ("http://example.com/", DENIED),
    ("https://8.8.8.8:6379/", PROHIBITED),
    ("ftp://example.com/", "HttpProtocolError"),
    ("gopher://example.com:70/", "HttpProtocolError"),
    ("file:///etc/passwd", "is not an http or https URL"),
    ("unix:/run/docker.sock", "is not an http or https URL"),
    ("https://127.0.0.2\\@example.com/", "is not an http or https URL"),
];

/// The origins of `urls`, as a manifest can name them.
fn origins<'a>(urls: impl Iterator<Item = &'a str>) -> Vec<String> {
    let origin = |url: &str| Some(Url::parse(url).ok()?.origin().ascii_serialization());
    let mut all: Vec<String> = urls.filter_map(origin).filter(|text| OriginPattern::parse(text).is_ok()).collect();
    all.sort();
    all.dedup();
    all
}

#[tokio::test]
async fn no_target_of_the_table_is_reached_and_the_allowed_one_beside_them_is() -> Result<()> {
    let inside = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nleak").await?;
    let allowed = Server::start_on([127, 0, 0, 2].into(), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nin").await?;
    let disguises = DISGUISES.iter().map(|(host, word)| (format!("http://{host}:{}/", inside.port()), *word));
    let ranges = RANGES.iter().map(|host| (format!("https://{host}/"), PROHIBITED));
    let doors = DOORS.iter().map(|(url, word)| ((*url).to_owned(), *word));
    let targets: Vec<(String, &str)> = disguises.chain(ranges).chain(doors).collect();
    assert!(targets.len() >= 60);
    // All three keys say yes to every target that can be named at all: what is left is the platform's own word.
    let mut granted = origins(targets.iter().map(|(url, _)| url.as_str()));
    granted.push(format!("http://127.0.0.2:{}", allowed.port()));
    let names = Named::from([
        ("inside.test", &["127.0.0.1"][..]),
        ("mixed.test", &["127.0.0.2", "127.0.0.1"]),
        ("example.com", &["93.184.215.14"]),
    ]);
    let mut guest = Fetcher::over(way_out(&quick(), &["127.0.0.2/32"], names)?, &granted).await?;
    guest.limits.egress.requests = 1000;
    let urls: Vec<&String> = targets.iter().map(|(url, _)| url).collect();
    let answers = guest.act("try-all", json!({ "urls": urls })).await?;
    for ((url, word), answer) in targets.iter().zip(answers.as_array().into_iter().flatten()) {
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.contains(word), "{url}: {answer}");
    }
    assert_eq!(answers.as_array().map(Vec::len), Some(targets.len()));
    assert_eq!(inside.connections(), 0);

    let reached = guest.get(allowed.url("/hook").as_str()).await?;
    assert_eq!((&reached["status"], &reached["body"]), (&json!(200), &json!("in")), "{reached}");
    Ok(())
}

#[tokio::test]
async fn where_nothing_is_listed_scheme_and_port_are_refused_by_name() -> Result<()> {
    let granted = ["http://example.com", "https://example.com:8443"].map(str::to_owned);
    let guest = Fetcher::new(&granted, &[]).await?;
    for (url, rule) in [
        ("http://example.com/", "the scheme `http` is not allowed"),
        ("https://example.com:8443/", "port 8443 is not allowed"),
    ] {
        let failure = guest.failure("fetch", json!({ "url": url })).await?.failure();
        let expected = json!({ "capability": "http", "key": "platform", "rule": rule });
        assert_eq!((failure.code.as_str().as_str(), failure.details), ("EGRESS_DENIED", Some(expected)));
    }
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_the_way_on_a_new_request() -> Result<()> {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://0xa9fea9fe/",
        "http://127.0.0.1/",
    ] {
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let server = Server::start_on([127, 0, 0, 2].into(), Box::leak(answer.into_boxed_str())).await?;
        let place = format!("http://127.0.0.2:{}", server.port());
        let hosts = [vec![place], origins([location].into_iter())].concat();
        let guest = Fetcher::new(&hosts, &["127.0.0.2/32"]).await?;
        let seen = guest.get(server.url("/").as_str()).await?;
        assert_eq!(seen["status"], 302, "{seen}");
        let failure = guest.failure("follow", json!({ "url": server.url("/"), "hops": 3 })).await?.failure();
        assert_eq!(failure.code.as_str(), "EGRESS_DENIED", "{location}: {failure:?}");
        assert_eq!(failure.details.as_ref().map(|details| &details["key"]), Some(&json!("platform")), "{failure:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_sent_is_what_was_judged() -> Result<()> {
    let server = Server::start_on([127, 0, 0, 2].into(), "HTTP/1.1 204 No\r\n\r\n").await?;
    let guest = Fetcher::new(&[format!("http://127.0.0.2:{}", server.port())], &["127.0.0.2/32"]).await?;
    let port = server.port();
    // Judged as the URL's own parser reads it; the peer must not get to read it in another way.
    for (url, line) in [
        (format!("http://0x7f.0.0.2:{port}/a/../b?x=1"), "GET /b?x=1 HTTP/1.1"),
        (format!("http://127.2:{port}/v1/%2e%2e/admin"), "GET /admin HTTP/1.1"),
        (format!("http://127.0.0.2:{port}?q"), "GET /?q HTTP/1.1"),
    ] {
        let seen = guest.get(&url).await?;
        assert_eq!(seen["status"], 204, "{url}: {seen}");
        let head = server.heads().pop().unwrap_or_default();
        assert!(head.starts_with(line), "{url}: {head}");
        assert!(head.contains(&format!("host: 127.0.0.2:{port}\r\n")), "{url}: {head}");
    }
    Ok(())
}

#[tokio::test]
async fn tunnels_and_echoes_are_sent_for_nobody() -> Result<()> {
    let server = Server::start_on([127, 0, 0, 2].into(), "HTTP/1.1 204 No\r\n\r\n").await?;
    let guest = Fetcher::new(&[format!("http://127.0.0.2:{}", server.port())], &["127.0.0.2/32"]).await?;
    for method in ["CONNECT", "TRACE", "TRACK", "get"] {
        let failure = guest.failure("fetch", json!({ "url": server.url("/"), "method": method })).await?;
        let message = failure.failure().message;
        assert!(message.contains("HttpRequestMethodInvalid"), "{method}: {message}");
    }
    assert_eq!(server.connections(), 0);
    let put: Value = guest.act("fetch", json!({ "url": server.url("/"), "method": "PUT", "body": "x" })).await?;
    assert_eq!(put["status"], 204);
    Ok(())
}
