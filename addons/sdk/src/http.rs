//! Requests to servers. Needs the capability `http`, which names the servers.
//!
//! ```no_run
//! # fn main() -> Result<(), semantest_addon::Error> {
//! use semantest_addon::http::Request;
//!
//! #[derive(serde::Deserialize)]
//! struct Weather { temperature: f64 }
//!
//! let answer = Request::get("https://api.example.com/v1/now?city=Berlin").send()?;
//! let weather: Weather = answer.successful()?.json()?;
//! # Ok(()) }
//! ```
//!
//! An answer is whatever the server says, a redirect or an error status too. Following a redirect is a new request,
//! judged like the first one. Nothing is decompressed on the way; compression is asked for by a header of your own.

use std::io::{self, Read};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, HeaderError, IncomingBody, IncomingResponse, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme,
};
use crate::bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};
use crate::{Error, ErrorKind};

pub use crate::bindings::wasi::http::types::Method;

/// Bytes that one write takes: what WASI promises to take at once.
const WRITE_BYTES: usize = 4096;
/// Bytes that one read asks for.
const READ_BYTES: u64 = 64 * 1024;

/// A request in the making.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    method: Method,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    first_byte: Option<Duration>,
}

impl Request {
    /// A request with any method.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body: Vec::new(), first_byte: None }
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url)
    }

    /// A POST request, without a body as yet.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::Post, url)
    }

    /// Adds a header. The platform sets the host, the user agent and everything about the connection itself.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends these bytes as the body.
    pub fn body(mut self, media_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self.header("content-type", media_type)
    }

    /// Sends `value` as JSON.
    ///
    /// # Errors
    /// `permanent` when it cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self, Error> {
        Ok(self.body("application/json", serde_json::to_vec(value)?))
    }

    /// Waits no longer than this for the answer to begin. The platform's own limit holds beside it.
    pub fn within(mut self, time: Duration) -> Self {
        self.first_byte = Some(time);
        self
    }

    /// Sends it, and answers when the head of the answer is there.
    ///
    /// # Errors
    /// `bad-input` for a URL or header that is none; `not-granted` where addons or this addon may not go there;
    /// `over-quota` and `too-large` where the call's budget is used up; `transient` for everything that may work later.
    pub fn send(self) -> Result<Answer, Error> {
        let target = Target::of(&self.url)?;
        let length =
            (!self.body.is_empty()).then(|| (String::from("content-length"), self.body.len().to_string().into_bytes()));
        let headers: Vec<_> = self.headers.into_iter().chain(length).collect();
        let request = OutgoingRequest::new(Fields::from_list(&headers).map_err(bad_header)?);
        let set = request
            .set_method(&self.method)
            .and_then(|()| request.set_scheme(Some(&target.scheme)))
            .and_then(|()| request.set_authority(Some(target.authority)))
            .and_then(|()| request.set_path_with_query(Some(&target.path)));
        set.map_err(|()| not_a_url(&self.url))?;
        let body = if self.body.is_empty() { None } else { request.body().ok() };
        let options = self.first_byte.map(|time| {
            let options = RequestOptions::new();
            let _ = options.set_first_byte_timeout(Some(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)));
            options
        });
        let answer = outgoing_handler::handle(request, options).map_err(failed)?;
        if let Some(body) = body {
            // Where the server or the platform stopped listening, the answer says why.
            let _ = write(body, &self.body);
        }
        answer.subscribe().block();
        match answer.get() {
            Some(Ok(Ok(response))) => Ok(Answer::of(response)),
            Some(Ok(Err(code))) => Err(failed(code)),
            Some(Err(())) | None => Err(Error::permanent("http-gone", "the answer was taken already")),
        }
    }
}

/// A URL in the parts that WASI wants.
struct Target<'a> {
    scheme: Scheme,
    authority: &'a str,
    path: String,
}

impl<'a> Target<'a> {
    fn of(url: &'a str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| not_a_url(url))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => Scheme::Other(scheme.to_owned()),
        };
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (authority, path) = match rest.find(['/', '?']) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        // A query may follow the host at once; servers get a path all the same.
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { scheme, authority, path })
    }
}

/// An answer, its body still on the way.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Body>,
}

impl Answer {
    fn of(response: IncomingResponse) -> Self {
        let headers = response.headers().entries();
        let body = response.consume().ok().and_then(|body| Some(Body { stream: body.stream().ok()?, _body: body }));
        Self { status: response.status(), headers, body }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first value of a header that is text. Names are compared without regard to case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// All headers.
    #[must_use]
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The answer itself, where its status is 2xx.
    ///
    /// # Errors
    /// `transient` for 408, 425, 429 and 5xx, `permanent` for every other status, both with the code `http-status`.
    pub fn successful(self) -> Result<Self, Error> {
        let message = || format!("the server answered {}", self.status);
        match self.status {
            200..=299 => Ok(self),
            408 | 425 | 429 | 500..=599 => Err(Error::transient("http-status", message())),
            _ => Err(Error::permanent("http-status", message())),
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// `transient` when it breaks off, `too-large` when the call may not receive so much.
    pub fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        if let Some(body) = &mut self.body {
            while let Some(part) = body.part(READ_BYTES)? {
                bytes.extend_from_slice(&part);
            }
        }
        Ok(bytes)
    }

    /// The whole body as text.
    ///
    /// # Errors
    /// As [`Answer::bytes`], and `permanent` where it is not UTF-8.
    pub fn text(self) -> Result<String, Error> {
        String::from_utf8(self.bytes()?).map_err(|error| Error::permanent("http-text", error.to_string()))
    }

    /// The whole body as JSON.
    ///
    /// # Errors
    /// As [`Answer::bytes`], and `permanent` where it does not fit `T`.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.bytes()?)?)
    }

    /// The body part by part, for what need not be held at once.
    pub fn reader(&mut self) -> impl Read + '_ {
        Reader { body: self.body.as_mut(), part: Vec::new(), start: 0 }
    }
}

/// A body on the way. The stream goes before the body that it belongs to.
#[derive(Debug)]
struct Body {
    stream: InputStream,
    _body: IncomingBody,
}

impl Body {
    /// The next part; none at the end.
    fn part(&mut self, most: u64) -> Result<Option<Vec<u8>>, Error> {
        loop {
            match self.stream.blocking_read(most) {
                Ok(part) if part.is_empty() => {}
                Ok(part) => return Ok(Some(part)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(error)) => return Err(broken(&error.to_debug_string())),
            }
        }
    }
}

struct Reader<'a> {
    body: Option<&'a mut Body>,
    part: Vec<u8>,
    start: usize,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start >= self.part.len() {
            let Some(body) = &mut self.body else { return Ok(0) };
            self.part = body.part(READ_BYTES).map_err(io::Error::other)?.unwrap_or_default();
            self.start = 0;
        }
        let count = self.part.get(self.start..).unwrap_or_default().read(buffer)?;
        self.start += count;
        Ok(count)
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), StreamError> {
    let written = body.write().map_or(Ok(()), |stream| write_all(&stream, bytes));
    if written.is_ok() {
        let _ = OutgoingBody::finish(body, None);
    }
    written
}

fn write_all(stream: &OutputStream, bytes: &[u8]) -> Result<(), StreamError> {
    bytes.chunks(WRITE_BYTES).try_for_each(|part| stream.blocking_write_and_flush(part))
}

fn not_a_url(url: &str) -> Error {
    Error::bad_input("http-url", format!("`{url}` is not an http or https URL"))
}

fn bad_header(error: HeaderError) -> Error {
    Error::bad_input("http-header", format!("{error:?}"))
}

/// What an error of WASI means for the job. The job's log has the platform's own words.
fn failed(code: ErrorCode) -> Error {
    let text = format!("{code:?}");
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            Error::of(ErrorKind::NotGranted, "http-denied", text)
        }
        ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestUriTooLong | ErrorCode::HttpRequestMethodInvalid => {
            Error::bad_input("http-url", text)
        }
        ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseHeaderSectionSize(_) => Error::of(ErrorKind::TooLarge, "http-too-large", text),
        // The host has no other word for a budget.
        ErrorCode::InternalError(Some(words)) => Error::of(ErrorKind::OverQuota, "http-over-quota", words),
        _ => Error::transient("http-failed", text),
    }
}

/// Why a body broke off: the host says it in words only.
fn broken(text: &str) -> Error {
    if text.contains("body size exceeds") {
        return Error::of(ErrorKind::TooLarge, "http-too-large", text);
    }
    Error::transient("http-broken", text)
}
