//! `GET /usage` and `GET /admin/spend`: what pictures cost, by day and provider.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chrono::{Days, NaiveDate};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::caller::{AdminCaller, ClientCaller};
use crate::api::extract::query::{FromQuery, Query, QueryFields};
use crate::api::openapi::ReadProblems;
use crate::api::problem::{Fault, Place, Problem};
use crate::api::state::ApiState;
use crate::clock;
use crate::model::id::{ClientId, UserId};
use crate::store::spend::{Line, Period};

/// Days that one answer tells of, at most.
const MOST_DAYS: u64 = 92;
/// Days that it tells of where nothing is said, today included.
const DAYS: u64 = 30;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(own)).routes(routes!(of_client))
}

/// Which days, and whose.
#[derive(Debug)]
struct UsageQuery {
    days: Vec<NaiveDate>,
    user: Option<UserId>,
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

/// Whose usage an admin wants to see.
#[derive(Debug)]
struct ClientQuery {
    client: Option<ClientId>,
    usage: UsageQuery,
}

impl FromQuery for ClientQuery {
    fn read(query: &mut QueryFields) -> Self {
        Self { client: query.parsed("clientId", ClientId::parse), usage: UsageQuery::read(query) }
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
async fn own(
    State(api): State<ApiState>,
    caller: ClientCaller,
    Query(query): Query<UsageQuery>,
) -> Result<Response, Problem> {
    answer(&api, caller.client(), &query).await
}

/// What a client's pictures cost, by day (UTC) and provider, and what it may spend.
#[utoipa::path(
    get, path = "/api/v1/admin/spend", operation_id = "getSpend", tag = "admin",
    params(("clientId" = String, Query), ("from" = Option<String>, Query), ("to" = Option<String>, Query),
           ("userId" = Option<String>, Query)),
    responses((status = 200, body = SpendReport), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn of_client(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Query(query): Query<ClientQuery>,
) -> Result<Response, Problem> {
    let needed = || Problem::invalid(vec![Fault::of(Place::Query, "clientId", "is required")]);
    answer(&api, &query.client.ok_or_else(needed)?, &query.usage).await
}

async fn answer(api: &ApiState, client: &ClientId, query: &UsageQuery) -> Result<Response, Problem> {
    let spending = &api.services.spending;
    let lines = spending.ledger().lines(client, query.user.as_ref(), &query.days).await?;
    let limits = spending.limits(client);
    let user = query.user.clone().unwrap_or_else(UserId::fallback);
    let sums = spending.ledger().sums(client, &user, clock::now().date_naive()).await?;
    let [day, month, user_day, user_month] = Period::ALL.map(|period| period.limit(&limits));
    let [in_day, in_month, in_user_day, in_user_month] = sums;
    let of_user = query.user.is_some();
    let shown = |spent, limit| SpendBudget { spent_usd_micros: spent, limit_usd_micros: limit };
    Ok(Json(SpendReport {
        total: SpendTotal {
            usd_micros: lines.iter().map(|line| line.spent.usd_micros).sum(),
            pictures: lines.iter().map(|line| line.spent.pictures).sum(),
        },
        data: lines.into_iter().map(SpendLine::of).collect(),
        next_cursor: None,
        today: shown(in_day, day),
        this_month: shown(in_month, month),
        user_today: of_user.then(|| shown(in_user_day, user_day)),
        user_this_month: of_user.then(|| shown(in_user_month, user_month)),
    })
    .into_response())
}

/// What pictures cost. Money is in millionths of a US dollar: whole numbers, so that sums are exact.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SpendReport {
    /// By day and provider, oldest first. Providers without prices are not counted.
    data: Vec<SpendLine>,
    /// There are no further pages.
    next_cursor: Option<String>,
    /// All of it together.
    total: SpendTotal,
    /// What the client spent today, of what it may.
    today: SpendBudget,
    /// What the client spent this month, of what it may.
    this_month: SpendBudget,
    /// What the user spent today; only where one is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_today: Option<SpendBudget>,
    /// What the user spent this month; only where one is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_this_month: Option<SpendBudget>,
}

/// What was spent on one day at one provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SpendLine {
    /// The day (UTC).
    #[schema(value_type = String, example = "2026-11-24")]
    date: NaiveDate,
    /// The provider.
    provider: String,
    /// Millionths of a US dollar.
    usd_micros: u64,
    /// Pictures.
    pictures: u64,
}

impl SpendLine {
    fn of(Line { day, provider, spent }: Line) -> Self {
        Self { date: day, provider, usd_micros: spent.usd_micros, pictures: spent.pictures }
    }
}

/// A sum.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SpendTotal {
    /// Millionths of a US dollar.
    usd_micros: u64,
    /// Pictures.
    pictures: u64,
}

/// What was spent in a period that is not over, and what may be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SpendBudget {
    /// Millionths of a US dollar; what is being made is counted at its price.
    spent_usd_micros: u64,
    /// Millionths of a US dollar; `null` for as much as they like.
    limit_usd_micros: Option<u64>,
}
