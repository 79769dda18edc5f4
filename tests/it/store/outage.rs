//! What callers see while Redis is away or full, and how soon they recover.

use std::time::{Duration, Instant};

use semantest::config::redis::RedisSettings;
use semantest::model::disposition::Disposition;
use semantest::model::id::{ClientId, JobId};
use semantest::model::job::{JobKind, Outcome};
use semantest::store::jobs::{Created, Finished, Jobs, NewJob};
use semantest::store::kv::{KvError, KvStore, WriteOptions};
use semantest::store::{Store, StoreError};
use serde_json::json;

use crate::support::redis::TestRedis;
use crate::support::until;

/// A caller that has 503 to answer may wait this long: refused connections fail at once, silent ones after 1 s.
const FAST: Duration = Duration::from_millis(1900);

fn job() -> NewJob {
    NewJob::of(JobKind::Invoke, JobId::fresh("call"), ClientId::parse("acme").unwrap(), "addon-calls")
}

#[tokio::test]
async fn while_redis_is_away_callers_fail_fast_and_the_first_one_after_its_return_succeeds() {
    let mut redis = TestRedis::start_durable();
    let jobs = Jobs::new(redis.store().await);
    let before = job();
    assert_eq!(jobs.create(&before).await.unwrap(), Created::New);
    for _ in 0..3 {
        redis.kill();
        for _ in 0..5 {
            let begun = Instant::now();
            let error = jobs.get(&before.id).await.unwrap_err();
            assert!(begun.elapsed() < FAST, "{:?}", begun.elapsed());
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
            assert_eq!(error.disposition(), Disposition::Retry);
        }
        redis.restart();
        assert!(jobs.get(&before.id).await.unwrap().is_some(), "the very first call finds it, with its data");
        // The scripts are gone from the server's cache and are sent again.
        assert_eq!(jobs.create(&job()).await.unwrap(), Created::New);
    }
    assert_eq!(jobs.finish(&before.id, &Outcome::Completed(json!(1))).await.unwrap(), Finished::Written);
}

#[tokio::test]
async fn a_restart_that_nobody_noticed_costs_no_call() {
    let mut redis = TestRedis::start_durable();
    let jobs = Jobs::new(redis.store().await);
    redis.kill();
    redis.restart();
    assert_eq!(jobs.create(&job()).await.unwrap(), Created::New);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_crash_is_there_afterwards() {
    let mut redis = TestRedis::start_durable();
    let jobs = Jobs::new(redis.store().await);
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let jobs = jobs.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                loop {
                    let job = job();
                    match jobs.create(&job).await {
                        Ok(_) => acknowledged.push(job.id),
                        Err(_) => return acknowledged,
                    }
                }
            })
        })
        .collect();
    let watch = Jobs::new(redis.store().await);
    until("some jobs are written", async || {
        let page = watch.list(&ClientId::parse("acme").unwrap(), &Default::default(), None, 50).await;
        page.is_ok_and(|page| page.items.len() >= 50)
    })
    .await;
    redis.kill();
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    redis.restart();
    assert!(acknowledged.len() >= 50);
    for id in acknowledged {
        assert!(jobs.get(&id).await.unwrap().is_some(), "{id} was lost");
    }
}

#[tokio::test]
async fn a_silent_redis_does_not_hang_us() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let begun = Instant::now();
    let error = Store::connect(&RedisSettings { url, ..RedisSettings::default() }).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_redis_that_hangs_is_an_outage_and_goes_on_where_it_was() {
    let redis = TestRedis::start();
    let jobs = Jobs::new(redis.store().await);
    let job = job();
    jobs.create(&job).await.unwrap();
    redis.signal("STOP");
    let begun = Instant::now();
    let error = jobs.get(&job.id).await.unwrap_err();
    assert!(begun.elapsed() < FAST, "{:?}", begun.elapsed());
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    redis.signal("CONT");
    assert!(jobs.get(&job.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_wrong_password_and_a_bad_url_are_told_apart_from_an_outage() {
    let redis = TestRedis::start();
    let url = redis.settings().url.replace("redis://:", "redis://:wrong");
    let error = Store::connect(&RedisSettings { url, ..RedisSettings::default() }).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
    assert_eq!(error.disposition(), Disposition::GiveUp);
    for url in ["", "http://127.0.0.1", "redis://"] {
        let settings = RedisSettings { url: String::from(url), ..RedisSettings::default() };
        assert!(Store::connect(&settings).await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn tls_is_spoken_where_the_url_asks_for_it() {
    let redis = TestRedis::start();
    let url = redis.settings().url.replace("redis://", "rediss://");
    // The private server has no certificate, so the handshake must fail: in time, and as an outage.
    let error = Store::connect(&RedisSettings { url, ..RedisSettings::default() }).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_full_redis_says_so_and_goes_on_when_there_is_room() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    let roomy = WriteOptions { quota: 1 << 30, ttl: None };
    kv.set("s", "k", &[0; 1000], roomy).await.unwrap();
    redis.command(&["CONFIG", "SET", "maxmemory", "1mb"]).await;
    let error = kv.set("s", "k", &[1; 1000], roomy).await.unwrap_err();
    assert!(matches!(error, KvError::Store(StoreError::Full(_))), "{error:?}");
    assert_eq!(error.disposition(), Disposition::Retry);
    assert!(kv.get("s", "k").await.unwrap().is_some(), "reading goes on");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    kv.set("s", "k", &[1; 1000], roomy).await.unwrap();
}

#[tokio::test]
async fn an_acl_user_with_our_keys_and_channel_only_is_enough() {
    let redis = TestRedis::start();
    let prefix = redis.settings().prefix.clone();
    let (keys, channels) = (format!("~{prefix}:*"), format!("&{prefix}:*"));
    let rules = ["ACL", "SETUSER", "app", "on", ">secret", &keys, &channels, "+@all", "-@dangerous", "+info"];
    redis.command(&rules).await;
    let port = redis.settings().url.rsplit(':').next().unwrap().to_owned();
    let url = format!("redis://app:secret@127.0.0.1:{port}");
    let store = Store::connect(&RedisSettings { url, ..redis.settings().clone() }).await.unwrap();
    assert_eq!(store.eviction_policy().await.unwrap(), "noeviction");
    let (jobs, job) = (Jobs::new(store), job());
    jobs.create(&job).await.unwrap();
    jobs.watch(&job.id).await.unwrap();
    jobs.begin(&job.id, 1).await.unwrap();
    jobs.request_cancel(&job.id).await.unwrap();
    assert_eq!(jobs.finish(&job.id, &Outcome::Cancelled).await.unwrap(), Finished::Written);
}
