//! `wasi:http`: one call's requests, each within the rights of this moment.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use url::Url;

use crate::host::ports::{HttpAnswer, HttpBody, HttpPort};
use crate::model::egress::{EgressFault, Patience};
use crate::model::id::{AddonId, ClientId};
use crate::model::right::Rights;
use crate::model::usage::{HttpUse, HttpUseError, Use};
use crate::net::{GuestClient, GuestRequest, Tenant, is_own_header};

/// The requests that one call may send.
pub struct CallHttp {
    client: GuestClient,
    tenant: Tenant,
    agent: HeaderValue,
    rights: Arc<Rights>,
}

impl CallHttp {
    /// Requests within `rights`, over connections that only this client and addon use.
    #[must_use]
    pub fn new(client: GuestClient, whose: (&ClientId, &AddonId), rights: Arc<Rights>) -> Self {
        let (owner, addon) = whose;
        let agent = format!("semantest/{} (addon {addon})", env!("CARGO_PKG_VERSION"));
        // An addon's id is made of letters that a header takes.
        let agent = HeaderValue::try_from(agent).unwrap_or_else(|_| HeaderValue::from_static("semantest"));
        Self { client, tenant: Tenant::new(owner.as_str(), addon.as_str()), agent, rights }
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

    /// The head as it leaves: every request passes here, after it was judged and before anything of it is sent.
    fn head(&self, method: Method, url: Url, headers: HeaderMap, body: HttpBody) -> GuestRequest {
        GuestRequest { method, url, headers, agent: self.agent.clone(), body }
    }
}

#[async_trait]
impl HttpPort for CallHttp {
    async fn send(&self, request: Request<HttpBody>, patience: Patience) -> Result<HttpAnswer, EgressFault> {
        let (parts, body) = request.into_parts();
        // As browsers and servers read it, odd spellings of addresses and `..` resolved; this and nothing else is sent.
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| EgressFault::Url)?;
        self.judge(&parts.method, &url)?;
        let request = self.head(parts.method, url, parts.headers, Leaving { body }.boxed_unsync());
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
