//! The private Redis of `dev`: same door after a restart, nothing left running.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use semantest::cli::dev_redis::{DevRedis, DevRedisOptions, Durability};
use semantest::config::redis::RedisSettings;
use semantest::model::id::ClientId;
use semantest::store::Store;
use semantest::store::keys::{KeyScope, Keys, NewKey};

use crate::support::until;

fn options(folder: &Path) -> DevRedisOptions {
    DevRedisOptions { folder: folder.join("redis"), durability: Durability::EverySecond }
}

fn is_alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.contains("redis-server") && !status.contains("State:\tZ")
}

async fn keys(redis: &DevRedis) -> Keys {
    let settings = RedisSettings { url: redis.url().to_owned(), ..RedisSettings::default() };
    Keys::new(Store::connect(&settings).await.unwrap())
}

#[tokio::test]
async fn a_restart_keeps_the_door_and_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let first = DevRedis::start(&options(folder.path())).unwrap();
    let (url, pid) = (first.url().to_owned(), first.pid());
    let client = ClientId::parse("acme").unwrap();
    let (text, _) = keys(&first).await.issue(&NewKey::of(client.clone(), vec![KeyScope::Client]), "dev").await.unwrap();
    first.stop(Duration::from_secs(10));
    assert!(!is_alive(pid));
    let second = DevRedis::start(&options(folder.path())).unwrap();
    assert_eq!(second.url(), url);
    assert!(keys(&second).await.verify(&text).await.unwrap().is_some());
}

#[tokio::test]
async fn two_folders_are_two_servers_and_nobody_gets_in_without_the_password() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = DevRedis::start(&options(one.path())).unwrap();
    let second = DevRedis::start(&options(other.path())).unwrap();
    assert_ne!(first.url(), second.url());
    let url = format!("redis://127.0.0.1:{}", first.port());
    let stranger = Store::connect(&RedisSettings { url, ..RedisSettings::default() }).await;
    assert!(stranger.is_err());
    let config = std::fs::metadata(one.path().join("redis/redis.conf")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&config.permissions()) & 0o777, 0o600);
}

#[tokio::test]
async fn a_leftover_of_an_earlier_run_is_stopped_and_a_stranger_with_its_number_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = DevRedis::start(&options(folder.path())).unwrap();
    let url = first.url().to_owned();
    first.stop(Duration::from_secs(10));
    // The same server without us as its parent: what a power cut or another system would leave.
    let home = folder.path().join("redis").canonicalize().unwrap();
    let mut leftover = Command::new("redis-server").arg(home.join("redis.conf")).spawn().unwrap();
    std::fs::write(home.join("semantest-redis.pid"), leftover.id().to_string()).unwrap();
    until("the leftover runs", async || {
        let settings = RedisSettings { url: url.clone(), ..RedisSettings::default() };
        Store::connect(&settings).await.is_ok()
    })
    .await;
    let reaper = std::thread::spawn(move || leftover.wait().unwrap());
    let second = DevRedis::start(&options(folder.path())).unwrap();
    assert!(reaper.join().unwrap().code().is_some(), "it ended in order, by SIGTERM");
    assert_eq!(second.url(), url);
    second.stop(Duration::from_secs(10));

    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    std::fs::write(home.join("semantest-redis.pid"), stranger.id().to_string()).unwrap();
    let third = DevRedis::start(&options(folder.path())).unwrap();
    assert_eq!(stranger.try_wait().unwrap(), None, "a number that was used again is left alone");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    third.kill();
}

#[tokio::test]
async fn a_taken_port_is_left_to_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let first = DevRedis::start(&options(folder.path())).unwrap();
    let port = first.port();
    first.kill();
    let _owner = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let second = DevRedis::start(&options(folder.path())).unwrap();
    assert_ne!(second.port(), port);
}

/// Runs in a process of its own, started by the test below; waits to be killed.
#[tokio::test]
async fn as_a_parent_that_will_be_killed() {
    let Some(folder) = std::env::var_os("SEMANTEST_TEST_PARENT") else { return };
    let redis = DevRedis::start(&options(Path::new(&folder))).unwrap();
    std::fs::write(Path::new(&folder).join("pid"), redis.pid().to_string()).unwrap();
    std::future::pending::<()>().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn it_dies_with_its_parent_even_by_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::dev_redis::as_a_parent_that_will_be_killed"])
        .env("SEMANTEST_TEST_PARENT", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let file = folder.path().join("pid");
    let mut pid = 0;
    until("the parent started its Redis", async || {
        pid = std::fs::read_to_string(&file).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        pid != 0
    })
    .await;
    assert!(is_alive(pid));
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("its Redis is gone", async || !is_alive(pid)).await;
}
