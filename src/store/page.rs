//! Pages of long lists.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::store::StoreError;

/// One page, and where the next one starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The page's items, in the list's order.
    pub items: Vec<T>,
    /// Opaque; none means that the list ends here.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The last page there is.
    #[must_use]
    pub const fn last(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

/// Where a page of a sorted set ended: the score and the member of its last entry.
pub(super) struct Place {
    /// The score.
    pub(super) score: u64,
    member: String,
}

impl Place {
    /// The place as an opaque text.
    pub(super) fn to_text(score: u64, member: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{score} {member}"))
    }

    /// Reads such a text.
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::Cursor)?;
        let text = String::from_utf8(bytes).map_err(|_| StoreError::Cursor)?;
        let (score, member) = text.split_once(' ').ok_or(StoreError::Cursor)?;
        Ok(Self { score: score.parse().map_err(|_| StoreError::Cursor)?, member: member.to_owned() })
    }

    /// Whether an entry comes after this place, newest first; entries of one millisecond are in falling order of their names.
    pub(super) fn is_before(&self, score: u64, member: &str) -> bool {
        score < self.score || (score == self.score && member < self.member.as_str())
    }
}
