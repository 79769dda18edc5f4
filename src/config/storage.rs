//! Where bytes live: the data folder and the blob store.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The data folder, and where components and pictures are kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageSettings {
    /// Folder for everything this process keeps on disk: caches, and the blobs where `blobs` is `local`.
    pub data_dir: PathBuf,
    /// `local` keeps blobs under `<data_dir>/blobs` (one machine); `s3` keeps them in a bucket (many machines).
    pub blobs: BlobPlace,
    /// The bucket; read only where `blobs` is `s3`.
    pub s3: S3Settings,
}

/// Which kind of blob store is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlobPlace {
    /// A folder of this machine.
    #[default]
    Local,
    /// A bucket that speaks S3.
    S3,
}

/// A bucket that speaks S3.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3Settings {
    /// Base URL of a compatible server; empty means AWS.
    pub endpoint: String,
    /// The bucket's name.
    pub bucket: String,
    /// Region; many compatible servers accept `us-east-1`.
    pub region: String,
    /// Prefix of every object's name; empty means the bucket's root.
    pub prefix: String,
    /// Access key id; empty means the environment's own credentials (instance role, `AWS_*`).
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// File that holds the secret access key; wins over `secret_access_key`.
    pub secret_access_key_file: Option<PathBuf>,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self { data_dir: PathBuf::from("data"), blobs: BlobPlace::Local, s3: S3Settings::default() }
    }
}

impl std::fmt::Debug for S3Settings {
    /// Leaves the credentials out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Settings")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
