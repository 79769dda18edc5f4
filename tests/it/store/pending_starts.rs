//! Starts that wait: so many an enablement, one a dedupe text, and what has begun waits no more.

use std::time::Duration;

use semantest::model::id::{ClientId, JobId};
use semantest::model::job::{JobKind, Outcome};
use semantest::store::jobs::{Jobs, NewJob};
use semantest::store::pending_starts::{Admitted, NewStart, PendingStarts};

use crate::support::redis::TestRedis;

fn start<'a>(id: &'a JobId, dedupe: Option<&'a str>) -> NewStart<'a> {
    NewStart { enablement: "enb_1", id, dedupe, most: 3, max_delay: Duration::from_secs(60) }
}

fn job(id: &JobId) -> NewJob {
    NewJob::of(JobKind::Invoke, id.clone(), ClientId::parse("acme").expect("a client"), "addon-calls")
}

#[tokio::test]
async fn the_same_start_is_let_in_once_and_one_more_than_allowed_is_not() {
    let redis = TestRedis::start();
    let pending = PendingStarts::new(redis.store().await);
    let ids: Vec<JobId> = (0..4).map(|_| JobId::fresh("call")).collect();
    for _ in 0..2 {
        for id in ids.iter().take(3) {
            assert_eq!(pending.admit(start(id, None)).await.unwrap(), Admitted::New);
        }
        assert_eq!(pending.admit(start(&ids[3], None)).await.unwrap(), Admitted::Full { waiting: 3 });
    }
    pending.withdraw("enb_1", &ids[1]).await.unwrap();
    assert_eq!(pending.admit(start(&ids[3], None)).await.unwrap(), Admitted::New);
    assert_eq!(pending.list("enb_1").await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_has_begun_or_ended_makes_room_and_frees_its_text() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (pending, jobs) = (PendingStarts::new(store.clone()), Jobs::new(store));
    let ids: Vec<JobId> = (0..6).map(|_| JobId::fresh("call")).collect();
    for id in ids.iter().take(3) {
        pending.admit(start(id, Some(id.as_str()))).await.unwrap();
        jobs.create(&job(id)).await.unwrap();
    }
    let again = pending.admit(start(&ids[3], Some(ids[0].as_str()))).await.unwrap();
    assert_eq!(again, Admitted::Same(ids[0].clone()), "it waits, however full it is");
    jobs.begin(&ids[0], 1).await.unwrap();
    jobs.finish(&ids[1], &Outcome::Cancelled).await.unwrap();
    assert_eq!(pending.admit(start(&ids[3], Some(ids[0].as_str()))).await.unwrap(), Admitted::New);
    assert_eq!(pending.admit(start(&ids[4], Some(ids[1].as_str()))).await.unwrap(), Admitted::New);
    assert_eq!(pending.admit(start(&ids[5], None)).await.unwrap(), Admitted::Full { waiting: 3 });
    // A try after the one that left it finds it, although it has begun and others have its text now.
    assert_eq!(pending.admit(start(&ids[0], Some(ids[0].as_str()))).await.unwrap(), Admitted::New);
}

#[tokio::test]
async fn many_at_once_under_one_text_are_one() {
    let redis = TestRedis::start();
    let pending = PendingStarts::new(redis.store().await);
    let ids: Vec<JobId> = (0..20).map(|_| JobId::fresh("call")).collect();
    let all = futures::future::join_all(ids.iter().map(|id| pending.admit(start(id, Some("morning"))))).await;
    assert_eq!(all.into_iter().filter(|admitted| matches!(admitted, Ok(Admitted::New))).count(), 1);
}
