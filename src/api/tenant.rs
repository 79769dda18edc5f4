//! What a handler sees of the platform: its own client's part, and nothing else.
//!
//! A handler of clients takes a [`Tenant`] and no state. Only the key that was sent makes one, and each of its methods asks for that
//! key's client, so a handler has no way to name another one's record. Whoever needs no key for what is asked, because a
//! signed link or a public name opens it, is a [`Visitor`]. `tests/tidy` holds the routes to this.

mod addons;
mod artifacts;
mod batches;
mod jobs;
mod secrets;
mod webhooks;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::addons::Owner;
use crate::api::extract::caller::{self, Caller};
use crate::api::limits::StreamPlace;
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::units::ByteSize;
use crate::shutdown::Stop;
use crate::store::keys::KeyScope;

pub(super) use artifacts::no_artifact;
pub use jobs::Ask;

/// One client's part of the platform, for a key that has the scope `client`.
#[derive(Clone)]
pub struct Tenant {
    api: ApiState,
    caller: Caller,
}

/// The same for a key of any scope: whoever publishes looks at the jobs of that, too.
pub struct AnyKey(pub Tenant);

/// Somebody who may have a key, and needs none.
pub struct Visitor {
    api: ApiState,
    tenant: Option<Tenant>,
}

impl Tenant {
    /// The client's name.
    #[must_use]
    pub fn client(&self) -> &ClientId {
        self.caller.client()
    }

    /// Fires when the process is to stop: streams and waits end then.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.api.stop
    }

    /// Most bytes of an upload.
    #[must_use]
    pub fn upload_limit(&self) -> ByteSize {
        self.api.config.server.upload_limit
    }

    /// A place for one more event stream of the client.
    ///
    /// # Errors
    /// 429 with the number where it holds as many open as it may.
    pub fn stream(&self) -> Result<Option<StreamPlace>, Problem> {
        self.api.limits.stream(self.client())
    }

    fn owner(&self, user: UserId, addon: AddonId) -> Owner {
        Owner { client: self.client().clone(), user, addon }
    }
}

impl FromRequestParts<ApiState> for Tenant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?.need(KeyScope::Client)?;
        Ok(Self { api: state.clone(), caller })
    }
}

impl FromRequestParts<ApiState> for AnyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        Ok(Self(Tenant { api: state.clone(), caller }))
    }
}

impl FromRequestParts<ApiState> for Visitor {
    type Rejection = Problem;

    /// A key that is sent has to be a good one.
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let tenant = if caller::has_key(&parts.headers) {
            Some(AnyKey::from_request_parts(parts, state).await?.0)
        } else {
            None
        };
        Ok(Self { api: state.clone(), tenant })
    }
}
