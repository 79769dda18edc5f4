//! Taking a published version back.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::VersionDocument;
use crate::addons::YankReason;
use crate::api::extract::body::{FromFields, JsonBody};
use crate::api::extract::caller::PublisherCaller;
use crate::api::extract::fields::Fields;
use crate::api::extract::path::{AddonVersion, Path};
use crate::api::openapi::WriteProblems;
use crate::api::problem::Problem;
use crate::api::state::ApiState;

/// Longest note, in characters.
const MAX_NOTE_CHARS: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(yank))
}

/// Why a version is taken back.
#[derive(Debug)]
struct YankBody {
    reason: YankReason,
    note: Option<String>,
}

impl FromFields for YankBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.demand("reason");
        let reason = fields.word("reason", &YankReason::ALL.map(|reason| (reason.as_str(), reason)));
        let note = fields.text("note", MAX_NOTE_CHARS);
        Some(Self { reason: reason?, note })
    }
}

/// Takes a version back: nobody new gets it, and whoever has it goes on.
#[utoipa::path(
    post, path = "/api/v1/addons/{addonId}/versions/{version}/yank", operation_id = "yankAddonVersion", tag = "addons",
    request_body = YankRequest, params(("addonId" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = VersionDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn yank(
    State(api): State<ApiState>,
    caller: PublisherCaller,
    Path(path): Path<AddonVersion>,
    JsonBody(body): JsonBody<YankBody>,
) -> Result<Response, Problem> {
    let version = (&path.addon, &path.version);
    let view = api.addons().yank(&caller.publisher(), version, body.reason, body.note.as_deref()).await?;
    Ok(Json(view).into_response())
}

/// Why a version is taken back.
#[derive(Debug, Deserialize, ToSchema)]
pub struct YankRequest {
    /// `security`, `bug`, `licence` or `other`.
    pub reason: String,
    /// For people.
    pub note: Option<String>,
}
