//! Every change that an admin makes stands on the audit trail.
//!
//! The entry comes first: where it cannot be written nothing is done. It is taken back where the request was refused, or
//! changed nothing; where that fails, the trail says too much rather than too little. Bodies are not written down, since some hold secrets.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::warn;

use crate::api::extract::caller::Caller;
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::clock;
use crate::store::audit::{AdminRequest, AuditAction, AuditEntry};
use crate::store::keys::KeyScope;

use super::RequestId;

/// What the routes of admins begin with.
const ADMIN: &str = "/api/v1/admin/";

/// Put into an answer by a handler that only looked, such as for `dryRun`.
#[derive(Clone, Copy, Debug)]
pub struct NothingChanged;

/// Runs the handler, behind an entry of the trail where it changes something for an admin.
pub(super) async fn run(api: &ApiState, request: Request, next: Next) -> Response {
    let Some(asked) = asked(&request) else { return next.run(request).await };
    // Who may not change anything is refused by the handler.
    let caller = match Caller::of(request.headers(), api).await {
        Ok(caller) if caller.has(KeyScope::Admin) => caller,
        Ok(_) | Err(_) => return next.run(request).await,
    };
    let entry = entry(&caller, asked);
    let place = match api.audit.note(&entry).await {
        Ok(place) => place,
        Err(error) => return Problem::from(error).into_response(),
    };
    let response = next.run(request).await;
    let is_without_effect =
        response.status().is_client_error() || response.extensions().get::<NothingChanged>().is_some();
    if is_without_effect && let Err(error) = api.audit.take_back(&place).await {
        warn!(error = %error, "An entry of the audit trail stays, although nothing was changed");
    }
    response
}

/// The request, where it is one that changes something for an admin.
fn asked(request: &Request) -> Option<AdminRequest> {
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    if request.method().is_safe() || !route.starts_with(ADMIN) {
        return None;
    }
    Some(AdminRequest {
        id: request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned()).unwrap_or_default(),
        key_id: String::new(),
        method: request.method().to_string(),
        route: route.to_owned(),
        path: request.uri().path().to_owned(),
    })
}

fn entry(caller: &Caller, asked: AdminRequest) -> AuditEntry {
    AuditEntry {
        at: clock::now(),
        action: AuditAction::AdminWrite,
        by: format!("admin:{}", caller.client()),
        scope: String::new(),
        client: None,
        user: None,
        addon: None,
        name: String::new(),
        job: None,
        request: Some(AdminRequest { key_id: caller.key_id().to_owned(), ..asked }),
    }
}
