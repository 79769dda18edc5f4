//! Publishers' defaults of their addons' secrets.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::Whole;
use crate::api::extract::body::JsonBody;
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::path::{AddonSecret, Path};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::routes::secrets::{SecretBody, SecretPage, SecretRequest};
use crate::api::state::ApiState;
use crate::model::id::AddonId;
use crate::store::secret_scope::SecretScope;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set, remove))
}

/// The secrets that an addon asks for, and which of them have a publisher's default.
#[utoipa::path(
    get, path = "/api/v1/admin/addons/{addonId}/secrets", operation_id = "listDefaultSecrets", tag = "admin",
    params(("addonId" = String, Path)),
    responses((status = 200, body = SecretPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(addon): Path<AddonId>,
) -> Result<Response, Problem> {
    let scope = SecretScope::Publisher { addon };
    Ok(Json(Whole::of(api.addons().shared_secrets(&scope).await?)).into_response())
}

/// Sets the publisher's default of a secret, for every user of every client that has none.
#[utoipa::path(
    put, path = "/api/v1/admin/addons/{addonId}/secrets/{name}", operation_id = "setDefaultSecret", tag = "admin",
    request_body = SecretRequest, params(("addonId" = String, Path), ("name" = String, Path)),
    responses((status = 204, description = "It is set"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn set(
    State(api): State<ApiState>,
    caller: AdminCaller,
    Path(path): Path<AddonSecret>,
    JsonBody(SecretBody(value)): JsonBody<SecretBody>,
) -> Result<StatusCode, Problem> {
    let scope = SecretScope::Publisher { addon: path.addon };
    api.addons().set_shared_secret(&scope, &by(&caller), &path.name, &value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes the publisher's default of a secret.
#[utoipa::path(
    delete, path = "/api/v1/admin/addons/{addonId}/secrets/{name}", operation_id = "removeDefaultSecret", tag = "admin",
    params(("addonId" = String, Path), ("name" = String, Path)),
    responses((status = 204, description = "There is none"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn remove(
    State(api): State<ApiState>,
    caller: AdminCaller,
    Path(path): Path<AddonSecret>,
) -> Result<StatusCode, Problem> {
    let scope = SecretScope::Publisher { addon: path.addon };
    api.addons().remove_shared_secret(&scope, &by(&caller), &path.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn by(caller: &AdminCaller) -> String {
    format!("admin:{}", caller.client())
}
