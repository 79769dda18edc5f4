//! Image providers: which there are, and whether they can be asked.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::Whole;
use crate::api::extract::caller::AdminCaller;
use crate::api::openapi::ReadProblems;
use crate::api::problem::Problem;
use crate::api::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// The image providers that are configured, and what those that are not ready lack.
#[utoipa::path(
    get, path = "/api/v1/admin/providers", operation_id = "listProviders", tag = "admin",
    responses((status = 200, body = ProviderPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(State(api): State<ApiState>, _caller: AdminCaller) -> Result<Response, Problem> {
    let states = api.services.imaging.states().into_iter().map(|state| ProviderDocument {
        name: state.name,
        kind: state.kind.to_owned(),
        is_ready: state.missing.is_none(),
        missing: state.missing,
    });
    Ok(Json(Whole::of(states.collect::<Vec<_>>())).into_response())
}

/// An image provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Provider)]
pub struct ProviderDocument {
    /// Its name in requests.
    #[schema(example = "openai")]
    pub name: String,
    /// What answers.
    #[schema(example = "openai")]
    pub kind: String,
    /// Whether it can be asked.
    pub is_ready: bool,
    /// What has to be configured before it can; `null` where nothing has.
    pub missing: Option<String>,
}

/// The image providers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderPage {
    /// The providers.
    pub data: Vec<ProviderDocument>,
    /// Always `null`.
    pub next_cursor: Option<String>,
}
