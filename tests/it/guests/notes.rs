//! `semantest.notes`: actions over one key, and `/note` in a chat.

use std::sync::atomic::Ordering;

use anyhow::{Result, bail};
use semantest::host::invocation::PromptVerdict;
use semantest::host::{Invocation, Reply};
use semantest::model::chat::{Message, Role};
use semantest::model::code::JobCode;
use serde_json::{Value, json};

use super::Enabled;

async fn notes() -> Result<Enabled> {
    Enabled::by_default("semantest.notes").await
}

impl Enabled {
    /// Keeps a note under a request of its own.
    async fn note(&mut self, request: &str, text: &str) -> Result<Value> {
        self.key = request.to_owned();
        self.act("add", json!({ "text": text })).await
    }

    async fn say(&self, role: Role, text: &str) -> Result<PromptVerdict> {
        let history = vec![Message { role, text: text.to_owned(), attachments: Vec::new() }];
        match self.ask(Invocation::BeforePrompt { history }).await.outcome? {
            Reply::BeforePrompt(verdict) => Ok(verdict),
            other => bail!("not a prompt's reply: {other:?}"),
        }
    }

    async fn reply(&self, text: &str) -> Result<String> {
        match self.say(Role::User, text).await? {
            PromptVerdict::Reply(message) => Ok(message.text),
            other => bail!("no reply: {other:?}"),
        }
    }
}

#[tokio::test]
async fn notes_are_kept_listed_and_found() -> Result<()> {
    let mut notes = notes().await?;
    assert_eq!(notes.note("a", "buy milk").await?, json!({ "id": 1, "count": 1 }));
    assert_eq!(notes.note("b", "call Ada about the milk").await?, json!({ "id": 2, "count": 2 }));
    let listed = notes.act("list", json!({ "limit": 1 })).await?;
    assert_eq!(listed, json!({ "notes": [{ "id": 2, "text": "call Ada about the milk" }], "count": 2 }));
    let found = notes.act("search", json!({ "query": "MILK buy" })).await?;
    assert_eq!(found, json!({ "notes": [{ "id": 1, "text": "buy milk" }], "count": 1 }));
    Ok(())
}

#[tokio::test]
async fn listing_ten_notes_costs_one_read() -> Result<()> {
    let mut notes = notes().await?;
    for index in 0..10 {
        notes.note(&index.to_string(), "something to remember").await?;
    }
    let before = notes.memory.kv_calls.load(Ordering::Relaxed);
    let listed = notes.act("list", json!({})).await?;
    assert_eq!(listed["count"], 10);
    assert_eq!(notes.memory.kv_calls.load(Ordering::Relaxed) - before, 1);
    Ok(())
}

#[tokio::test]
async fn a_job_that_runs_twice_keeps_its_note_once() -> Result<()> {
    let mut notes = notes().await?;
    let first = notes.note("same", "buy milk").await?;
    notes.attempt = 2;
    assert_eq!(notes.note("same", "buy milk").await?, first);
    Ok(())
}

#[tokio::test]
async fn a_note_survives_somebody_who_writes_at_the_same_time() -> Result<()> {
    let mut notes = notes().await?;
    notes.note("a", "first").await?;
    notes.memory.rivals.store(3, Ordering::Relaxed);
    assert_eq!(notes.note("b", "second").await?, json!({ "id": 2, "count": 2 }));
    notes.memory.rivals.store(1000, Ordering::Relaxed);
    notes.key = String::from("c");
    let failure = notes.failure("add", json!({ "text": "third" })).await?;
    assert!(failure.disposition().is_retryable(), "{failure}");
    Ok(())
}

#[tokio::test]
async fn a_chat_that_starts_with_the_command_is_answered() -> Result<()> {
    let notes = notes().await?;
    assert_eq!(notes.reply("/note").await?, "You have no notes.");
    assert_eq!(notes.reply("/note buy milk").await?, "Noted as number 1. You have 1 note.");
    assert_eq!(notes.reply("/note ? milk").await?, "1 note with “milk”:\n1. buy milk");
    assert_eq!(notes.reply("/note").await?, "You have 1 note:\n1. buy milk");
    Ok(())
}

#[tokio::test]
async fn other_chats_pass() -> Result<()> {
    let notes = notes().await?;
    assert_eq!(notes.say(Role::User, "what is a /note?").await?, PromptVerdict::Pass);
    assert_eq!(notes.say(Role::Assistant, "/note buy milk").await?, PromptVerdict::Pass);
    Ok(())
}

#[tokio::test]
async fn an_unknown_action_is_the_callers_fault() -> Result<()> {
    let failure = notes().await?.failure("burn", json!({})).await?;
    assert_eq!(failure.code(), JobCode::AddonBadInput);
    Ok(())
}
