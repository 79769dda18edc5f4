//! Pictures and other bytes: uploaded by clients, fetched by key or by signed link.

mod range;

use axum::Json;
use axum::extract::{RawQuery, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
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
use crate::api::tenant::{Tenant, Visitor};
use crate::clock;
use crate::model::id::ArtifactId;
use crate::store::artifacts::ArtifactRecord;
use range::Wanted;

/// Media types of pictures that may be uploaded, by what their first bytes say.
const PICTURES: [(imagesize::ImageType, &str); 4] = [
    (imagesize::ImageType::Png, "image/png"),
    (imagesize::ImageType::Jpeg, "image/jpeg"),
    (imagesize::ImageType::Webp, "image/webp"),
    (imagesize::ImageType::Gif, "image/gif"),
];

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(upload)).routes(routes!(read))
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
    let media_type = picture_type(&bytes).ok_or_else(|| {
        Problem::new(ProblemCode::UnsupportedMediaType, "the bytes are no PNG, JPEG, WebP or GIF picture")
    })?;
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

/// What the first bytes say; the header of the request says what the client believes.
fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    let found = imagesize::image_type(bytes).ok()?;
    PICTURES.iter().find(|(kind, _)| *kind == found).map(|(_, media_type)| *media_type)
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
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let record = visitor.artifact(&id, query.as_deref().unwrap_or("")).await?;
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
    describe(&mut response, &record, &tag);
    Ok(response)
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
fn describe(response: &mut Response, record: &ArtifactRecord, tag: &str) {
    let left = (record.expires_at - clock::now()).num_seconds().max(0);
    let is_picture = PICTURES.iter().any(|(_, media_type)| *media_type == record.media_type);
    let fields = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, record.media_type.as_str()),
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
}
