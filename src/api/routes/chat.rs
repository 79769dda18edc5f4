//! `POST /chat/new`: a message of a user, answered by addons or turned into pictures.

use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::prompt_fields::{ImageFields, check_provider, read_image, read_prompt, read_session, read_user};
use super::schemas::JobOptionsDocument;
use crate::api::answer::{Accepted, Chat};
use crate::api::extract::fields::Fields;
use crate::api::extract::job_options::RawOptions;
use crate::api::extract::job_request::{FromJobFields, JobRequest};
use crate::api::openapi::WriteProblems;
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::{Ask, Tenant};
use crate::model::chat::{MAX_MESSAGE_CHARS, Message, Role};
use crate::model::digest::Digest;
use crate::model::id::UserId;
use crate::model::image::ImageRequest;
use crate::queue::tickets;
use crate::work::{IdempotencyKey, JobOptions, Submitted};

/// Most messages of a chat that are sent along: what hooks can look at in their time.
const MAX_PREVIOUS: usize = 100;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(new))
}

/// A message of a user.
#[derive(Debug)]
struct ChatBody {
    user: UserId,
    prompt: String,
    session: Option<String>,
    image: Option<ImageRequest>,
    previous: Vec<Message>,
}

impl FromJobFields for ChatBody {
    fn user(&self) -> Option<&UserId> {
        Some(&self.user)
    }

    fn read(fields: &mut Fields<'_>, options: &mut RawOptions) -> Option<Self> {
        let user = read_user(fields);
        let prompt = read_prompt(fields);
        let session = read_session(fields);
        let image = fields.object("imageGeneration", |nested| {
            // The platform's first API had the job options in here.
            options.take(nested);
            nested.demand("enabled");
            let is_enabled = nested.boolean("enabled").unwrap_or(false);
            let request = read_image(nested, prompt.as_deref().unwrap_or_default());
            is_enabled.then_some(request)
        });
        let previous = fields.object("chatContext", |context| {
            context.objects("previousMessages", MAX_PREVIOUS, read_message).unwrap_or_default()
        });
        Some(Self {
            user,
            prompt: prompt?,
            session,
            image: image.flatten(),
            previous: previous.unwrap_or_default().into_iter().flatten().collect(),
        })
    }
}

fn read_message(fields: &mut Fields<'_>) -> Option<Message> {
    let roles = [("system", Role::System), ("user", Role::User), ("assistant", Role::Assistant), ("tool", Role::Tool)];
    fields.demand("role");
    let role = fields.word("role", &roles);
    let text = fields.required_text("content", MAX_MESSAGE_CHARS);
    fields.parsed("timestamp", |text| chrono::DateTime::parse_from_rfc3339(text).map_err(|_| "must be RFC 3339"));
    Some(Message { role: role?, text: text?, attachments: Vec::new() })
}

/// A chat message. With images enabled it makes a `generate` job, else a `message` job.
#[utoipa::path(
    post, path = "/api/v1/chat/new", operation_id = "newChat", tag = "chat and images", request_body = ChatRequest,
    params(("Prefer" = Option<String>, Header, description = "`wait=N`, 1-60 seconds"),
           ("Idempotency-Key" = Option<String>, Header, description = "The same key and body within 24 hours is the same job")),
    responses((status = 202, body = Accepted), (status = 200, description = "Ended while waiting", body = super::schemas::JobDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn new(tenant: Tenant, request: JobRequest<ChatBody>) -> Result<Response, Problem> {
    let chat = Chat {
        session_id: Some(request.body.session.clone().unwrap_or_else(|| id_for("ses", &tenant, &request.idempotency))),
        message_id: Some(id_for("msg", &tenant, &request.idempotency)),
    };
    let submitted = submit(&tenant, &request, &chat).await?;
    tenant.submitted(&submitted, request.prefer, chat).await
}

async fn submit(tenant: &Tenant, request: &JobRequest<ChatBody>, chat: &Chat) -> Result<Submitted, Problem> {
    let body = &request.body;
    let options = JobOptions {
        session_id: chat.session_id.clone(),
        message_id: chat.message_id.clone(),
        ..request.options.clone()
    };
    let Some(image) = &body.image else {
        let ticket = tickets::message::Message {
            client_id: Some(tenant.client().to_string()),
            user_id: Some(body.user.to_string()),
            prompt: body.prompt.clone(),
            session_id: chat.session_id.clone(),
            message_id: chat.message_id.clone(),
            previous_messages: body.previous.clone(),
            traceparent: request.traceparent.clone(),
            ..tickets::message::Message::default()
        };
        return leave(tenant, request, &options, &ticket).await;
    };
    check_provider(tenant, &body.user, image, "/imageGeneration/provider").await?;
    let ticket = tickets::generate::Generate {
        user_id: Some(body.user.to_string()),
        client_id: Some(tenant.client().to_string()),
        session_id: chat.session_id.clone(),
        traceparent: request.traceparent.clone(),
        ..tickets::generate::Generate::of(image.clone())
    };
    leave(tenant, request, &options, &ticket).await
}

async fn leave<T: crate::queue::Ticket>(
    tenant: &Tenant,
    request: &JobRequest<ChatBody>,
    options: &JobOptions,
    ticket: &T,
) -> Result<Submitted, Problem> {
    let (idempotency, traceparent) = (request.idempotency.as_ref(), request.traceparent.as_deref());
    tenant.submit(&request.body.user, ticket, Ask { options, idempotency, traceparent }).await
}

/// An id that is made here: from the idempotency key where there is one, so that a repeat answers the same.
fn id_for(prefix: &str, tenant: &Tenant, key: &Option<IdempotencyKey>) -> String {
    match key {
        Some(key) => {
            let name = format!("{prefix}\n{}\n{}\n{}", tenant.client(), key.route, key.key);
            let hash = Digest::of(name.as_bytes()).hex();
            format!("{prefix}_{}", hash.get(..26).unwrap_or(&hash))
        }
        None => format!("{prefix}_{}", ulid::Ulid::generate()),
    }
}

/// A chat message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatRequest {
    /// The client's own name for its end user; `default` when left out.
    pub user_id: Option<String>,
    /// What the user says, 1-4000 characters.
    #[schema(min_length = 1, max_length = 4000, example = "A serene garden")]
    pub prompt: String,
    /// The chat it belongs to; made when left out.
    pub session_id: Option<String>,
    /// Asks for pictures.
    pub image_generation: Option<ChatImages>,
    /// What was said before.
    pub chat_context: Option<ChatContext>,
    /// Options of the job.
    #[serde(flatten)]
    pub options: JobOptionsDocument,
}

/// Asks for pictures.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatImages {
    /// Whether pictures are wanted.
    pub enabled: bool,
    /// What they should be like.
    #[serde(flatten)]
    pub image: ImageFields,
}

/// What was said before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatContext {
    /// Oldest first, at most 100.
    pub previous_messages: Option<Vec<ChatMessage>>,
}

/// One earlier message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    /// Who spoke.
    #[schema(example = "user")]
    pub role: String,
    /// What was said.
    pub content: String,
    /// When, RFC 3339.
    pub timestamp: Option<Value>,
}
