//! A chat message, as hooks and clients see it.

use serde::{Deserialize, Serialize};

use crate::model::id::ArtifactId;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The platform.
    System,
    /// The client's end user.
    User,
    /// The answering side.
    Assistant,
    /// A tool's answer.
    Tool,
}

/// One message of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
    /// Ids of artifacts that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<String>,
}

/// Longest message, in characters: longer than a prompt, since replies are.
pub const MAX_MESSAGE_CHARS: usize = 32_000;
/// Most messages that a hook may make of a chat: as many as a client sends along, and as many that hooks put beside them.
pub const MAX_MESSAGES: usize = 200;
/// Most attachments of one message.
const MAX_ATTACHMENTS: usize = 16;

/// What is wrong with messages that an addon made, in words that quote nothing of them; none where they are good.
#[must_use]
pub fn fault(messages: &[Message]) -> Option<String> {
    if messages.len() > MAX_MESSAGES {
        return Some(format!("{} messages, at most {MAX_MESSAGES} are taken", messages.len()));
    }
    messages.iter().enumerate().find_map(|(index, message)| {
        let length = message.text.chars().count();
        if length > MAX_MESSAGE_CHARS {
            return Some(format!("message {index} has {length} characters, at most {MAX_MESSAGE_CHARS} are taken"));
        }
        if message.attachments.len() > MAX_ATTACHMENTS {
            let count = message.attachments.len();
            return Some(format!("message {index} has {count} attachments, at most {MAX_ATTACHMENTS} are taken"));
        }
        let is_artifact = |id: &String| ArtifactId::parse(id).is_ok();
        (!message.attachments.iter().all(is_artifact))
            .then(|| format!("an attachment of message {index} is not the id of an artifact"))
    })
}

/// The names of what differs between two conversations: what a trace may tell, since the texts are the user's own.
#[must_use]
pub fn changed_parts(before: &[Message], after: &[Message]) -> Vec<&'static str> {
    let differs = |part: fn(&Message, &Message) -> bool| before.iter().zip(after).any(|(one, other)| part(one, other));
    let parts = [
        ("count", before.len() != after.len()),
        ("role", differs(|one, other| one.role != other.role)),
        ("text", differs(|one, other| one.text != other.text)),
        ("attachments", differs(|one, other| one.attachments != other.attachments)),
    ];
    parts.into_iter().filter_map(|(part, differs)| differs.then_some(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message { role: Role::User, text: text.to_owned(), attachments: Vec::new() }
    }

    #[test]
    fn what_an_addon_makes_of_a_chat_has_bounds() {
        assert_eq!(fault(&[message("hello")]), None);
        let attached = Message { attachments: vec![String::from("../etc")], ..message("look") };
        for bad in [vec![message("x"); 201], vec![message(&"x".repeat(32_001))], vec![attached]] {
            let fault = fault(&bad);
            assert!(fault.as_ref().is_some_and(|fault| !fault.contains("etc")), "{fault:?}");
        }
    }

    #[test]
    fn a_changed_chat_is_told_by_its_parts_alone() {
        let (one, other) = (message("hello"), Message { role: Role::System, ..message("secret") });
        assert_eq!(changed_parts(std::slice::from_ref(&one), std::slice::from_ref(&other)), ["role", "text"]);
        assert_eq!(changed_parts(std::slice::from_ref(&one), &[other, one.clone()]), ["count", "role", "text"]);
    }
}
