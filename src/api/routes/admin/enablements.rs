//! Enablements of every client.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use semver::Version;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::addons::everywhere::{EnablementFilter, OwnedEnablement};
use crate::addons::views::EnablementView;
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::query::{FromQuery, Paging, Query, QueryFields};
use crate::api::openapi::ReadProblems;
use crate::api::problem::Problem;
use crate::api::routes::schemas::EnablementDocument;
use crate::api::state::ApiState;
use crate::model::digest::Digest;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::lifecycle::EnablementState;
use crate::work::Page;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which enablements a list shows, and which page of it.
#[derive(Debug)]
struct ListQuery {
    filter: EnablementFilter,
    paging: Paging,
}

impl FromQuery for ListQuery {
    fn read(query: &mut QueryFields) -> Self {
        let state = |text: &str| {
            EnablementState::ALL.into_iter().find(|state| state.as_str() == text).ok_or("is no state of an enablement")
        };
        let filter = EnablementFilter {
            client: query.parsed("client", ClientId::parse),
            user: query.parsed("userId", UserId::parse),
            addon: query.parsed("addonId", AddonId::parse),
            version: query.parsed("version", |text| Version::parse(text).map_err(|_| "must be a semantic version")),
            digest: query.parsed("digest", Digest::parse),
            state: query.parsed("state", state),
        };
        Self { filter, paging: Paging::read(query) }
    }
}

/// An enablement, and whose it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Owned {
    client_id: String,
    user_id: String,
    #[serde(flatten)]
    enablement: EnablementView,
}

impl From<OwnedEnablement> for Owned {
    fn from(owned: OwnedEnablement) -> Self {
        Self { client_id: owned.client.to_string(), user_id: owned.user.to_string(), enablement: owned.view }
    }
}

/// Enablements of every client, addon by addon. A page may be shorter than `limit`, even empty, and still have a next one.
#[utoipa::path(
    get, path = "/api/v1/admin/enablements", operation_id = "listEnablements", tag = "admin",
    params(("client" = Option<String>, Query), ("userId" = Option<String>, Query), ("addonId" = Option<String>, Query),
           ("version" = Option<String>, Query), ("digest" = Option<String>, Query), ("state" = Option<String>, Query),
           ("cursor" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = OwnedEnablementPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let paging = query.paging;
    let page = api.addons().enablements_everywhere(&query.filter, paging.cursor.as_deref(), paging.limit).await?;
    let data: Vec<Owned> = page.items.into_iter().map(Owned::from).collect();
    Ok(Json(Page { data, next_cursor: page.next_cursor }).into_response())
}

/// An enablement, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OwnedEnablement)]
pub struct OwnedEnablementDocument {
    /// The client.
    pub client_id: String,
    /// The client's own name of its user.
    pub user_id: String,
    /// The enablement.
    #[serde(flatten)]
    pub enablement: EnablementDocument,
}

/// Enablements of every client.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnedEnablementPage {
    /// The enablements.
    pub data: Vec<OwnedEnablementDocument>,
    /// Where the next page begins; `null` on the last one.
    pub next_cursor: Option<String>,
}
