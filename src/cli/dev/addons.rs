//! Publishing the in-tree addons when `dev` starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::addons::{Published, Publisher};
use crate::cli::dev::keyring::DEV_CLIENT;
use crate::jobs::Services;
use crate::model::causes;
use crate::model::id::ClientId;
use crate::model::job::JobStatus;
use crate::work::JobOptions;

/// How long one publication may take before the others go on without it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Publishes every `semantest.*.wasm` of `folder`; what fails is said and does not stop the start.
pub(super) async fn publish_all(services: &Arc<Services>, folder: &Path) {
    let files = components(folder);
    if files.is_empty() {
        warn!("No addons in {}; `make addons` builds the examples", folder.display());
    }
    for file in files {
        match publish(services, &file).await {
            Ok(text) => info!("{text}"),
            Err(error) => warn!("{} was not published: {}", file.display(), causes::in_one_line(&*error)),
        }
    }
}

fn components(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("semantest.") && name.ends_with(".wasm") && !name.contains("fixture")
        })
        .collect();
    files.sort();
    files
}

async fn publish(services: &Services, file: &Path) -> anyhow::Result<String> {
    let client = ClientId::parse(DEV_CLIENT)?;
    let publisher = Publisher { client: client.clone(), namespaces: Vec::new(), is_admin: true };
    let bytes = tokio::fs::read(file).await?;
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    match services.addons.publish_bytes(&publisher, &bytes, &JobOptions::default()).await? {
        Published::Exists(version) => Ok(format!("{name} is published as {} {}", version.id, version.version)),
        Published::Accepted(job) => {
            let job = services.work.wait(&client, &job.job_id, PATIENCE).await?;
            match job {
                Some(job) if job.status == JobStatus::Completed => Ok(format!("Published {name}")),
                Some(job) => {
                    anyhow::bail!("{}", job.error.map_or_else(|| job.status.to_string(), |error| error.to_string()))
                }
                None => anyhow::bail!("its job is gone"),
            }
        }
    }
}
