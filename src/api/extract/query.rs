//! Reads the query string name by name and collects every fault on the way.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::api::problem::{Fault, Place, Problem};

/// Entries of a page when the client names no number, and the most it may name (`api.md`).
const PAGE: (usize, usize) = (50, 200);

/// A query that is read name by name; what [`FromQuery::read`] leaves over is an unknown parameter.
pub trait FromQuery: Sized {
    /// Reads the parameters; every fault is noted in `query`.
    fn read(query: &mut QueryFields) -> Self;
}

/// The query string as `T`.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: FromQuery, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut query = QueryFields::of(parts.uri.query().unwrap_or(""));
        let read = T::read(&mut query);
        query.finish().map(|()| Self(read))
    }
}

/// The parameters that were not read yet.
#[derive(Debug)]
pub struct QueryFields {
    left: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl QueryFields {
    fn of(query: &str) -> Self {
        let left = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { left, faults: Vec::new() }
    }

    /// The parameter as text; an empty one counts as absent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let (found, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.left).into_iter().partition(|(key, _)| key == name);
        self.left = left;
        if found.len() > 1 {
            self.fault(name, "is given more than once");
        }
        found.into_iter().next().map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// The parameter as `parse` understands it.
    pub fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, error.to_string());
                None
            }
        }
    }

    /// Whether the parameter was given and not taken yet.
    #[must_use]
    pub fn peek(&self, name: &str) -> bool {
        self.left.iter().any(|(key, value)| key == name && !value.is_empty())
    }

    /// `true` or `false`; false when absent.
    pub fn flag(&mut self, name: &str) -> bool {
        self.parsed(name, |text| match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err("must be true or false"),
        })
        .unwrap_or(false)
    }

    /// `limit`: how many entries a page has.
    pub fn limit(&mut self) -> usize {
        self.parsed("limit", |text| {
            text.parse::<usize>()
                .ok()
                .filter(|limit| (1..=PAGE.1).contains(limit))
                .ok_or_else(|| format!("must be a whole number, 1-{}", PAGE.1))
        })
        .unwrap_or(PAGE.0)
    }

    /// Notes that the parameter called `name` is wrong.
    pub fn fault(&mut self, name: &str, message: impl Into<String>) {
        self.faults.push(Fault::of(Place::Query, name, message));
    }

    /// Whether some fault was noted already.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    fn finish(mut self) -> Result<(), Problem> {
        let left = std::mem::take(&mut self.left);
        for (name, _) in left.iter().take(20) {
            let name: String = name.chars().take(100).collect();
            self.fault(&name, "is an unknown parameter");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::invalid(self.faults)) }
    }
}

/// `?cursor=&limit=` and nothing else.
#[derive(Clone, Debug)]
pub struct Paging {
    /// Where the page begins.
    pub cursor: Option<String>,
    /// How many entries it has.
    pub limit: usize,
}

impl FromQuery for Paging {
    fn read(query: &mut QueryFields) -> Self {
        Self { cursor: query.text("cursor"), limit: query.limit() }
    }
}

/// No parameters at all.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl FromQuery for Nothing {
    fn read(_query: &mut QueryFields) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_query_is_found() {
        let mut query = QueryFields::of("limit=0&cursor=a&cursor=b&lmit=3");
        let paging = Paging::read(&mut query);
        assert_eq!(paging.limit, 50);
        let faults = query.finish().map_err(|problem| problem.faults().len());
        assert_eq!(faults, Err(3));
    }
}
