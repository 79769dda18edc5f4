//! `/note` in a chat.

use semantest_addon::{Call, Error};

use crate::notebook::{self, Note};

/// Notes that a chat shows at once.
const SHOWN: usize = 10;

/// What a message that starts with `/note` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Add(&'a str),
    List,
    Search(&'a str),
}

impl<'a> Command<'a> {
    /// Reads a message; none when it is not for this addon.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let rest = text.trim().strip_prefix("/note")?;
        if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
            return None;
        }
        Some(match (rest.trim(), rest.trim().strip_prefix('?').map(str::trim)) {
            ("", _) | (_, Some("")) => Self::List,
            (_, Some(query)) => Self::Search(query),
            (note, None) => Self::Add(note),
        })
    }

    /// Does it and answers what to say.
    pub(crate) fn run(self, call: &Call) -> Result<String, Error> {
        match self {
            Self::Add(text) => {
                let (id, count) = notebook::add(text, &call.idempotency_key)?;
                Ok(format!("Noted as number {id}. You have {}.", counted(count)))
            }
            Self::List => {
                let (notes, count) = notebook::newest(SHOWN)?;
                Ok(listed(&format!("You have {}", counted(count)), &notes))
            }
            Self::Search(query) => {
                let notes = notebook::search(query)?;
                let found = format!("{} with “{query}”", counted(notes.len()));
                Ok(listed(&found, notes.get(..SHOWN).unwrap_or(&notes)))
            }
        }
    }
}

fn counted(count: usize) -> String {
    match count {
        0 => String::from("no notes"),
        1 => String::from("1 note"),
        more => format!("{more} notes"),
    }
}

fn listed(head: &str, notes: &[Note]) -> String {
    if notes.is_empty() {
        return format!("{head}.");
    }
    let mut text = format!("{head}:");
    for note in notes {
        text.push_str(&format!("\n{}. {}", note.id, note.text));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_that_start_with_the_command_are_for_us() {
        for (text, expected) in [
            ("/note buy milk", Some(Command::Add("buy milk"))),
            ("  /note\tbuy milk ", Some(Command::Add("buy milk"))),
            ("/note", Some(Command::List)),
            ("/note ?", Some(Command::List)),
            ("/note ? milk", Some(Command::Search("milk"))),
            ("/notebook", None),
            ("please /note this", None),
            ("", None),
        ] {
            assert_eq!(Command::parse(text), expected, "{text}");
        }
    }
}
