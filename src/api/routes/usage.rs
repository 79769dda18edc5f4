//! `GET /usage`: what pictures cost, by day and provider.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use chrono::{Days, NaiveDate};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::query::{FromQuery, Query, QueryFields};
use crate::api::openapi::ReadProblems;
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::Tenant;
use crate::clock;
use crate::imaging::spend::Usage;
use crate::model::id::UserId;
use crate::store::spend::{Line, Period};

/// Days that one answer tells of, at most.
const MOST_DAYS: u64 = 92;
/// Days that it tells of where nothing is said, today included.
const DAYS: u64 = 30;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(own))
}

/// Which days, and whose.
#[derive(Debug)]
pub(super) struct UsageQuery {
    pub(super) days: Vec<NaiveDate>,
    pub(super) user: Option<UserId>,
}

impl FromQuery for UsageQuery {
    fn read(query: &mut QueryFields) -> Self {
        let day = |text: &str| text.parse::<NaiveDate>().map_err(|_| "must be a day, YYYY-MM-DD");
        let to = query.parsed("to", day).unwrap_or_else(|| clock::now().date_naive());
        let from = query.parsed("from", day).or_else(|| to.checked_sub_days(Days::new(DAYS - 1))).unwrap_or(to);
        let user = query.parsed("userId", UserId::parse);
        let length = u64::try_from((to - from).num_days() + 1).unwrap_or(0);
        if !(1..=MOST_DAYS).contains(&length) {
            query.fault("from", format!("must be at most {MOST_DAYS} days before `to`, and not after it"));
        }
        Self { days: from.iter_days().take(usize::try_from(length.min(MOST_DAYS)).unwrap_or(0)).collect(), user }
    }
}

/// What the client's pictures cost, by day (UTC) and provider, and what it may spend.
#[utoipa::path(
    get, path = "/api/v1/usage", operation_id = "getUsage", tag = "chat and images",
    params(("from" = Option<String>, Query, description = "First day, `YYYY-MM-DD`; 30 days up to `to` when left out"),
           ("to" = Option<String>, Query, description = "Last day; today when left out"),
           ("userId" = Option<String>, Query, description = "Only what this user spent")),
    responses((status = 200, body = SpendReport), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn own(tenant: Tenant, Query(query): Query<UsageQuery>) -> Result<Response, Problem> {
    let usage = tenant.usage(query.user.as_ref(), &query.days).await?;
    Ok(Json(SpendReport::of(usage, query.user.is_some())).into_response())
}

/// What pictures cost. Money is in millionths of a US dollar: whole numbers, so that sums are exact.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpendReport {
    /// By day and provider, oldest first. Providers without prices are not counted.
    pub data: Vec<SpendLine>,
    /// There are no further pages.
    pub next_cursor: Option<String>,
    /// All of it together.
    pub total: SpendTotal,
    /// What the client spent today, of what it may.
    pub today: SpendBudget,
    /// What the client spent this month, of what it may.
    pub this_month: SpendBudget,
    /// What the user spent today; only where one is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_today: Option<SpendBudget>,
    /// What the user spent this month; only where one is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_this_month: Option<SpendBudget>,
}

impl SpendReport {
    /// The report of a usage; of one user where it was asked for one.
    pub(super) fn of(usage: Usage, of_user: bool) -> Self {
        let [day, month, user_day, user_month] = Period::ALL.map(|period| period.limit(&usage.limits));
        let [in_day, in_month, in_user_day, in_user_month] = usage.sums;
        let shown = |spent, limit| SpendBudget { spent_usd_micros: spent, limit_usd_micros: limit };
        Self {
            total: SpendTotal {
                usd_micros: usage.lines.iter().map(|line| line.spent.usd_micros).sum(),
                pictures: usage.lines.iter().map(|line| line.spent.pictures).sum(),
            },
            data: usage.lines.into_iter().map(SpendLine::of).collect(),
            next_cursor: None,
            today: shown(in_day, day),
            this_month: shown(in_month, month),
            user_today: of_user.then(|| shown(in_user_day, user_day)),
            user_this_month: of_user.then(|| shown(in_user_month, user_month)),
        }
    }
}

/// What was spent on one day at one provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpendLine {
    /// The day (UTC).
    #[schema(value_type = String, example = "2026-11-24")]
    pub date: NaiveDate,
    /// The provider.
    pub provider: String,
    /// Millionths of a US dollar.
    pub usd_micros: u64,
    /// Pictures.
    pub pictures: u64,
}

impl SpendLine {
    fn of(Line { day, provider, spent }: Line) -> Self {
        Self { date: day, provider, usd_micros: spent.usd_micros, pictures: spent.pictures }
    }
}

/// A sum.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpendTotal {
    /// Millionths of a US dollar.
    pub usd_micros: u64,
    /// Pictures.
    pub pictures: u64,
}

/// What was spent in a period that is not over, and what may be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpendBudget {
    /// Millionths of a US dollar; what is being made is counted at its price.
    pub spent_usd_micros: u64,
    /// Millionths of a US dollar; `null` for as much as they like.
    pub limit_usd_micros: Option<u64>,
}
