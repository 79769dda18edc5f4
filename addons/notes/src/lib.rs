//! `semantest.notes`: short notes over `kv`, by action and by chat.

mod chat;
mod notebook;

use semantest_addon::{Actions, BeforePrompt, Call, Error, Json, Message, Output, PromptVerdict, Role, log};
use serde::{Deserialize, Serialize};

use notebook::Note;

/// Notes that `list` answers when nothing is said.
const DEFAULT_LIMIT: usize = 100;

struct Notes;

#[derive(Deserialize)]
struct Add {
    text: String,
}

#[derive(Deserialize)]
struct List {
    limit: Option<usize>,
}

#[derive(Deserialize)]
struct Search {
    query: String,
}

#[derive(Serialize)]
struct Added {
    id: u64,
    count: usize,
}

#[derive(Serialize)]
struct Listed {
    notes: Vec<Note>,
    count: usize,
}

impl Actions for Notes {
    fn invoke(call: Call, name: &str, params: Json) -> Result<Output, Error> {
        match name {
            "add" => {
                let Add { text } = params.read()?;
                let (id, count) = notebook::add(&text, &call.idempotency_key)?;
                log!(info, "kept a note"; note_id = id, count = count);
                Output::of(&Added { id, count })
            }
            "list" => {
                let List { limit } = params.read()?;
                let (notes, count) = notebook::newest(limit.unwrap_or(DEFAULT_LIMIT))?;
                Output::of(&Listed { notes, count })
            }
            "search" => {
                let Search { query } = params.read()?;
                let notes = notebook::search(&query)?;
                let count = notes.len();
                Output::of(&Listed { notes, count })
            }
            other => Err(Error::bad_input("unknown-action", format!("there is no action `{other}`"))),
        }
    }
}

impl BeforePrompt for Notes {
    fn run(call: Call, history: Vec<Message>) -> Result<PromptVerdict, Error> {
        let newest = history.last().filter(|message| message.role == Role::User);
        match newest.and_then(|message| chat::Command::parse(&message.text)) {
            Some(command) => Ok(PromptVerdict::Reply(Message::assistant(command.run(&call)?))),
            None => Ok(PromptVerdict::Pass),
        }
    }
}

semantest_addon::export!(Notes: Actions, BeforePrompt);
