//! API keys.

use chrono::{DateTime, TimeDelta, Utc};
use semantest::clock;
use semantest::model::id::ClientId;
use semantest::store::keys::{KeyScope, Keys, NewKey};

use crate::support::app::new_key;
use crate::support::redis::TestRedis;

fn client(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

/// A key that ends at `time`.
fn until_then(name: &str, scopes: &[KeyScope], time: DateTime<Utc>) -> NewKey {
    NewKey { expires_at: Some(time), ..new_key(name, scopes) }
}

#[tokio::test]
async fn a_key_opens_what_it_was_made_for_until_it_is_revoked() {
    let redis = TestRedis::start();
    let keys = Keys::new(redis.store().await);
    let (text, made) = keys.issue(&new_key("acme", &[KeyScope::Client]), "dev").await.unwrap();
    assert!(text.starts_with(&format!("sk_dev_{}_", made.id)));
    let record = keys.verify(&text).await.unwrap().unwrap();
    assert_eq!((&record.client, record.scopes.as_slice()), (&client("acme"), &[KeyScope::Client][..]));
    assert!(record.has(KeyScope::Client) && !record.has(KeyScope::Admin));
    assert!(keys.revoke(&made.id).await.unwrap());
    assert_eq!(keys.verify(&text).await.unwrap(), None);
    assert!(keys.get(&made.id).await.unwrap().unwrap().revoked_at.is_some());
    assert!(!keys.revoke("nobody").await.unwrap());
}

#[tokio::test]
async fn a_key_ends_with_its_time() {
    let redis = TestRedis::start();
    let keys = Keys::new(redis.store().await);
    let past = clock::now() - TimeDelta::seconds(1);
    let (text, _) = keys.issue(&until_then("acme", &[KeyScope::Admin], past), "live").await.unwrap();
    assert_eq!(keys.verify(&text).await.unwrap(), None);
    let later = clock::now() + TimeDelta::seconds(60);
    let (text, record) = keys.issue(&until_then("acme", &[KeyScope::Admin], later), "live").await.unwrap();
    assert!(keys.verify(&text).await.unwrap().is_some());
    assert!(!record.works_at(later), "whoever keeps a record in memory sees its end");
}

#[tokio::test]
async fn an_invented_or_mixed_key_opens_nothing() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let keys = Keys::new(store);
    let (one, _) = keys.issue(&new_key("acme", &[KeyScope::Client]), "dev").await.unwrap();
    let elsewhere = TestRedis::start();
    let (other, _) =
        Keys::new(elsewhere.store().await).issue(&new_key("acme", &[KeyScope::Client]), "dev").await.unwrap();
    let mut changed = one.clone();
    changed.pop();
    for text in ["", "sk_dev_x_y", &other, &changed, &format!("{one}x"), &one.to_uppercase()] {
        assert_eq!(keys.verify(text).await.unwrap(), None, "{text}");
    }
}

#[tokio::test]
async fn use_is_noted_at_most_once_a_minute() {
    let redis = TestRedis::start();
    let keys = Keys::new(redis.store().await);
    let (text, made) = keys.issue(&new_key("acme", &[KeyScope::Client]), "dev").await.unwrap();
    assert_eq!(keys.get(&made.id).await.unwrap().unwrap().last_used_at, None);
    keys.verify(&text).await.unwrap();
    let first = keys.get(&made.id).await.unwrap().unwrap().last_used_at;
    assert!(first.is_some());
    for _ in 0..20 {
        keys.verify(&text).await.unwrap();
    }
    assert_eq!(keys.get(&made.id).await.unwrap().unwrap().last_used_at, first);
}

#[tokio::test]
async fn clients_and_their_keys_are_listed_apart() {
    let redis = TestRedis::start();
    let keys = Keys::new(redis.store().await);
    for (name, count) in [("acme", 3), ("zeta", 1)] {
        for _ in 0..count {
            keys.issue(&new_key(name, &[KeyScope::Client]), "dev").await.unwrap();
        }
    }
    assert_eq!(keys.clients().await.unwrap(), [client("acme"), client("zeta")]);
    assert_eq!(keys.list(&client("acme")).await.unwrap().len(), 3);
    assert!(keys.list(&client("nobody")).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_known_text_can_be_stored_again() {
    let redis = TestRedis::start();
    let keys = Keys::new(redis.store().await);
    let (text, made) = keys.issue(&new_key("acme", &[KeyScope::Client]), "dev").await.unwrap();
    let emptied = TestRedis::start();
    let keys = Keys::new(emptied.store().await);
    assert_eq!(keys.verify(&text).await.unwrap(), None);
    assert!(keys.restore(&text, &new_key("acme", &[KeyScope::Client])).await.unwrap());
    assert_eq!(keys.verify(&text).await.unwrap().map(|record| record.id), Some(made.id));
    assert!(!keys.restore("sk_dev_nonsense", &new_key("acme", &[])).await.unwrap());
}
