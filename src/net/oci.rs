//! OCI registries: what the distribution specification asks for, over our own guarded client.
//!
//! The few requests are ours because a ready-made client brings its own HTTP
//! client, and that would be a second way out (docs/decisions/0012). Grammar
//! and document types are the `oci-spec` crate's.
//!
//! A component lies in a registry as the CNCF's layout has it and `wkg` pushes
//! it: a manifest whose config is `application/vnd.wasm.config.v0+json`, with
//! one layer `application/wasm`. Ours may have a second layer, the signature.

mod artifact;
mod error;
mod login;
mod pull;
mod push;
mod reference;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use url::Url;

use crate::config::registries::RegistrySettings;
use crate::config::secret::SecretError;
use crate::net::client::Client;
use crate::net::guard::Denied;

pub use artifact::{Artifact, Layer, SIGNATURE_MEDIA_TYPE};
pub use error::OciError;
pub use login::Login;
pub use pull::Pull;
pub use push::{Push, Pushed};
pub use reference::{Reference, ReferenceError};

/// The registries that can be asked, each over its scheme and with its login. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Registries {
    client: Client,
    known: Arc<BTreeMap<String, Known>>,
    is_loopback_plain: bool,
}

/// What the settings say about one registry.
#[derive(Clone, Debug)]
struct Known {
    is_plain: bool,
    login: Login,
}

impl Registries {
    /// Reads the logins. `is_dev` means that loopback is asked over plain http.
    ///
    /// # Errors
    /// [`SecretError`] names the file that cannot be read.
    pub fn new(
        client: Client,
        settings: &BTreeMap<String, RegistrySettings>,
        is_dev: bool,
    ) -> Result<Self, SecretError> {
        let mut known = BTreeMap::new();
        for (name, registry) in settings {
            let login = Login::of(registry)?;
            known.insert(name.to_ascii_lowercase(), Known { is_plain: registry.plain_http, login });
        }
        Ok(Self { client, known: Arc::new(known), is_loopback_plain: is_dev })
    }

    /// Whether the registry of `reference` may be asked, as far as that can be said before its name is resolved.
    ///
    /// # Errors
    /// [`Denied`] says what the settings do not allow.
    pub fn check(&self, reference: &Reference) -> Result<(), Denied> {
        let base = self.base(reference).map_err(|_| Denied::Host)?;
        self.client.policy().check_url(&base)
    }

    /// Begins to read what `reference` names.
    #[must_use]
    pub fn pull(&self, reference: Reference) -> Pull {
        Pull::new(self.clone(), reference)
    }

    /// Begins to write to where `reference` names.
    #[must_use]
    pub fn push(&self, reference: Reference) -> Push {
        Push::new(self.clone(), reference)
    }

    /// `https://registry/`, or plain where the settings or `dev` say so; the client's policy has the last word.
    fn base(&self, reference: &Reference) -> Result<Url, OciError> {
        let known = self.known.get(reference.registry());
        let is_plain =
            known.is_some_and(|known| known.is_plain) || (self.is_loopback_plain && is_loopback(reference.host()));
        let scheme = if is_plain { "http" } else { "https" };
        Url::parse(&format!("{scheme}://{}/", reference.address())).map_err(|_| OciError::Answer { what: "address" })
    }

    fn login(&self, reference: &Reference) -> Login {
        self.known.get(reference.registry()).map_or(Login::Anonymous, |known| known.login.clone())
    }

    /// The URL of `rest` below the reference's repository.
    fn url(&self, reference: &Reference, rest: &str) -> Result<Url, OciError> {
        let path = format!("v2/{}/{rest}", reference.repository());
        self.base(reference)?.join(&path).map_err(|_| OciError::Answer { what: "address" })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
