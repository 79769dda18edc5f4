//! `GET /openapi.json`: this API's own description.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(description))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", operation_id = "getDescription", tag = "service", responses((status = 200, body = Object)))]
async fn description(State(api): State<ApiState>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], api.description.clone()).into_response()
}
