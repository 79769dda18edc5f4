//! Reads a body: capped, of the right media type, parsed once, all faults at once.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::fields::{Fields, read_object};
use crate::api::problem::{Fault, Problem, ProblemCode};
use crate::api::state::ApiState;
use crate::model::units::ByteSize;

/// Longest wait for the next part of a body: a client that stalls must not keep the place of one that sends.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);
/// Longest time for a whole body: 48 MiB at 4 Mbit/s.
const LONGEST_BODY: Duration = Duration::from_secs(120);

/// Deepest nesting of a JSON body; Lua and guests parse it again with less stack than we have.
const MAX_DEPTH: usize = 64;
/// Most bytes that are read and dropped after a body was refused, so that a client that is still sending sees the answer.
const MAX_DRAIN: u64 = 256 * 1024 * 1024;
/// Longest time spent on that.
const MAX_DRAIN_TIME: std::time::Duration = std::time::Duration::from_secs(5);

/// A body that is read member by member; what [`FromFields::read`] leaves over is an unknown field.
pub trait FromFields: Sized {
    /// Reads the members; every fault is noted in `fields`, and `None` is allowed only after one was.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// A JSON body without job options.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: FromFields> FromRequest<ApiState> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = json_bytes(&parts.headers, body, state.config.server.json_limit).await?;
        let value = parse(&bytes)?;
        let mut faults = Vec::new();
        let read = read_object(value, String::new(), &mut faults, T::read);
        done(read, faults).map(Self)
    }
}

/// What was read, or every fault.
///
/// # Errors
/// The problem that lists the faults.
pub fn done<T>(read: Option<T>, faults: Vec<Fault>) -> Result<T, Problem> {
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        // A reader that gives nothing without a word is a mistake of ours, not the client's.
        None if faults.is_empty() => Err(Problem::internal()),
        Some(_) | None => Err(Problem::invalid(faults)),
    }
}

/// The bytes of a JSON body.
///
/// # Errors
/// 415 for another media type, 413 beyond `most`, 400 when the client stops half-way.
pub async fn json_bytes(fields: &HeaderMap, body: Body, most: ByteSize) -> Result<Bytes, Problem> {
    if fields.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::new(ProblemCode::UnsupportedMediaType, "send the body without `Content-Encoding`"));
    }
    if !is_json(media_type(fields)) {
        return Err(Problem::new(ProblemCode::UnsupportedMediaType, "send `Content-Type: application/json`"));
    }
    collect(fields, body, most).await
}

/// The media type of a body, without parameters.
#[must_use]
pub fn media_type(fields: &HeaderMap) -> &str {
    let value = fields.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim()
}

/// Whether a media type is JSON.
#[must_use]
pub fn is_json(media_type: &str) -> bool {
    let is_suffix = |text: &str| text.len() > 5 && text.to_ascii_lowercase().ends_with("+json");
    media_type.eq_ignore_ascii_case("application/json") || is_suffix(media_type)
}

/// Reads at most `most` bytes.
///
/// # Errors
/// 413 as soon as it is known that there are more, 400 when the client stops half-way.
pub async fn collect(fields: &HeaderMap, body: Body, most: ByteSize) -> Result<Bytes, Problem> {
    let mut flow = Flow::begin(fields, body, most).await?;
    let announced = flow.announced;
    let Some(first) = flow.next().await? else { return Ok(Bytes::new()) };
    if announced == Some(first.len() as u64) {
        return Ok(first);
    }
    let mut all = BytesMut::with_capacity(usize::try_from(announced.unwrap_or(0)).unwrap_or(0).max(first.len()));
    all.extend_from_slice(&first);
    while let Some(part) = flow.next().await? {
        all.extend_from_slice(&part);
    }
    Ok(all.freeze())
}

/// A body on its way in, part by part: counted and timed.
#[derive(Debug)]
pub struct Flow {
    stream: BodyDataStream,
    until: Instant,
    most: ByteSize,
    taken: u64,
    announced: Option<u64>,
}

impl Flow {
    /// Begins to read a body of at most `most` bytes.
    ///
    /// # Errors
    /// 413 where the client announces more.
    pub async fn begin(fields: &HeaderMap, body: Body, most: ByteSize) -> Result<Self, Problem> {
        let announced = fields
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse::<u64>().ok());
        let mut stream = body.into_data_stream();
        if announced.is_some_and(|length| length > most.as_u64()) {
            if !fields.contains_key(header::EXPECT) {
                drain(&mut stream).await;
            }
            return Err(too_large(most));
        }
        Ok(Self { stream, until: Instant::now() + LONGEST_BODY, most, taken: 0, announced })
    }

    /// The next part. A client that sends nothing holds nothing up: it gets ten seconds a part.
    ///
    /// # Errors
    /// 413 as soon as there are too many bytes, 400 when the client stops half-way or is too slow.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let patience = self.until.min(Instant::now() + LONGEST_SILENCE);
        let part = match timeout_at(patience, self.stream.next()).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(part))) => part,
            Ok(Some(Err(_))) => return Err(cut_off()),
            Err(_) => {
                return Err(Problem::new(ProblemCode::MalformedJson, "the body came too slowly; send it in one go"));
            }
        };
        self.taken = self.taken.saturating_add(part.len() as u64);
        if self.taken > self.most.as_u64() {
            drain(&mut self.stream).await;
            return Err(too_large(self.most));
        }
        Ok(Some(part))
    }
}

/// Reads on and drops, for a while: a connection that is closed with unread bytes is reset, and the answer lost.
async fn drain(stream: &mut BodyDataStream) {
    let mut left = MAX_DRAIN;
    let reading = async {
        while let Some(Ok(chunk)) = stream.next().await {
            left = left.saturating_sub(chunk.len() as u64);
            if left == 0 {
                return;
            }
        }
    };
    // Running out of time is fine: it was a courtesy.
    let _ = tokio::time::timeout(MAX_DRAIN_TIME, reading).await;
}

fn too_large(most: ByteSize) -> Problem {
    Problem::new(ProblemCode::PayloadTooLarge, format!("the body may have at most {most}"))
}

fn cut_off() -> Problem {
    Problem::new(ProblemCode::MalformedJson, "the body ended early")
}

/// Parses a JSON body.
///
/// # Errors
/// 400 with line and column, 422 when it is nested too deeply.
pub fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::new(ProblemCode::MalformedJson, "the body is empty; send a JSON object"));
    }
    if depth(bytes) > MAX_DEPTH {
        let fault = Fault::at("", format!("must not be nested deeper than {MAX_DEPTH}"));
        return Err(Problem::invalid(vec![fault]));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(ProblemCode::MalformedJson, format!("the body is not JSON: {error}")))
}

/// How deeply brackets nest outside strings; cheaper than parsing what would be refused.
fn depth(bytes: &[u8]) -> usize {
    let (mut open, mut deepest, mut is_text, mut is_escaped) = (0_usize, 0_usize, false, false);
    for byte in bytes {
        if is_text {
            (is_text, is_escaped) = match byte {
                _ if is_escaped => (true, false),
                b'\\' => (true, true),
                b'"' => (false, false),
                _ => (true, false),
            };
            continue;
        }
        match byte {
            b'"' => is_text = true,
            b'{' | b'[' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_do_not_count() {
        assert_eq!(depth(br#"{"a":"[[[[\"[","b":[1]}"#), 2);
        assert_eq!(depth("[".repeat(70).as_bytes()), 70);
    }

    #[test]
    fn a_deep_body_is_refused_before_it_is_parsed() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parse(deep.as_bytes()).map_err(|problem| problem.code()), Err(ProblemCode::ValidationError));
    }

    #[test]
    fn what_is_no_json_says_where() {
        assert_eq!(parse(b"{").map_err(|problem| problem.code()), Err(ProblemCode::MalformedJson));
        assert_eq!(parse(b"  ").map_err(|problem| problem.code()), Err(ProblemCode::MalformedJson));
    }

    #[test]
    fn json_has_several_names() {
        for (text, expected) in
            [("application/json", true), ("application/problem+json", true), ("text/plain", false), ("", false)]
        {
            assert_eq!(is_json(text), expected, "{text}");
        }
    }
}
