//! The last write of a job: it and a cancel exclude each other, and after an erase nobody from before writes anything.

use std::time::Duration;

use semantest::model::code::JobCode;
use semantest::model::digest::Digest;
use semantest::model::id::{AddonId, ClientId, JobId, UserId};
use semantest::model::job::{Failure, JobKind, JobStatus, Outcome};
use semantest::model::lifecycle::EnablementState;
use semantest::store::addons::{AddonVersions, PutVersion};
use semantest::store::enablements::{Concluded, Enablement, Enablements, Put};
use semantest::store::jobs::{CancelRequest, Finished, Jobs, NewJob, Retried};
use semantest::store::kv::{KvError, KvStore, Swap, WriteOptions, scope_of, shared_scope_of};
use serde_json::json;

use super::records::version;
use crate::support::redis::TestRedis;

const ROOMY: WriteOptions = WriteOptions { quota: 1 << 20, ttl: None };

/// A job that a worker has.
pub(super) async fn running_job(jobs: &Jobs) -> JobId {
    let id = JobId::fresh("add");
    let client = ClientId::parse("acme").unwrap();
    jobs.create(&NewJob::of(JobKind::Load, id.clone(), client, "addons")).await.unwrap();
    jobs.begin(&id, 1).await.unwrap();
    id
}

/// A stored enablement of `acme.notes` for alice, with a subject of its own.
pub(super) async fn stored(book: &Enablements) -> Enablement {
    let (client, user) = (ClientId::parse("acme").unwrap(), UserId::parse("alice").unwrap());
    let fresh = Enablement::fresh(client, user, AddonId::parse("acme.notes").unwrap());
    assert_eq!(book.put(0, &fresh).await.unwrap(), Put::Stored(1));
    Enablement { revision: 1, ..fresh }
}

fn scope(enablement: &Enablement) -> String {
    scope_of(&enablement.client, &enablement.user, &enablement.addon)
}

/// Every kind of write, each of which has to be refused.
async fn assert_writes_nothing(kv: &KvStore, scope: &str) {
    let erased = |error: KvError| matches!(error, KvError::Erased);
    assert!(kv.set(scope, "a", b"late", ROOMY).await.is_err_and(erased));
    assert!(kv.cas(scope, "a", b"late", None, ROOMY).await.is_err_and(erased));
    assert!(kv.increment(scope, "n", 1, ROOMY).await.is_err_and(erased));
    assert!(kv.delete(scope, "a").await.is_err_and(erased));
}

#[tokio::test]
async fn a_call_that_began_before_an_erase_writes_nothing_after_it() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (book, jobs, kv) = (Enablements::new(store.clone()), Jobs::new(store.clone()), KvStore::new(store));
    let first = stored(&book).await;
    let scope = scope(&first);
    let before = kv.within(&first);
    let version = before.set(&scope, "a", b"1", ROOMY).await.unwrap();
    assert!(matches!(before.cas(&scope, "a", b"2", Some(version), ROOMY).await.unwrap(), Swap::Stored(_)));
    assert_eq!(before.increment(&scope, "n", 4, ROOMY).await.unwrap(), 4);
    assert!(before.delete(&scope, "a").await.unwrap());
    assert_eq!(before.list(&scope, "", None, 10).await.unwrap().items, ["n"]);
    assert_eq!(book.erase(&running_job(&jobs).await, &first).await.unwrap(), Concluded::Written);
    assert_eq!(book.get(&first.client, &first.user, &first.addon).await.unwrap(), None);
    assert_writes_nothing(&before, &scope).await;
    assert_eq!((kv.export(&scope).await.unwrap(), kv.used_bytes(&scope).await.unwrap()), (Vec::new(), 0));
    let second = stored(&book).await;
    assert_writes_nothing(&before, &scope).await;
    let after = kv.within(&second);
    after.set(&scope, "a", b"new", ROOMY).await.unwrap();
    assert_writes_nothing(&before, &scope).await;
    let entry = after.get(&scope, "a").await.unwrap().expect("the value of the later enablement");
    assert_eq!(entry.value, b"new");
}

#[tokio::test]
async fn a_call_that_began_before_an_erase_writes_nothing_into_what_all_users_share() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (book, jobs, kv) = (Enablements::new(store.clone()), Jobs::new(store.clone()), KvStore::new(store));
    let first = stored(&book).await;
    let scope = shared_scope_of(&first.client, &first.addon);
    let before = kv.within_shared(&first);
    before.set(&scope, "a", b"1", ROOMY).await.unwrap();
    assert_eq!(book.erase(&running_job(&jobs).await, &first).await.unwrap(), Concluded::Written);
    assert_writes_nothing(&before, &scope).await;
    assert_eq!(kv.export(&scope).await.unwrap().len(), 1, "what was shared before stays");
    let after = kv.within_shared(&stored(&book).await);
    after.set(&scope, "b", b"2", ROOMY).await.unwrap();
    assert_writes_nothing(&before, &scope).await;
}

#[tokio::test]
async fn an_enablement_that_only_changed_goes_on_writing() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (book, kv) = (Enablements::new(store.clone()), KvStore::new(store));
    let first = stored(&book).await;
    let scope = scope(&first);
    // What is there from before anybody looked at who writes is the enablement's.
    kv.set(&scope, "a", b"old", ROOMY).await.unwrap();
    let writer = kv.within(&first);
    writer.set(&scope, "b", b"1", WriteOptions { ttl: Some(Duration::from_secs(60)), ..ROOMY }).await.unwrap();
    let config = json!({ "subject": "sub_somebody", "deep": { "subject": "sub_else" } });
    let changed = Enablement { state: EnablementState::Enabled, config, ..first.clone() };
    assert_eq!(book.put(1, &changed).await.unwrap(), Put::Stored(2));
    writer.set(&scope, "c", b"2", ROOMY).await.unwrap();
    let elsewhere = KvStore::new(redis.store().await).within(&changed);
    assert!(elsewhere.delete(&scope, "a").await.unwrap());
    assert_eq!(elsewhere.list(&scope, "", None, 10).await.unwrap().items, ["b", "c"]);
    let stranger = kv.within(&Enablement { subject: String::from("sub_somebody"), ..changed });
    assert_writes_nothing(&stranger, &scope).await;
}

#[tokio::test]
async fn a_cancelled_job_makes_no_last_write() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (book, jobs, versions) = (Enablements::new(store.clone()), Jobs::new(store.clone()), AddonVersions::new(store));
    let there = stored(&book).await;
    let job = running_job(&jobs).await;
    assert!(matches!(jobs.request_cancel(&job).await.unwrap(), CancelRequest::Marked(_)));
    let enabled = Enablement { state: EnablementState::Enabled, ..there.clone() };
    assert_eq!(book.conclude(&job, &enabled).await.unwrap(), Concluded::Stopped);
    assert_eq!(book.erase(&job, &there).await.unwrap(), Concluded::Stopped);
    let record = version("acme.notes", "1.0.0", b"one");
    assert_eq!(versions.conclude(&job, &record).await.unwrap(), PutVersion::Stopped);
    assert_eq!(book.get(&there.client, &there.user, &there.addon).await.unwrap(), Some(there.clone()));
    assert_eq!(versions.get(&record.id, &record.version).await.unwrap(), None);
    let unknown = JobId::fresh("add");
    assert_eq!(book.conclude(&unknown, &enabled).await.unwrap(), Concluded::Stopped, "nobody works on that job");
}

#[tokio::test]
async fn a_cancel_after_the_last_write_is_too_late() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (book, jobs, versions) = (Enablements::new(store.clone()), Jobs::new(store.clone()), AddonVersions::new(store));
    let there = stored(&book).await;
    let enabled = Enablement { state: EnablementState::Enabled, ..there.clone() };
    let job = running_job(&jobs).await;
    let stale = Enablement { revision: 7, ..enabled.clone() };
    assert_eq!(book.conclude(&job, &stale).await.unwrap(), Concluded::Conflict);
    assert_eq!(book.erase(&job, &stale).await.unwrap(), Concluded::Conflict);
    assert_eq!(book.conclude(&job, &enabled).await.unwrap(), Concluded::Written);
    assert_eq!(jobs.request_cancel(&job).await.unwrap(), CancelRequest::TooLate);
    assert_eq!(jobs.finish(&job, &Outcome::Completed(json!(1))).await.unwrap(), Finished::Written);
    assert_eq!(jobs.request_cancel(&job).await.unwrap(), CancelRequest::Over(JobStatus::Completed));
    let publication = running_job(&jobs).await;
    let record = version("acme.notes", "1.0.0", b"one");
    assert_eq!(versions.conclude(&publication, &record).await.unwrap(), PutVersion::Stored);
    assert_eq!(jobs.request_cancel(&publication).await.unwrap(), CancelRequest::TooLate);
    // A job that failed after all and is tried again can be cancelled again.
    let failed = Outcome::Failed(Failure::permanent(JobCode::Internal, "a fault"));
    assert_eq!(jobs.finish(&publication, &failed).await.unwrap(), Finished::Written);
    assert!(matches!(jobs.retry(&publication).await.unwrap(), Retried::Requeued(_)));
    assert!(matches!(jobs.request_cancel(&publication).await.unwrap(), CancelRequest::Marked(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_cancel_and_a_last_write_at_once_one_comes_first() {
    let redis = TestRedis::start();
    let (store, other_process) = (redis.store().await, redis.store().await);
    let (book, jobs, elsewhere) = (Enablements::new(store.clone()), Jobs::new(store), Jobs::new(other_process));
    let mut there = stored(&book).await;
    for _ in 0..50 {
        let job = running_job(&jobs).await;
        let (cancelled, concluded) = tokio::join!(elsewhere.request_cancel(&job), book.conclude(&job, &there));
        match (cancelled.unwrap(), concluded.unwrap()) {
            (CancelRequest::Marked(_), Concluded::Stopped) => {}
            (CancelRequest::TooLate, Concluded::Written) => there.revision += 1,
            (cancelled, concluded) => panic!("{cancelled:?} and {concluded:?}"),
        }
    }
}

#[tokio::test]
async fn no_version_names_bytes_that_are_being_swept() {
    let redis = TestRedis::start();
    let versions = AddonVersions::new(redis.store().await);
    let record = version("acme.notes", "1.0.0", b"one");
    versions.doom(&record.digest).await.unwrap();
    assert_eq!(versions.put_version(&record).await.unwrap(), PutVersion::Doomed);
    let other = version("acme.notes", "2.0.0", b"two");
    assert_eq!(versions.put_version(&other).await.unwrap(), PutVersion::Stored);
    versions.spare(&record.digest).await.unwrap();
    assert_eq!(versions.put_version(&record).await.unwrap(), PutVersion::Stored);
    assert_eq!(versions.named().await.unwrap(), [Digest::of(b"one"), Digest::of(b"two")].into());
    let hour = Duration::from_secs(3600);
    assert!(versions.is_sweep_due(hour).await.unwrap());
    assert!(!versions.is_sweep_due(hour).await.unwrap());
}
