//! The whole platform in one process, with somebody to use it.

use std::path::PathBuf;

use semantest::app::Roles;
use semantest::config::Config;
use semantest::config::addons::{ApprovalMode, ConsentMode};
use semantest::model::units::Span;
use semantest::queue::Lane;
use semantest::store::keys::{KeyScope, NewKey};

use super::app::{Remains, TestApp, new_key};
use super::components::built;
use super::http::Http;
use super::until;

/// A running platform with every role, as `dev` has it. End it with [`Platform::end`].
pub(crate) struct Platform {
    pub(crate) app: TestApp,
    /// A client.
    pub(crate) acme: Http,
    /// Another client, which must see nothing of the first.
    pub(crate) other: Http,
    /// A publisher of every namespace but the platform's own.
    pub(crate) publisher: Http,
    /// An admin.
    pub(crate) admin: Http,
}

impl Platform {
    /// A platform as `dev` has it.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A platform with changed settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::of(TestApp::start(Roles::all(), |config| settle(config, change)).await).await
    }

    /// A platform as `dev` has it (`true`) or as production has it.
    pub(crate) async fn with_mode(is_dev: bool, change: impl FnOnce(&mut Config)) -> Self {
        Self::of(TestApp::start_as(is_dev, Roles::all(), |config| settle(config, change)).await).await
    }

    /// A platform that goes on where another one stopped.
    pub(crate) async fn after(remains: Remains) -> Self {
        Self::of(TestApp::start_on(remains, Roles::all(), |config| settle(config, |_| {})).await).await
    }

    async fn of(app: TestApp) -> Self {
        let (acme, other) = (app.client().await, app.caller("other", &[KeyScope::Client]).await);
        let publisher = NewKey { namespaces: vec![String::from("*")], ..new_key("maker", &[KeyScope::Publisher]) };
        let publisher = app.stranger().with_key(&app.key(&publisher).await);
        let admin = app.caller("operator", &[KeyScope::Admin]).await;
        Self { app, acme, other, publisher, admin }
    }

    /// Publishes an addon of this repository and enables it for a user.
    pub(crate) async fn give(&self, user: &str, addon: &str) {
        self.give_with(user, addon, &serde_json::json!({})).await;
    }

    /// The same with settings.
    pub(crate) async fn give_with(&self, user: &str, addon: &str, config: &serde_json::Value) {
        self.admin.publish_well(built(addon)).await;
        self.acme.enable_well(user, addon, config).await;
    }

    /// The files of stored components.
    pub(crate) fn components(&self) -> Vec<PathBuf> {
        files_below(&self.app.folder().join("blobs").join("components"))
    }

    /// Ends the test in order: no job is left over in any queue, and the process stops by itself.
    pub(crate) async fn end(self) -> Remains {
        self.drained().await;
        self.app.stop().await
    }

    /// Waits until no queue holds a job that is due.
    ///
    /// Queues are asked one after the other, and a job in one makes work in another: only several rounds that find
    /// nothing mean that nothing moved behind the question's back.
    pub(crate) async fn drained(&self) {
        let mut quiet = 0;
        until("every queue is empty", async || {
            quiet = if self.depths().await == 0 { quiet + 1 } else { 0 };
            quiet >= 3
        })
        .await;
    }

    /// How many jobs are due or running, over all queues.
    async fn depths(&self) -> u64 {
        let mut sum = 0;
        for lane in Lane::ALL {
            let depth = self.app.services.work.producer().depth(lane).await.expect("a depth");
            sum += depth.waiting + depth.prioritized + depth.active + depth.waiting_children;
        }
        sum
    }
}

/// What every platform of a test has.
fn settle(config: &mut Config, change: impl FnOnce(&mut Config)) {
    config.addons.consent = ConsentMode::Implied;
    config.addons.approval = ApprovalMode::Auto;
    // Each place in the pool reserves address space, and many tests run at once.
    config.sandbox.concurrent_calls = 8;
    config.server.default_client = String::from("acme");
    config.server.grace = Span::secs(5);
    for lane in [&mut config.queues.addons, &mut config.queues.addon_calls, &mut config.queues.image_generation] {
        lane.backoff = Span::millis(20);
    }
    change(config);
}

fn files_below(folder: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}
