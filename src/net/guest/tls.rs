//! TLS for guests: the machine's own trust, HTTP/1.1, and nothing remembered from one connection to the next.

use std::sync::Arc;

use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};

/// The settings that every connection shares. Sessions are not resumed: a ticket would join what two tenants do.
pub(super) fn settings() -> Result<Arc<ClientConfig>, Error> {
    let builder = || {
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
    };
    let mut config = match builder()?.with_platform_verifier() {
        Ok(builder) => builder.with_no_client_auth(),
        // A machine without any CA certificates can still do everything that needs no TLS.
        Err(error) => {
            tracing::warn!(%error, "No CA certificates found: every https destination of addons will be unreachable");
            builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    };
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
