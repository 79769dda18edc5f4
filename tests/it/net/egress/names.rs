//! Names: every address of one must be allowed, and the one that was checked is the one that is dialled.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;

use anyhow::Result;
use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::{BodyExt as _, Empty};
use semantest::model::egress::{EgressFault, Patience};
use semantest::net::{GuestClient, GuestRequest, Lookup, Tenant};
use serde_json::json;
use url::Url;

use super::super::names::Rebinding;
use super::server::Server;
use super::{Fetcher, quick, way_out};

/// A resolver that knows these names and no others.
pub(super) struct Named(HashMap<String, Vec<IpAddr>>);

impl<const N: usize> From<[(&str, &[&str]); N]> for Named {
    fn from(names: [(&str, &[&str]); N]) -> Self {
        let parse = |addresses: &[&str]| addresses.iter().filter_map(|text| text.parse().ok()).collect();
        Self(names.into_iter().map(|(name, addresses)| (name.to_owned(), parse(addresses))).collect())
    }
}

#[async_trait]
impl Lookup for Named {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.0.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// A GET without a guest; the body is read to its end.
pub(super) async fn get(client: &GuestClient, tenant: &str, url: &Url) -> Result<String, EgressFault> {
    let request = GuestRequest {
        method: Method::GET,
        url: url.clone(),
        headers: HeaderMap::new(),
        agent: HeaderValue::from_static("test"),
        body: Empty::new().map_err(|never| match never {}).boxed_unsync(),
    };
    let answer = client.send(&Tenant::new(tenant, "acme.fetch"), request, Patience::default()).await?;
    let (response, exchange) = answer.into_parts();
    let (body, ()) = tokio::join!(response.into_body().collect(), exchange);
    Ok(String::from_utf8_lossy(&body?.to_bytes()).into_owned())
}

const IN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nin";

#[tokio::test]
async fn a_thousand_rebindings_leak_nothing() -> Result<()> {
    let listed = Server::start_on([127, 0, 0, 2].into(), IN).await?;
    // The trap listens on the same port of the closed address, where a second lookup would end.
    let trap = std::net::TcpListener::bind(("127.0.0.1", listed.port()))?;
    trap.set_nonblocking(true)?;
    let client = way_out(&quick(), &["127.0.0.2/32"], Rebinding::default())?;
    let url = Url::parse(&format!("http://rebind.test:{}/", listed.port()))?;
    let (mut reached, mut refused) = (0, 0);
    for _ in 0..1000 {
        match get(&client, "acme", &url).await {
            Ok(body) if body == "in" => reached += 1,
            Err(EgressFault::Unreachable) => refused += 1,
            other => anyhow::bail!("neither reached nor refused: {other:?}"),
        }
    }
    assert_eq!((reached, refused), (250, 750), "one closed address refuses the name");
    let leaked = trap.accept().map_err(|error| error.kind());
    assert!(matches!(leaked, Err(io::ErrorKind::WouldBlock)), "a connection reached the closed address");
    Ok(())
}

#[tokio::test]
async fn a_waiting_connection_does_not_outlive_its_name() -> Result<()> {
    let kept = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nin";
    let listed = Server::start_on([127, 0, 0, 2].into(), kept).await?;
    let client = way_out(&quick(), &["127.0.0.2/32"], Rebinding::default())?;
    let url = Url::parse(&format!("http://rebind.test:{}/", listed.port()))?;
    assert_eq!(get(&client, "acme", &url).await?, "in");
    assert_eq!(client.idle_connections(), 1);
    assert_eq!(get(&client, "acme", &url).await, Err(EgressFault::Unreachable), "the name means another address now");
    Ok(())
}

#[tokio::test]
async fn a_refused_name_and_one_that_is_not_there_sound_alike() -> Result<()> {
    let names = Named::from([("inside.test", &["10.0.0.1"][..]), ("metadata.test", &["169.254.169.254"])]);
    let granted = ["inside.test", "metadata.test", "no-such-name.test"].map(|name| format!("https://{name}"));
    let guest = Fetcher::over(way_out(&quick(), &[], names)?, &granted).await?;
    let mut heard = Vec::new();
    for name in ["inside.test", "metadata.test", "no-such-name.test"] {
        let report = guest.report("fetch", json!({ "url": format!("https://{name}/") })).await?;
        let failure = report.outcome.err().map(|failure| failure.failure());
        let logs: Vec<String> = report.logs.into_iter().map(|line| line.message).collect();
        heard.push((failure.map(|failure| (failure.code, failure.message, failure.details)), logs));
    }
    assert!(heard.iter().all(|one| *one == heard[0]), "{heard:?}");
    assert_eq!(heard[0].1, ["http: destination not allowed or unreachable"]);
    Ok(())
}

/// Runs in a process of its own with the proxy variables set; by itself it only shows that the direct way works.
#[tokio::test]
async fn the_direct_way_is_taken_for_guests() -> Result<()> {
    let server = Server::saying(IN).await?;
    let names = Named::from([("named.test", &["127.0.0.1"][..])]);
    let client = way_out(&quick(), &["127.0.0.0/8"], names)?;
    let named = Url::parse(&format!("http://named.test:{}/", server.port()))?;
    for url in [server.url("/"), named] {
        assert_eq!(get(&client, "acme", &url).await?, "in");
    }
    Ok(())
}

#[tokio::test]
async fn proxies_of_the_environment_are_ignored_for_guests() -> Result<()> {
    let proxy = Server::saying(IN).await?;
    let mut child = tokio::process::Command::new(std::env::current_exe()?);
    child.args(["--exact", "net::egress::names::the_direct_way_is_taken_for_guests"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, proxy.url("/").as_str());
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = child.output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(proxy.connections(), 0);
    Ok(())
}
