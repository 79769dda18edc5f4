//! Clients: who they are, what they may ask a minute, and whether they may do anything at all.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::body::{FromFields, JsonBody};
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::fields::Fields;
use crate::api::extract::path::{FromPath, Path, PathIds};
use crate::api::extract::query::{Paging, Query};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::{Fault, Problem, ProblemCode};
use crate::api::state::ApiState;
use crate::clock;
use crate::model::id::ClientId;
use crate::model::rate::RateCounter;
use crate::store::clients::{ClientRecord, ClientState};
use crate::store::control::Message;
use crate::work::Page;

/// Longest name for people, in characters.
const MAX_NAME_CHARS: usize = 200;
/// Highest limit of a client, in requests a minute.
const MAX_RATE: u64 = 1_000_000;
/// How often a record is read again where it changes in the very moment.
const TRIES: u32 = 5;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(read, change))
}

/// `{client}`.
#[derive(Clone, Debug)]
struct Named(ClientId);

impl FromPath for Named {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("client", ClientId::parse).map(Self)
    }

    /// What is no client's name names no client.
    fn problem(_faults: Vec<Fault>) -> Problem {
        no_client()
    }
}

/// What is to be known of a client; a member that was left out stays as it is.
#[derive(Debug, Default)]
struct Wish {
    name: Option<Option<String>>,
    state: Option<ClientState>,
    /// A limit of `None` is taken away, so that the platform's holds.
    limits: Vec<(RateCounter, Option<u32>)>,
}

impl Wish {
    fn read(fields: &mut Fields<'_>) -> Self {
        let name = match fields.peek("name") {
            Some(Value::Null) => {
                fields.raw("name");
                Some(None)
            }
            _ => fields.text("name", MAX_NAME_CHARS).map(Some),
        };
        let states = [ClientState::Active, ClientState::Suspended].map(|state| (state.as_str(), state));
        let state = fields.word("state", &states);
        let limits = fields.object("limits", read_limits).unwrap_or_default();
        Self { name, state, limits }
    }

    /// The record as it is wanted.
    fn applied_to(&self, was: &ClientRecord) -> ClientRecord {
        let mut record = was.clone();
        if let Some(name) = &self.name {
            record.name.clone_from(name);
        }
        record.state = self.state.unwrap_or(record.state);
        for (counter, limit) in &self.limits {
            match limit {
                Some(limit) => record.limits.insert(*counter, *limit),
                None => record.limits.remove(counter),
            };
        }
        let now = clock::now();
        record.created_at = record.created_at.or(Some(now));
        record.changed_at = Some(now);
        record
    }
}

fn read_limits(fields: &mut Fields<'_>) -> Vec<(RateCounter, Option<u32>)> {
    let mut limits = Vec::new();
    for counter in RateCounter::ALL {
        let name = counter.member();
        match fields.peek(name) {
            None => {
                fields.value(name);
            }
            Some(Value::Null) => {
                fields.raw(name);
                limits.push((counter, None));
            }
            Some(_) => {
                let limit = fields.integer(name, 1..=MAX_RATE).and_then(|limit| u32::try_from(limit).ok());
                limits.extend(limit.map(|limit| (counter, Some(limit))));
            }
        }
    }
    limits
}

/// A client that is to be known.
#[derive(Debug)]
struct CreateBody {
    id: ClientId,
    wish: Wish,
}

impl FromFields for CreateBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.demand("id");
        let id = fields.parsed("id", ClientId::parse);
        let wish = Wish::read(fields);
        Some(Self { id: id?, wish })
    }
}

/// A change of what is known.
#[derive(Debug)]
struct ChangeBody(Wish);

impl FromFields for ChangeBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self(Wish::read(fields)))
    }
}

/// Every client that ever had a key, or of whom something was said.
#[utoipa::path(
    get, path = "/api/v1/admin/clients", operation_id = "listClients", tag = "admin",
    params(("cursor" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = ClientPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Query(paging): Query<Paging>,
) -> Result<Response, Problem> {
    let page = api.clients.list(paging.cursor.as_deref(), paging.limit).await?;
    Ok(Json(Page { data: page.items, next_cursor: page.next_cursor }).into_response())
}

/// Says something about a client of whom nothing was said before. It needs a key to do anything: `POST /admin/keys`.
#[utoipa::path(
    post, path = "/api/v1/admin/clients", operation_id = "createClient", tag = "admin", request_body = CreateClientRequest,
    responses((status = 201, body = ClientDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn create(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    JsonBody(body): JsonBody<CreateBody>,
) -> Result<Response, Problem> {
    let record = body.wish.applied_to(&ClientRecord::plain(body.id));
    if !api.clients.put(None, &record).await? {
        return Err(Problem::new(
            ProblemCode::Conflict,
            format!("the client `{}` exists; PATCH changes it", record.id),
        ));
    }
    api.key_cache.hear(&Message::ClientChanged { client: record.id.clone() });
    Ok((StatusCode::CREATED, Json(record)).into_response())
}

/// What is known of a client.
#[utoipa::path(
    get, path = "/api/v1/admin/clients/{client}", operation_id = "getClient", tag = "admin", params(("client" = String, Path)),
    responses((status = 200, body = ClientDocument), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(Named(id)): Path<Named>,
) -> Result<Response, Problem> {
    if !api.clients.is_known(&id).await? {
        return Err(no_client());
    }
    Ok(Json(api.clients.get(&id).await?).into_response())
}

/// Changes what is known of a client: its name, its own limits (`null` takes one away), or whether it may do anything. A
/// suspended client's keys are refused everywhere within two seconds; its jobs go on.
#[utoipa::path(
    patch, path = "/api/v1/admin/clients/{client}", operation_id = "changeClient", tag = "admin", params(("client" = String, Path)),
    request_body = ChangeClientRequest,
    responses((status = 200, body = ClientDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn change(
    State(api): State<ApiState>,
    caller: AdminCaller,
    Path(Named(id)): Path<Named>,
    JsonBody(ChangeBody(wish)): JsonBody<ChangeBody>,
) -> Result<Response, Problem> {
    if wish.state == Some(ClientState::Suspended) && *caller.client() == id {
        let detail = "the key that asks belongs to this client: nobody could take it back; use another client's key";
        return Err(Problem::new(ProblemCode::Conflict, detail));
    }
    if !api.clients.is_known(&id).await? {
        return Err(no_client());
    }
    for _ in 0..TRIES {
        let was = api.clients.get(&id).await?;
        let wanted = wish.applied_to(&was);
        if api.clients.put(was.created_at.map(|_| &was), &wanted).await? {
            api.key_cache.hear(&Message::ClientChanged { client: id });
            return Ok(Json(wanted).into_response());
        }
    }
    Err(Problem::new(ProblemCode::Conflict, "others change this client right now; read it again"))
}

fn no_client() -> Problem {
    Problem::new(ProblemCode::NotFound, "there is no such client")
}

/// A client that is to be known.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateClientRequest {
    /// Its name in keys and paths: 1-64 of `a-z 0-9 - _`.
    #[schema(example = "acme", min_length = 1, max_length = 64)]
    pub id: String,
    /// What people call it.
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// `active` or `suspended`.
    pub state: Option<String>,
    /// Its own limits.
    pub limits: Option<ClientLimits>,
}

/// What is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeClientRequest {
    /// What people call it; `null` takes it away.
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// `active` or `suspended`.
    pub state: Option<String>,
    /// Its own limits; `null` takes one away, and what is left out stays.
    pub limits: Option<ClientLimits>,
}

/// Limits of a client in the place of the platform's, in requests a minute.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientLimits {
    /// `POST /chat/new`.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub chat: Option<u32>,
    /// `POST /chat/new`, each of its users.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub chat_per_user: Option<u32>,
    /// `POST /images/generate`.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub images: Option<u32>,
    /// `POST /images/generate`, each of its users.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub images_per_user: Option<u32>,
    /// `POST /images/batch`.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub batch: Option<u32>,
    /// Everything about jobs.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub jobs: Option<u32>,
    /// Everything about addons.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub addons: Option<u32>,
    /// Everything else.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub other: Option<u32>,
}

/// A client.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Client)]
pub struct ClientDocument {
    /// Its name in keys and paths.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
    /// `active` or `suspended`.
    pub state: String,
    /// Its own limits; what is not named is the platform's.
    pub limits: ClientLimits,
    /// When something was first said about it; `null` where nothing was.
    pub created_at: Option<DateTime<Utc>>,
    /// When that was last changed.
    pub changed_at: Option<DateTime<Utc>>,
}

/// Clients.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientPage {
    /// The clients, in the order of the alphabet.
    pub data: Vec<ClientDocument>,
    /// Where the next page begins; `null` on the last one.
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::rate::OwnRates;

    #[test]
    fn the_described_limits_are_those_that_there_are() {
        let mut all = OwnRates::new();
        for counter in RateCounter::ALL {
            all.insert(counter, 1);
        }
        let read: Result<ClientLimits, _> = serde_json::from_value(json!(all));
        assert!(read.is_ok_and(|limits| json!(limits) == json!(all)));
    }
}
