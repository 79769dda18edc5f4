//! Which of a client's addons have a newer version.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse as _, Response};
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::Whole;
use crate::api::extract::body::{done, json_bytes, parse};
use crate::api::extract::caller::Caller;
use crate::api::extract::fields::{Fields, read_object};
use crate::api::openapi::WriteProblems;
use crate::api::problem::{Fault, Problem};
use crate::api::state::ApiState;
use crate::model::id::AddonId;

/// Most addons that one request asks about.
const MAX_ADDONS: usize = 200;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(updates))
}

/// The list that a client sends: a JSON array, unlike any other body.
#[derive(Debug)]
struct HeldList(Vec<(AddonId, Version)>);

impl FromRequest<ApiState> for HeldList {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = json_bytes(&parts.headers, body, state.config.server.json_limit).await?;
        let Value::Array(items) = parse(&bytes)? else {
            return Err(Problem::invalid(vec![Fault::at("", "must be an array of {id, version}")]));
        };
        if items.len() > MAX_ADDONS {
            let fault =
                Fault::at("", format!("holds {} addons, at most {MAX_ADDONS} are looked up at once", items.len()));
            return Err(Problem::invalid(vec![fault]));
        }
        let mut faults = Vec::new();
        let mut held = Vec::with_capacity(items.len());
        for (number, item) in items.into_iter().enumerate() {
            held.extend(read_object(item, format!("/{number}"), &mut faults, read));
        }
        done(Some(Self(held)), faults)
    }
}

fn read(fields: &mut Fields<'_>) -> Option<(AddonId, Version)> {
    fields.demand("id");
    fields.demand("version");
    let id = fields.parsed("id", AddonId::parse);
    let version = fields.parsed("version", |text| {
        Version::parse(text).map_err(|error| format!("must be a semantic version such as 1.4.0: {error}"))
    });
    Some((id?, version?))
}

/// Which of these addons have a newer version that may be enabled, and whether it asks for more. Changes nothing.
#[utoipa::path(
    post, path = "/api/v1/addons/updates", operation_id = "findAddonUpdates", tag = "addons",
    request_body = Vec<HeldAddon>,
    responses((status = 200, body = UpdatePage), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn updates(State(api): State<ApiState>, _caller: Caller, held: HeldList) -> Result<Response, Problem> {
    Ok(Json(Whole::of(api.addons().updates(&held.0).await?)).into_response())
}

/// An addon that a client has, and in which version.
#[derive(Debug, Deserialize, ToSchema)]
pub struct HeldAddon {
    /// The addon.
    #[schema(example = "acme.greeter")]
    pub id: String,
    /// Its version.
    #[schema(example = "1.0.0")]
    pub version: String,
}

/// What there is about each addon of the list, in its order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePage {
    /// The addons.
    pub data: Vec<UpdateDocument>,
    /// Always none: the answer is whole.
    pub next_cursor: Option<String>,
}

/// What there is about one addon.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateDocument {
    /// The addon.
    pub id: String,
    /// The version that was asked about.
    pub version: String,
    /// Whether anything was ever published under this id.
    pub known: bool,
    /// The newest version that may be enabled, where it is newer.
    pub update: Option<NewerVersionDocument>,
}

/// A newer version.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewerVersionDocument {
    /// The version.
    #[schema(example = "1.1.0")]
    pub version: String,
    /// What consent is given to.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub digest: String,
    /// Whether it asks for something that the version asked about does not, or hooks in where that one did not.
    pub asks_for_more: bool,
    /// What it asks for beyond that, with `means` in plain words.
    #[schema(value_type = Vec<Object>)]
    pub newly_requested: Vec<Value>,
}
