//! TLS from end to end: whom the machine's authorities vouch for is spoken to, and nobody else.
//!
//! The authorities are the machine's own, which a process reads once: so the guests run in a child process that is told of
//! a test's authority as operators tell of theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::names::Named;
use super::{Fetcher, quick, way_out};

/// The ports of the two servers, for the child.
const PORTS: &str = "SEMANTEST_TEST_TLS_PORTS";
const LOOPBACK: [&str; 1] = ["127.0.0.0/8"];
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nsecret";

/// An authority that signs servers' certificates.
fn authority() -> Result<(Issuer<'static, KeyPair>, String)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}

/// A server that shows a certificate for `secure.test` by `issuer`; it ends with the set.
async fn server(issuer: &Issuer<'_, KeyPair>, served: &Arc<AtomicUsize>, tasks: &mut JoinSet<()>) -> Result<u16> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new([String::from("secure.test")])?.signed_by(&key, issuer)?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
    let (acceptor, served) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(served));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if serve(&acceptor, stream).await.is_ok() {
                served.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    Ok(port)
}

async fn serve(acceptor: &TlsAcceptor, stream: TcpStream) -> Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        ensure!(stream.read_buf(&mut head).await? > 0, "no request");
    }
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    Ok(())
}

/// What the child does: asks both servers, the first also by a name that its certificate has not.
async fn ask(ports: &str) -> Result<()> {
    let (trusted, stranger) = ports.split_once(' ').context("two ports")?;
    let names = Named::from([("secure.test", &["127.0.0.1"][..]), ("other.test", &["127.0.0.1"][..])]);
    let urls = [("secure.test", trusted), ("other.test", trusted), ("secure.test", stranger)]
        .map(|(name, port)| format!("https://{name}:{port}"));
    let guest = Fetcher::over(way_out(&quick(), &LOOPBACK, names)?, &urls).await?;
    let [good, misnamed, unknown] = urls;
    let answer = guest.get(&format!("{good}/")).await?;
    ensure!(answer["status"] == 200, "{answer}");
    for url in [misnamed, unknown] {
        let answer = guest.get(&format!("{url}/")).await?;
        let error = answer["error"].as_str().with_context(|| format!("{url} answered: {answer}"))?;
        ensure!(error.contains("Tls"), "{url}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_is_taken_by_its_authority_and_name_and_no_other_is() -> Result<()> {
    if let Ok(ports) = std::env::var(PORTS) {
        return ask(&ports).await;
    }
    let folder = tempfile::TempDir::new()?;
    let ((trusted, pem), (stranger, _)) = (authority()?, authority()?);
    let file = folder.path().join("authorities.pem");
    std::fs::write(&file, pem)?;
    let (served, mut tasks) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    let first = server(&trusted, &served, &mut tasks).await?;
    let second = server(&stranger, &served, &mut tasks).await?;
    let mut child = tokio::process::Command::new(std::env::current_exe()?);
    let name = "net::egress::tls::a_certificate_is_taken_by_its_authority_and_name_and_no_other_is";
    child.args(["--exact", name]).env("SSL_CERT_FILE", &file).env_remove("SSL_CERT_DIR");
    let output = child.env(PORTS, format!("{first} {second}")).output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && said.contains("1 passed"), "{said}");
    ensure!(served.load(Ordering::SeqCst) == 1, "one request in three was to be answered");
    Ok(())
}
