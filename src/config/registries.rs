//! Registries that components are fetched from: how to sign in, and which of them speak plain http.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::secret::Secret;

/// One OCI registry, named by host and port as references name it. A registry that is not listed is asked anonymously.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrySettings {
    /// The user to sign in as.
    pub username: Option<String>,
    /// The user's password or access token.
    pub password: Option<Secret>,
    /// A file that holds it.
    pub password_file: Option<PathBuf>,
    /// A token that the registry takes as it is, instead of user and password.
    pub token: Option<Secret>,
    /// A file that holds it.
    pub token_file: Option<PathBuf>,
    /// Whether it is asked over plain `http`. Its address must then be in `egress.sources.allow` too.
    pub plain_http: bool,
}
