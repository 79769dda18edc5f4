//! The platform's policy: who approves, and what addons may be given at most.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::body::{FromFields, JsonBody};
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::fields::Fields;
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::{Problem, ProblemCode};
use crate::api::routes::budget::{self, BudgetDocument};
use crate::api::state::ApiState;
use crate::config::addons::ApprovalMode;
use crate::config::signatures::SignatureMode;
use crate::model::capability::CapabilityKind;
use crate::model::ceiling::{Ceiling, Ceilings};
use crate::model::id::AddonId;
use crate::store::policy::{NamespacePolicy, Policy, PolicyRecord};

/// Most entries of one list; the model's own rules say the same of each.
const MAX_ENTRIES: usize = 64;
/// Longest entry of a list, in characters.
const MAX_CHARS: usize = 512;
/// Most namespaces with rules of their own.
const MAX_NAMESPACES: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read, replace))
}

impl FromFields for Policy {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.demand("approval");
        let approval = read_approval(fields);
        fields.demand("ceilings");
        let ceilings = read_ceilings(fields);
        let signatures = read_signatures(fields);
        let namespaces = fields.entries("namespaces", MAX_NAMESPACES, |name, fields| {
            if AddonId::parse(&format!("{name}.any")).is_err() {
                fields.fault_here("must be named as what stands before the dot of addon ids");
            }
            NamespacePolicy {
                approval: read_approval(fields),
                signatures: read_signatures(fields),
                ceilings: read_ceilings(fields).unwrap_or_default(),
                budget: budget::read(fields),
            }
        });
        let budget = budget::read(fields);
        let namespaces = namespaces.unwrap_or_default();
        Some(Self { approval: approval?, signatures, ceilings: ceilings?, budget, namespaces })
    }
}

fn read_approval(fields: &mut Fields<'_>) -> Option<ApprovalMode> {
    fields.word("approval", &[("manual", ApprovalMode::Manual), ("auto", ApprovalMode::Auto)])
}

fn read_signatures(fields: &mut Fields<'_>) -> Option<SignatureMode> {
    fields.word("signatures", &SignatureMode::ALL.map(|mode| (mode.as_str(), mode)))
}

fn read_ceilings(fields: &mut Fields<'_>) -> Option<Ceilings> {
    fields.object("ceilings", |fields| {
        let read =
            |kind: CapabilityKind| Some((kind, fields.object(kind.as_str(), |fields| read_ceiling(kind, fields))?));
        CapabilityKind::ALL.into_iter().filter_map(read).collect()
    })
}

fn read_ceiling(kind: CapabilityKind, fields: &mut Fields<'_>) -> Ceiling {
    let ceiling = Ceiling {
        allowed: fields.boolean("allowed").unwrap_or(true),
        hosts: read_list(fields, "hosts"),
        methods: read_list(fields, "methods"),
        path_prefix: fields.text("pathPrefix", MAX_CHARS),
        max_bytes: fields.integer("maxBytes", 0..=u64::MAX),
        names: read_list(fields, "names"),
        credits_per_day: fields.integer("creditsPerDay", 0..=u64::MAX),
        emits: read_list(fields, "emits"),
    };
    let place = fields.pointer_to("");
    for fault in ceiling.faults(kind) {
        fields.fault_at(format!("{place}{}", fault.field), fault.message);
    }
    ceiling
}

fn read_list(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<String>> {
    fields.items(name, MAX_ENTRIES, |item| match item {
        Value::String(text) if text.len() <= MAX_CHARS => Ok(text.clone()),
        _ => Err("must be a string of at most 512 characters"),
    })
}

/// The policy as admins see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'p> {
    revision: u64,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
    #[serde(flatten)]
    policy: &'p Policy,
}

fn answer(record: &PolicyRecord) -> Response {
    let view = View {
        revision: record.revision,
        source: if record.revision == 0 { "settings" } else { "stored" },
        updated_at: record.updated_at,
        policy: &record.policy,
    };
    let mut response = Json(view).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", record.revision)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What holds for every addon, and for those of one publisher.
#[utoipa::path(
    get, path = "/api/v1/admin/policy", operation_id = "getPolicy", tag = "admin",
    responses((status = 200, body = PolicyDocument), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(State(api): State<ApiState>, _caller: AdminCaller) -> Result<Response, Problem> {
    Ok(answer(&*api.addons().policy().await?))
}

/// Puts another policy in its place, whole. It holds for running addons at their next call.
#[utoipa::path(
    put, path = "/api/v1/admin/policy", operation_id = "replacePolicy", tag = "admin", request_body = PolicyRequest,
    params(("If-Match" = String, Header, description = "The `ETag` of the policy that this one takes the place of; `*` for whatever there is")),
    responses((status = 200, body = PolicyDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn replace(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    fields: HeaderMap,
    JsonBody(policy): JsonBody<Policy>,
) -> Result<Response, Problem> {
    let expected = match fields.get(header::IF_MATCH).and_then(|value| value.to_str().ok()).map(str::trim) {
        Some("*") => api.addons().policy().await?.revision,
        Some(tag) => revision_of(tag).ok_or_else(stale)?,
        None => {
            let text = "send `If-Match` with the `ETag` of the policy that you read, so that no change is lost";
            return Err(Problem::new(ProblemCode::PreconditionFailed, text));
        }
    };
    Ok(answer(&api.addons().set_policy(expected, policy).await?))
}

fn revision_of(tag: &str) -> Option<u64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

fn stale() -> Problem {
    Problem::new(
        ProblemCode::PreconditionFailed,
        "`If-Match` is not an `ETag` of the policy; GET it for the present one",
    )
}

/// A policy that is wanted, whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRequest {
    /// `manual`: an admin approves each published version; `auto`: a version that verifies is approved.
    #[schema(example = "manual")]
    pub approval: String,
    /// What a missing or wrong signature means: `require`, `warn` or `off`; what the settings say when left out.
    pub signatures: Option<String>,
    /// By kind of capability, such as `kv`; a kind that is left out is not bounded.
    pub ceilings: BTreeMap<String, CeilingDocument>,
    /// What any enablement may use within a day; not bounded when left out.
    pub budget: Option<BudgetDocument>,
    /// By what stands before the dot of addon ids; what is said here stands in the place of the above.
    pub namespaces: Option<BTreeMap<String, NamespacePolicyDocument>>,
}

/// What holds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Policy)]
pub struct PolicyDocument {
    /// Counts the changes; 0 is what the settings say.
    pub revision: u64,
    /// `settings`, or `stored` once an admin replaced them.
    pub source: String,
    /// When an admin stored it.
    pub updated_at: Option<DateTime<Utc>>,
    /// `manual` or `auto`.
    pub approval: String,
    /// `require`, `warn` or `off`; what the settings say where an admin left it out.
    pub signatures: Option<String>,
    /// By kind of capability.
    pub ceilings: BTreeMap<String, CeilingDocument>,
    /// What any enablement may use within a day.
    pub budget: Option<BudgetDocument>,
    /// By what stands before the dot of addon ids.
    pub namespaces: BTreeMap<String, NamespacePolicyDocument>,
}

/// What holds for the addons of one publisher.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NamespacePolicy)]
pub struct NamespacePolicyDocument {
    /// `manual` or `auto`.
    pub approval: Option<String>,
    /// `require`, `warn` or `off`.
    pub signatures: Option<String>,
    /// By kind of capability.
    pub ceilings: Option<BTreeMap<String, CeilingDocument>>,
    /// In the place of the platform's.
    pub budget: Option<BudgetDocument>,
}

/// The most that one kind of capability may be; what is left out is not bounded.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Ceiling)]
pub struct CeilingDocument {
    /// Whether it may be had at all; true when left out.
    pub allowed: Option<bool>,
    /// `http`: places that may be asked; `secrets`: places that may receive one. `https://*` means all of them.
    #[schema(example = json!(["https://*.example.com"]))]
    pub hosts: Option<Vec<String>>,
    /// `http`: methods.
    pub methods: Option<Vec<String>>,
    /// `http`: the part of each server.
    pub path_prefix: Option<String>,
    /// `kv`, `kv-shared`: bytes of keys and values together.
    pub max_bytes: Option<u64>,
    /// `secrets`, `secrets-reveal`: names.
    pub names: Option<Vec<String>>,
    /// `images`: credits a day.
    pub credits_per_day: Option<u64>,
    /// `events`: topics.
    pub emits: Option<Vec<String>>,
}
