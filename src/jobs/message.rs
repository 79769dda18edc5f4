//! `message`: send a chat message through the user's addons.

use serde_json::json;

use crate::addons::hooks::trace::Trace;
use crate::jobs::{JobCx, JobResult};
use crate::model::chat::{Message, Role};
use crate::queue::tickets::message::Message as Ticket;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let mut hooks = Trace::default();
    // However it ends, who had a hand in it is shown.
    answer(&cx, &mut hooks).await.map_err(|error| hooks.in_error(error))
}

async fn answer(cx: &JobCx, hooks: &mut Trace) -> JobResult {
    let ticket: Ticket = cx.ticket()?;
    let user = cx.user();
    let mut history = ticket.previous_messages;
    history.push(Message { role: Role::User, text: ticket.prompt, attachments: Vec::new() });
    let (addons, client) = (&cx.services.addons, &cx.record.facts.client);
    let verdict = addons.before_prompt((client, &user), history, &cx.call, hooks).await?;
    let reply = match verdict.reply {
        None => None,
        Some((message, addon)) => {
            let message = addons.after_reply((client, &user), message, &cx.call, hooks).await?;
            Some(json!({ "role": message.role, "text": message.text, "addonId": addon }))
        }
    };
    Ok(hooks.in_result(json!({ "reply": reply, "context": verdict.context })))
}
