//! Idempotency keys: the first request decides, crashes neither lose nor double.

use std::time::Duration;

use semantest::model::digest::Digest;
use semantest::model::id::JobId;
use semantest::store::idempotency::{Idempotency, LEASE, Reserved};

use crate::support::redis::TestRedis;
use crate::support::until;

const SCOPE: &str = "acme POST /chat/new";

fn fresh() -> JobId {
    JobId::fresh("img")
}

#[tokio::test]
async fn the_same_request_again_is_the_same_job_and_another_one_is_refused() {
    let redis = TestRedis::start();
    let book = Idempotency::new(redis.store().await);
    let (print, first) = (Digest::of(b"body"), fresh());
    assert_eq!(book.reserve(SCOPE, "k", &print, &first, LEASE).await.unwrap(), Reserved::Fresh(first.clone()));
    assert_eq!(book.reserve(SCOPE, "k", &print, &fresh(), LEASE).await.unwrap(), Reserved::Busy);
    assert_eq!(book.reserve(SCOPE, "k", &Digest::of(b"other"), &fresh(), LEASE).await.unwrap(), Reserved::Mismatch);
    book.answered(SCOPE, "k").await.unwrap();
    assert_eq!(book.reserve(SCOPE, "k", &print, &fresh(), LEASE).await.unwrap(), Reserved::Replay(first.clone()));
    assert_eq!(book.reserve(SCOPE, "k", &Digest::of(b"other"), &fresh(), LEASE).await.unwrap(), Reserved::Mismatch);
    let elsewhere = fresh();
    for (scope, key) in [("other POST /chat/new", "k"), (SCOPE, "K"), ("acme POST /chat/newk", "")] {
        let reserved = book.reserve(scope, key, &print, &elsewhere, LEASE).await.unwrap();
        assert_eq!(reserved, Reserved::Fresh(elsewhere.clone()), "{scope} {key}");
    }
}

#[tokio::test]
async fn a_first_request_that_crashed_leaves_its_job_to_the_repeat() {
    let redis = TestRedis::start();
    let book = Idempotency::new(redis.store().await);
    let (print, first) = (Digest::of(b"body"), fresh());
    let lease = Duration::from_millis(80);
    book.reserve(SCOPE, "k", &print, &first, lease).await.unwrap();
    // Nobody ever says that it was answered.
    until("the lease ends", async || match book.reserve(SCOPE, "k", &print, &fresh(), lease).await.unwrap() {
        Reserved::Busy => false,
        reserved => {
            assert_eq!(reserved, Reserved::Replay(first.clone()));
            true
        }
    })
    .await;
}

#[tokio::test]
async fn a_refused_request_leaves_no_key_behind() {
    let redis = TestRedis::start();
    let book = Idempotency::new(redis.store().await);
    book.reserve(SCOPE, "k", &Digest::of(b"bad"), &fresh(), LEASE).await.unwrap();
    book.forget(SCOPE, "k").await.unwrap();
    let next = fresh();
    let reserved = book.reserve(SCOPE, "k", &Digest::of(b"good"), &next, LEASE).await.unwrap();
    assert_eq!(reserved, Reserved::Fresh(next));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_equal_requests_at_once_one_is_fresh() {
    let redis = TestRedis::start();
    let book = Idempotency::new(redis.store().await);
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let book = book.clone();
            tokio::spawn(async move { book.reserve(SCOPE, "k", &Digest::of(b"body"), &fresh(), LEASE).await })
        })
        .collect();
    let mut fresh_ones = 0;
    for racer in racers {
        match racer.await.unwrap().unwrap() {
            Reserved::Fresh(_) => fresh_ones += 1,
            Reserved::Busy => {}
            reserved => panic!("{reserved:?}"),
        }
    }
    assert_eq!(fresh_ones, 1);
}
