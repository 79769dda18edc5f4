//! Pictures and other bytes: uploaded by clients, fetched by key or by signed link.

mod range;

use axum::Json;
use axum::extract::{RawQuery, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer;
use crate::api::extract::body;
use crate::api::extract::path::Path;
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::{Problem, ProblemCode};
use crate::api::state::ApiState;
use crate::api::tenant::{Tenant, Visitor, no_artifact};
use crate::clock;
use crate::imaging::sniff::{Caps, Format, SniffError, sniff};
use crate::model::id::ArtifactId;
use crate::store::artifacts::{ArtifactRecord, Provenance};
use range::Wanted;

/// Says that a model made the bytes: the law wants that machines can read it.
const GENERATED: HeaderName = HeaderName::from_static("x-content-generated");
/// IPTC's word for how the bytes came about.
const SOURCE_TYPE: HeaderName = HeaderName::from_static("x-digital-source-type");

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(upload)).routes(routes!(read, remove)).routes(routes!(small))
}

/// An uploaded picture.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Uploaded {
    /// What requests for pictures name it by.
    #[schema(value_type = String, example = "art_01KB2X6J5WZ5V0T8Q3M7N9PARS")]
    id: ArtifactId,
    /// Of its bytes, in hexadecimal digits.
    sha256: String,
    /// What its first bytes say.
    #[schema(example = "image/png")]
    media_type: String,
    /// In bytes.
    size_bytes: u64,
}

/// Uploads an input picture: PNG, JPEG, WebP or GIF.
#[utoipa::path(
    post, path = "/api/v1/artifacts", operation_id = "uploadArtifact", tag = "artifacts",
    request_body(content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"), (Vec<u8> = "image/gif"))),
    responses((status = 201, body = Uploaded), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn upload(tenant: Tenant, request: Request) -> Result<Response, Problem> {
    let (parts, content) = request.into_parts();
    let _turn = tenant.upload_turn().await?;
    let bytes = body::collect(&parts.headers, content, tenant.upload_limit()).await?;
    let media_type = picture_type(&bytes, tenant.picture_caps())?;
    check_promise(body::media_type(&parts.headers), media_type)?;
    let record = tenant.keep_upload(media_type, bytes).await?;
    let location = HeaderValue::from_str(&format!("/api/v1/artifacts/{}", record.id));
    let answer = Uploaded {
        id: record.id,
        sha256: record.digest.hex(),
        media_type: record.media_type,
        size_bytes: record.size_bytes,
    };
    let mut response = (StatusCode::CREATED, Json(answer)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What the bytes are: found by looking at them, before anything decodes them.
fn picture_type(bytes: &[u8], caps: Caps) -> Result<&'static str, Problem> {
    match sniff(bytes, caps) {
        Ok(sniffed) => Ok(sniffed.format.media_type()),
        Err(error @ (SniffError::BadSize { .. } | SniffError::TooManyBytes { .. })) => {
            Err(Problem::new(ProblemCode::PayloadTooLarge, error.to_string()))
        }
        Err(error @ (SniffError::NotAPicture | SniffError::Cut { .. })) => {
            Err(Problem::new(ProblemCode::UnsupportedMediaType, error.to_string()))
        }
    }
}

/// A request that names a picture format means it; one that names none, or says only that it is bytes, promised nothing.
fn check_promise(promised: &str, media_type: &str) -> Result<(), Problem> {
    if promised.starts_with("image/") && promised != media_type && promised != "image/*" {
        let detail = format!("the bytes are {media_type}, and `Content-Type` says {promised}");
        return Err(Problem::new(ProblemCode::UnsupportedMediaType, detail));
    }
    Ok(())
}

fn is_picture(media_type: &str) -> bool {
    Format::ALL.into_iter().any(|format| format.media_type() == media_type)
}

/// The bytes, by key of the client that they belong to, or by signed link.
#[utoipa::path(
    get, path = "/api/v1/artifacts/{artifactId}", operation_id = "getArtifact", tag = "artifacts",
    params(("artifactId" = String, Path), ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream", body = Vec<u8>),
              (status = 206, description = "The range of bytes"), (status = 304, description = "The client has them"),
              (status = 416, description = "`RANGE_NOT_SATISFIABLE`"), ReadProblems),
    security((), ("bearer" = []), ("apiKey" = [])),
)]
async fn read(
    visitor: Visitor,
    Path(id): Path<ArtifactId>,
    RawQuery(query): RawQuery,
    method: Method,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let record = visitor.artifact(&id, query.as_deref().unwrap_or("")).await?;
    // An address is signed for one method. Who comes with a key would send it along to the bucket.
    let may_lead_on = method == Method::GET && is_picture(&record.media_type);
    if may_lead_on && let Some(address) = visitor.bucket_address(&record).await? {
        return Ok(elsewhere(&record, address.as_str()));
    }
    let tag = format!("\"{}\"", record.digest.hex());
    let mut response = if answer::is_known(&fields, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let wanted = range::wanted(&fields, &tag, record.size_bytes);
        if wanted == Wanted::Nothing {
            return Err(unsatisfiable(record.size_bytes));
        }
        part(&record, visitor.bytes(&record).await?, wanted)
    };
    describe(&mut response, &record, (&tag, &record.media_type));
    Ok(response)
}

/// 307 to the bucket, which has the bytes.
fn elsewhere(record: &ArtifactRecord, address: &str) -> Response {
    let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
    let fields = response.headers_mut();
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(address) = HeaderValue::from_str(address) {
        fields.insert(header::LOCATION, address);
    }
    mark(fields, record);
    response
}

/// A small copy of a picture, by key or by signed link. Until it is made, and where the picture is small already, the picture
/// itself.
#[utoipa::path(
    get, path = "/api/v1/artifacts/{artifactId}/thumbnail", operation_id = "getThumbnail", tag = "artifacts",
    params(("artifactId" = String, Path)),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream", body = Vec<u8>),
              (status = 304, description = "The client has them"), ReadProblems),
    security((), ("bearer" = []), ("apiKey" = [])),
)]
async fn small(
    visitor: Visitor,
    Path(id): Path<ArtifactId>,
    RawQuery(query): RawQuery,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let record = visitor.artifact(&id, query.as_deref().unwrap_or("")).await?;
    if !is_picture(&record.media_type) {
        return Err(no_artifact());
    }
    let (has_small, made) = visitor.thumbnail(&record).await?;
    let Some(bytes) = made else {
        let mut response = visitor.bytes(&record).await?.into_response();
        describe(&mut response, &record, (&format!("\"{}\"", record.digest.hex()), &record.media_type));
        if has_small {
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        return Ok(response);
    };
    let tag = format!("\"{}-small\"", record.digest.hex());
    let media_type = sniff(&bytes, Caps::NONE).map_or("image/png", |found| found.format.media_type());
    let is_known = answer::is_known(&fields, &tag);
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { bytes.into_response() };
    describe(&mut response, &record, (&tag, media_type));
    response.headers_mut().remove(header::ACCEPT_RANGES);
    Ok(response)
}

/// Removes an artifact at once, its bytes too where nobody else has the same. Links to it lead nowhere from then on.
#[utoipa::path(
    delete, path = "/api/v1/artifacts/{artifactId}", operation_id = "deleteArtifact", tag = "artifacts",
    params(("artifactId" = String, Path)),
    responses((status = 204, description = "It is gone"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn remove(tenant: Tenant, Path(id): Path<ArtifactId>) -> Result<Response, Problem> {
    tenant.remove_artifact(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn unsatisfiable(size: u64) -> Problem {
    let problem = Problem::new(ProblemCode::RangeNotSatisfiable, format!("there are {size} bytes"));
    match HeaderValue::from_str(&format!("bytes */{size}")) {
        Ok(value) => problem.with_field(header::CONTENT_RANGE, value),
        Err(_) => problem,
    }
}

fn part(record: &ArtifactRecord, bytes: Bytes, wanted: Wanted) -> Response {
    let Wanted::Part { first, last } = wanted else { return bytes.into_response() };
    let (from, to) = (usize::try_from(first), usize::try_from(last));
    let (Ok(from), Ok(to)) = (from, to) else { return bytes.into_response() };
    if to >= bytes.len() {
        // The record and the bytes disagree; the whole is still the truth.
        return bytes.into_response();
    }
    let mut response = (StatusCode::PARTIAL_CONTENT, bytes.slice(from..=to)).into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("bytes {first}-{last}/{}", record.size_bytes)) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

/// The fields of bytes that a stranger made: shown by browsers only where they are pictures, and never run.
fn describe(response: &mut Response, record: &ArtifactRecord, (tag, media_type): (&str, &str)) {
    let left = (record.expires_at - clock::now()).num_seconds().max(0);
    let is_picture = is_picture(media_type);
    let fields = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, media_type),
        (header::ETAG, tag),
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, &format!("private, max-age={left}, immutable")),
        (header::CONTENT_DISPOSITION, if is_picture { "inline" } else { "attachment" }),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            fields.insert(name, value);
        }
    }
    mark(fields, record);
}

/// Marks what a provider made.
fn mark(fields: &mut HeaderMap, record: &ArtifactRecord) {
    let Some(provenance) = &record.provenance else { return };
    if provenance.digital_source_type == Provenance::BY_MODEL {
        fields.insert(GENERATED, HeaderValue::from_static("ai"));
    }
    if let Ok(source) = HeaderValue::from_str(&provenance.digital_source_type) {
        fields.insert(SOURCE_TYPE, source);
    }
}
