//! The notes themselves: all of them under one key, so that reading them is one round trip.

use semantest_addon::{Error, kv};
use serde::{Deserialize, Serialize};

/// The one key.
const KEY: &str = "notes";
/// Most notes; the whole stays far below the manifest's `maxBytes` and quick to read.
const MAX_NOTES: usize = 1000;
/// Most bytes of all notes together, a little under the manifest's `maxBytes`.
const MAX_BYTES: usize = 900_000;
/// Requests whose repetition is recognised.
const REMEMBERED: usize = 16;

/// One note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) id: u64,
    pub(crate) text: String,
}

/// Everything that is stored.
#[derive(Default, Serialize, Deserialize)]
struct Notebook {
    last_id: u64,
    /// Oldest first.
    notes: Vec<Note>,
    /// Requests that were done, with the note each made; oldest first.
    done: Vec<(String, u64)>,
}

/// Keeps a note and answers its number and how many there are. The same `request` twice keeps it once.
pub(crate) fn add(text: &str, request: &str) -> Result<(u64, usize), Error> {
    kv::open()?.update(KEY, |notebook: &mut Notebook| notebook.add(text, request))
}

/// The newest notes, newest first, and how many there are in all.
pub(crate) fn newest(limit: usize) -> Result<(Vec<Note>, usize), Error> {
    let notes = read()?;
    let count = notes.len();
    Ok((notes.into_iter().rev().take(limit).collect(), count))
}

/// The notes with every word of `query`, newest first.
pub(crate) fn search(query: &str) -> Result<Vec<Note>, Error> {
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let holds_all = |note: &Note| {
        let text = note.text.to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    };
    Ok(read()?.into_iter().rev().filter(holds_all).collect())
}

fn read() -> Result<Vec<Note>, Error> {
    Ok(kv::open()?.get_json::<Notebook>(KEY)?.unwrap_or_default().notes)
}

impl Notebook {
    fn add(&mut self, text: &str, request: &str) -> Result<(u64, usize), Error> {
        if let Some((_, id)) = self.done.iter().find(|(done, _)| done == request) {
            return Ok((*id, self.notes.len()));
        }
        let bytes: usize = self.notes.iter().map(|note| note.text.len()).sum();
        if self.notes.len() >= MAX_NOTES || bytes.saturating_add(text.len()) > MAX_BYTES {
            return Err(Error::refused("notebook-full", "the notebook is full"));
        }
        self.last_id += 1;
        self.notes.push(Note { id: self.last_id, text: text.to_owned() });
        self.done.push((request.to_owned(), self.last_id));
        if self.done.len() > REMEMBERED {
            self.done.remove(0);
        }
        Ok((self.last_id, self.notes.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_repeated_keeps_its_note_once() {
        let mut notebook = Notebook::default();
        assert_eq!(notebook.add("milk", "a").ok(), Some((1, 1)));
        assert_eq!(notebook.add("milk", "a").ok(), Some((1, 1)));
        assert_eq!(notebook.add("milk", "b").ok(), Some((2, 2)));
    }

    #[test]
    fn a_full_notebook_refuses() {
        let mut notebook = Notebook::default();
        for index in 0..MAX_NOTES {
            assert!(notebook.add("x", &index.to_string()).is_ok());
        }
        assert_eq!(notebook.add("x", "more").err().map(|error| error.code), Some(String::from("notebook-full")));
    }
}
