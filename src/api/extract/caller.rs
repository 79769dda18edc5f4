//! Who calls: a key in `Authorization: Bearer` or `X-API-Key`, and what it may do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::addons::Publisher;
use crate::api::key_cache::Holder;
use crate::api::problem::{Problem, ProblemCode};
use crate::api::state::ApiState;
use crate::model::id::ClientId;
use crate::store::clients::ClientRecord;
use crate::store::keys::KeyScope;

/// Anybody with a valid key of a client that is not suspended.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Holder>);

/// A caller that publishes; admins may too.
#[derive(Clone, Debug)]
pub struct PublisherCaller(Caller);

/// A caller that runs the platform.
#[derive(Clone, Debug)]
pub struct AdminCaller(Caller);

impl Caller {
    /// The tenant that the key belongs to.
    #[must_use]
    pub fn client(&self) -> &ClientId {
        &self.0.key.client
    }

    /// What is known of the tenant.
    #[must_use]
    pub fn record(&self) -> &ClientRecord {
        &self.0.client
    }

    /// The key's public id.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.0.key.id
    }

    /// Whether the key has a scope.
    #[must_use]
    pub fn has(&self, scope: KeyScope) -> bool {
        self.0.key.has(scope)
    }

    /// Reads and verifies the key.
    ///
    /// # Errors
    /// 401 when there is none or it is not valid, 403 when its client is suspended or the key has no scope, 503 when nobody can tell.
    pub async fn of(fields: &HeaderMap, state: &ApiState) -> Result<Self, Problem> {
        let text = key_text(fields)?.ok_or_else(|| {
            Problem::unauthenticated("send a key as `Authorization: Bearer <key>` or `X-API-Key: <key>`")
        })?;
        let holder = match state.key_cache.judge(text).await? {
            Ok(holder) => holder,
            Err(fault) => return Err(Problem::unauthenticated(fault.as_str())),
        };
        if holder.client.is_suspended() {
            let detail = format!("the client `{}` is suspended; ask the platform's admin", holder.client.id);
            return Err(Problem::new(ProblemCode::Forbidden, detail));
        }
        if holder.key.scopes.is_empty() {
            return Err(Problem::new(ProblemCode::Forbidden, "the key has no scope"));
        }
        Ok(Self(holder))
    }

    /// The caller, where the key has the scope.
    ///
    /// # Errors
    /// 403 that names the scope.
    pub fn need(self, scope: KeyScope) -> Result<Self, Problem> {
        if self.has(scope) {
            return Ok(self);
        }
        Err(Problem::new(ProblemCode::Forbidden, format!("the key lacks the scope `{}`", scope.as_str())))
    }
}

impl PublisherCaller {
    /// Who publishes, as the addon service wants it.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher {
            client: self.0.client().clone(),
            namespaces: self.0.0.key.namespaces.clone(),
            is_admin: self.0.has(KeyScope::Admin),
        }
    }
}

impl AdminCaller {
    /// The key's public id.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.0.key_id()
    }

    /// The tenant that the admin's key belongs to.
    #[must_use]
    pub fn client(&self) -> &ClientId {
        self.0.client()
    }
}

/// The key as it was sent; `Authorization` wins.
///
/// # Errors
/// 401 when `Authorization` is of another kind.
fn key_text(fields: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = fields.get(header::AUTHORIZATION) else {
        return Ok(fields.get("x-api-key").and_then(|value| value.to_str().ok()).map(str::trim));
    };
    let bearer = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
    match bearer {
        Some((_, key)) => Ok(Some(key.trim())),
        None => Err(Problem::unauthenticated("`Authorization` must be `Bearer <key>`")),
    }
}

/// Whether the request names a key at all.
#[must_use]
pub fn has_key(fields: &HeaderMap) -> bool {
    fields.contains_key(header::AUTHORIZATION) || fields.contains_key("x-api-key")
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        // Where requests are counted, somebody has asked already.
        match parts.extensions.get::<Self>() {
            Some(caller) => Ok(caller.clone()),
            None => Self::of(&parts.headers, state).await,
        }
    }
}

impl FromRequestParts<ApiState> for PublisherCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if caller.has(KeyScope::Admin) { Ok(Self(caller)) } else { caller.need(KeyScope::Publisher).map(Self) }
    }
}

impl FromRequestParts<ApiState> for AdminCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, state).await?.need(KeyScope::Admin).map(Self)
    }
}
