//! Who did what: changes by admins, secrets that were set, removed or read in clear.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::caller::AdminCaller;
use crate::api::extract::query::{FromQuery, Paging, Query, QueryFields};
use crate::api::openapi::ReadProblems;
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::store::audit::{AuditAction, AuditFilter};
use crate::work::Page;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which entries a list shows, and which page of it.
#[derive(Debug)]
struct ListQuery {
    filter: AuditFilter,
    paging: Paging,
}

impl FromQuery for ListQuery {
    fn read(query: &mut QueryFields) -> Self {
        let since = |text: &str| {
            let read = DateTime::parse_from_rfc3339(text).map(|since| since.with_timezone(&Utc));
            read.map_err(|_| "must be a time such as 2026-11-20T10:00:00Z")
        };
        let filter = AuditFilter {
            action: query
                .parsed("action", |text| AuditAction::parse(text).ok_or("is not an action of the audit trail")),
            by: query.text("by"),
            client: query.parsed("client", ClientId::parse),
            user: query.parsed("userId", UserId::parse),
            addon: query.parsed("addonId", AddonId::parse),
            since: query.parsed("since", since),
        };
        Self { filter, paging: Paging::read(query) }
    }
}

/// The audit trail, newest first; it keeps the last 100 000 entries. A page may be shorter than `limit`, even empty, and
/// still have a next one.
#[utoipa::path(
    get, path = "/api/v1/admin/audit", operation_id = "listAuditEntries", tag = "admin",
    params(("action" = Option<String>, Query), ("by" = Option<String>, Query), ("client" = Option<String>, Query),
           ("userId" = Option<String>, Query), ("addonId" = Option<String>, Query), ("since" = Option<String>, Query),
           ("cursor" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = AuditPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let page = api.audit.list(&query.filter, query.paging.cursor.as_deref(), query.paging.limit).await?;
    Ok(Json(Page { data: page.items, next_cursor: page.next_cursor }).into_response())
}

/// One entry of the trail. It names things and holds no values.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
pub struct AuditEntryDocument {
    /// When.
    pub at: DateTime<Utc>,
    /// `admin.write`, `secret.set`, `secret.removed`, `secret.revealed`.
    pub action: String,
    /// `admin:<client of the key>`, `client:<client>` or `addon:<addon>`.
    pub by: String,
    /// Whose secret: `user`, `client` or `publisher`.
    pub scope: Option<String>,
    /// The client that it is about.
    pub client: Option<String>,
    /// The client's end user that it is about.
    pub user: Option<String>,
    /// The addon that it is about.
    pub addon: Option<String>,
    /// The secret's name.
    pub name: Option<String>,
    /// The job in which a secret was read.
    pub job: Option<String>,
    /// The request of an admin.
    pub request: Option<AdminRequestDocument>,
}

/// A request of an admin, without its body.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AdminRequest)]
pub struct AdminRequestDocument {
    /// `requestId` of its answer.
    pub id: String,
    /// The key that was used.
    pub key_id: String,
    /// The method.
    #[schema(example = "POST")]
    pub method: String,
    /// The route.
    #[schema(example = "/api/v1/admin/keys/{keyId}/revoke")]
    pub route: String,
    /// The path as it was asked for.
    pub path: String,
}

/// Entries of the trail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditPage {
    /// The entries, newest first.
    pub data: Vec<AuditEntryDocument>,
    /// Where the next page begins; `null` on the last one.
    pub next_cursor: Option<String>,
}
