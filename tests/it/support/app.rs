//! The real program on loopback ports, over a private Redis.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use semantest::app::{App, Mode, Roles};
use semantest::config::Config;
use semantest::config::secrets::RootKey;
use semantest::config::signatures::SignatureMode;
use semantest::jobs::Services;
use semantest::model::id::ClientId;
use semantest::shutdown::{self, StopHandle};
use semantest::store::keys::{KeyScope, Keys, NewKey};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::http::Http;
use super::redis::TestRedis;
use super::soon;

/// A running server. Dropping it stops it; [`TestApp::stop`] also waits for the end.
pub(crate) struct TestApp {
    pub(crate) redis: TestRedis,
    pub(crate) services: Arc<Services>,
    keys: Keys,
    base: String,
    ops: String,
    process: Process,
    root: RootKey,
    folder: TempDir,
}

/// The running part: told to stop when it is dropped.
struct Process {
    stop: StopHandle,
    running: Option<JoinHandle<anyhow::Result<()>>>,
}

/// A second server beside another one, on the same Redis and the same files.
pub(crate) struct Twin {
    base: String,
    _process: Process,
}

impl Twin {
    /// A client without a key.
    pub(crate) fn stranger(&self) -> Http {
        Http::to(&self.base)
    }
}

/// What is left of a server that was stopped: another one goes on from there.
pub(crate) struct Remains {
    redis: TestRedis,
    root: RootKey,
    folder: TempDir,
}

impl TestApp {
    /// The API alone: nothing works on the queues.
    pub(crate) async fn api_only() -> Self {
        Self::start(Roles { api: true, lanes: Vec::new() }, |_| {}).await
    }

    /// A server with these roles and changed settings.
    pub(crate) async fn start(roles: Roles, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_as(true, roles, change).await
    }

    /// The same in `dev` (`true`) or outside it.
    pub(crate) async fn start_as(is_dev: bool, roles: Roles, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder for blobs");
        let fresh = Remains { redis: TestRedis::start(), root: RootKey::generate(), folder };
        Self::launch(fresh, is_dev, roles, change).await
    }

    /// A server on the Redis and the folder of one that was stopped.
    pub(crate) async fn start_on(remains: Remains, roles: Roles, change: impl FnOnce(&mut Config)) -> Self {
        Self::launch(remains, true, roles, change).await
    }

    async fn launch(remains: Remains, is_dev: bool, roles: Roles, change: impl FnOnce(&mut Config)) -> Self {
        let Remains { redis, root, folder } = remains;
        let config = configured(&redis, folder.path(), change);
        let (_, numbers) = semantest::telemetry::recorder().expect("a recorder");
        let mode = Mode { is_dev, root: root.clone() };
        let app = App::build(config, roles, numbers, mode).await.expect("a program");
        let keys = Keys::new(app.store().clone());
        let services = Arc::clone(app.services());
        let bound = app.bind().await.expect("free ports");
        let base = format!("http://{}", bound.api_address.expect("the API's address"));
        let ops = format!("http://{}", bound.ops_address.expect("the operators' address"));
        let (stop, heard) = shutdown::channel();
        let running = Some(tokio::spawn(bound.run(heard)));
        Self { redis, services, keys, base, ops, process: Process { stop, running }, root, folder }
    }

    /// A second API on the same Redis: what N servers share, these two do.
    pub(crate) async fn twin(&self, is_dev: bool, change: impl FnOnce(&mut Config)) -> Twin {
        let config = configured(&self.redis, self.folder.path(), change);
        let (_, numbers) = semantest::telemetry::recorder().expect("a recorder");
        let mode = Mode { is_dev, root: self.root.clone() };
        let roles = Roles { api: true, lanes: Vec::new() };
        let bound =
            App::build(config, roles, numbers, mode).await.expect("a program").bind().await.expect("free ports");
        let base = format!("http://{}", bound.api_address.expect("the API's address"));
        let (stop, heard) = shutdown::channel();
        Twin { base, _process: Process { stop, running: Some(tokio::spawn(bound.run(heard))) } }
    }

    /// Where the API listens, such as `http://127.0.0.1:8080`.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// What this server's secrets are made from.
    pub(crate) fn root(&self) -> &RootKey {
        &self.root
    }

    /// A client without a key.
    pub(crate) fn stranger(&self) -> Http {
        Http::to(&self.base)
    }

    /// A client of the operators' listener.
    pub(crate) fn operator(&self) -> Http {
        Http::to(&self.ops)
    }

    /// A client with a fresh key of `tenant` with these scopes.
    pub(crate) async fn caller(&self, tenant: &str, scopes: &[KeyScope]) -> Http {
        self.stranger().with_key(&self.key(&new_key(tenant, scopes)).await)
    }

    /// A client of the tenant `acme` that works for its users.
    pub(crate) async fn client(&self) -> Http {
        self.caller("acme", &[KeyScope::Client]).await
    }

    /// The text of a fresh key.
    pub(crate) async fn key(&self, new: &NewKey) -> String {
        self.keys.issue(new, "test").await.expect("a key").0
    }

    /// Where this server keeps its files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops the server, waits for its end, and leaves what another one can go on from.
    pub(crate) async fn stop(self) -> Remains {
        let Self { redis, mut process, root, folder, .. } = self;
        process.stop.fire();
        if let Some(running) = process.running.take() {
            soon("the program's end", running).await.expect("no panic").expect("a clean end");
        }
        Remains { redis, root, folder }
    }
}

/// The settings that every server of a test has, and what this one changes.
fn configured(redis: &TestRedis, folder: &Path, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config { redis: redis.settings().clone(), ..Config::default() };
    config.storage.data_dir = folder.to_owned();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.server.ops_listen = ([127, 0, 0, 1], 0).into();
    config.server.key_environment = String::from("test");
    // Signatures have tests of their own; the others publish without, as in `dev`.
    config.addons.signatures = SignatureMode::Warn;
    config.sandbox.compiler = crate::host::guest::compiler();
    change(&mut config);
    config
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop.fire();
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

/// What a key of `tenant` with these scopes is made from.
pub(crate) fn new_key(tenant: &str, scopes: &[KeyScope]) -> NewKey {
    NewKey::of(ClientId::parse(tenant).expect("a client name"), scopes.to_vec())
}

/// A time in the past, for keys that are over.
pub(crate) fn a_while_ago() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now() - Duration::from_secs(60)
}
