//! `POST /images/generate`, and the older names of a job's state and cancelling.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::prompt_fields::{ImageFields, check_provider, read_image, read_prompt, read_session, read_user};
use super::schemas::{JobDocument, JobOptionsDocument};
use crate::api::answer::{self, Accepted, Chat};
use crate::api::extract::fields::Fields;
use crate::api::extract::job_options::RawOptions;
use crate::api::extract::job_request::{FromJobFields, JobRequest};
use crate::api::extract::path::Path;
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::{Problem, ProblemCode};
use crate::api::state::ApiState;
use crate::api::tenant::{AnyKey, Ask, Tenant};
use crate::model::id::{JobId, UserId};
use crate::model::image::ImageRequest;
use crate::queue::tickets::generate::Generate;
use crate::work::{CancelAnswer, JobOptions};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(generate)).routes(routes!(status)).routes(routes!(cancel))
}

/// A picture that somebody asks for.
#[derive(Debug)]
struct GenerateBody {
    user: UserId,
    session: Option<String>,
    image: ImageRequest,
}

impl FromJobFields for GenerateBody {
    fn user(&self) -> Option<&UserId> {
        Some(&self.user)
    }

    fn read(fields: &mut Fields<'_>, _options: &mut RawOptions) -> Option<Self> {
        let user = read_user(fields);
        let session = read_session(fields);
        let prompt = read_prompt(fields);
        let image = read_image(fields, prompt.as_deref().unwrap_or_default());
        prompt.map(|_| Self { user, session, image })
    }
}

/// Makes pictures from a prompt, through the user's image hooks.
#[utoipa::path(
    post, path = "/api/v1/images/generate", operation_id = "generateImages", tag = "chat and images", request_body = GenerateRequest,
    params(("Prefer" = Option<String>, Header, description = "`wait=N`, 1-60 seconds"),
           ("Idempotency-Key" = Option<String>, Header, description = "The same key and body within 24 hours is the same job")),
    responses((status = 202, body = Accepted), (status = 200, description = "Ended while waiting", body = JobDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn generate(tenant: Tenant, request: JobRequest<GenerateBody>) -> Result<Response, Problem> {
    let body = request.body;
    check_provider(&tenant, &body.user, &body.image, "/provider").await?;
    let options = JobOptions { session_id: body.session.clone(), ..request.options };
    let ticket = Generate {
        user_id: Some(body.user.to_string()),
        client_id: Some(tenant.client().to_string()),
        session_id: body.session.clone(),
        traceparent: request.traceparent.clone(),
        ..Generate::of(body.image)
    };
    let (idempotency, traceparent) = (request.idempotency.as_ref(), request.traceparent.as_deref());
    let submitted = tenant.submit(&body.user, &ticket, Ask { options: &options, idempotency, traceparent }).await?;
    let chat = Chat { session_id: body.session, message_id: None };
    tenant.submitted(&submitted, request.prefer, chat).await
}

/// The older name of `GET /jobs/{jobId}`.
#[utoipa::path(
    get, path = "/api/v1/images/status/{jobId}", operation_id = "imageStatus", tag = "chat and images", params(("jobId" = String, Path)),
    responses((status = 200, body = JobDocument), (status = 304, description = "The client has it"), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn status(AnyKey(tenant): AnyKey, Path(id): Path<JobId>, fields: HeaderMap) -> Result<Response, Problem> {
    answer::job(&tenant.job(&id).await?, &fields)
}

/// The older name of `POST /jobs/{jobId}/cancel`.
#[utoipa::path(
    delete, path = "/api/v1/images/cancel/{jobId}", operation_id = "cancelImage", tag = "chat and images", params(("jobId" = String, Path)),
    responses((status = 204, description = "It is cancelled or will be"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn cancel(AnyKey(tenant): AnyKey, Path(id): Path<JobId>) -> Result<Response, Problem> {
    match tenant.cancel(&id).await? {
        CancelAnswer::Cancelled | CancelAnswer::Cancelling => Ok(StatusCode::NO_CONTENT.into_response()),
        CancelAnswer::Over(status) => Err(Problem::new(ProblemCode::Conflict, format!("the job is over: {status}"))),
        CancelAnswer::TooLate => Err(answer::too_late()),
        CancelAnswer::Missing => Err(answer::no_job(&id)),
    }
}

/// A picture that somebody asks for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerateRequest {
    /// The client's own name for its end user; `default` when left out.
    pub user_id: Option<String>,
    /// What to draw, 1-4000 characters.
    #[schema(min_length = 1, max_length = 4000, example = "A serene garden")]
    pub prompt: String,
    /// The chat it belongs to.
    pub session_id: Option<String>,
    /// What the pictures should be like.
    #[serde(flatten)]
    pub image: ImageFields,
    /// Options of the job.
    #[serde(flatten)]
    pub options: JobOptionsDocument,
}
