//! `GET /webhooks/default-secret`: what verifies webhooks of per-request addresses.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::caller::ClientCaller;
use crate::api::openapi::ReadProblems;
use crate::api::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read))
}

/// A secret that signs webhooks.
#[derive(Serialize, ToSchema)]
struct Secret {
    /// As Standard Webhooks writes it.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// What signs webhooks that go to the client's per-request addresses.
#[utoipa::path(
    get, path = "/api/v1/webhooks/default-secret", operation_id = "getDefaultWebhookSecret", tag = "webhooks",
    responses((status = 200, body = Secret), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(State(api): State<ApiState>, caller: ClientCaller) -> Json<Secret> {
    Json(Secret { secret: api.services.webhooks.default_secret(caller.client()).reveal() })
}
