//! The ledger: each call is counted once, and nobody spends more than allowed, however many ask at the same time.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use semantest::config::spend::SpendLimits;
use semantest::model::id::{ClientId, JobId, UserId};
use semantest::store::spend::{Call, Held, Ledger, Period, Spent};
use tokio::task::JoinSet;

use crate::support::redis::TestRedis;

struct Names {
    client: ClientId,
    user: UserId,
    job: JobId,
}

impl Names {
    fn of(client: &str, user: &str) -> Self {
        let client = ClientId::parse(client).expect("a client");
        Self { client, user: UserId::parse(user).expect("a user"), job: JobId::fresh("img") }
    }

    fn call<'a>(&'a self, name: &'a str, provider: &'a str, day: NaiveDate) -> Call<'a> {
        Call { client: &self.client, user: &self.user, job: &self.job, name, provider, day }
    }
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).expect("a day")
}

const fn cents(cents: u64) -> Spent {
    Spent { usd_micros: cents * 10_000, pictures: 1 }
}

async fn ledger(redis: &TestRedis) -> Ledger {
    Ledger::new(redis.store().await, Duration::from_secs(3600))
}

#[tokio::test]
async fn a_call_is_counted_once_and_corrected_on_its_own_day() {
    let redis = TestRedis::start();
    let ledger = ledger(&redis).await;
    let (alice, bob) = (Names::of("acme", "alice"), Names::of("acme", "bob"));
    let free = SpendLimits::default();
    for _ in 0..2 {
        assert_eq!(ledger.hold(&alice.call("a", "openai", day(1)), cents(4), &free).await.unwrap(), Held::Counted);
    }
    ledger.hold(&alice.call("b", "fal", day(1)), cents(5), &free).await.unwrap();
    ledger.hold(&bob.call("a", "openai", day(2)), cents(1), &free).await.unwrap();
    for _ in 0..2 {
        ledger.settle(&alice.call("a", "openai", day(1)), cents(3)).await.unwrap();
        ledger.settle(&alice.call("unknown", "openai", day(1)), cents(100)).await.unwrap();
    }
    let lines = |user: Option<&UserId>| {
        let (ledger, client, user) = (ledger.clone(), alice.client.clone(), user.cloned());
        async move {
            let lines = ledger.lines(&client, user.as_ref(), &[day(1), day(2), day(3)]).await.unwrap();
            lines.into_iter().map(|line| (line.day, line.provider, line.spent.usd_micros / 10_000)).collect::<Vec<_>>()
        }
    };
    let line = |on: u32, provider: &str, cents: u64| (day(on), provider.to_owned(), cents);
    assert_eq!(lines(None).await, [line(1, "fal", 5), line(1, "openai", 3), line(2, "openai", 1)]);
    assert_eq!(lines(Some(&alice.user)).await, [line(1, "fal", 5), line(1, "openai", 3)]);
    assert_eq!(ledger.sums(&bob.client, &bob.user, day(2)).await.unwrap(), [10_000, 90_000, 10_000, 10_000]);
    let stranger = Names::of("other", "alice");
    assert_eq!(ledger.sums(&stranger.client, &stranger.user, day(1)).await.unwrap(), [0; 4]);
}

#[tokio::test]
async fn each_limit_holds_and_says_which_it_is() {
    let redis = TestRedis::start();
    let ledger = ledger(&redis).await;
    let limit = |period: Period| {
        let most = Some(100_000);
        match period {
            Period::ClientDay => SpendLimits { day_usd_micros: most, ..SpendLimits::default() },
            Period::ClientMonth => SpendLimits { month_usd_micros: most, ..SpendLimits::default() },
            Period::UserDay => SpendLimits { user_day_usd_micros: most, ..SpendLimits::default() },
            Period::UserMonth => SpendLimits { user_month_usd_micros: most, ..SpendLimits::default() },
        }
    };
    for (client, period) in (0..).zip(Period::ALL) {
        let (alice, bob) = (Names::of(&format!("c{client}"), "alice"), Names::of(&format!("c{client}"), "bob"));
        let limits = limit(period);
        let hold = async |who: &Names, name: &str, on: u32, cost: Spent| {
            ledger.hold(&who.call(name, "openai", day(on)), cost, &limits).await.unwrap()
        };
        assert_eq!(hold(&alice, "a", 1, cents(10)).await, Held::Counted, "{period:?}: exactly as much as allowed");
        let over = Held::Over { period, reached: 110_000 };
        assert_eq!(hold(&alice, "b", 1, cents(1)).await, over);
        let is_of_users = matches!(period, Period::UserDay | Period::UserMonth);
        assert_eq!(hold(&bob, "a", 1, cents(1)).await == Held::Counted, is_of_users, "{period:?}");
        let is_of_months = matches!(period, Period::ClientMonth | Period::UserMonth);
        assert_eq!(hold(&alice, "c", 2, cents(1)).await == over, is_of_months, "{period:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_workers_at_once_do_not_spend_a_cent_more_than_allowed() {
    let redis = TestRedis::start();
    let ledger = ledger(&redis).await;
    let limits = SpendLimits { day_usd_micros: Some(1_000_000), ..SpendLimits::default() };
    let counted = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..20 {
        let (ledger, counted) = (ledger.clone(), Arc::clone(&counted));
        workers.spawn(async move {
            let who = Names::of("acme", "alice");
            for number in 0..20 {
                let name = number.to_string();
                let call = who.call(&name, "openai", day(1));
                if ledger.hold(&call, cents(3), &limits).await.unwrap() == Held::Counted {
                    counted.fetch_add(3, std::sync::atomic::Ordering::SeqCst);
                }
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.expect("a worker that ends well");
    }
    assert_eq!(counted.load(std::sync::atomic::Ordering::SeqCst), 99, "400 calls at 3 cents for a dollar");
    let alice = Names::of("acme", "alice");
    assert_eq!(ledger.sums(&alice.client, &alice.user, day(1)).await.unwrap()[0], 990_000);
}
