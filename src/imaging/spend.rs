//! What the calls of providers cost their clients: counted before they are made, corrected afterwards.

use std::sync::Arc;

use chrono::NaiveDate;
use tracing::warn;

use crate::clock;
use crate::config::spend::{SpendLimits, SpendSettings};
use crate::imaging::error::ImagingError;
use crate::imaging::overspent::Overspent;
use crate::model::id::{ClientId, JobId, UserId};
use crate::store::spend::{Call, Held, Ledger, Line, Period, Spent};
use crate::store::{Store, StoreError};

/// What was spent on some days, and in the periods that are not over.
#[derive(Clone, Debug)]
pub struct Usage {
    /// By day and provider.
    pub lines: Vec<Line>,
    /// So far in each period that today lies in, in the order of [`Period::ALL`].
    pub sums: [u64; Period::ALL.len()],
    /// What may be spent in each.
    pub limits: SpendLimits,
}

/// What is spent, and what may be. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Spending {
    ledger: Ledger,
    settings: Arc<SpendSettings>,
}

impl Spending {
    /// The ledger in `store`, and the limits of the settings.
    #[must_use]
    pub fn new(store: &Store, settings: &SpendSettings) -> Self {
        let ledger = Ledger::new(store.clone(), settings.keep.duration());
        Self { ledger, settings: Arc::new(settings.clone()) }
    }

    /// Who pays for a job's calls.
    #[must_use]
    pub fn account(&self, (client, user): (&ClientId, &UserId), job: &JobId) -> Account {
        let limits = self.limits(client);
        let (ledger, client, user, job) = (self.ledger.clone(), client.clone(), user.clone(), job.clone());
        Account { inner: Arc::new(Inner { ledger, client, user, job, limits }) }
    }

    /// What a client and its users may spend.
    #[must_use]
    pub fn limits(&self, client: &ClientId) -> SpendLimits {
        self.settings.of(client.as_str())
    }

    /// What a client spent on these days, or one of its users did, and what may be spent.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn usage(
        &self,
        client: &ClientId,
        user: Option<&UserId>,
        days: &[NaiveDate],
    ) -> Result<Usage, StoreError> {
        let lines = self.ledger.lines(client, user, days).await?;
        let fallback = UserId::fallback();
        let sums = self.ledger.sums(client, user.unwrap_or(&fallback), clock::now().date_naive()).await?;
        Ok(Usage { lines, sums, limits: self.limits(client) })
    }
}

/// Who pays for one job's calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Account {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    client: ClientId,
    user: UserId,
    job: JobId,
    limits: SpendLimits,
}

/// A call that was counted and is still to be corrected.
#[derive(Debug)]
#[must_use = "settle it when the call has ended"]
pub struct Hold {
    account: Account,
    provider: String,
    name: String,
    day: NaiveDate,
    counted: Spent,
}

impl Account {
    /// Counts the call of a provider at the price of its list, before it is made. `name` is the call's own: what is counted
    /// under it already is not counted again, so a call that goes on after its worker died has the name that it began with.
    ///
    /// # Errors
    /// [`ImagingError::Overspent`] where a limit would be exceeded; otherwise Redis is away.
    pub async fn hold(&self, provider: &str, counted: Spent, name: String) -> Result<Hold, ImagingError> {
        let hold = Hold {
            account: self.clone(),
            provider: provider.to_owned(),
            name,
            day: clock::now().date_naive(),
            counted,
        };
        let inner = &*self.inner;
        match inner.ledger.hold(&hold.call(), counted, &inner.limits).await.map_err(ImagingError::Ledger)? {
            Held::Counted => Ok(hold),
            Held::Over { period, reached } => {
                let allowed = period.limit(&inner.limits).unwrap_or(0);
                Err(ImagingError::Overspent(Overspent::on(hold.day, period, reached, allowed)))
            }
        }
    }
}

impl Hold {
    /// What was counted.
    #[must_use]
    pub const fn counted(&self) -> Spent {
        self.counted
    }

    /// Corrects what was counted to what was spent; nobody is asked where that is the same.
    pub async fn settle(self, spent: Spent) {
        if spent == self.counted {
            return;
        }
        if let Err(error) = self.account.inner.ledger.settle(&self.call(), spent).await {
            let job = &self.account.inner.job;
            warn!(%error, job.id = %job, "What job `{job}` spent stays counted at the price of the list");
        }
    }

    fn call(&self) -> Call<'_> {
        let inner = &*self.account.inner;
        Call {
            client: &inner.client,
            user: &inner.user,
            job: &inner.job,
            name: &self.name,
            provider: &self.provider,
            day: self.day,
        }
    }
}
