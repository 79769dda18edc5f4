//! The listeners, and how the outside reaches them.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::model::units::{ByteSize, Span};

/// The API's and the operators' listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Address of `/livez /readyz /startupz /metrics`, in every role. Not for the public.
    pub ops_listen: SocketAddr,
    /// What clients put before `/api/v1`; signed links start with it. Empty: `http://` and the listen address.
    pub public_url: String,
    /// Most bytes of a JSON body.
    pub json_limit: ByteSize,
    /// Most bytes of an uploaded component or picture.
    pub upload_limit: ByteSize,
    /// How long running jobs and requests may go on after the first stop signal.
    pub grace: Span,
    /// The client that foreign queue producers work for when they name none.
    pub default_client: String,
    /// The `<env>` in `sk_<env>_…`, so that a key of one installation is recognised in another.
    pub key_environment: String,
    /// How long a signed picture link works.
    pub artifact_ttl: Span,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            ops_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)),
            public_url: String::new(),
            json_limit: ByteSize::mib(1),
            upload_limit: ByteSize::mib(48),
            grace: Span::secs(25),
            default_client: String::from("default"),
            key_environment: String::from("live"),
            artifact_ttl: Span::secs(24 * 60 * 60),
        }
    }
}
