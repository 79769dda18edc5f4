//! The roles apart over one durable Redis, as operators run them.

use std::io::Write as _;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::Http;
use crate::support::program::Program;
use crate::support::redis::TestRedis;
use crate::support::until;

/// The five queues as variables name them.
const LANES: [&str; 5] = ["ADDONS", "ADDON_CALLS", "IMAGE_GENERATION", "WEBHOOKS", "UPKEEP"];

/// Redis, a folder and settings that several processes share.
pub(super) struct Platform {
    pub(super) redis: TestRedis,
    variables: Vec<(String, String)>,
    folder: TempDir,
}

impl Platform {
    /// Locks and looks are short here, so that a dead worker's jobs are back within seconds.
    pub(super) fn over(redis: TestRedis) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut platform = Self { variables: variables(&redis, folder.path()), redis, folder };
        for lane in LANES {
            platform.set(&format!("SEMANTEST_QUEUES__{lane}__LOCK"), "2s");
            platform.set(&format!("SEMANTEST_QUEUES__{lane}__STALLED_CHECK"), "500ms");
        }
        platform
    }

    /// Where all processes keep their files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Changes a setting of every process that starts from now on.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a setting away from every process that starts from now on.
    pub(super) fn unset(&mut self, name: &str) {
        self.variables.retain(|(variable, _)| variable != name);
    }

    /// Starts a role; its words are those of the command line.
    pub(super) fn start(&self, words: &[&str]) -> Program {
        Program::start(words, &self.variables)
    }

    /// Runs a command to its end: whether it succeeded, and both its outputs.
    pub(super) fn run(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = Program::run(words, &self.variables);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), text.trim().to_owned())
    }

    /// Starts a worker of every queue.
    pub(super) async fn worker(&self) -> Program {
        let worker = self.start(&["worker"]);
        worker.running().await;
        worker
    }

    /// Starts a worker of every queue that is a supervisor and `count` processes; answers where operators look, too.
    pub(super) async fn workers(&self, count: usize) -> (Program, Http) {
        let worker = self.start(&["worker", "--processes", &count.to_string()]);
        let (_, ops) = worker.running().await;
        (worker, Http::to(&ops))
    }

    /// Starts the API, and makes a key of every scope for it.
    pub(super) async fn api(&self) -> (Program, Http) {
        let words =
            ["keys", "create", "--client", "acme", "--scope", "client", "--scope", "admin", "--scope", "publisher"];
        let (code, text) = self.run(&words);
        assert!(code == Some(1) && text.contains("--namespace"), "a publisher without a namespace: {text}");
        let (code, key) = self.run(&[&words[..], &["--namespace", "*"]].concat());
        assert_eq!(code, Some(0), "{key}");
        let api = self.start(&["api"]);
        let (url, _) = api.running().await;
        let http = Http::to(&url.expect("the API's address")).with_key(&key);
        (api, http)
    }
}

/// What every process needs to know.
fn variables(redis: &TestRedis, folder: &Path) -> Vec<(String, String)> {
    [
        ("SEMANTEST_REDIS_URL", redis.settings().url.clone()),
        ("SEMANTEST_REDIS__PREFIX", redis.settings().prefix.clone()),
        ("SEMANTEST_MASTER_KEY", "5e".repeat(32)),
        ("SEMANTEST_SERVER__LISTEN", String::from("127.0.0.1:0")),
        ("SEMANTEST_SERVER__OPS_LISTEN", String::from("127.0.0.1:0")),
        ("SEMANTEST_STORAGE__DATA_DIR", folder.display().to_string()),
        ("SEMANTEST_EGRESS__WEBHOOKS__ALLOW", String::from(r#"["127.0.0.0/8"]"#)),
        ("SEMANTEST_ADDONS__CONSENT", String::from("implied")),
        ("SEMANTEST_ADDONS__APPROVAL", String::from("auto")),
        ("SEMANTEST_ADDONS__SIGNATURES", String::from("warn")),
        // These tests ask as fast as they can.
        ("SEMANTEST_LIMITS__ENFORCE", String::from("never")),
        // Most faults here are a process's own; `processes.rs` starts more.
        ("SEMANTEST_PROCESSES__COUNT", String::from("1")),
        ("SEMANTEST_LOG_FORMAT", String::from("json")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Notes a figure for `scripts/fault-soak`, one line of JSON each.
pub(super) fn report(what: &str, figures: &Value) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.jsonl");
    let line = format!("{}\n", json!({"fault": what, "figures": figures}));
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("a place for the figures");
}

/// The job as its client sees it.
pub(super) async fn job(client: &Http, id: &str) -> Value {
    client.get(&format!("/api/v1/jobs/{id}")).await.expect(200).json()
}

/// Waits until the job has this status, and answers it; another end fails the test with the whole job.
pub(super) async fn reaches(client: &Http, id: &str, status: &str) -> Value {
    let mut seen = Value::Null;
    until(&format!("{id} is {status}"), async || {
        seen = job(client, id).await;
        let is_over = ["completed", "failed", "cancelled"].iter().any(|end| seen["status"] == *end);
        assert!(!is_over || seen["status"] == status, "{seen}");
        seen["status"] == status
    })
    .await;
    seen
}

/// The id of a job that a request made.
#[track_caller]
pub(super) fn id_of(answer: &Value) -> String {
    answer["jobId"].as_str().unwrap_or_else(|| panic!("no job: {answer}")).to_owned()
}

/// Publishes an in-tree addon and enables it for the user `alice`.
pub(super) async fn enable(client: &Http, addon: &str) {
    let path = format!("{}/target/addons/{addon}.wasm", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}; run `make addons`"));
    let upload = client.request(Method::POST, "/api/v1/addons").header("content-type", "application/wasm").body(bytes);
    let published = client.send(upload).await.expect(202).json();
    reaches(client, &id_of(&published), "completed").await;
    enable_published(client, addon).await;
}

/// Enables an addon for the user `alice`.
pub(super) async fn enable_published(client: &Http, addon: &str) {
    let put = client.request(Method::PUT, &format!("/api/v1/users/alice/addons/{addon}")).json(&json!({}));
    let enabled = client.send(put).await.expect(202).json();
    reaches(client, &id_of(&enabled), "completed").await;
}
