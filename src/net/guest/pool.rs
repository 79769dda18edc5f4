//! Connections that wait for a next request: each belongs to one tenant, one origin, one address.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::net::guest::line::Line;

/// Who shares connections: one client's use of one addon. Nobody else's request goes over them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    client: Arc<str>,
    addon: Arc<str>,
}

impl Tenant {
    /// The calls of `addon` for users of `client`.
    #[must_use]
    pub fn new(client: &str, addon: &str) -> Self {
        Self { client: client.into(), addon: addon.into() }
    }
}

/// Which connection a request may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) tenant: Tenant,
    /// Scheme, host and port as the URL has them.
    pub(super) origin: Arc<str>,
    /// What was checked and dialled.
    pub(super) address: SocketAddr,
}

struct Waiting {
    key: Key,
    line: Line,
    since: Instant,
}

/// The waiting connections of one process, oldest first. Cheap to clone; clones share them.
#[derive(Clone)]
pub(super) struct Pool {
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
    most: usize,
    longest: Duration,
}

impl Pool {
    pub(super) fn new(most: usize, longest: Duration) -> Self {
        Self { waiting: Arc::default(), most, longest }
    }

    /// The newest connection under `key` that is still young enough.
    pub(super) fn take(&self, key: &Key) -> Option<Line> {
        let mut waiting = self.waiting.lock();
        self.forget_old(&mut waiting);
        let index = waiting.iter().rposition(|one| one.key == *key)?;
        waiting.remove(index).map(|one| one.line)
    }

    /// Keeps a connection for the next request; the oldest one goes where there is no room.
    pub(super) fn put(&self, key: Key, line: Line) {
        let mut waiting = self.waiting.lock();
        self.forget_old(&mut waiting);
        waiting.push_back(Waiting { key, line, since: Instant::now() });
        while waiting.len() > self.most {
            waiting.pop_front();
        }
    }

    /// Closes what waited too long.
    pub(super) fn sweep(&self) {
        self.forget_old(&mut self.waiting.lock());
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    fn forget_old(&self, waiting: &mut VecDeque<Waiting>) {
        while waiting.front().is_some_and(|oldest| oldest.since.elapsed() >= self.longest) {
            waiting.pop_front();
        }
    }
}
