//! A user's addons: which run, with what settings, and switching them on and off.

use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::budget::{self, BudgetDocument};
use super::schemas::{EnablementDocument, EnablementPage, JobDocument, JobOptionsDocument};
use crate::addons::{EnableAnswer, EnableSpec, PatchSpec};
use crate::api::answer::{self, Accepted, Chat, Whole};
use crate::api::extract::body::{FromFields, JsonBody};
use crate::api::extract::fields::Fields;
use crate::api::extract::job_options::RawOptions;
use crate::api::extract::job_request::{FromJobFields, JobRequest, OptionsOnly};
use crate::api::extract::path::{Path, UserAddon};
use crate::api::extract::query::{FromQuery, Query, QueryFields};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::{Ask, Tenant};
use crate::model::capability::Capability;
use crate::model::cron;
use crate::model::digest::Digest;
use crate::model::id::UserId;
use crate::store::enablements::AutoUpdate;

/// Most grants that a wish lists: more than there are kinds, since a kind may stand several times.
const MAX_GRANTS: usize = 50;
/// Longest name of a time zone, in characters.
const MAX_TIMEZONE_CHARS: usize = 64;
/// Longest wish for a version, in characters.
const MAX_VERSION_CHARS: usize = 100;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read, enable, change, disable))
        .routes(routes!(roll_back))
        .routes(routes!(resume))
}

impl FromJobFields for EnableSpec {
    fn read(fields: &mut Fields<'_>, _options: &mut RawOptions) -> Option<Self> {
        Some(Self {
            version: fields.text("version", MAX_VERSION_CHARS),
            config: fields.value("config"),
            grants: read_grants(fields),
            consent: fields.parsed("consent", Digest::parse),
            auto_update: read_auto_update(fields),
            timezone: read_timezone(fields),
        })
    }
}

impl FromFields for PatchSpec {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            config: fields.value("config"),
            order: read_order(fields),
            auto_update: read_auto_update(fields),
            grants: read_grants(fields),
            budget: budget::read(fields),
            timezone: read_timezone(fields),
        })
    }
}

fn read_timezone(fields: &mut Fields<'_>) -> Option<String> {
    let zone = fields.text("timezone", MAX_TIMEZONE_CHARS)?;
    if !cron::is_timezone(&zone) {
        fields.fault("timezone", "must be the IANA name of a time zone, such as Europe/Berlin or UTC");
    }
    Some(zone)
}

fn read_auto_update(fields: &mut Fields<'_>) -> Option<AutoUpdate> {
    fields.word("autoUpdate", &[AutoUpdate::None, AutoUpdate::Compatible].map(|mode| (mode.as_str(), mode)))
}

fn read_order(fields: &mut Fields<'_>) -> Option<i64> {
    let value = fields.value("order")?;
    let order = value.as_i64();
    if order.is_none() {
        fields.fault("order", "must be a whole number");
    }
    order
}

/// `"requested"` is what leaving it out means.
fn read_grants(fields: &mut Fields<'_>) -> Option<Vec<Capability>> {
    if fields.peek("grants").and_then(Value::as_str) == Some("requested") {
        fields.value("grants");
        return None;
    }
    fields.items("grants", MAX_GRANTS, |item| Capability::deserialize(item))
}

/// The addons that a user has.
#[utoipa::path(
    get, path = "/api/v1/users/{userId}/addons", operation_id = "listUserAddons", tag = "addons of users", params(("userId" = String, Path)),
    responses((status = 200, body = EnablementPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(tenant: Tenant, Path(user): Path<UserId>) -> Result<Response, Problem> {
    Ok(Json(Whole::of(tenant.enablements(&user).await?)).into_response())
}

/// One addon of a user.
#[utoipa::path(
    get, path = "/api/v1/users/{userId}/addons/{addonId}", operation_id = "getUserAddon", tag = "addons of users",
    params(("userId" = String, Path), ("addonId" = String, Path)),
    responses((status = 200, body = EnablementDocument), (status = 304, description = "The client has it"), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(tenant: Tenant, Path(path): Path<UserAddon>, fields: HeaderMap) -> Result<Response, Problem> {
    answer::tagged(&tenant.enablement(&path).await?, &fields)
}

/// Enables an addon for a user, or brings it to what the body says.
#[utoipa::path(
    put, path = "/api/v1/users/{userId}/addons/{addonId}", operation_id = "enableAddon", tag = "addons of users", request_body = EnableRequest,
    params(("userId" = String, Path), ("addonId" = String, Path),
           ("Prefer" = Option<String>, Header, description = "`wait=N`, 1-60 seconds"),
           ("Idempotency-Key" = Option<String>, Header, description = "The same key and body within 24 hours is the same job")),
    responses((status = 202, body = Accepted),
              (status = 200, description = "It is so already; or, with `Prefer: wait`, the finished job", body = EnablementDocument),
              WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn enable(
    tenant: Tenant,
    Path(path): Path<UserAddon>,
    request: JobRequest<EnableSpec>,
) -> Result<Response, Problem> {
    match tenant.enable(&path, &request.body, ask(&request)).await? {
        EnableAnswer::Unchanged(view) => answer::tagged(&view, &HeaderMap::new()),
        EnableAnswer::Accepted(job) => tenant.submitted(&job, request.prefer, Chat::default()).await,
    }
}

/// Changes settings, order, updates or grants of an addon that a user has.
#[utoipa::path(
    patch, path = "/api/v1/users/{userId}/addons/{addonId}", operation_id = "changeUserAddon", tag = "addons of users", request_body = PatchRequest,
    params(("userId" = String, Path), ("addonId" = String, Path)),
    responses((status = 200, body = EnablementDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn change(
    tenant: Tenant,
    Path(path): Path<UserAddon>,
    JsonBody(patch): JsonBody<PatchSpec>,
) -> Result<Response, Problem> {
    answer::tagged(&tenant.change(path, &patch).await?, &HeaderMap::new())
}

/// Whether data and record go too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Erase(pub(super) bool);

impl FromQuery for Erase {
    fn read(query: &mut QueryFields) -> Self {
        Self(query.flag("erase"))
    }
}

/// Switches an addon off; `erase=true` also deletes its record and data.
#[utoipa::path(
    delete, path = "/api/v1/users/{userId}/addons/{addonId}", operation_id = "disableAddon", tag = "addons of users",
    params(("userId" = String, Path), ("addonId" = String, Path), ("erase" = Option<bool>, Query)),
    responses((status = 202, body = Accepted), (status = 200, description = "Ended while waiting", body = JobDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn disable(
    tenant: Tenant,
    Path(path): Path<UserAddon>,
    Query(Erase(erase)): Query<Erase>,
    request: JobRequest<OptionsOnly>,
) -> Result<Response, Problem> {
    let job = tenant.disable(path, erase, ask(&request)).await?;
    tenant.submitted(&job, request.prefer, Chat::default()).await
}

/// Returns to the version before, with its settings, grants and values, at once.
#[utoipa::path(
    post, path = "/api/v1/users/{userId}/addons/{addonId}/rollback", operation_id = "rollBackAddon", tag = "addons of users",
    params(("userId" = String, Path), ("addonId" = String, Path)),
    responses((status = 200, body = EnablementDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn roll_back(tenant: Tenant, Path(path): Path<UserAddon>) -> Result<Response, Problem> {
    answer::tagged(&tenant.roll_back(path).await?, &HeaderMap::new())
}

/// Lets an addon run again that was paused because it crashed.
#[utoipa::path(
    post, path = "/api/v1/users/{userId}/addons/{addonId}/resume", operation_id = "resumeAddon", tag = "addons of users",
    params(("userId" = String, Path), ("addonId" = String, Path)),
    responses((status = 200, body = EnablementDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn resume(tenant: Tenant, Path(path): Path<UserAddon>) -> Result<Response, Problem> {
    answer::tagged(&tenant.resume(path).await?, &HeaderMap::new())
}

fn ask<T>(request: &JobRequest<T>) -> Ask<'_> {
    let (idempotency, traceparent) = (request.idempotency.as_ref(), request.traceparent.as_deref());
    Ask { options: &request.options, idempotency, traceparent }
}

/// What an addon should be for a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnableRequest {
    /// Exact, a range, `latest` (default) or `beta`.
    #[schema(example = "^1.2")]
    pub version: Option<String>,
    /// The user's settings, as the addon's schema asks for them.
    #[schema(value_type = Option<Object>)]
    pub config: Option<Value>,
    /// `"requested"` (default), or a list of capabilities that narrows what the addon asks for.
    #[schema(value_type = Option<Vec<Object>>)]
    pub grants: Option<Value>,
    /// The digest that the user consents to.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub consent: Option<String>,
    /// `none` (default) or `compatible`.
    pub auto_update: Option<String>,
    /// The time zone of the user's schedules, an IANA name; UTC where nothing was ever said.
    #[schema(example = "Europe/Berlin")]
    pub timezone: Option<String>,
    /// Options of the job.
    #[serde(flatten)]
    pub options: JobOptionsDocument,
}

/// What to change about an addon of a user; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatchRequest {
    /// New settings, whole.
    #[schema(value_type = Option<Object>)]
    pub config: Option<Value>,
    /// New place among the user's hooks.
    pub order: Option<i64>,
    /// `none` or `compatible`.
    pub auto_update: Option<String>,
    /// A narrowing of the grants.
    #[schema(value_type = Option<Vec<Object>>)]
    pub grants: Option<Value>,
    /// What it may use within a day; `{}` takes the budget away. The platform's policy may allow less.
    pub budget: Option<BudgetDocument>,
    /// The time zone of the user's schedules, an IANA name.
    #[schema(example = "Europe/Berlin")]
    pub timezone: Option<String>,
}
