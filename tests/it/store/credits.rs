//! Credits: one count a user, addon and day; a start is paid once, and nobody spends more than allowed.

use chrono::NaiveDate;
use semantest::model::id::{AddonId, ClientId, JobId, UserId};
use semantest::store::credits::{Charged, Credits, Purse};

use crate::support::redis::TestRedis;

struct Names {
    client: ClientId,
    user: UserId,
    addon: AddonId,
}

impl Names {
    fn of(client: &str, user: &str) -> Self {
        let addon = AddonId::parse("acme.painter").expect("an addon");
        Self { client: ClientId::parse(client).expect("a client"), user: UserId::parse(user).expect("a user"), addon }
    }

    fn on(&self, day: u32) -> Purse<'_> {
        let day = NaiveDate::from_ymd_opt(2026, 11, day).expect("a day");
        Purse { client: &self.client, user: &self.user, addon: &self.addon, day }
    }
}

#[tokio::test]
async fn a_start_is_paid_once_and_can_be_given_back_once() {
    let redis = TestRedis::start();
    let credits = Credits::new(redis.store().await);
    let alice = Names::of("acme", "alice");
    let (first, second) = (JobId::fresh("img"), JobId::fresh("img"));
    for _ in 0..2 {
        assert_eq!(credits.charge(alice.on(1), &first, 3, 4).await.unwrap(), Charged::Paid);
        assert_eq!(credits.charge(alice.on(1), &second, 2, 4).await.unwrap(), Charged::Short { reached: 5 });
    }
    assert_eq!(credits.spent(alice.on(1)).await.unwrap(), 3);
    for expected in [true, false] {
        assert_eq!(credits.refund(alice.on(1), &first).await.unwrap(), expected);
        assert_eq!(credits.spent(alice.on(1)).await.unwrap(), 0);
    }
    assert_eq!(credits.charge(alice.on(1), &second, 4, 4).await.unwrap(), Charged::Paid);
}

#[tokio::test]
async fn days_users_and_clients_have_counts_of_their_own() {
    let redis = TestRedis::start();
    let credits = Credits::new(redis.store().await);
    let (alice, colon, other) =
        (Names::of("acme", "alice"), Names::of("acme", "alice:acme"), Names::of("other", "alice"));
    for purse in [alice.on(1), alice.on(2), colon.on(1), other.on(1)] {
        assert_eq!(credits.charge(purse, &JobId::fresh("img"), 4, 4).await.unwrap(), Charged::Paid, "{purse:?}");
    }
}

#[tokio::test]
async fn many_at_once_spend_no_more_than_allowed() {
    let redis = TestRedis::start();
    let credits = Credits::new(redis.store().await);
    let alice = Names::of("acme", "alice");
    let starts: Vec<JobId> = (0..40).map(|_| JobId::fresh("img")).collect();
    let charges = starts.iter().map(|start| credits.charge(alice.on(1), start, 1, 25));
    let paid = futures::future::join_all(charges).await;
    assert_eq!(paid.into_iter().filter(|charged| matches!(charged, Ok(Charged::Paid))).count(), 25);
    assert_eq!(credits.spent(alice.on(1)).await.unwrap(), 25);
}
