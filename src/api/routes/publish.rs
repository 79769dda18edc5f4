//! `POST /addons`: a component comes in, as bytes, as a form, or as a source to fetch.

use std::sync::Arc;

use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::addons;
use super::schemas::{JobOptionsDocument, VersionDocument};
use crate::addons::{AddonsError, PublishSource, Published, Publisher};
use crate::api::answer::{self, Accepted, Chat};
use crate::api::extract::body::{self, Flow};
use crate::api::extract::caller::PublisherCaller;
use crate::api::extract::fields::Fields;
use crate::api::extract::job_options::RawOptions;
use crate::api::extract::job_request::{FromJobFields, JobHeaders, JobRequest};
use crate::api::openapi::WriteProblems;
use crate::api::problem::{Fault, Place, Problem, ProblemCode};
use crate::api::state::ApiState;
use crate::model::digest::Digest;
use crate::model::signature::SignedStatement;
use crate::model::units::ByteSize;
use crate::store::blobs::Staged;
use crate::work::JobOptions;

/// What a form may have around a component, in bytes.
const FORM_BYTES: u64 = 64 * 1024;
/// Longest address or path of a source, in characters.
const MAX_SOURCE_CHARS: usize = 2048;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    // Both handlers stand on one path, so they are told to the router together.
    OpenApiRouter::new().routes(routes!(addons::list, publish))
}

/// Where a component is to be fetched from.
#[derive(Debug)]
struct SourceBody {
    source: PublishSource,
    digest: Option<Digest>,
    signature: Option<SignedStatement>,
}

impl FromJobFields for SourceBody {
    fn read(fields: &mut Fields<'_>, _options: &mut RawOptions) -> Option<Self> {
        fields.demand("source");
        let source = fields.object("source", read_source).flatten();
        let digest = fields.parsed("digest", Digest::parse);
        let signature = fields.parsed("signature", SignedStatement::parse);
        Some(Self { source: source?, digest, signature })
    }
}

/// The header that carries a publisher's word about the component.
const SIGNATURE_HEADER: &str = "Semantest-Signature";

/// The signature in the header, where there is one.
fn signature_of(headers: &HeaderMap) -> Result<Option<SignedStatement>, Problem> {
    let Some(value) = headers.get(SIGNATURE_HEADER) else { return Ok(None) };
    let parsed = SignedStatement::parse(value.to_str().unwrap_or_default());
    parsed
        .map(Some)
        .map_err(|fault| Problem::invalid(vec![Fault::of(Place::Header, SIGNATURE_HEADER, fault.to_string())]))
}

fn read_source(fields: &mut Fields<'_>) -> Option<PublishSource> {
    let url = fields.text("url", MAX_SOURCE_CHARS).map(PublishSource::Url);
    let oci = fields.text("oci", MAX_SOURCE_CHARS).map(PublishSource::Oci);
    let path = fields.text("path", MAX_SOURCE_CHARS).map(PublishSource::Path);
    let mut given = [("url", url), ("oci", oci), ("path", path)].into_iter();
    let Some((_, Some(source))) = given.find(|(_, source)| source.is_some()) else {
        fields.fault("url", "one of `oci`, `url` and `path` is required");
        return None;
    };
    if let Some((name, _)) = given.find(|(_, source)| source.is_some()) {
        fields.fault(name, "only one of `oci`, `url` and `path` may be given");
        return None;
    }
    Some(source)
}

/// Publishes a version. The same version again is 200 with the same bytes, and 409 `VERSION_EXISTS` with others.
#[utoipa::path(
    post, path = "/api/v1/addons", operation_id = "publishAddon", tag = "addons",
    request_body(content(
        (Vec<u8> = "application/wasm"), (PublishForm = "multipart/form-data"), (PublishRequest = "application/json"),
    ), description = "A component with its manifest inside, or where to fetch it"),
    params(("Prefer" = Option<String>, Header, description = "`wait=N`, 1-60 seconds"),
           ("Semantest-Signature" = Option<String>, Header, description = "What `semantest addon sign` prints; form field and JSON member `signature` carry the same"),
           ("Idempotency-Key" = Option<String>, Header, description = "The same key and body within 24 hours is the same job")),
    responses((status = 202, body = Accepted),
              (status = 200, description = "It is published already; or, with `Prefer: wait`, the finished job", body = VersionDocument),
              WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn publish(State(api): State<ApiState>, caller: PublisherCaller, request: Request) -> Result<Response, Problem> {
    let publisher = caller.publisher();
    let kind = body::media_type(request.headers()).to_ascii_lowercase();
    match kind.as_str() {
        "application/wasm" => from_bytes(&api, &publisher, request).await,
        "multipart/form-data" => from_form(&api, &publisher, request).await,
        kind if body::is_json(kind) => from_source(&api, &publisher, request).await,
        _ => Err(Problem::new(
            ProblemCode::UnsupportedMediaType,
            "send `application/wasm`, `multipart/form-data` or `application/json`",
        )),
    }
}

async fn from_source(api: &ApiState, publisher: &Publisher, request: Request) -> Result<Response, Problem> {
    let signature = signature_of(request.headers())?;
    let request: JobRequest<SourceBody> = JobRequest::from_request(request, api).await?;
    let (source, digest, signature) = (request.body.source, request.body.digest, request.body.signature.or(signature));
    let (options, key) = (&request.options, request.idempotency.as_ref());
    let published = api.addons().publish_from(publisher, source, digest, signature.as_ref(), options, key).await?;
    answered(api, publisher, published, request.prefer).await
}

async fn from_bytes(api: &ApiState, publisher: &Publisher, request: Request) -> Result<Response, Problem> {
    let (parts, content) = request.into_parts();
    let signature = signature_of(&parts.headers)?;
    let _turn = api.upload_turn().await?;
    let mut flow = Flow::begin(&parts.headers, content, api.addons().upload_limit(publisher)).await?;
    let mut staging = api.addons().receive(publisher).await?;
    while let Some(part) = flow.next().await? {
        staging.write(&part).await.map_err(AddonsError::from)?;
    }
    let staged = staging.finish().await.map_err(AddonsError::from)?;
    take(api, publisher, &parts, staged, signature.as_ref()).await
}

async fn from_form(api: &ApiState, publisher: &Publisher, request: Request) -> Result<Response, Problem> {
    let _turn = api.upload_turn().await?;
    let (parts, content) = request.into_parts();
    let limit = api.addons().upload_limit(publisher).as_u64().saturating_add(FORM_BYTES);
    let flow = Flow::begin(&parts.headers, content, ByteSize::bytes(limit)).await?;
    let (mut form, trouble) = form_of(flow, &parts, api).await?;
    let malformed = |text: String| {
        let told = trouble.lock().take();
        told.unwrap_or_else(|| Problem::new(ProblemCode::MalformedForm, format!("the form cannot be read: {text}")))
    };
    let (mut component, mut faults) = (None, Vec::new());
    let mut signature = signature_of(&parts.headers)?;
    while let Some(mut field) = form.next_field().await.map_err(|error| malformed(error.body_text()))? {
        let name: String = field.name().unwrap_or("").chars().take(100).collect();
        match name.as_str() {
            "component" => {
                let mut staging = api.addons().receive(publisher).await?;
                while let Some(part) = field.chunk().await.map_err(|error| malformed(error.body_text()))? {
                    staging.write(&part).await.map_err(AddonsError::from)?;
                }
                component = Some(staging.finish().await.map_err(AddonsError::from)?);
            }
            "manifest" => {
                faults.push(Fault::at("/manifest", "put the manifest into the component: `semantest addon pack`"));
            }
            "signature" => {
                let text = field.text().await.map_err(|error| malformed(error.body_text()))?;
                match SignedStatement::parse(&text) {
                    Ok(signed) => signature = Some(signed),
                    Err(fault) => faults.push(Fault::at("/signature", fault.to_string())),
                }
            }
            _ => faults.push(Fault::at(format!("/{name}"), "is an unknown part of the form")),
        }
    }
    if component.is_none() {
        faults.push(Fault::at("/component", "is required"));
    }
    let staged = body::done(component, faults)?;
    take(api, publisher, &parts, staged, signature.as_ref()).await
}

/// A form over a body that is counted and timed, and the place where its trouble is kept: a form's own errors have lost it.
async fn form_of(
    flow: Flow,
    parts: &Parts,
    api: &ApiState,
) -> Result<(Multipart, Arc<Mutex<Option<Problem>>>), Problem> {
    let trouble = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&trouble);
    let body = futures::stream::try_unfold((flow, kept), async |(mut flow, kept)| match flow.next().await {
        Ok(part) => Ok(part.map(|part| (part, (flow, kept)))),
        Err(problem) => {
            *kept.lock() = Some(problem);
            Err(std::io::Error::from(std::io::ErrorKind::InvalidData))
        }
    });
    let mut again = Request::new(axum::body::Body::from_stream(body));
    again.headers_mut().clone_from(&parts.headers);
    axum::extract::DefaultBodyLimit::disable().apply(&mut again);
    let form = Multipart::from_request(again, api).await.map_err(|error| {
        Problem::new(ProblemCode::MalformedForm, format!("the form cannot be read: {}", error.body_text()))
    })?;
    Ok((form, trouble))
}

async fn take(
    api: &ApiState,
    publisher: &Publisher,
    parts: &Parts,
    staged: Staged,
    signature: Option<&SignedStatement>,
) -> Result<Response, Problem> {
    // A form carries its signature as a field, which is a part of what is asked as the component is.
    let word = signature.map(ToString::to_string).unwrap_or_default();
    let headers = JobHeaders::of(parts, &[staged.digest().as_bytes(), word.as_bytes()].concat())?;
    let key = headers.idempotency.as_ref();
    let published = api.addons().publish_upload(publisher, staged, signature, &JobOptions::default(), key).await?;
    answered(api, publisher, published, headers.prefer).await
}

async fn answered(
    api: &ApiState,
    publisher: &Publisher,
    published: Published,
    prefer: crate::api::extract::prefer::Prefer,
) -> Result<Response, Problem> {
    match published {
        Published::Exists(view) => answer::tagged(&view, &axum::http::HeaderMap::new()),
        Published::Accepted(job) => answer::submitted(api, &publisher.client, &job, prefer, Chat::default()).await,
    }
}

/// Where a component is to be fetched from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishRequest {
    /// The source.
    pub source: PublishSourceDocument,
    /// The component's sha-256; the source must have exactly these bytes. Only `oci` may do without: the registry's
    /// manifest names it.
    pub digest: Option<String>,
    /// What `semantest addon sign` prints.
    pub signature: Option<String>,
    /// Options of the job.
    #[serde(flatten)]
    pub options: JobOptionsDocument,
}

/// One of the three.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishSourceDocument {
    /// An `https://` address.
    pub url: Option<String>,
    /// A place in an OCI registry, `registry/repository:tag` or `registry/repository@sha256:…`, with or without `oci://`. A
    /// tag is asked once; the version keeps the digest.
    #[schema(example = "oci://ghcr.io/acme/greeter:1.0.0")]
    pub oci: Option<String>,
    /// A path on the server; admins only.
    pub path: Option<String>,
}

/// A component as a part of a form.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PublishForm {
    /// The component with its manifest inside.
    #[schema(value_type = String, format = Binary)]
    pub component: Value,
    /// What `semantest addon sign` prints.
    pub signature: Option<String>,
}
