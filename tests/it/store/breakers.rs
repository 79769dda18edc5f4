//! Circuit breakers, as several processes share them.

use std::time::Duration;

use semantest::clock;
use semantest::model::code::JobCode;
use semantest::model::digest::Digest;
use semantest::model::id::{AddonId, ClientId, UserId};
use semantest::model::manifest::HookPoint;
use semantest::store::breakers::{BreakerRule, Breakers, Tried};

use crate::support::redis::TestRedis;
use crate::support::until;

const POINT: HookPoint = HookPoint::BeforeImage;
const LEASE: Duration = Duration::from_secs(600);

fn rule(failures: u32, window: Duration, pause: Duration) -> BreakerRule {
    BreakerRule { failures, window, pause }
}

fn of(user: &str) -> (ClientId, UserId, AddonId) {
    let parsed = (ClientId::parse("acme"), UserId::parse(user), AddonId::parse("acme.guard"));
    (parsed.0.unwrap(), parsed.1.unwrap(), parsed.2.unwrap())
}

#[tokio::test]
async fn failures_of_all_processes_count_together_and_one_of_them_gets_the_trial() {
    let redis = TestRedis::start();
    let (one, other) = (Breakers::new(redis.store().await), Breakers::new(redis.store().await));
    let (client, user, addon) = of("al:ice");
    let (name, digest) = ((&client, &user, &addon), Digest::of(b"one"));
    let rule = rule(3, Duration::from_secs(60), Duration::from_millis(50));
    let mut news = Vec::new();
    for process in [&one, &other, &one] {
        let (breaker, is_news) = process.failed(name, POINT, (&digest, JobCode::CpuLimit), &rule).await.unwrap();
        news.push((breaker.failures.len(), breaker.open_until.is_some(), is_news));
    }
    assert_eq!(news, [(1, false, true), (2, false, false), (3, true, true)], "the first and the last are news");
    assert_eq!(other.of(name).await.unwrap()[&POINT].code, JobCode::CpuLimit);
    assert!(other.of((&client, &of("bob").1, &addon)).await.unwrap().is_empty());
    // A call that began before it opened closes nothing.
    assert!(!other.worked(name, POINT, false).await.unwrap());
    until("its time is over", async || {
        other.of(name).await.unwrap()[&POINT].open_until.is_some_and(|until| until < clock::now_ms())
    })
    .await;
    let mut tried = Vec::new();
    for process in [&one, &other, &one] {
        tried.push(process.try_again(name, POINT, &digest, LEASE).await.unwrap());
    }
    assert_eq!(tried[0], Tried::Trial);
    assert!(matches!((tried[1], tried[2]), (Tried::Shut(one), Tried::Shut(other)) if one == other), "{tried:?}");
    assert!(one.worked(name, POINT, true).await.unwrap());
    assert!(other.of(name).await.unwrap().is_empty());
    assert_eq!(other.try_again(name, POINT, &digest, LEASE).await.unwrap(), Tried::Closed);
}

#[tokio::test]
async fn another_version_and_another_point_begin_anew_and_old_failures_do_not_count() {
    let redis = TestRedis::start();
    let breakers = Breakers::new(redis.store().await);
    let (client, user, addon) = of("alice");
    let name = (&client, &user, &addon);
    let (old, new) = (Digest::of(b"one"), Digest::of(b"two"));
    let minute = rule(2, Duration::from_secs(60), Duration::from_secs(60));
    let fail = async |point, digest: &Digest, rule: &BreakerRule| {
        let (breaker, _) = breakers.failed(name, point, (digest, JobCode::AddonTrapped), rule).await.unwrap();
        (breaker.failures.len(), breaker.open_until.is_some())
    };
    assert_eq!(fail(POINT, &old, &minute).await, (1, false));
    assert_eq!(fail(HookPoint::BeforePrompt, &old, &minute).await, (1, false));
    assert_eq!(fail(POINT, &new, &minute).await, (1, false));
    assert_eq!(fail(POINT, &new, &minute).await, (2, true));
    assert_eq!(breakers.try_again(name, POINT, &old, LEASE).await.unwrap(), Tried::Closed);
    assert!(matches!(breakers.try_again(name, POINT, &new, LEASE).await.unwrap(), Tried::Shut(_)));
    // Nothing is within no time at all but the failure itself.
    let instant = rule(2, Duration::ZERO, Duration::from_secs(60));
    let point = HookPoint::AfterImage;
    assert_eq!([fail(point, &new, &instant).await, fail(point, &new, &instant).await], [(1, false), (1, false)]);
}

#[tokio::test]
async fn a_breaker_that_nobody_needs_any_more_goes_by_itself() {
    let redis = TestRedis::start();
    let breakers = Breakers::new(redis.store().await);
    let (client, user, addon) = of("alice");
    let name = (&client, &user, &addon);
    let brief = rule(1, Duration::from_millis(20), Duration::from_millis(20));
    breakers.failed(name, POINT, (&Digest::of(b"one"), JobCode::AddonFailed), &brief).await.unwrap();
    until("it is gone", async || breakers.of(name).await.unwrap().is_empty()).await;
}
