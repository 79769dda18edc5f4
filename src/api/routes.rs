//! Every route, by what it is about. Each file has its `routes()`, its handlers and their wire types.

pub mod actions;
mod addons;
pub mod admin;
mod artifacts;
pub mod batches;
pub mod budget;
pub mod chat;
pub mod enablements;
pub mod explain;
mod health;
pub mod images;
mod job_events;
mod jobs;
mod openapi;
mod problems;
mod prompt_fields;
pub mod publish;
pub mod schemas;
pub mod secrets;
pub mod updates;
pub mod usage;
pub mod user_data;
pub mod users;
pub mod webhooks;
pub mod yank;

use utoipa_axum::router::OpenApiRouter;

use super::openapi as description;
use super::state::ApiState;

/// All routes with their description.
pub(super) fn all() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(description::base())
        .merge(chat::routes())
        .merge(images::routes())
        .merge(batches::routes())
        .merge(jobs::routes())
        .merge(job_events::routes())
        .merge(addons::routes())
        .merge(publish::routes())
        .merge(yank::routes())
        .merge(updates::routes())
        .merge(enablements::routes())
        .merge(secrets::routes())
        .merge(user_data::routes())
        .merge(users::routes())
        .merge(explain::routes())
        .merge(actions::routes())
        .merge(artifacts::routes())
        .merge(usage::routes())
        .merge(webhooks::routes())
        .merge(admin::routes())
        .merge(health::routes())
        .merge(problems::routes())
        .merge(openapi::routes())
}
