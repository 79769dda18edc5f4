//! Copies of a scope: what is closed for them, when they end, and that nobody loses one that is in use.

use std::time::Duration;

use semantest::store::enablements::{Enablement, Enablements, Handover, Switched};
use semantest::store::jobs::Jobs;
use semantest::store::kv::{KvError, KvStore, ValuesCopy, WriteOptions, scope_of};

use super::last_writes::{running_job, stored};
use crate::support::redis::TestRedis;

const ROOMY: WriteOptions = WriteOptions { quota: 1 << 20, ttl: None };
const HOUR: Duration = Duration::from_secs(3600);

fn scope(enablement: &Enablement) -> String {
    scope_of(&enablement.client, &enablement.user, &enablement.addon)
}

#[tokio::test]
async fn a_scope_that_is_closed_for_a_copy_is_read_and_not_written_until_the_copy_is_gone() {
    let redis = TestRedis::start();
    let kv = KvStore::new(redis.store().await);
    kv.set("one", "a", b"1", ROOMY).await.unwrap();
    let copy = kv.copy(String::from("one"), String::from("two"), Some(HOUR)).await.unwrap();
    let closed = |error: KvError| matches!(error, KvError::Closed);
    assert!(kv.set("one", "a", b"2", ROOMY).await.is_err_and(closed));
    assert!(kv.increment("one", "n", 1, ROOMY).await.is_err_and(closed));
    assert!(kv.delete("one", "a").await.is_err_and(closed));
    assert_eq!(kv.get("one", "a").await.unwrap().map(|entry| entry.value), Some(b"1".to_vec()));
    kv.set("two", "a", b"moved", ROOMY).await.unwrap();
    kv.discard(&copy).await.unwrap();
    kv.set("one", "a", b"2", ROOMY).await.unwrap();
    assert!(kv.set("two", "a", b"late", ROOMY).await.is_err_and(|error| matches!(error, KvError::Moved)));
    assert_eq!(kv.get("two", "a").await.unwrap(), None);
    let brief = kv.copy(String::from("one"), String::from("three"), Some(Duration::from_millis(1))).await.unwrap();
    crate::support::until("the time is over", async || kv.set("one", "a", b"3", ROOMY).await.is_ok()).await;
    kv.discard(&brief).await.unwrap();
    kv.set("one", "a", b"4", ROOMY).await.unwrap();
}

#[tokio::test]
async fn enablement_and_values_change_hands_in_one_step_or_not_at_all() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (book, jobs, kv) = (Enablements::new(store.clone()), Jobs::new(store.clone()), KvStore::new(store));
    let first = stored(&book).await;
    let (from, before) = (scope(&first), kv.within(&first));
    before.set(&from, "a", b"1", ROOMY).await.unwrap();
    before.set(&from, "b", b"1", ROOMY).await.unwrap();
    let values = ValuesCopy::fresh();
    let next = Enablement { values: values.clone(), ..first.clone() };
    let to = next.kv_scope();
    let job = running_job(&jobs).await;
    for change in ["a write", "a removal"] {
        let copy = kv.copy(from.clone(), to.clone(), None).await.unwrap();
        let handover = Handover { values: &copy, keep: HOUR, dropped: None };
        match change {
            "a write" => before.set(&from, "a", b"2", ROOMY).await.map(|_| ()).unwrap(),
            _ => before.delete(&from, "b").await.map(|_| ()).unwrap(),
        }
        assert_eq!(book.switch(&job, &next, &handover).await.unwrap(), Switched::ValuesChanged, "{change}");
    }
    let copy = kv.copy(from.clone(), to.clone(), None).await.unwrap();
    let handover = Handover { values: &copy, keep: HOUR, dropped: None };
    let stale = Enablement { revision: 9, ..next.clone() };
    assert_eq!(book.switch(&job, &stale, &handover).await.unwrap(), Switched::Conflict);
    kv.within(&next).set(&to, "a", b"new", ROOMY).await.unwrap();
    assert_eq!(book.switch(&job, &next, &handover).await.unwrap(), Switched::Written);
    assert_eq!(book.switch(&job, &next, &handover).await.unwrap(), Switched::Written, "the very same call once more");
    kv.discard(&copy).await.unwrap();
    assert_eq!(kv.get(&to, "a").await.unwrap().map(|entry| entry.value), Some(b"new".to_vec()), "it is in use");
    assert!(before.set(&from, "a", b"late", ROOMY).await.is_err_and(|error| matches!(error, KvError::Moved)));
    assert_eq!(before.get(&from, "a").await.unwrap().map(|entry| entry.value), Some(b"2".to_vec()));
    let now = book.get(&first.client, &first.user, &first.addon).await.unwrap().unwrap();
    assert_eq!((now.values, now.revision), (values, 2));
}
