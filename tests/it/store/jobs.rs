//! The book of jobs: who wins when several change one job at once, and what readers see.

use std::collections::HashSet;

use chrono::TimeDelta;
use semantest::clock;
use semantest::model::code::JobCode;
use semantest::model::event::{EventType, WebhookTarget};
use semantest::model::id::{AddonId, ClientId, JobId, UserId};
use semantest::model::job::{Failure, JobKind, JobStatus, Outcome, Step, StepStatus};
use semantest::store::StoreError;
use semantest::store::job_events::JobEvents;
use semantest::store::jobs::{Begun, CancelRequest, Created, Finished, JobFilter, Jobs, NewJob, RecordStatus, Retried};
use serde_json::json;

use crate::support::redis::TestRedis;

fn client(name: &str) -> ClientId {
    ClientId::parse(name).expect("a client's name")
}

fn job() -> NewJob {
    NewJob {
        user: Some(UserId::parse("alice@example.com").expect("a user")),
        addon: Some(AddonId::parse("acme.notes").expect("an addon")),
        metadata: Some(json!({ "order": "a\nb", "client": { "lane": "x" } })),
        max_attempts: 3,
        ..NewJob::of(JobKind::Invoke, JobId::fresh("call"), client("acme"), "addon-calls")
    }
}

fn completed() -> Outcome {
    Outcome::Completed(json!({ "value": 42 }))
}

fn failed() -> Outcome {
    Outcome::Failed(Failure::permanent(JobCode::AddonTrapped, "unreachable"))
}

#[tokio::test]
async fn a_job_is_written_once_and_reads_back() {
    let redis = TestRedis::start();
    let jobs = Jobs::new(redis.store().await);
    let job = job();
    assert_eq!(jobs.create(&job).await.unwrap(), Created::New);
    assert_eq!(jobs.create(&NewJob { lane: String::from("other"), ..job.clone() }).await.unwrap(), Created::Existing);
    let record = jobs.get(&job.id).await.unwrap().unwrap();
    assert_eq!(record.facts, job);
    assert_eq!((record.status, record.attempts_made, record.sequence), (RecordStatus::Queued, 0, 1));
    assert_eq!(jobs.get(&JobId::fresh("call")).await.unwrap(), None);
}

#[tokio::test]
async fn a_job_goes_from_queued_to_completed_and_each_change_is_an_event() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (jobs, events) = (Jobs::new(store.clone()), JobEvents::new(store));
    let job = job();
    jobs.create(&job).await.unwrap();
    let Begun::Run(begun) = jobs.begin(&job.id, 1).await.unwrap() else { panic!("the job should run") };
    assert_eq!((begun.status, begun.attempts_made, begun.facts), (RecordStatus::Processing, 1, job.clone()));
    let step = Step {
        name: String::from("digest"),
        status: StepStatus::Completed,
        started_at: clock::from_ms(clock::now_ms()),
        duration_ms: Some(3),
        detail: None,
        code: None,
    };
    assert!(jobs.progress(&job.id, 40, std::slice::from_ref(&step)).await.unwrap());
    assert_eq!(jobs.finish(&job.id, &completed()).await.unwrap(), Finished::Written);

    let record = jobs.get(&job.id).await.unwrap().unwrap();
    assert_eq!(record.public_status(), JobStatus::Completed);
    assert_eq!((record.progress, record.steps.as_slice()), (100, &[step][..]));
    assert_eq!(record.result, Some(json!({ "value": 42 })));
    assert!(record.started_at.is_some() && record.finished_at >= record.started_at);

    let page = events.read(&job.id, 0, 100).await.unwrap().unwrap();
    let seen: Vec<_> = page.events.iter().map(|event| (event.sequence, event.body.event)).collect();
    assert_eq!(
        seen,
        [
            (1, EventType::JobQueued),
            (2, EventType::JobProcessing),
            (3, EventType::JobProgress),
            (4, EventType::JobCompleted)
        ]
    );
    let last = &page.events[3].body.data;
    assert_eq!((last.sequence, last.status, last.progress), (4, Some(JobStatus::Completed), Some(100)));
    assert_eq!((last.result.as_ref(), last.metadata.as_ref()), (Some(&json!({ "value": 42 })), job.metadata.as_ref()));
    assert_eq!((last.kind.as_str(), last.job_id.as_deref()), ("invoke", Some(job.id.as_str())));
    assert_eq!((last.user_id.as_deref(), last.addon_id.as_deref()), (Some("alice@example.com"), Some("acme.notes")));
}

#[tokio::test]
async fn a_reader_resumes_exactly_and_sees_a_gap() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (jobs, events) = (Jobs::new(store.clone()), JobEvents::new(store));
    let job = job();
    jobs.create(&job).await.unwrap();
    jobs.begin(&job.id, 1).await.unwrap();
    for turn in 0..1500_u32 {
        jobs.progress(&job.id, if turn % 2 == 0 { 1 } else { 2 }, &[]).await.unwrap();
    }
    let resumed = events.read(&job.id, 1400, 10).await.unwrap().unwrap();
    assert!(!resumed.has_gap);
    assert_eq!(
        resumed.events.iter().map(|event| event.sequence).collect::<Vec<_>>(),
        (1401..=1410).collect::<Vec<_>>()
    );
    let from_the_start = events.read(&job.id, 0, 10).await.unwrap().unwrap();
    assert!(from_the_start.has_gap, "about 1000 events are kept");
    let at_the_end = events.read(&job.id, 1502, 10).await.unwrap().unwrap();
    assert!(at_the_end.events.is_empty() && !at_the_end.has_gap);
}

#[tokio::test]
async fn a_finished_job_never_changes() {
    let redis = TestRedis::start();
    let jobs = Jobs::new(redis.store().await);
    for (first, status) in
        [(completed(), JobStatus::Completed), (failed(), JobStatus::Failed), (Outcome::Cancelled, JobStatus::Cancelled)]
    {
        let job = job();
        jobs.create(&job).await.unwrap();
        jobs.begin(&job.id, 1).await.unwrap();
        assert_eq!(jobs.finish(&job.id, &first).await.unwrap(), Finished::Written);
        let before = jobs.get(&job.id).await.unwrap();
        for other in [completed(), failed(), Outcome::Cancelled] {
            assert_eq!(jobs.finish(&job.id, &other).await.unwrap(), Finished::Already(status));
        }
        match (status, jobs.begin(&job.id, 2).await.unwrap()) {
            (JobStatus::Cancelled, Begun::Cancelled) | (_, Begun::Over(_)) => {}
            (_, begun) => panic!("{begun:?}"),
        }
        assert_eq!(jobs.request_cancel(&job.id).await.unwrap(), CancelRequest::Over(status));
        assert!(!jobs.progress(&job.id, 5, &[]).await.unwrap());
        assert!(!jobs.release(&job.id, None, None).await.unwrap());
        assert_eq!(jobs.get(&job.id).await.unwrap(), before);
    }
}

#[tokio::test]
async fn a_job_that_is_being_cancelled_can_only_end_as_cancelled() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (jobs, events) = (Jobs::new(store.clone()), JobEvents::new(store));
    for outcome in [completed(), failed()] {
        let job = job();
        jobs.create(&job).await.unwrap();
        jobs.begin(&job.id, 1).await.unwrap();
        let CancelRequest::Marked(record) = jobs.request_cancel(&job.id).await.unwrap() else { panic!() };
        assert_eq!((record.status, record.public_status()), (RecordStatus::Cancelling, JobStatus::Processing));
        assert!(matches!(jobs.request_cancel(&job.id).await.unwrap(), CancelRequest::Marked(_)), "may be repeated");
        assert_eq!(jobs.begin(&job.id, 2).await.unwrap(), Begun::Cancelled);
        assert!(!jobs.release(&job.id, None, None).await.unwrap());
        assert_eq!(jobs.finish(&job.id, &outcome).await.unwrap(), Finished::Already(JobStatus::Cancelled));
        let record = jobs.get(&job.id).await.unwrap().unwrap();
        assert_eq!((record.status, record.result), (RecordStatus::Cancelled, None));
        assert_eq!(record.failure.map(|failure| failure.code), Some(JobCode::Cancelled));
        let last = events.read(&job.id, 0, 10).await.unwrap().unwrap().events.pop().unwrap();
        assert_eq!(last.body.event, EventType::JobCancelled);
        assert_eq!(last.body.data.error.unwrap()["code"], "CANCELLED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_finish_one_job_at_once_one_wins() {
    let redis = TestRedis::start();
    let jobs = Jobs::new(redis.store().await);
    let other_process = Jobs::new(redis.store().await);
    for _ in 0..20 {
        let job = job();
        jobs.create(&job).await.unwrap();
        let mut racers = Vec::new();
        for turn in 0..12 {
            let (jobs, id) = (if turn % 2 == 0 { &jobs } else { &other_process }.clone(), job.id.clone());
            racers.push(tokio::spawn(async move {
                match turn % 4 {
                    0 => jobs.finish(&id, &completed()).await.map(|done| done == Finished::Written),
                    1 => jobs.finish(&id, &failed()).await.map(|done| done == Finished::Written),
                    2 => jobs.request_cancel(&id).await.map(|_| false),
                    _ => jobs.begin(&id, 1).await.map(|_| false),
                }
            }));
        }
        let mut winners = 0;
        for racer in racers {
            winners += usize::from(racer.await.unwrap().unwrap());
        }
        jobs.finish(&job.id, &Outcome::Cancelled).await.unwrap();
        let record = jobs.get(&job.id).await.unwrap().unwrap();
        assert!(record.is_finished());
        assert!(winners <= 1, "{winners} calls believe that theirs was the outcome");
        assert_eq!(winners == 1, record.status != RecordStatus::Cancelled);
        let page = JobEvents::new(redis.store().await).read(&job.id, 0, 100).await.unwrap().unwrap();
        let endings = page.events.iter().filter(|event| EventType::TERMINAL.contains(&event.body.event)).count();
        assert_eq!(endings, 1);
    }
}

#[tokio::test]
async fn a_released_job_waits_for_its_next_attempt() {
    let redis = TestRedis::start();
    let jobs = Jobs::new(redis.store().await);
    let job = job();
    jobs.create(&job).await.unwrap();
    jobs.begin(&job.id, 1).await.unwrap();
    let later = clock::from_ms(clock::now_ms() + 60_000);
    let why = Failure::transient(JobCode::ProviderUnavailable, "busy");
    assert!(jobs.release(&job.id, Some(later), Some(&why)).await.unwrap());
    let record = jobs.get(&job.id).await.unwrap().unwrap();
    assert_eq!(record.public_status(), JobStatus::Pending);
    assert_eq!((record.next_attempt_at, record.failure), (Some(later), Some(why)));
    let Begun::Run(record) = jobs.begin(&job.id, 2).await.unwrap() else { panic!() };
    assert_eq!((record.attempts_made, record.next_attempt_at), (2, None));
    assert!(jobs.release(&job.id, None, None).await.unwrap());
    assert_eq!(jobs.get(&job.id).await.unwrap().unwrap().public_status(), JobStatus::Queued);
    jobs.begin(&job.id, 2).await.unwrap();
    jobs.finish(&job.id, &completed()).await.unwrap();
    assert_eq!(jobs.get(&job.id).await.unwrap().unwrap().failure, None, "an earlier attempt's failure is forgotten");
}

#[tokio::test]
async fn only_a_failed_job_can_be_retried() {
    let redis = TestRedis::start();
    let jobs = Jobs::new(redis.store().await);
    let job = job();
    assert_eq!(jobs.retry(&job.id).await.unwrap(), Retried::Missing);
    jobs.create(&job).await.unwrap();
    assert_eq!(jobs.retry(&job.id).await.unwrap(), Retried::NotFailed(JobStatus::Queued));
    jobs.begin(&job.id, 3).await.unwrap();
    jobs.finish(&job.id, &failed()).await.unwrap();
    let dead = JobFilter { status: Some(JobStatus::Failed), ..JobFilter::default() };
    assert_eq!(jobs.list(&job.client, &dead, None, 10).await.unwrap().items.len(), 1);
    let Retried::Requeued(record) = jobs.retry(&job.id).await.unwrap() else { panic!() };
    assert_eq!((record.status, record.attempts_made, record.sequence), (RecordStatus::Queued, 0, 4));
    assert_eq!((record.failure, record.finished_at), (None, None));
    assert!(jobs.list(&job.client, &dead, None, 10).await.unwrap().items.is_empty());
    jobs.begin(&job.id, 1).await.unwrap();
    assert_eq!(jobs.finish(&job.id, &completed()).await.unwrap(), Finished::Written);
}

#[tokio::test]
async fn events_before_a_retry_stay_as_they_were() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (jobs, events) = (Jobs::new(store.clone()), JobEvents::new(store));
    for began in [true, false] {
        let job = job();
        jobs.create(&job).await.unwrap();
        if began {
            jobs.begin(&job.id, 1).await.unwrap();
            jobs.release(&job.id, None, None).await.unwrap();
            jobs.begin(&job.id, 2).await.unwrap();
        }
        jobs.finish(&job.id, &failed()).await.unwrap();
        let before = events.read(&job.id, 0, 100).await.unwrap().unwrap();
        assert_eq!(before.events.len(), if began { 4 } else { 2 });
        jobs.retry(&job.id).await.unwrap();
        jobs.begin(&job.id, 1).await.unwrap();
        jobs.finish(&job.id, &completed()).await.unwrap();
        let after = events.read(&job.id, 0, 100).await.unwrap().unwrap();
        assert!(!after.has_gap);
        assert_eq!(after.events[..before.events.len()], before.events[..]);
        let rest: Vec<_> = after.events.iter().skip(before.events.len()).map(|event| event.body.event).collect();
        assert_eq!(rest, [EventType::JobQueued, EventType::JobProcessing, EventType::JobCompleted]);
    }
}

#[tokio::test]
async fn a_missing_job_is_missing_everywhere() {
    let redis = TestRedis::start();
    let jobs = Jobs::new(redis.store().await);
    let id = JobId::fresh("img");
    assert_eq!(jobs.begin(&id, 1).await.unwrap(), Begun::Missing);
    assert_eq!(jobs.finish(&id, &completed()).await.unwrap(), Finished::Missing);
    assert_eq!(jobs.request_cancel(&id).await.unwrap(), CancelRequest::Missing);
    assert_eq!(jobs.watch(&id).await.unwrap(), None);
    assert!(!jobs.progress(&id, 1, &[]).await.unwrap());
}

#[tokio::test]
async fn lists_are_filtered_and_paged_newest_first_without_doubles() {
    let redis = TestRedis::start();
    let jobs = Jobs::new(redis.store().await);
    let start = clock::from_ms(clock::now_ms());
    let mut all = Vec::new();
    for turn in 0..300_i32 {
        let user = UserId::parse(if turn % 3 == 0 { "bob" } else { "alice" }).unwrap();
        // Ten jobs a millisecond: a page may end between equals.
        let created_at = start + TimeDelta::milliseconds(i64::from(turn / 10));
        let job = NewJob { user: Some(user), created_at, ..job() };
        jobs.create(&job).await.unwrap();
        if turn % 5 == 0 {
            jobs.begin(&job.id, 1).await.unwrap();
            jobs.finish(&job.id, &failed()).await.unwrap();
        }
        all.push(job);
    }
    jobs.create(&NewJob { client: client("other"), ..job() }).await.unwrap();
    let by = |user: Option<&str>, status, code| JobFilter {
        user: user.map(|user| UserId::parse(user).unwrap()),
        kind: None,
        status,
        code,
        ..JobFilter::default()
    };
    for (filter, expected) in [
        (JobFilter::default(), 300),
        (by(Some("bob"), None, None), 100),
        (by(None, Some(JobStatus::Failed), None), 60),
        (by(Some("bob"), Some(JobStatus::Failed), Some(JobCode::AddonTrapped)), 20),
        (by(None, Some(JobStatus::Failed), Some(JobCode::CpuLimit)), 0),
        (by(None, Some(JobStatus::Queued), None), 240),
        (JobFilter { kind: Some(JobKind::Generate), ..JobFilter::default() }, 0),
    ] {
        let mut seen = HashSet::new();
        let mut cursor = None;
        let mut last = None;
        loop {
            let page = jobs.list(&client("acme"), &filter, cursor.as_deref(), 37).await.unwrap();
            for record in page.items {
                assert!(seen.insert(record.facts.id.clone()), "no job is listed twice");
                if filter.status != Some(JobStatus::Failed) {
                    assert!(last.is_none_or(|last| record.facts.created_at <= last), "newest first");
                    last = Some(record.facts.created_at);
                }
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), expected, "{filter:?}");
    }
    let odd = jobs.list(&client("acme"), &JobFilter::default(), Some("???"), 10).await;
    assert!(matches!(odd, Err(StoreError::Cursor)));
}

#[tokio::test]
async fn what_is_over_expires_and_lists_forget_it() {
    let redis = TestRedis::start();
    let mut settings = redis.settings().clone();
    settings.keep_finished = semantest::model::units::Span::secs(1);
    let jobs = Jobs::new(semantest::store::Store::connect(&settings).await.unwrap());
    let (over, open) = (job(), job());
    jobs.create(&over).await.unwrap();
    jobs.create(&open).await.unwrap();
    jobs.finish(&over.id, &completed()).await.unwrap();
    crate::support::until("the finished job expires", async || jobs.get(&over.id).await.unwrap().is_none()).await;
    let dropped = jobs.sweep(&over.client, clock::now(), 100).await.unwrap();
    assert_eq!(dropped, 1);
    let page = jobs.list(&over.client, &JobFilter::default(), None, 10).await.unwrap();
    assert_eq!(page.items.into_iter().map(|record| record.facts.id).collect::<Vec<_>>(), [open.id]);
}

#[tokio::test]
async fn a_foreign_job_with_a_webhook_owes_its_dispatch_until_it_is_settled() {
    let redis = TestRedis::start();
    let jobs = Jobs::new(redis.store().await);
    let target = WebhookTarget { url: String::from("http://127.0.0.1/"), events: EventType::TERMINAL.to_vec() };
    let heard = NewJob { webhook: Some(target), id: JobId::foreign("addons", "1"), is_foreign: true, ..job() };
    let unheard = NewJob { id: JobId::foreign("addons", "2"), is_foreign: true, ..job() };
    for job in [&heard, &unheard] {
        assert_eq!(jobs.adopt(job).await.unwrap().created, Created::New);
        assert_eq!(jobs.adopt(job).await.unwrap().created, Created::Existing);
    }
    let soon = clock::now() + TimeDelta::seconds(1);
    assert_eq!(jobs.owed_before(soon, 10).await.unwrap(), std::slice::from_ref(&heard.id));
    assert!(jobs.owed_before(clock::now() - TimeDelta::seconds(60), 10).await.unwrap().is_empty());
    jobs.settle(&heard.id).await.unwrap();
    jobs.adopt(&heard).await.unwrap();
    assert!(jobs.owed_before(soon, 10).await.unwrap().is_empty(), "a settled one is not owed again");
    jobs.owe(&unheard.id).await.unwrap();
    assert_eq!(jobs.owed_before(soon, 10).await.unwrap(), [unheard.id]);
}

#[tokio::test]
async fn a_large_result_is_kept_but_not_repeated_in_the_event() {
    let redis = TestRedis::start();
    let store = redis.store().await;
    let (jobs, events) = (Jobs::new(store.clone()), JobEvents::new(store));
    let job = job();
    jobs.create(&job).await.unwrap();
    let large = json!({ "value": "x".repeat(100_000) });
    jobs.finish(&job.id, &Outcome::Completed(large.clone())).await.unwrap();
    assert_eq!(jobs.get(&job.id).await.unwrap().unwrap().result, Some(large));
    let last = events.read(&job.id, 1, 10).await.unwrap().unwrap().events.pop().unwrap();
    assert_eq!((last.body.event, last.body.data.result), (EventType::JobCompleted, None));
}
