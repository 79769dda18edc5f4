//! What holds for the whole platform while it runs, and changes without a restart.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::addons::publishers::{SignaturePolicyPatch, SignaturePolicyView};
use crate::api::extract::body::{FromFields, JsonBody};
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::fields::Fields;
use crate::api::extract::path::namespace;
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::config::signatures::SignatureMode;

/// Most namespaces that one change names.
const MAX_NAMESPACES: usize = 100;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read, change))
}

/// The policy as it is written.
#[derive(Serialize)]
struct PolicyView {
    signatures: SignaturePolicyView,
}

/// What holds now, and what of it an admin decided.
#[utoipa::path(
    get, path = "/api/v1/admin/policy", operation_id = "getPolicy", tag = "admin",
    responses((status = 200, body = PolicyDocument), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(State(api): State<ApiState>, _caller: AdminCaller) -> Result<Response, Problem> {
    Ok(Json(PolicyView { signatures: api.addons().signature_policy().await? }).into_response())
}

/// A change of the policy.
struct PatchBody(SignaturePolicyPatch);

impl FromFields for PatchBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self(fields.object("signatures", read_signatures).unwrap_or_default()))
    }
}

fn read_signatures(fields: &mut Fields<'_>) -> SignaturePolicyPatch {
    let mode = fields.raw("mode").and_then(|value| mode_of(fields, fields.pointer_to("mode"), &value));
    let mut patch = SignaturePolicyPatch { mode, namespaces: BTreeMap::new() };
    let Some(value) = fields.value("namespaces") else { return patch };
    let Value::Object(members) = value else {
        fields.fault("namespaces", "must be an object of namespaces");
        return patch;
    };
    if members.len() > MAX_NAMESPACES {
        fields.fault("namespaces", format!("must have at most {MAX_NAMESPACES} members"));
        return patch;
    }
    for (name, value) in &members {
        let shown: String = name.chars().take(100).collect();
        let pointer = format!("{}/{}", fields.pointer_to("namespaces"), shown.replace('~', "~0").replace('/', "~1"));
        match namespace(name) {
            Err(message) => fields.fault_at(pointer, message),
            Ok(name) => {
                if let Some(mode) = mode_of(fields, pointer, value) {
                    patch.namespaces.insert(name, mode);
                }
            }
        }
    }
    patch
}

/// A mode, or `null`, which takes a decision back.
#[expect(clippy::option_option, reason = "left out, taken back and decided are three things")]
fn mode_of(fields: &mut Fields<'_>, pointer: String, value: &Value) -> Option<Option<SignatureMode>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) if SignatureMode::parse(text).is_some() => Some(SignatureMode::parse(text)),
        _ => {
            fields.fault_at(pointer, "must be `require`, `warn`, `off` or null");
            None
        }
    }
}

/// Decides; `null` takes a decision back, and the settings hold again. Versions meet it at their next load.
#[utoipa::path(
    patch, path = "/api/v1/admin/policy", operation_id = "changePolicy", tag = "admin", request_body = PolicyRequest,
    responses((status = 200, body = PolicyDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn change(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    JsonBody(PatchBody(patch)): JsonBody<PatchBody>,
) -> Result<Response, Problem> {
    Ok(Json(PolicyView { signatures: api.addons().patch_signature_policy(&patch).await? }).into_response())
}

/// What to decide; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRequest {
    /// About signatures.
    pub signatures: Option<SignaturePolicyRequest>,
}

/// What to decide about signatures.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignaturePolicyRequest {
    /// `require`, `warn`, `off`, or `null` for what the settings say.
    pub mode: Option<String>,
    /// The same for single namespaces.
    pub namespaces: Option<BTreeMap<String, Option<String>>>,
}

/// What holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Policy)]
pub struct PolicyDocument {
    /// About signatures.
    pub signatures: SignaturePolicyDocument,
}

/// What holds about signatures.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignaturePolicy)]
pub struct SignaturePolicyDocument {
    /// For namespaces of which nothing is said alone: `require`, `warn` or `off`.
    pub mode: String,
    /// Single namespaces.
    pub namespaces: BTreeMap<String, String>,
    /// What of it an admin decided; the rest are settings.
    pub decided: DecidedDocument,
}

/// An admin's own decisions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DecidedSignaturePolicy)]
pub struct DecidedDocument {
    /// For the platform.
    pub mode: Option<String>,
    /// For single namespaces.
    pub namespaces: BTreeMap<String, String>,
}
