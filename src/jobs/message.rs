//! `message`: send a chat message through the user's addons.

use serde_json::json;

use crate::jobs::{JobCx, JobResult};
use crate::model::chat::{Message, Role};
use crate::queue::tickets::message::Message as Ticket;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Ticket = cx.ticket()?;
    let user = cx.user();
    let mut history = ticket.previous_messages;
    history.push(Message { role: Role::User, text: ticket.prompt, attachments: Vec::new() });
    let mut hooks = Vec::new();
    let client = &cx.record.facts.client;
    let verdict = cx.services.addons.before_prompt((client, &user), history, &cx.call, &mut hooks).await?;
    let reply =
        verdict.reply.map(|(message, addon)| json!({ "role": message.role, "text": message.text, "addonId": addon }));
    Ok(json!({ "reply": reply, "context": verdict.context, "hooks": hooks }))
}
