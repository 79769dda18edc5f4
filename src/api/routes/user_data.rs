//! What the platform keeps for one user of one addon, to be taken along or erased.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::path::{Path, UserAddon};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::Tenant;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(export, erase))
}

/// Everything that is kept for a user of an addon, as one JSON document; it comes in pieces, however large it is.
#[utoipa::path(
    get, path = "/api/v1/users/{userId}/addons/{addonId}/data", operation_id = "exportUserAddon", tag = "addons of users",
    params(("userId" = String, Path), ("addonId" = String, Path)),
    responses((status = 200, body = UserDataDocument), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn export(tenant: Tenant, Path(path): Path<UserAddon>) -> Result<Response, Problem> {
    let parts = tenant.export(path).await?;
    let fields = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((fields, Body::from_stream(parts)).into_response())
}

/// Erases every value that the addon keeps for the user, those for a rollback too. The addon stays enabled, with its settings,
/// grants and secrets; what users of the client share in it stays as well.
#[utoipa::path(
    delete, path = "/api/v1/users/{userId}/addons/{addonId}/data", operation_id = "eraseUserAddonData", tag = "addons of users",
    params(("userId" = String, Path), ("addonId" = String, Path)),
    responses((status = 204, description = "Nothing is left"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn erase(tenant: Tenant, Path(path): Path<UserAddon>) -> Result<StatusCode, Problem> {
    tenant.erase_values(path).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A user's data of an addon.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserData)]
pub struct UserDataDocument {
    /// `semantest.addon-data/1`.
    pub format: String,
    /// The addon.
    pub addon_id: String,
    /// The client's own name of its user.
    pub user_id: String,
    /// When it was asked for.
    pub exported_at: DateTime<Utc>,
    /// Where the addon stands.
    pub state: String,
    /// The version that was resolved.
    pub version: Option<String>,
    /// Its component.
    pub digest: Option<String>,
    /// Which version was wished for, as it was written.
    pub version_wish: Option<String>,
    /// The digest that was consented to.
    pub consent: Option<String>,
    /// What the addon may do.
    #[schema(value_type = Vec<Object>)]
    pub grants: Value,
    /// The user's settings.
    #[schema(value_type = Object)]
    pub config: Value,
    /// Its place among the user's hooks.
    pub order: i64,
    /// `none` or `compatible`.
    pub auto_update: String,
    /// Since when it runs.
    pub enabled_at: Option<DateTime<Utc>>,
    /// An upgrade on its way.
    #[schema(value_type = Option<Object>)]
    pub candidate: Option<Value>,
    /// What a rollback returns to.
    #[schema(value_type = Option<Object>)]
    pub previous: Option<Value>,
    /// The names of the user's own secrets for it; their values never come out.
    pub secrets: Vec<String>,
    /// What the addon keeps for the user.
    pub values: Vec<UserValueDocument>,
    /// What it kept before its last change of versions, as long as a rollback is possible.
    pub previous_values: Option<Vec<UserValueDocument>>,
}

/// One value that an addon keeps.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserValue)]
pub struct UserValueDocument {
    /// Its key.
    pub key: String,
    /// Grows with every write.
    pub version: u64,
    /// The bytes in base64.
    pub value: String,
    /// When it goes by itself.
    pub expires_at: Option<DateTime<Utc>>,
}
