//! A request and its answer, in words of our own: nothing outside `net` names the library behind them.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use url::Url;

use crate::model::units::ByteSize;

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads. Redirects are followed as far as the purpose allows; for every other method they are answers.
    Get,
    /// Reads no body.
    Head,
    /// Sends.
    Post,
    /// Stores.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

/// What to do with an answer that is larger than wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It is an error: half an answer is none.
    Refuse,
    /// Keep the beginning. The status alone decides, so a body that breaks or drips past the deadline is cut too.
    Cut,
}

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes, as they are.
    Bytes(Bytes),
}

/// One request.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Header names and values. `User-Agent` is ours; a redirect to another origin drops all but `accept`.
    pub headers: Vec<(String, String)>,
    /// What it carries.
    pub body: Body,
    /// Time for the whole exchange, the answer's body included.
    pub timeout: Duration,
    /// Largest answer that is read.
    pub max_answer: ByteSize,
    /// What happens to a larger one.
    pub overflow: Overflow,
}

/// Largest answer of a request that says nothing else.
const DEFAULT_MAX_ANSWER: ByteSize = ByteSize::mib(1);
/// Time for a request that says nothing else.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

impl Request {
    /// A request without headers and body, 30 s, an answer of at most 1 MiB.
    #[must_use]
    pub const fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Body::Empty,
            timeout: DEFAULT_TIMEOUT,
            max_answer: DEFAULT_MAX_ANSWER,
            overflow: Overflow::Refuse,
        }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same request carrying `bytes`.
    #[must_use]
    pub fn body(self, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        let request = self.header("content-type", content_type);
        Self { body: Body::Bytes(bytes.into()), ..request }
    }

    /// The same request carrying JSON.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.body("application/json", value.to_string())
    }

    /// The same request carrying a form.
    #[must_use]
    pub fn multipart(self, form: Multipart) -> Self {
        let (content_type, bytes) = form.finish();
        self.body(&content_type, bytes)
    }

    /// The same request with this much time.
    #[must_use]
    pub const fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same request, refusing answers larger than `limit`.
    #[must_use]
    pub const fn refusing_above(mut self, limit: ByteSize) -> Self {
        self.max_answer = limit;
        self.overflow = Overflow::Refuse;
        self
    }

    /// The same request, keeping the first `limit` of the answer.
    #[must_use]
    pub const fn cutting_at(mut self, limit: ByteSize) -> Self {
        self.max_answer = limit;
        self.overflow = Overflow::Cut;
        self
    }
}

impl fmt::Debug for Request {
    /// Leaves out what may be secret: query, headers, body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The headers of an answer.
#[derive(Clone, Debug, Default)]
pub struct AnswerHeaders(pub(crate) HeaderMap);

impl AnswerHeaders {
    /// The first value of the header `name`, where it is text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    /// Every header in order, those whose value is not text left out.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: AnswerHeaders,
    /// Its body, up to the request's `max_answer`.
    pub body: Bytes,
    /// Whether the body went on after that.
    pub is_cut: bool,
}

impl Answer {
    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// A `multipart/form-data` body in the making.
#[derive(Debug)]
pub struct Multipart {
    boundary: String,
    bytes: Vec<u8>,
}

impl Default for Multipart {
    fn default() -> Self {
        Self::new()
    }
}

impl Multipart {
    /// An empty form. Its boundary is random, so that no file can contain it on purpose.
    #[must_use]
    pub fn new() -> Self {
        Self { boundary: format!("semantest-{:032x}", rand::random::<u128>()), bytes: Vec::new() }
    }

    /// The form with one more text field.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.begin(&format!("form-data; name=\"{}\"", quoted(name)), None);
        self.end(value.as_bytes());
        self
    }

    /// The form with one more file.
    #[must_use]
    pub fn file(mut self, name: &str, file_name: &str, media_type: &str, bytes: &[u8]) -> Self {
        let disposition = format!("form-data; name=\"{}\"; filename=\"{}\"", quoted(name), quoted(file_name));
        self.begin(&disposition, Some(media_type));
        self.end(bytes);
        self
    }

    /// The content type and the body.
    #[must_use]
    pub fn finish(mut self) -> (String, Bytes) {
        self.bytes.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), Bytes::from(self.bytes))
    }

    fn begin(&mut self, disposition: &str, media_type: Option<&str>) {
        let mut head = format!("--{}\r\ncontent-disposition: {disposition}\r\n", self.boundary);
        if let Some(media_type) = media_type {
            let media_type: String = media_type.chars().filter(|c| !c.is_control()).collect();
            head.push_str(&format!("content-type: {media_type}\r\n"));
        }
        head.push_str("\r\n");
        self.bytes.extend_from_slice(head.as_bytes());
    }

    fn end(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(b"\r\n");
    }
}

/// A name inside quotes, escaped the way browsers do it (WHATWG, “multipart/form-data encoding”).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_browsers_write_it() {
        let form = Multipart::new().text("prompt", "a garden").file("image", "a\"b\r\n.png", "image/png", b"\x89PNG");
        let (content_type, bytes) = form.finish();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap_or_default();
        let expected = [
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\na garden\r\n").into_bytes(),
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"image\"; ").into_bytes(),
            b"filename=\"a%22b%0D%0A.png\"\r\ncontent-type: image/png\r\n\r\n\x89PNG\r\n".to_vec(),
            format!("--{boundary}--\r\n").into_bytes(),
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn debug_shows_no_secret() -> Result<(), url::ParseError> {
        let url = Url::parse("https://user:pass@example.com/hook?token=abc")?;
        let request = Request::new(Method::Post, url).header("authorization", "Bearer xyz").body("text/plain", "body");
        let shown = format!("{request:?}");
        for secret in ["user", "pass", "abc", "xyz", "body"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        Ok(())
    }
}
