//! `GET /admin/spend`: what a client's pictures cost.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::usage::{SpendReport, UsageQuery};
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::query::{FromQuery, Query, QueryFields};
use crate::api::openapi::ReadProblems;
use crate::api::problem::{Fault, Place, Problem};
use crate::api::state::ApiState;
use crate::model::id::ClientId;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read))
}

/// Whose spending, and on which days.
#[derive(Debug)]
struct SpendQuery {
    client: Option<ClientId>,
    usage: UsageQuery,
}

impl FromQuery for SpendQuery {
    fn read(query: &mut QueryFields) -> Self {
        Self { client: query.parsed("clientId", ClientId::parse), usage: UsageQuery::read(query) }
    }
}

/// What a client's pictures cost, by day (UTC) and provider, and what it may spend.
#[utoipa::path(
    get, path = "/api/v1/admin/spend", operation_id = "getSpend", tag = "admin",
    params(("clientId" = String, Query), ("from" = Option<String>, Query), ("to" = Option<String>, Query),
           ("userId" = Option<String>, Query)),
    responses((status = 200, body = SpendReport), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Query(SpendQuery { client, usage }): Query<SpendQuery>,
) -> Result<Response, Problem> {
    let client = client.ok_or_else(|| Problem::invalid(vec![Fault::of(Place::Query, "clientId", "is required")]))?;
    let spent = api.services.spending.usage(&client, usage.user.as_ref(), &usage.days).await?;
    Ok(Json(SpendReport::of(spent, usage.user.is_some())).into_response())
}
