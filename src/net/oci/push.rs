//! Writing to a registry, for the command line: layers by digest, then the manifest under a tag.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use url::Url;

use super::artifact::{self, Layer};
use super::pull::refuse_failure;
use super::{OciError, Reference, Registries, login};
use crate::model::digest::Digest;
use crate::net::request::{Answer, AnswerHeaders, Body, Method, Request};

/// Media type of a manifest.
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of bytes that go up.
const BYTES_TYPE: &str = "application/octet-stream";
/// Longest time for one request; a component goes up in one.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(300);

/// One writing to one place.
#[derive(Debug)]
pub struct Push {
    registries: Registries,
    reference: Reference,
    authorization: Option<String>,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Of the manifest: `registry/repository@…` names it for good.
    pub manifest: Digest,
    /// Of the component.
    pub component: Digest,
}

impl Push {
    pub(super) const fn new(registries: Registries, reference: Reference) -> Self {
        Self { registries, reference, authorization: None }
    }

    /// Writes a component, with its signature as a second layer where there is one, in the layout of `wkg`.
    ///
    /// # Errors
    /// [`OciError`] when the registry cannot be reached, does not let us in, or takes something else for it.
    pub async fn component(
        &mut self,
        component: Bytes,
        signature: Option<Bytes>,
        created: DateTime<Utc>,
    ) -> Result<Pushed, OciError> {
        let Some(tag) = self.reference.tag().map(str::to_owned) else {
            return Err(OciError::Answer { what: "tag to write to" });
        };
        let layer = Layer::of(&component);
        let signature_layer = signature.as_deref().map(Layer::of);
        let config = artifact::config(&layer, signature_layer.as_ref(), created);
        let config_layer = Layer::of(&config);
        let manifest = artifact::manifest(&config_layer, &layer, signature_layer.as_ref())?;
        self.blob(&layer, component).await?;
        if let (Some(layer), Some(bytes)) = (&signature_layer, signature) {
            self.blob(layer, bytes).await?;
        }
        self.blob(&config_layer, config.into()).await?;
        let digest = Digest::of(&manifest);
        let url = self.registries.url(&self.reference, &format!("manifests/{tag}"))?;
        let answer = self.ask(Request::new(Method::Put, url).body(MANIFEST_TYPE, manifest)).await?;
        refuse_failure(answer.status, || self.reference.to_string())?;
        match answer.headers.get("docker-content-digest").and_then(|text| Digest::parse(text).ok()) {
            Some(found) if !found.matches(&digest) => {
                Err(OciError::Digest { what: "manifest", expected: digest, found })
            }
            _ => Ok(Pushed { manifest: digest, component: layer.digest }),
        }
    }

    /// Writes bytes unless the registry has them: `POST` opens an upload, `PUT` fills and names it.
    async fn blob(&mut self, layer: &Layer, bytes: Bytes) -> Result<(), OciError> {
        let url = self.registries.url(&self.reference, &format!("blobs/{}", layer.digest))?;
        if self.ask(Request::new(Method::Head, url)).await?.is_success() {
            return Ok(());
        }
        let begin = self.registries.url(&self.reference, "blobs/uploads/")?;
        let answer = self.ask(Request::new(Method::Post, begin.clone())).await?;
        refuse_failure(answer.status, || self.reference.to_string())?;
        let mut place = location(&begin, &answer.headers)?;
        place.query_pairs_mut().append_pair("digest", &layer.digest.to_string());
        let answer = self.ask(Request::new(Method::Put, place).body(BYTES_TYPE, bytes)).await?;
        refuse_failure(answer.status, || self.reference.to_string())
    }

    /// Sends a request, signing in where the registry asks for it.
    async fn ask(&mut self, request: Request) -> Result<Answer, OciError> {
        let mut request = request.within(LONGEST);
        if matches!(request.body, Body::Empty) && request.method == Method::Post {
            request = request.header("content-length", "0");
        }
        let answer = self.registries.client.send(self.signed(request.clone())).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let scope = format!("repository:{}:pull,push", self.reference.repository());
        let login = self.registries.login(&self.reference);
        let registry = self.registries.base(&self.reference)?;
        let client = &self.registries.client;
        self.authorization = Some(login::authorization(client, &login, &answer.headers, &registry, &scope).await?);
        Ok(client.send(self.signed(request)).await?)
    }

    /// The request with what we signed in with, which is for the registry alone.
    fn signed(&self, request: Request) -> Request {
        let registry = self.registries.base(&self.reference).map(|base| base.origin());
        match &self.authorization {
            Some(authorization) if registry.is_ok_and(|registry| registry == request.url.origin()) => {
                request.header("authorization", authorization.clone())
            }
            _ => request,
        }
    }
}

fn location(from: &Url, headers: &AnswerHeaders) -> Result<Url, OciError> {
    let location = headers.get("location").ok_or(OciError::Answer { what: "upload address" })?;
    from.join(location).map_err(|_| OciError::Answer { what: "upload address" })
}
