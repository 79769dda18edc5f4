//! The description of the API, generated from the handlers.

use std::collections::BTreeMap;

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder,
};
use utoipa::{IntoResponses, ToSchema as _};

use super::problem::{Fault, Place, ProblemCode, ProblemDocument};

/// What stands in the description before any route is added.
pub(super) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Semantest")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A plugin host: addons are enabled per user, and every call is a queued, sandboxed job. \
             Everything slow answers 202 with a job; `Prefer: wait=N` waits for its end.",
        ))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").build()))
        .build();
    let mut components = Components::new();
    let bearer = Http::new(HttpAuthScheme::Bearer);
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let header = ApiKeyValue::new("X-API-Key");
    components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(header)));
    for (name, schema) in [
        (ProblemDocument::name(), <ProblemDocument as utoipa::PartialSchema>::schema()),
        (Fault::name(), <Fault as utoipa::PartialSchema>::schema()),
        (Place::name(), <Place as utoipa::PartialSchema>::schema()),
    ] {
        components.schemas.insert(name.into_owned(), schema);
    }
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

fn problems(codes: &[ProblemCode]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status().as_str().to_owned()).or_default().push(code.as_str());
    }
    by_status
        .into_iter()
        .map(|(status, codes)| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let text = codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
            (
                status,
                ResponseBuilder::new().description(text).content("application/problem+json", content).build().into(),
            )
        })
        .collect()
}

/// What reading may end with.
pub(super) struct ReadProblems;

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            ProblemCode::Unauthenticated,
            ProblemCode::Forbidden,
            ProblemCode::NotFound,
            ProblemCode::JobNotFound,
            ProblemCode::AddonNotFound,
            ProblemCode::NotAcceptable,
            ProblemCode::ValidationError,
            ProblemCode::HeadersTooLarge,
            ProblemCode::RateLimited,
            ProblemCode::QueueUnavailable,
            ProblemCode::Internal,
        ])
    }
}

/// What changing something, or asking for a job, may end with.
pub(super) struct WriteProblems;

impl IntoResponses for WriteProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&ProblemCode::ALL.map(|code| match code {
            // Ranges are for reading; the rest may happen to a write.
            ProblemCode::RangeNotSatisfiable => ProblemCode::Internal,
            code => code,
        }))
    }
}
