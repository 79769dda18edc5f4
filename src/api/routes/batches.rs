//! `POST /images/batch`: many pictures of one request, of which all are enqueued or none.

use std::collections::BTreeSet;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::prompt_fields::{ImageFields, check_provider, read_image, read_prompt, read_session, read_user};
use super::schemas::JobOptionsDocument;
use crate::api::answer::{self, job_path};
use crate::api::extract::fields::Fields;
use crate::api::extract::job_options::{MAX_METADATA_BYTES, RawOptions};
use crate::api::extract::job_request::{FromJobFields, JobRequest};
use crate::api::extract::path::Path;
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::{AnyKey, Ask, Tenant};
use crate::model::id::{BatchId, UserId};
use crate::model::image::ImageRequest;
use crate::model::job::JobStatus;
use crate::queue::tickets::generate::Generate;
use crate::work::{MOST_JOBS, SubmittedBatch, batch_path};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(read))
}

/// Pictures that somebody asks for together.
#[derive(Debug)]
struct BatchBody {
    user: UserId,
    session: Option<String>,
    jobs: Vec<(ImageRequest, Option<Value>)>,
}

impl FromJobFields for BatchBody {
    fn user(&self) -> Option<&UserId> {
        Some(&self.user)
    }

    fn read(fields: &mut Fields<'_>, options: &mut RawOptions) -> Option<Self> {
        options.for_batch();
        let user = read_user(fields);
        let session = read_session(fields);
        fields.demand("jobs");
        let jobs = fields.objects("jobs", MOST_JOBS, read_job)?;
        if jobs.is_empty() {
            fields.fault("jobs", "must have at least one entry");
        }
        Some(Self { user, session, jobs: jobs.into_iter().collect::<Option<_>>()? })
    }
}

fn read_job(fields: &mut Fields<'_>) -> Option<(ImageRequest, Option<Value>)> {
    let prompt = read_prompt(fields);
    let image = read_image(fields, prompt.as_deref().unwrap_or_default());
    let metadata = fields.value("metadata");
    let size = metadata.as_ref().map_or(0, |metadata| metadata.to_string().len());
    if size > MAX_METADATA_BYTES {
        fields.fault("metadata", format!("must be at most {MAX_METADATA_BYTES} bytes as JSON, has {size}"));
    }
    prompt.map(|_| (image, metadata))
}

/// Makes pictures from many prompts, as jobs of their own.
#[utoipa::path(
    post, path = "/api/v1/images/batch", operation_id = "generateImageBatch", tag = "chat and images", request_body = BatchRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body within 24 hours is the same batch")),
    responses((status = 202, description = "All jobs are enqueued", body = AcceptedBatch), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn create(tenant: Tenant, request: JobRequest<BatchBody>) -> Result<Response, Problem> {
    let body = &request.body;
    check_providers(&tenant, body).await?;
    let reserved = tenant.reserve_batch(request.idempotency.as_ref()).await?;
    let ticket = |(image, metadata): &(ImageRequest, Option<Value>)| {
        let ticket = Generate {
            user_id: Some(body.user.to_string()),
            client_id: Some(tenant.client().to_string()),
            session_id: body.session.clone(),
            batch_id: Some(reserved.id().to_string()),
            traceparent: request.traceparent.clone(),
            ..Generate::of(image.clone())
        };
        (ticket, metadata.clone())
    };
    let tickets: Vec<_> = body.jobs.iter().map(ticket).collect();
    let (idempotency, traceparent) = (request.idempotency.as_ref(), request.traceparent.as_deref());
    let ask = Ask { options: &request.options, idempotency, traceparent };
    Ok(accepted(&tenant.submit_batch(&reserved, &body.user, &tickets, ask).await?))
}

/// Asks once about each addon that is named as a provider.
async fn check_providers(tenant: &Tenant, body: &BatchBody) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for (index, (image, _)) in body.jobs.iter().enumerate() {
        if image.provider.as_ref().is_some_and(|name| seen.insert(name)) {
            let pointer = format!("/jobs/{index}/provider");
            check_provider(tenant, &body.user, image, &pointer).await?;
        }
    }
    Ok(())
}

fn accepted(submitted: &SubmittedBatch) -> Response {
    let path = batch_path(submitted.batch_id.as_str());
    let job = |(id, status): &(_, JobStatus)| AcceptedJob {
        job_id: ToString::to_string(id),
        status: status.as_str(),
        status_url: job_path(id),
    };
    let answer = AcceptedBatch {
        batch_id: submitted.batch_id.to_string(),
        total_jobs: submitted.jobs.len(),
        jobs: submitted.jobs.iter().map(job).collect(),
        created_at: submitted.created_at,
        status_url: path.clone(),
    };
    let mut response = (StatusCode::ACCEPTED, Json(answer)).into_response();
    let fields = response.headers_mut();
    fields.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    if let Ok(location) = HeaderValue::from_str(&path) {
        fields.insert(header::LOCATION, location);
    }
    if submitted.is_replay {
        fields.insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    }
    response
}

/// How a batch and its jobs stand.
#[utoipa::path(
    get, path = "/api/v1/images/batches/{batchId}", operation_id = "getImageBatch", tag = "chat and images", params(("batchId" = String, Path)),
    responses((status = 200, body = BatchDocument), (status = 304, description = "The client has it"), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(AnyKey(tenant): AnyKey, Path(id): Path<BatchId>, fields: HeaderMap) -> Result<Response, Problem> {
    answer::tagged(&tenant.batch(&id).await?, &fields)
}

/// Pictures that somebody asks for together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchRequest {
    /// The client's own name for its end user; `default` when left out.
    pub user_id: Option<String>,
    /// The chat they belong to.
    pub session_id: Option<String>,
    /// What to draw, 1-100 entries.
    #[schema(min_items = 1, max_items = 100)]
    pub jobs: Vec<BatchJobRequest>,
    /// Options of the jobs. The receiver gets one `batch.completed`, and what `webhookEvents` names of each job.
    #[serde(flatten)]
    pub options: JobOptionsDocument,
}

/// One job of a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchJobRequest {
    /// What to draw, 1-4000 characters.
    #[schema(min_length = 1, max_length = 4000, example = "A serene garden")]
    pub prompt: String,
    /// What the pictures should be like.
    #[serde(flatten)]
    pub image: ImageFields,
    /// Echoed on this job; the batch's own when left out.
    pub metadata: Option<Value>,
}

/// A batch was accepted; its jobs run later.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AcceptedBatch {
    /// The batch.
    #[schema(example = "bat_01KB2X6J5WZ5V0T8Q3M7N9PARS")]
    batch_id: String,
    /// Its jobs, in the order in which they were asked for.
    jobs: Vec<AcceptedJob>,
    /// How many they are.
    total_jobs: usize,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// Where it is read.
    status_url: String,
}

/// One job of a batch that was accepted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AcceptedJob {
    /// The job.
    job_id: String,
    /// Where it stands.
    #[schema(example = "queued")]
    status: &'static str,
    /// Where its state is read.
    status_url: String,
}

/// How a batch and its jobs stand.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Batch)]
pub struct BatchDocument {
    /// The batch.
    pub batch_id: String,
    /// For whom.
    pub user_id: String,
    /// `queued`, `processing`, or `completed` once all jobs are over, in whichever way: the counts say how.
    pub status: String,
    /// 0-100.
    pub progress: u8,
    /// How many jobs were asked for.
    pub total_jobs: usize,
    /// How they stand.
    pub counts: BatchCountsDocument,
    /// Each of them, in the order in which they were asked for.
    pub jobs: Vec<BatchJobDocument>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When the last job was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// What the client sent along.
    pub metadata: Option<Value>,
}

/// How many jobs stand how; `expired` ones are over for so long that nothing is kept of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BatchCounts)]
pub struct BatchCountsDocument {
    /// Waiting for their time, or for their next attempt.
    pub pending: usize,
    /// Waiting for a worker.
    pub queued: usize,
    /// In a worker's hands.
    pub processing: usize,
    /// Ended well.
    pub completed: usize,
    /// Ended badly.
    pub failed: usize,
    /// Ended by request.
    pub cancelled: usize,
    /// Over for so long that nothing is kept of them.
    pub expired: usize,
}

/// One job of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BatchJob)]
pub struct BatchJobDocument {
    /// The job.
    pub job_id: String,
    /// Where it stands.
    pub status: String,
    /// 0-100.
    pub progress: Option<u8>,
    /// Where the whole of it is read.
    pub status_url: String,
    /// Its pictures, where it ended well.
    pub images: Option<Vec<Value>>,
    /// Why it failed.
    pub error: Option<Value>,
    /// What the client sent along.
    pub metadata: Option<Value>,
}
