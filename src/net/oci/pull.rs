//! Reading from a registry: a manifest by tag or digest, then its layers by digest.

use std::time::Duration;

use url::Url;

use super::{Artifact, Layer, OciError, Reference, Registries, login};
use crate::model::digest::Digest;
use crate::model::units::ByteSize;
use crate::net::error::NetError;
use crate::net::incoming::Incoming;
use crate::net::request::{Answer, Method, Request};

/// Largest manifest that is read. The specification lets registries refuse those above 4 MiB; ours has two layers.
const MAX_MANIFEST: ByteSize = ByteSize::mib(1);
/// What we can read; an index is asked for too, so that it can be refused by name.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

/// One reading of one place; what it signed in with is used again for all of its requests.
#[derive(Debug)]
pub struct Pull {
    registries: Registries,
    reference: Reference,
    authorization: Option<String>,
}

impl Pull {
    pub(super) const fn new(registries: Registries, reference: Reference) -> Self {
        Self { registries, reference, authorization: None }
    }

    /// What is read.
    #[must_use]
    pub const fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Asks what the reference stands for now. Everything after this goes by digest.
    ///
    /// # Errors
    /// [`OciError`] when there is nothing, the registry contradicts itself, or what is there is no component.
    pub async fn resolve(&mut self, time: Duration) -> Result<Artifact, OciError> {
        let url = self.registries.url(&self.reference, &format!("manifests/{}", self.reference.version()))?;
        let request =
            Request::new(Method::Get, url).header("accept", MANIFEST_TYPES).within(time).refusing_above(MAX_MANIFEST);
        let mut answer = self.ask(request.clone()).await?;
        if answer.status == 401 {
            self.sign_in(&request.url, &answer.headers).await?;
            answer = self.ask(request).await?;
        }
        refuse_failure(answer.status, || self.reference.to_string())?;
        let found = Digest::of(&answer.body);
        let announced = answer.headers.get("docker-content-digest").and_then(|text| Digest::parse(text).ok());
        for expected in [self.reference.digest().copied(), announced].into_iter().flatten() {
            if !expected.matches(&found) {
                return Err(OciError::Digest { what: "manifest", expected, found });
            }
        }
        Artifact::read(&answer.body)
    }

    /// A layer on its way in. Its bytes are counted against `limit` and against what the manifest says; that they are the
    /// right ones is for the receiver to see, who hashes them.
    ///
    /// # Errors
    /// [`OciError`] when the layer is too large or not there.
    pub async fn layer(&mut self, layer: &Layer, limit: ByteSize, time: Duration) -> Result<Incoming, OciError> {
        if layer.size > limit.as_u64() {
            return Err(OciError::TooLarge { size: ByteSize::bytes(layer.size), limit });
        }
        let url = self.registries.url(&self.reference, &format!("blobs/{}", layer.digest))?;
        let request = Request::new(Method::Get, url).within(time).refusing_above(ByteSize::bytes(layer.size));
        match self.registries.client.open(&self.signed(request.clone())).await {
            // The token ran out, or a layer needs another than the manifest did.
            Err(NetError::Status { status: 401 }) => {
                let refusal = self.ask(request.clone()).await?;
                self.sign_in(&request.url, &refusal.headers).await?;
            }
            outcome => return outcome.map_err(|error| refined(error, layer)),
        }
        self.registries.client.open(&self.signed(request)).await.map_err(|error| refined(error, layer))
    }

    /// A small layer, whole and checked.
    ///
    /// # Errors
    /// [`OciError`] as for [`Pull::layer`], and when the bytes are others.
    pub async fn small_layer(
        &mut self,
        layer: &Layer,
        limit: ByteSize,
        time: Duration,
    ) -> Result<bytes::Bytes, OciError> {
        let bytes = self.layer(layer, limit, time).await?.whole().await?;
        let found = Digest::of(&bytes);
        if found.matches(&layer.digest) {
            return Ok(bytes);
        }
        Err(OciError::Digest { what: "layer", expected: layer.digest, found })
    }

    async fn ask(&self, request: Request) -> Result<Answer, OciError> {
        Ok(self.registries.client.send(self.signed(request)).await?)
    }

    fn signed(&self, request: Request) -> Request {
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization.clone()),
            None => request,
        }
    }

    async fn sign_in(&mut self, url: &Url, headers: &crate::net::request::AnswerHeaders) -> Result<(), OciError> {
        let scope = format!("repository:{}:pull", self.reference.repository());
        let login = self.registries.login(&self.reference);
        let authorization = login::authorization(&self.registries.client, &login, headers, url, &scope).await?;
        self.authorization = Some(authorization);
        Ok(())
    }
}

pub(super) fn refuse_failure(status: u16, what: impl Fn() -> String) -> Result<(), OciError> {
    match status {
        200..=299 => Ok(()),
        401 | 403 => Err(OciError::Refused),
        404 => Err(OciError::Missing { what: what() }),
        status => Err(OciError::Status { status }),
    }
}

fn refined(error: NetError, layer: &Layer) -> OciError {
    match error {
        NetError::Status { status } => match refuse_failure(status, || format!("layer {}", layer.digest)) {
            Err(error) => error,
            Ok(()) => OciError::Status { status },
        },
        // The limit of the transfer was the manifest's own word.
        NetError::TooLarge { .. } => OciError::Answer { what: "layer of the size that its manifest says" },
        error => OciError::Net(error),
    }
}
