//! Calling an addon's action: the road that is used most.

use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{JobDocument, JobOptionsDocument};
use crate::api::answer::{Accepted, Chat};
use crate::api::extract::fields::Fields;
use crate::api::extract::job_options::RawOptions;
use crate::api::extract::job_request::{FromJobFields, JobRequest};
use crate::api::extract::path::{Path, UserAddonAction};
use crate::api::openapi::WriteProblems;
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::{Ask, Tenant};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(invoke))
}

/// The parameters of a call.
struct InvokeBody(Value);

impl FromJobFields for InvokeBody {
    fn read(fields: &mut Fields<'_>, _options: &mut RawOptions) -> Option<Self> {
        Some(Self(fields.raw("params").unwrap_or_else(|| Value::Object(Map::new()))))
    }
}

/// Calls an action of an addon that the user has enabled; the parameters are checked against its schema first.
#[utoipa::path(
    post, path = "/api/v1/users/{userId}/addons/{addonId}/actions/{action}", operation_id = "invokeAction", tag = "addons of users",
    request_body = InvokeRequest,
    params(("userId" = String, Path), ("addonId" = String, Path), ("action" = String, Path),
           ("Prefer" = Option<String>, Header, description = "`wait=N`, 1-60 seconds"),
           ("Idempotency-Key" = Option<String>, Header, description = "The same key and body within 24 hours is the same job")),
    responses((status = 202, body = Accepted), (status = 200, description = "Ended while waiting", body = JobDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn invoke(
    tenant: Tenant,
    Path(path): Path<UserAddonAction>,
    request: JobRequest<InvokeBody>,
) -> Result<Response, Problem> {
    let (idempotency, traceparent) = (request.idempotency.as_ref(), request.traceparent.as_deref());
    let ask = Ask { options: &request.options, idempotency, traceparent };
    let submitted = tenant.invoke(path, request.body.0, ask).await?;
    tenant.submitted(&submitted, request.prefer, Chat::default()).await
}

/// A call of an action.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvokeRequest {
    /// What the action's own schema asks for.
    #[schema(value_type = Object)]
    pub params: Option<Value>,
    /// Options of the job.
    #[serde(flatten)]
    pub options: JobOptionsDocument,
}
