//! A worker dies at every boundary of a `load` job's steps, and the retry ends in the same state.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::platform::{Platform, enable, id_of, reaches, report};
use super::tripwire::{Side, Tripwire};
use crate::support::http::Http;
use crate::support::redis::TestRedis;
use crate::support::until;

const ADDON: &str = "semantest.notes";

/// The words at which the worker dies: each step's end, the enablement's last write, the job's own end.
fn words(steps: &[String]) -> Vec<(String, String)> {
    let ends = steps.iter().map(|step| (step.clone(), format!(r#""name":"{step}","status":"completed""#)));
    let last = [
        (String::from("the enablement's last write"), String::from(r#""state":"enabled""#)),
        (String::from("the job's end"), String::from("\r\ncompleted\r\n")),
    ];
    ends.chain(last).collect()
}

/// What must be the same however often a worker died: the enablement without times and ids.
async fn state(client: &Http, user: &str) -> Value {
    let mut view = client.get(&format!("/api/v1/users/{user}/addons/{ADDON}")).await.expect(200).json();
    let members = view.as_object_mut().expect("an enablement");
    for name in ["jobId", "enabledAt", "userId", "usage", "subject"] {
        members.remove(name);
    }
    for step in members.get_mut("steps").and_then(Value::as_array_mut).into_iter().flatten() {
        let step = step.as_object_mut().expect("a step");
        step.retain(|name, _| name == "name" || name == "status");
    }
    view
}

/// Every file below a folder, by its name alone; locks do not count.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else if !name.ends_with(".lock") {
            found.insert(name);
        }
    }
    found
}

async fn dies_at_every_boundary(side: Side) {
    let mut platform = Platform::over(TestRedis::start());
    let direct = platform.redis.settings().url.clone();
    let wire = Tripwire::before(&direct).await;
    let (api, client) = platform.api().await;
    let first = platform.worker().await;
    enable(&client, ADDON).await;
    let (expected, stored) = (state(&client, "alice").await, files(platform.folder()));
    let steps: Vec<String> = expected["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|step| step["name"].as_str().map(str::to_owned))
        .collect();
    assert!(steps.len() >= 8, "{expected}");
    first.kill();
    let mut cases = 0;
    for (number, (boundary, word)) in words(&steps).into_iter().enumerate() {
        // The compiled code goes, so that every load compiles.
        std::fs::remove_dir_all(platform.folder().join("cache")).expect("a cache to forget");
        platform.set("SEMANTEST_REDIS_URL", wire.url());
        let mut doomed = platform.worker().await;
        wire.arm(doomed.pid(), &word, side);
        let user = format!("user-{number}");
        let path = format!("/api/v1/users/{user}/addons/{ADDON}");
        let job = id_of(&client.put(&path, &json!({})).await.expect(202).json());
        until(&format!("the worker dies {side:?} {boundary}"), async || wire.is_sprung()).await;
        doomed.ended().await;
        let between = client.get(&path).await.expect(200).json();
        assert!(between["state"] == "loading" || between["state"] == "enabled", "{boundary}: {between}");
        platform.set("SEMANTEST_REDIS_URL", &direct);
        let heir = platform.worker().await;
        reaches(&client, &job, "completed").await;
        assert_eq!(state(&client, &user).await, expected, "{side:?} {boundary}");
        heir.kill();
        assert_eq!(files(platform.folder()), stored, "{side:?} {boundary}: something half-written is left");
        cases += 1;
    }
    report("worker killed at a step boundary of load", &json!({"side": format!("{side:?}"), "boundaries": cases}));
    drop(api);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_before_it_tells_a_step_changes_nothing_in_the_end() {
    dies_at_every_boundary(Side::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_after_it_told_a_step_changes_nothing_in_the_end() {
    dies_at_every_boundary(Side::After).await;
}
