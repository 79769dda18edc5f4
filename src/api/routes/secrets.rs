//! Secrets of addons: a user's own, and a client's for all of its users. Values go in and never come out.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use crate::api::answer::{Whole, job_path};
use crate::api::extract::body::{FromFields, JsonBody};
use crate::api::extract::fields::Fields;
use crate::api::extract::path::{AddonSecret, Path, UserAddon, UserAddonSecret};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::Tenant;
use crate::model::id::AddonId;
use crate::model::secret_value::{MAX_SECRET_BYTES, SecretValue};

/// Longest text of a value, in characters: base64 of the largest one fits.
const MAX_TEXT_CHARS: usize = 2 * MAX_SECRET_BYTES;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(set, remove))
        .routes(routes!(list_of_client))
        .routes(routes!(set_of_client, remove_of_client))
}

/// A secret that is to be kept.
pub(super) struct SecretBody(pub(super) SecretValue);

/// How a value is written.
#[derive(Clone, Copy)]
enum Encoding {
    Text,
    Base64,
}

impl FromFields for SecretBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.demand("value");
        let encoding = fields.word("encoding", &[("text", Encoding::Text), ("base64", Encoding::Base64)]);
        let text = Zeroizing::new(fields.text("value", MAX_TEXT_CHARS)?);
        let bytes = match encoding.unwrap_or(Encoding::Text) {
            Encoding::Text => text.as_bytes().to_vec(),
            Encoding::Base64 => match BASE64_STANDARD.decode(text.as_bytes()) {
                Ok(bytes) => bytes,
                Err(_) => {
                    fields.fault("value", "is not base64, as `encoding` says");
                    return None;
                }
            },
        };
        match SecretValue::new(bytes) {
            Ok(value) => Some(Self(value)),
            Err(error) => {
                fields.fault("value", error.to_string());
                None
            }
        }
    }
}

/// The secrets that an addon asks for, and which of them are set for this user.
#[utoipa::path(
    get, path = "/api/v1/users/{userId}/addons/{addonId}/secrets", operation_id = "listUserSecrets", tag = "secrets",
    params(("userId" = String, Path), ("addonId" = String, Path)),
    responses((status = 200, body = SecretPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(tenant: Tenant, Path(path): Path<UserAddon>) -> Result<Response, Problem> {
    Ok(Json(Whole::of(tenant.secrets(path).await?)).into_response())
}

/// Sets a user's own value of a secret. Where the addon waited for it, its load goes on, and `Location` leads to the job.
#[utoipa::path(
    put, path = "/api/v1/users/{userId}/addons/{addonId}/secrets/{name}", operation_id = "setUserSecret", tag = "secrets",
    request_body = SecretRequest,
    params(("userId" = String, Path), ("addonId" = String, Path), ("name" = String, Path)),
    responses((status = 204, description = "It is set"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn set(
    tenant: Tenant,
    Path(path): Path<UserAddonSecret>,
    JsonBody(SecretBody(value)): JsonBody<SecretBody>,
) -> Result<Response, Problem> {
    let job = tenant.set_secret(path, &value).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(job) = job
        && let Ok(location) = HeaderValue::from_str(&job_path(&job))
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Removes a user's own value; the client's or the publisher's then counts again.
#[utoipa::path(
    delete, path = "/api/v1/users/{userId}/addons/{addonId}/secrets/{name}", operation_id = "removeUserSecret", tag = "secrets",
    params(("userId" = String, Path), ("addonId" = String, Path), ("name" = String, Path)),
    responses((status = 204, description = "The user has none of its own"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn remove(tenant: Tenant, Path(path): Path<UserAddonSecret>) -> Result<StatusCode, Problem> {
    tenant.remove_secret(path).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The secrets that an addon asks for, and which of them are set for all users of this client.
#[utoipa::path(
    get, path = "/api/v1/addons/{addonId}/secrets", operation_id = "listClientSecrets", tag = "secrets",
    params(("addonId" = String, Path)),
    responses((status = 200, body = SecretPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list_of_client(tenant: Tenant, Path(addon): Path<AddonId>) -> Result<Response, Problem> {
    Ok(Json(Whole::of(tenant.shared_secrets(addon).await?)).into_response())
}

/// Sets a client's value of a secret, for all of its users that have none of their own.
#[utoipa::path(
    put, path = "/api/v1/addons/{addonId}/secrets/{name}", operation_id = "setClientSecret", tag = "secrets",
    request_body = SecretRequest, params(("addonId" = String, Path), ("name" = String, Path)),
    responses((status = 204, description = "It is set"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn set_of_client(
    tenant: Tenant,
    Path(path): Path<AddonSecret>,
    JsonBody(SecretBody(value)): JsonBody<SecretBody>,
) -> Result<StatusCode, Problem> {
    tenant.set_shared_secret(path, &value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a client's value of a secret.
#[utoipa::path(
    delete, path = "/api/v1/addons/{addonId}/secrets/{name}", operation_id = "removeClientSecret", tag = "secrets",
    params(("addonId" = String, Path), ("name" = String, Path)),
    responses((status = 204, description = "The client has none"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn remove_of_client(tenant: Tenant, Path(path): Path<AddonSecret>) -> Result<StatusCode, Problem> {
    tenant.remove_shared_secret(path).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A secret that is to be kept.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRequest {
    /// The value, at most 16 KiB; it is never shown again.
    pub value: String,
    /// `text` (default) or `base64`, for values that are no text.
    pub encoding: Option<String>,
}

/// One secret of an addon, without its value.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Secret)]
pub struct SecretDocument {
    /// Its name.
    pub name: String,
    /// Whether the addon cannot work without it.
    pub required: bool,
    /// Whether there is a value.
    pub set: bool,
    /// Whose value it is: `user`, `client` or `publisher`; the user's own wins over the client's, and that one over the publisher's.
    pub set_by: Option<String>,
    /// The places that may receive it, as the manifest asks for them.
    pub origins: Vec<String>,
}

/// The secrets of an addon.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretPage {
    /// The secrets, by name.
    pub data: Vec<SecretDocument>,
    /// Always `null`.
    pub next_cursor: Option<String>,
}
