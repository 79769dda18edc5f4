//! Asking beforehand whether an addon may do something for a user, and by which rule.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::path::{Path, UserAddon};
use crate::api::extract::query::{FromQuery, Query, QueryFields};
use crate::api::openapi::ReadProblems;
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::Tenant;
use crate::model::capability::CapabilityKind;
use crate::model::origin::Origin;
use crate::model::usage::{HttpUse, HttpUseError, Use};

/// Longest key of an addon's state, in bytes (`wit/kv-types.wit`).
const MAX_KEY_BYTES: usize = 256;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(explain))
}

/// What is asked about; none only where a fault says why.
#[derive(Debug)]
struct Question(Option<Use>);

impl FromQuery for Question {
    fn read(query: &mut QueryFields) -> Self {
        let kind = query.parsed("capability", |text| {
            CapabilityKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
                let all = CapabilityKind::ALL.map(|kind| format!("`{}`", kind.as_str()));
                format!("must be one of {}", all.join(", "))
            })
        });
        if kind.is_none() && !query.has_faults() {
            query.fault("capability", "is required");
        }
        let parts = Parts::read(query);
        Self(kind.and_then(|kind| asked(kind, parts, query)))
    }
}

/// Everything that can be said about a use; each kind takes what belongs to it.
struct Parts {
    url: Option<Url>,
    method: Option<String>,
    key: Option<String>,
    bytes: Option<u64>,
    name: Option<String>,
    topic: Option<String>,
    credits: Option<u64>,
}

impl Parts {
    fn read(query: &mut QueryFields) -> Self {
        let number = |text: &str| text.parse::<u64>().map_err(|_| "must be a whole number, 0 or more");
        Self {
            url: query.parsed("url", Url::parse),
            method: query.text("method"),
            key: query.parsed("key", |text| {
                let is_key = text.len() <= MAX_KEY_BYTES && !text.chars().any(char::is_control);
                if is_key { Ok(text.to_owned()) } else { Err("must be 1-256 bytes without control characters") }
            }),
            bytes: query.parsed("bytes", number),
            name: query.text("name"),
            topic: query.text("topic"),
            credits: query.parsed("credits", number),
        }
    }

    /// Says of each part that is left over that it means nothing here.
    fn refuse_rest(self, kind: CapabilityKind, query: &mut QueryFields) {
        for (name, is_there) in [
            ("url", self.url.is_some()),
            ("method", self.method.is_some()),
            ("key", self.key.is_some()),
            ("bytes", self.bytes.is_some()),
            ("name", self.name.is_some()),
            ("topic", self.topic.is_some()),
            ("credits", self.credits.is_some()),
        ] {
            if is_there {
                query.fault(name, format!("means nothing for `{}` with what else is asked", kind.as_str()));
            }
        }
    }
}

fn asked(kind: CapabilityKind, mut parts: Parts, query: &mut QueryFields) -> Option<Use> {
    let asked = match kind {
        CapabilityKind::Http => match parts.url.take() {
            Some(url) => request(parts.method.take().as_deref().unwrap_or("GET"), &url, query).map(Use::Http),
            None => Some(Use::Door(kind)),
        },
        CapabilityKind::Kv | CapabilityKind::KvShared => {
            // A key alone asks for the smallest value under it: bytes of keys count too.
            let smallest = parts.key.take().and_then(|key| u64::try_from(key.len()).ok());
            Some(match (parts.bytes.take().or(smallest), kind) {
                (Some(bytes), CapabilityKind::Kv) => Use::Kv { bytes },
                (Some(bytes), _) => Use::KvShared { bytes },
                (None, kind) => Use::Door(kind),
            })
        }
        CapabilityKind::Secrets => match (parts.name.take(), parts.url.take()) {
            (Some(name), None) => Some(Use::Secret { name, origin: None }),
            (Some(name), Some(url)) => {
                let origin = Origin::of(&url);
                if origin.is_none() {
                    query.fault("url", HttpUseError::Url.to_string());
                }
                Some(Use::Secret { name, origin: Some(origin?) })
            }
            (None, url) => {
                parts.url = url;
                Some(Use::Door(kind))
            }
        },
        CapabilityKind::SecretsReveal => Some(parts.name.take().map_or(Use::Door(kind), |name| Use::Reveal { name })),
        CapabilityKind::Images => Some(parts.credits.take().map_or(Use::Door(kind), |credits| Use::Images { credits })),
        CapabilityKind::Events => Some(parts.topic.take().map_or(Use::Door(kind), |topic| Use::Emit { topic })),
        CapabilityKind::Jobs | CapabilityKind::Schedule => Some(Use::Door(kind)),
    };
    parts.refuse_rest(kind, query);
    asked
}

fn request(method: &str, url: &Url, query: &mut QueryFields) -> Option<HttpUse> {
    match HttpUse::new(method, url) {
        Ok(request) => Some(request),
        Err(error @ HttpUseError::Url) => {
            query.fault("url", error.to_string());
            None
        }
        Err(error @ HttpUseError::Method) => {
            query.fault("method", error.to_string());
            None
        }
    }
}

/// Whether an addon may do something for a user: what the publisher's manifest, the admin's ceiling and the user's grant say.
#[utoipa::path(
    get, path = "/api/v1/users/{userId}/addons/{addonId}/explain", operation_id = "explainUserAddon", tag = "addons of users",
    params(("userId" = String, Path), ("addonId" = String, Path),
           ("capability" = String, Query, description = "Such as `kv`; alone it asks whether the interface is there at all"),
           ("url" = Option<String>, Query, description = "`http`: where to; `secrets`: who receives it"),
           ("method" = Option<String>, Query, description = "`http`: `GET` when left out"),
           ("key" = Option<String>, Query, description = "`kv`, `kv-shared`: a key to be written"),
           ("bytes" = Option<u64>, Query, description = "`kv`, `kv-shared`: keys and values together, after the write"),
           ("name" = Option<String>, Query, description = "`secrets`, `secrets-reveal`: which one"),
           ("topic" = Option<String>, Query, description = "`events`: which one"),
           ("credits" = Option<u64>, Query, description = "`images`: in one day, with this request")),
    responses((status = 200, body = ExplanationDocument), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn explain(
    tenant: Tenant,
    Path(path): Path<UserAddon>,
    Query(Question(asked)): Query<Question>,
) -> Result<Response, Problem> {
    let asked = asked.ok_or_else(Problem::internal)?;
    Ok(Json(tenant.explain(path, &asked).await?).into_response())
}

/// What the three keys say to one use.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Explanation)]
pub struct ExplanationDocument {
    /// The addon.
    pub addon_id: String,
    /// The version that it is about.
    pub version: String,
    /// Where the enablement stands.
    pub state: String,
    /// The capability.
    pub capability: String,
    /// The use, in plain words.
    #[schema(example = "keep 2KiB in all")]
    pub asked: String,
    /// Whether it would be done.
    pub allowed: bool,
    /// The first key that says no: `manifest`, `ceiling` or `grant`.
    pub denied_by: Option<String>,
    /// All three keys.
    pub keys: Vec<KeyAnswerDocument>,
    /// The answer as one sentence.
    #[schema(example = "No: `acme.notes` may not keep 2KiB in all: the user gave `kv` up to 1KiB.")]
    pub in_words: String,
}

/// What one key says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeyAnswer)]
pub struct KeyAnswerDocument {
    /// `manifest`, `ceiling` or `grant`.
    pub key: String,
    /// Whether it says yes.
    pub allows: bool,
    /// By which rule, in plain words.
    #[schema(example = "the platform allows `kv` up to 64MiB")]
    pub rule: String,
}
