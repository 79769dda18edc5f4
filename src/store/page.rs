//! Pages of long lists.

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
