//! A user as a whole: everything that the user has is switched off at once.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::enablements::Erase;
use crate::addons::AddonsError;
use crate::api::answer::job_path;
use crate::api::extract::path::Path;
use crate::api::extract::query::Query;
use crate::api::openapi::WriteProblems;
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::Tenant;
use crate::model::id::{AddonId, UserId};
use crate::model::lifecycle::EnablementState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(leave))
}

/// Switches off every addon of a user; `erase=true` also deletes their records and data. May be repeated until `left` is
/// empty.
#[utoipa::path(
    delete, path = "/api/v1/users/{userId}", operation_id = "disableUser", tag = "addons of users",
    params(("userId" = String, Path), ("erase" = Option<bool>, Query)),
    responses((status = 202, body = UserLeave), (status = 200, description = "There is nothing to switch off", body = UserLeave),
              WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn leave(
    tenant: Tenant,
    Path(user): Path<UserId>,
    Query(Erase(erase)): Query<Erase>,
) -> Result<Response, Problem> {
    let mut answer = UserLeave { jobs: Vec::new(), left: Vec::new() };
    for (addon, state) in tenant.had_by(&user).await? {
        if state == EnablementState::Disabled && !erase {
            continue;
        }
        match tenant.disable_one_of(&user, addon.clone(), erase).await {
            Ok(job) => answer.jobs.push(UserLeaveJob {
                addon_id: addon.to_string(),
                status_url: job_path(&job.job_id),
                job_id: job.job_id.to_string(),
            }),
            // Whoever erased it in this very moment did what was asked for.
            Err(AddonsError::NotFound(_)) => {}
            Err(AddonsError::Conflict { message, .. }) => answer.left.push(left(&addon, message)),
            Err(error) => return Err(error.into()),
        }
    }
    let is_done = answer.jobs.is_empty() && answer.left.is_empty();
    let status = if is_done { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(answer)).into_response())
}

fn left(addon: &AddonId, reason: String) -> UserLeaveRest {
    UserLeaveRest { addon_id: addon.to_string(), reason }
}

/// What was set in motion.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserLeave {
    /// One job for each addon that is being switched off.
    pub jobs: Vec<UserLeaveJob>,
    /// Addons that cannot be switched off right now; ask again.
    pub left: Vec<UserLeaveRest>,
}

/// The job that switches one addon off.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserLeaveJob {
    /// The addon.
    pub addon_id: String,
    /// The job.
    #[schema(example = "add_01KB2X6J5WZ5V0T8Q3M7N9PARS")]
    pub job_id: String,
    /// Where its state is read.
    pub status_url: String,
}

/// An addon that stays for now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserLeaveRest {
    /// The addon.
    pub addon_id: String,
    /// What stands in the way.
    pub reason: String,
}
