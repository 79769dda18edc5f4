//! The keys that `dev` keeps readable, in a file of mode 0600: restarting on the same folder keeps them.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::config::secrets::RootKey;
use crate::model::id::ClientId;
use crate::store::Store;
use crate::store::keys::{KeyScope, Keys, NewKey};

/// The client that `dev`'s keys belong to.
pub(super) const DEV_CLIENT: &str = "default";

/// What the file holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Kept {
    master_key: String,
    admin_key: String,
    publisher_key: String,
    client_key: String,
}

/// The keys of one `dev` folder.
pub(super) struct Keyring {
    path: PathBuf,
    root: RootKey,
    kept: Kept,
}

impl Keyring {
    /// Opens the folder's keys, making folder, file and root key where they are missing.
    pub(super) fn open(data: &Path) -> anyhow::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data)
            .with_context(|| format!("making the folder {}", data.display()))?;
        let path = data.join("dev-keys.json");
        let mut kept: Kept = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is damaged; remove it to get new keys", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        if kept.master_key.is_empty() {
            kept.master_key = std::env::var("SEMANTEST_MASTER_KEY").unwrap_or_else(|_| RootKey::generate().reveal());
        }
        let root = RootKey::parse(&kept.master_key)?;
        let keyring = Self { path, root, kept };
        keyring.save()?;
        Ok(keyring)
    }

    pub(super) const fn root(&self) -> &RootKey {
        &self.root
    }

    pub(super) fn admin_key(&self) -> &str {
        &self.kept.admin_key
    }

    pub(super) fn publisher_key(&self) -> &str {
        &self.kept.publisher_key
    }

    pub(super) fn client_key(&self) -> &str {
        &self.kept.client_key
    }

    /// Makes each key that is missing, or that this Redis does not know.
    pub(super) async fn ensure_keys(&mut self, store: &Store) -> anyhow::Result<()> {
        let keys = Keys::new(store.clone());
        let client = ClientId::parse(DEV_CLIENT)?;
        for (scopes, namespaces, place) in [
            (vec![KeyScope::Admin, KeyScope::Publisher, KeyScope::Client], vec![], &mut self.kept.admin_key),
            (vec![KeyScope::Publisher], vec![String::from("*")], &mut self.kept.publisher_key),
            (vec![KeyScope::Client], vec![], &mut self.kept.client_key),
        ] {
            if !place.is_empty() && keys.verify(place).await?.is_some() {
                continue;
            }
            let new = NewKey { namespaces, ..NewKey::of(client.clone(), scopes) };
            *place = keys.issue(&new, "dev").await?.0;
        }
        self.save()
    }

    /// Writes a new file beside the old one and swaps them: a crash leaves one of the two whole.
    fn save(&self) -> anyhow::Result<()> {
        let fresh = self.path.with_extension("json.new");
        let text = serde_json::to_vec_pretty(&self.kept)?;
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.path).with_context(|| format!("writing {}", self.path.display()))
    }
}
