//! A small REST client for tests: one key, JSON in, JSON out.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// Longest wait for one answer; `Prefer: wait` tests wait less.
const PATIENCE: Duration = Duration::from_secs(20);

/// Speaks to one server with one key, or with none.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: String,
    key: Option<String>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Http {
    /// A client without a key; `base` is such as `http://127.0.0.1:8080`.
    pub(crate) fn to(base: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("an HTTP client");
        Self { client, base: base.to_owned(), key: None }
    }

    /// The same client with a key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// A request that is still to be filled and sent with [`Http::send`].
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, bytes: response.bytes().await.expect("a whole body").to_vec() }
    }

    /// `GET`.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `DELETE`.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// `POST` with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// `PUT` with a JSON body.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// `POST` with a JSON body and one more header.
    pub(crate) async fn post_with(&self, path: &str, body: &Value, name: &'static str, value: &str) -> Answer {
        let value = HeaderValue::from_str(value).expect("a header's value");
        self.send(self.request(Method::POST, path).json(body).header(HeaderName::from_static(name), value)).await
    }
}

impl Answer {
    /// The body as JSON; `null` where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// A header's value as text; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// Asserts the status, with the body in the failure's message.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// Asserts that this is a whole problem of the given status and code.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        let body = answer.json();
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        assert_eq!(body["requestId"], answer.header("x-request-id"));
        assert_eq!(body["type"], format!("/problems/{}", code.to_lowercase().replace('_', "-")));
        assert!(body["title"].is_string() && body["detail"].is_string() && body["retryable"].is_boolean(), "{body}");
        answer
    }

    /// The pointers of a problem's faults, sorted.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let body = self.json();
        let faults = body["errors"].as_array().cloned().unwrap_or_default();
        let mut all: Vec<String> =
            faults.iter().filter_map(|fault| fault["pointer"].as_str().map(str::to_owned)).collect();
        all.sort();
        all
    }
}
