//! The addons' key-value data.

use std::time::Duration;

use semantest::store::kv::{KvEntry, KvError, KvStore, MAX_KEY_BYTES, MAX_VALUE_BYTES, Swap, WriteOptions};

use crate::support::redis::TestRedis;
use crate::support::until;

const ROOMY: WriteOptions = WriteOptions { quota: 1 << 20, ttl: None };
const SCOPE: &str = "acme:alice:acme.notes";

fn brief(millis: u64) -> WriteOptions {
    WriteOptions { ttl: Some(Duration::from_millis(millis)), ..ROOMY }
}

#[tokio::test]
async fn values_are_bytes_and_versions_count_up() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    assert_eq!(kv.get(SCOPE, "a").await.unwrap(), None);
    let odd: Vec<u8> = (0..=255).collect();
    let first = kv.set(SCOPE, "a", &odd, ROOMY).await.unwrap();
    assert_eq!(kv.get(SCOPE, "a").await.unwrap(), Some(KvEntry { value: odd, version: first }));
    let second = kv.set(SCOPE, "a", b"", ROOMY).await.unwrap();
    assert!(second > first);
    assert_eq!(kv.get(SCOPE, "a").await.unwrap(), Some(KvEntry { value: Vec::new(), version: second }));
    assert!(kv.delete(SCOPE, "a").await.unwrap());
    assert!(!kv.delete(SCOPE, "a").await.unwrap());
    assert!(kv.set(SCOPE, "a", b"again", ROOMY).await.unwrap() > second, "no version ever comes back");
    let many = kv.get_many(SCOPE, &[String::from("b"), String::from("a")]).await.unwrap();
    assert_eq!(many.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn scopes_do_not_see_each_other() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    kv.set("acme:bob", "a", b"1", ROOMY).await.unwrap();
    kv.set("acme:bob:x", "a", b"2", ROOMY).await.unwrap();
    assert_eq!(kv.get("acme", "bob:a").await.unwrap(), None);
    assert_eq!(kv.list("acme", "", None, 10).await.unwrap().items.len(), 0);
    assert!(kv.delete("acme:bob", "a").await.unwrap());
    assert!(kv.get("acme:bob:x", "a").await.unwrap().is_some());
}

#[tokio::test]
async fn a_swap_needs_the_right_version() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    let Swap::Stored(version) = kv.cas(SCOPE, "a", b"1", None, ROOMY).await.unwrap() else { panic!() };
    let there = KvEntry { value: b"1".to_vec(), version };
    assert_eq!(kv.cas(SCOPE, "a", b"2", None, ROOMY).await.unwrap(), Swap::Stale(Some(there.clone())));
    assert_eq!(kv.cas(SCOPE, "a", b"2", Some(version + 7), ROOMY).await.unwrap(), Swap::Stale(Some(there)));
    assert!(matches!(kv.cas(SCOPE, "a", b"2", Some(version), ROOMY).await.unwrap(), Swap::Stored(_)));
    assert_eq!(kv.cas(SCOPE, "b", b"2", Some(version), ROOMY).await.unwrap(), Swap::Stale(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_swaps_lose_no_update() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    kv.set(SCOPE, "n", b"0", ROOMY).await.unwrap();
    let racers: Vec<_> = (0..8)
        .map(|_| {
            let kv = kv.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    loop {
                        let entry = kv.get(SCOPE, "n").await.unwrap().unwrap();
                        let next: u64 = String::from_utf8(entry.value).unwrap().parse::<u64>().unwrap() + 1;
                        let next = next.to_string();
                        match kv.cas(SCOPE, "n", next.as_bytes(), Some(entry.version), ROOMY).await.unwrap() {
                            Swap::Stored(_) => break,
                            Swap::Stale(_) => {}
                        }
                    }
                }
            })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap();
    }
    assert_eq!(kv.get(SCOPE, "n").await.unwrap().unwrap().value, b"200");
}

#[tokio::test]
async fn counting_is_exact_in_64_bits() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    assert_eq!(kv.increment(SCOPE, "n", 5, ROOMY).await.unwrap(), 5);
    assert_eq!(kv.increment(SCOPE, "n", -7, ROOMY).await.unwrap(), -2);
    assert_eq!(kv.get(SCOPE, "n").await.unwrap().unwrap().value, b"-2");
    assert_eq!(kv.increment(SCOPE, "n", i64::MAX, ROOMY).await.unwrap(), i64::MAX - 2);
    assert_eq!(kv.increment(SCOPE, "n", 2, ROOMY).await.unwrap(), i64::MAX);
    assert!(matches!(kv.increment(SCOPE, "n", 1, ROOMY).await, Err(KvError::NotANumber)));
    assert_eq!(kv.get(SCOPE, "n").await.unwrap().unwrap().value, i64::MAX.to_string().as_bytes());
    kv.set(SCOPE, "text", b"twelve", ROOMY).await.unwrap();
    assert!(matches!(kv.increment(SCOPE, "text", 1, ROOMY).await, Err(KvError::NotANumber)));
    assert_eq!(kv.export(SCOPE).await.unwrap().len(), 2, "nothing else is left behind");
}

#[tokio::test]
async fn the_quota_counts_keys_and_values_and_shrinking_is_always_allowed() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    let tight = WriteOptions { quota: 100, ttl: None };
    kv.set(SCOPE, "aa", &[0; 48], tight).await.unwrap();
    kv.set(SCOPE, "bb", &[0; 48], tight).await.unwrap();
    assert_eq!(kv.used_bytes(SCOPE).await.unwrap(), 100);
    for (refused, wanted) in [
        (kv.set(SCOPE, "c", b"", tight).await.map(|_| ()), 101),
        (kv.cas(SCOPE, "c", b"", None, tight).await.map(|_| ()), 101),
        (kv.increment(SCOPE, "c", 1, tight).await.map(|_| ()), 102),
        (kv.set(SCOPE, "aa", &[0; 50], tight).await.map(|_| ()), 102),
    ] {
        let told = matches!(refused, Err(KvError::Quota { quota: 100, wanted: told }) if told == wanted);
        assert!(told, "{wanted}: {refused:?}");
    }
    let tighter = WriteOptions { quota: 10, ttl: None };
    kv.set(SCOPE, "aa", &[0; 40], tighter).await.unwrap();
    assert_eq!(kv.used_bytes(SCOPE).await.unwrap(), 92);
    kv.delete(SCOPE, "bb").await.unwrap();
    assert_eq!(kv.used_bytes(SCOPE).await.unwrap(), 42);
    kv.set(SCOPE, "c", b"", tight).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_do_not_overshoot_the_quota() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    let tight = WriteOptions { quota: 1000, ttl: None };
    let racers: Vec<_> = (0..40)
        .map(|turn| {
            let kv = kv.clone();
            tokio::spawn(async move { kv.set(SCOPE, &format!("key-{turn:02}"), &[0; 94], tight).await })
        })
        .collect();
    let mut stored = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(_) => stored += 1,
            Err(KvError::Quota { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((stored, kv.used_bytes(SCOPE).await.unwrap()), (10, 1000));
}

#[tokio::test]
async fn too_long_keys_and_values_are_refused_before_redis_is_asked() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    let roomy = WriteOptions { quota: u64::MAX / 2, ttl: None };
    assert!(kv.set(SCOPE, &"k".repeat(MAX_KEY_BYTES), &vec![0; MAX_VALUE_BYTES], roomy).await.is_ok());
    assert!(matches!(kv.set(SCOPE, "", b"", roomy).await, Err(KvError::Key(0))));
    assert!(matches!(kv.get(SCOPE, &"k".repeat(MAX_KEY_BYTES + 1)).await, Err(KvError::Key(_))));
    assert!(matches!(kv.set(SCOPE, "k", &vec![0; MAX_VALUE_BYTES + 1], roomy).await, Err(KvError::Value(_))));
}

#[tokio::test]
async fn an_expired_value_is_gone_and_gives_its_room_back() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    let version = kv.set(SCOPE, "short", b"x", brief(60)).await.unwrap();
    kv.set(SCOPE, "long", b"x", brief(60_000)).await.unwrap();
    kv.set(SCOPE, "kept", b"x", brief(60)).await.unwrap();
    kv.set(SCOPE, "kept", b"y", ROOMY).await.unwrap();
    until("the value expires", async || kv.get(SCOPE, "short").await.unwrap().is_none()).await;
    assert_eq!(kv.list(SCOPE, "", None, 10).await.unwrap().items, ["kept", "long"]);
    assert_eq!(kv.export(SCOPE).await.unwrap().len(), 2);
    assert_eq!(kv.cas(SCOPE, "short", b"2", Some(version), ROOMY).await.unwrap(), Swap::Stale(None));
    assert_eq!(kv.used_bytes(SCOPE).await.unwrap(), "kept".len() as u64 + "long".len() as u64 + 2);
    assert!(!kv.delete(SCOPE, "short").await.unwrap());
    assert_eq!(kv.increment(SCOPE, "n", 3, brief(60)).await.unwrap(), 3);
    assert_eq!(kv.increment(SCOPE, "n", 1, ROOMY).await.unwrap(), 4);
    until("a counter keeps its time", async || kv.get(SCOPE, "n").await.unwrap().is_none()).await;
    assert_eq!(kv.increment(SCOPE, "n", 1, ROOMY).await.unwrap(), 1);
}

#[tokio::test]
async fn keys_are_listed_by_prefix_page_by_page() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    for turn in 0..25 {
        kv.set(SCOPE, &format!("note:{turn:02}"), b"x", ROOMY).await.unwrap();
    }
    for key in ["a", "note", "note;", "notes", "z", "note:ÿ"] {
        kv.set(SCOPE, key, b"x", ROOMY).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = kv.list(SCOPE, "note:", cursor.as_deref(), 7).await.unwrap();
        assert!(page.items.len() <= 7);
        seen.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut expected: Vec<String> = (0..25).map(|turn| format!("note:{turn:02}")).collect();
    expected.push(String::from("note:ÿ"));
    assert_eq!(seen, expected);
    assert_eq!(kv.list(SCOPE, "", None, 1000).await.unwrap().items.len(), 31);
}
