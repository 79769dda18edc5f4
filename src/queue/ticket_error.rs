//! Why a payload is not the ticket that its name promises, in words for whoever wrote it in whatever language.

use serde_json::Value;

use crate::queue::Ticket;

/// Why a payload is not the ticket that its name promises.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {fault} (in a `{name}` ticket)")]
pub struct TicketError {
    name: &'static str,
    field: String,
    fault: String,
    #[source]
    source: serde_json::Error,
}

impl TicketError {
    fn new(name: &'static str, error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let parent = error.path().to_string();
        let source = error.into_inner();
        let text = source.to_string();
        let is_whole = parent == ".";
        let (field, fault) = match text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
            Some((field, _)) if is_whole => (field.to_owned(), String::from("is missing")),
            Some((field, _)) => (format!("{parent}.{field}"), String::from("is missing")),
            None if is_whole => (String::from("the payload"), in_plain_words(&text)),
            None => (parent, in_plain_words(&text)),
        };
        Self { name, field, fault, source }
    }
}

/// What the reader of JSON says, without the words of its own trade.
fn in_plain_words(text: &str) -> String {
    let is_trade_talk = ["invalid type", "invalid value", "invalid length", "data did not match", "unknown variant"]
        .iter()
        .any(|start| text.starts_with(start));
    if !is_trade_talk {
        return text.to_owned();
    }
    match text.split_once(", expected ") {
        Some((_, "a string" | "a borrowed string" | "string or map")) => String::from("must be text"),
        Some((_, "a boolean")) => String::from("must be true or false"),
        Some((_, "f32" | "f64")) => String::from("must be a number"),
        Some((_, "a sequence")) => String::from("must be a list"),
        Some((_, "a map")) => String::from("must be an object"),
        Some((_, number)) if number.starts_with(['u', 'i']) && number.ends_with(|end: char| end.is_ascii_digit()) => {
            String::from("must be a whole number in range")
        }
        Some((_, kind)) if kind.starts_with("struct ") || kind.contains("enum ") => String::from("must be an object"),
        Some((_, "null")) | None => String::from("is not what belongs here"),
        Some((_, wanted)) => format!("must be {wanted}"),
    }
}

/// Reads a payload as the ticket `T`.
///
/// # Errors
/// [`TicketError`] says which field is missing or wrong.
pub fn read<T: Ticket>(data: &Value) -> Result<T, TicketError> {
    serde_path_to_error::deserialize(data).map_err(|error| TicketError::new(T::NAME, error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::queue::tickets::{Invoke, Load};

    #[test]
    fn a_fault_names_its_field_and_what_it_should_be_without_words_of_the_trade() {
        let load = |data: Value| read::<Load>(&data).map_err(|error| error.to_string());
        let invoke = |data: Value| read::<Invoke>(&data).map_err(|error| error.to_string());
        for (found, expected) in [
            (load(json!({})).err(), "addonId: is missing"),
            (load(json!({"addonId": 7})).err(), "addonId: must be text"),
            (load(json!([])).err(), "the payload: "),
            (load(json!({"addonId": "a.b", "timeoutMs": "soon"})).err(), "timeoutMs: must be a whole number"),
            (load(json!({"addonId": "a.b", "webhookEvents": [1]})).err(), "webhookEvents[0]: must be text"),
            (invoke(json!({"addonId": "a.b"})).err(), "action: is missing"),
        ] {
            let found = found.unwrap_or_default();
            assert!(found.starts_with(expected), "{found}");
            for word in ["expected", "invalid type", "struct", "u64", "sequence"] {
                assert!(!found.contains(word), "{found}");
            }
        }
    }
}
