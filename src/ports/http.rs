//! `wasi:http`: one call's requests, each within the rights of this moment.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use url::Url;

use crate::host::ports::{HttpAnswer, HttpBody, HttpPort};
use crate::model::egress::{EgressFault, Patience};
use crate::model::id::{AddonId, ClientId};
use crate::model::origin::Origin;
use crate::model::right::Rights;
use crate::model::usage::{HttpUse, HttpUseError, Use};
use crate::net::{GuestClient, GuestRequest, Tenant, is_own_header};
use crate::ports::secrets::CallSecrets;
use crate::ports::secrets::held::{Held, leak};

/// The requests that one call may send.
pub struct CallHttp {
    client: GuestClient,
    tenant: Tenant,
    agent: HeaderValue,
    rights: Arc<Rights>,
    secrets: Option<Arc<CallSecrets>>,
}

impl CallHttp {
    /// Requests within `rights`, over connections that only this client and addon use.
    #[must_use]
    pub fn new(client: GuestClient, whose: (&ClientId, &AddonId), rights: Arc<Rights>) -> Self {
        let (owner, addon) = whose;
        let agent = format!("semantest/{} (addon {addon})", env!("CARGO_PKG_VERSION"));
        // An addon's id is made of letters that a header takes.
        let agent = HeaderValue::try_from(agent).unwrap_or_else(|_| HeaderValue::from_static("semantest"));
        Self { client, tenant: Tenant::new(owner.as_str(), addon.as_str()), agent, rights, secrets: None }
    }

    /// The same requests, with the secrets that the call may open.
    #[must_use]
    pub(super) fn with_secrets(self, secrets: Option<Arc<CallSecrets>>) -> Self {
        Self { secrets, ..self }
    }

    /// Whether all three keys say yes to a request.
    fn judge(&self, method: &Method, url: &Url) -> Result<(), EgressFault> {
        let asked = HttpUse::new(method.as_str(), url).map_err(|error| match error {
            HttpUseError::Url => EgressFault::Url,
            HttpUseError::Method => EgressFault::Method { method: method.to_string() },
        })?;
        match self.rights.decide(&Use::Http(asked)).denial() {
            Some(denial) => Err(EgressFault::NotGranted(denial)),
            None => Ok(()),
        }
    }

    /// The body, watched for secrets where the guest may read some in clear; the head is looked at on the spot.
    fn watched(&self, parts: &Parts, url: &Url, body: HttpBody) -> Result<HttpBody, EgressFault> {
        let Some(secrets) = &self.secrets else { return Ok(body) };
        let Some(watch) = secrets.watch()? else { return Ok(body) };
        let mut watcher = watch.begin().map_err(|error| EgressFault::Secret { rule: error.to_string() })?;
        let uri = parts.uri.to_string();
        let headers = parts.headers.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        let texts = [parts.method.as_str().as_bytes(), uri.as_bytes(), url.as_str().as_bytes()];
        let mut is_seen = false;
        for text in texts.into_iter().chain(headers) {
            watcher.restart();
            is_seen |= watcher.sees(text);
        }
        if is_seen {
            return Err(leak("head"));
        }
        watcher.restart();
        Ok(Held::new(body, watcher).boxed_unsync())
    }

    /// The head as it leaves: every request passes here, after it was judged and before anything of it is sent. Secrets take
    /// the places of what stands for them, where they may go to this origin; elsewhere that stays as it is.
    fn head(
        &self,
        method: Method,
        mut url: Url,
        mut headers: HeaderMap,
        body: HttpBody,
    ) -> Result<GuestRequest, EgressFault> {
        if let (Some(secrets), Some(origin)) = (&self.secrets, Origin::of(&url)) {
            let swap = secrets.swap(&origin);
            let unfit = |rule: String| EgressFault::Secret { rule };
            for value in headers.values_mut() {
                if let Some(swapped) = swap.header(value.as_bytes()).map_err(|error| unfit(error.to_string()))? {
                    *value = HeaderValue::from_bytes(&swapped)
                        .map_err(|_| unfit(String::from("a secret holds bytes that no header may have")))?;
                    value.set_sensitive(true);
                }
            }
            if let Some(query) = url.query().and_then(|query| swap.query(query)) {
                url.set_query(Some(&query));
            }
        }
        Ok(GuestRequest { method, url, headers, agent: self.agent.clone(), body })
    }
}

#[async_trait]
impl HttpPort for CallHttp {
    async fn send(&self, request: Request<HttpBody>, patience: Patience) -> Result<HttpAnswer, EgressFault> {
        let (parts, body) = request.into_parts();
        // As browsers and servers read it, odd spellings of addresses and `..` resolved; this and nothing else is sent.
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| EgressFault::Url)?;
        self.judge(&parts.method, &url)?;
        let body = self.watched(&parts, &url, body)?;
        let request = self.head(parts.method, url, parts.headers, Leaving { body }.boxed_unsync())?;
        let answer = self.client.send(&self.tenant, request, patience).await?;
        let (response, exchange) = answer.into_parts();
        Ok(HttpAnswer { response, exchange: Box::pin(exchange) })
    }
}

/// A request's body as it leaves.
struct Leaving {
    body: HttpBody,
}

/// One piece of a request's body as it leaves: data as it is, trailers without what is the platform's own business.
fn piece(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(trailers) => {
            let kept = trailers.iter().filter(|(name, _)| !is_own_header(name));
            Frame::trailers(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        Err(data) => data,
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = EgressFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressFault>>> {
        Pin::new(&mut self.body).poll_frame(context).map_ok(piece)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
