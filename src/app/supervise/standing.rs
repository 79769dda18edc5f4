//! How the processes under a supervisor stand: what `/readyz` and `/metrics` answer from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use parking_lot::Mutex;

use crate::api::{Figures, ReadinessCheck};
use crate::app::line::{Asker, Question};
use crate::app::supervise::deaths::FAILING_AFTER;
use crate::app::supervise::figures;
use crate::shutdown::Stop;

/// How often it is looked whether everybody has begun.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One process, as its supervisor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It was started and did not say yet that it works.
    Starting,
    /// It works.
    Ready,
    /// It lives and says what is missing.
    Missing(String),
    /// It died and is started again after a wait.
    Down {
        /// Deaths in a row.
        deaths: u32,
        /// How it ended.
        how: String,
    },
    /// It was told to stop, and has.
    Stopped,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Ready => f.write_str("ready"),
            Self::Missing(what) => f.write_str(what),
            Self::Down { deaths, how } => write!(f, "ended {deaths} times in a row, last time {how}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

struct Place {
    state: State,
    /// Deaths in a row; kept while the next try is starting.
    deaths: u32,
    has_been_ready: bool,
    line: Option<Arc<Asker>>,
}

/// How all of them stand; a clone is the same table.
#[derive(Clone)]
pub struct Standing(Arc<Mutex<Vec<Place>>>);

impl Standing {
    pub(super) fn of(count: usize) -> Self {
        let place = || Place { state: State::Starting, deaths: 0, has_been_ready: false, line: None };
        Self(Arc::new(Mutex::new(std::iter::repeat_with(place).take(count).collect())))
    }

    pub(super) fn set(&self, index: usize, state: State) {
        let mut places = self.0.lock();
        let Some(place) = places.get_mut(index) else { return };
        match &state {
            State::Ready => place.has_been_ready = true,
            State::Down { deaths, .. } => place.deaths = *deaths,
            State::Starting | State::Missing(_) | State::Stopped => {}
        }
        place.state = state;
        let ready = places.iter().filter(|place| place.state == State::Ready).count();
        gauge!("semantest_worker_processes", "state" => "ready").set(as_figure(ready));
        gauge!("semantest_worker_processes", "state" => "not-ready").set(as_figure(places.len().saturating_sub(ready)));
    }

    /// Keeps the line to a process that was started just now.
    pub(super) fn connect(&self, index: usize, line: Option<Arc<Asker>>) {
        if let Some(place) = self.0.lock().get_mut(index) {
            place.line = line;
        }
    }

    /// Forgives what died before, for a process that has lived for long.
    pub(super) fn forgive(&self, index: usize) {
        if let Some(place) = self.0.lock().get_mut(index) {
            place.deaths = 0;
        }
    }

    pub(super) fn count_restart(index: usize) {
        counter!("semantest_worker_restarts_total", "worker" => (index + 1).to_string()).increment(1);
    }

    /// Whether any of them ever said that it works.
    pub(super) fn has_ever_worked(&self) -> bool {
        self.0.lock().iter().any(|place| place.has_been_ready)
    }

    /// Waits until each of them has said at some time that it works; `false` when `stop` fires before. Cancel-safe.
    pub async fn have_begun(&self, stop: &Stop) -> bool {
        while !self.0.lock().iter().all(|place| place.has_been_ready) {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.fired() => return false,
            }
        }
        true
    }

    /// Whether work gets done: everybody has worked once, nobody dies again and again, and somebody works now.
    ///
    /// One process that died by itself does not turn this: its neighbours go on with what it had.
    ///
    /// # Errors
    /// What is missing, by process number.
    pub fn check(&self) -> Result<(), String> {
        let places = self.0.lock();
        let named = |wanted: &dyn Fn(&Place) -> bool| -> Vec<String> {
            let numbered = places.iter().enumerate().filter(|(_, place)| wanted(place));
            numbered.map(|(index, place)| format!("process {}: {}", index + 1, place.words())).collect()
        };
        let failing = named(&|place| place.deaths >= FAILING_AFTER && place.state != State::Ready);
        if !failing.is_empty() {
            return Err(failing.join("; "));
        }
        let unborn = named(&|place| !place.has_been_ready);
        if !unborn.is_empty() {
            return Err(unborn.join("; "));
        }
        if places.iter().any(|place| place.state == State::Ready) {
            return Ok(());
        }
        Err(named(&|_| true).join("; "))
    }

    /// The same as a check for the operators' listener, which also says when the stop was heard.
    #[must_use]
    pub fn readiness(&self, stop: Stop) -> ReadinessCheck {
        let this = self.clone();
        Arc::new(move || {
            let answer = if stop.has_fired() { Err(String::from("stopping")) } else { this.check() };
            Box::pin(std::future::ready(answer))
        })
    }

    /// The figures of `own`, this process's, and of all the others in one page.
    #[must_use]
    pub fn figures(&self, own: Figures) -> Figures {
        let this = self.clone();
        Arc::new(move || {
            let (this, own) = (this.clone(), Arc::clone(&own));
            Box::pin(async move {
                let lines: Vec<Arc<Asker>> = this.0.lock().iter().filter_map(|place| place.line.clone()).collect();
                let asking = lines.iter().map(|line| line.ask(Question::Figures));
                let (own, answers) = tokio::join!(own(), futures::future::join_all(asking));
                // One that does not answer is missing on the page; `/readyz` says why.
                let pages: Vec<String> = std::iter::once(own).chain(answers.into_iter().flatten()).collect();
                figures::merge(&pages)
            })
        })
    }
}

impl Place {
    fn words(&self) -> String {
        match &self.state {
            State::Starting if self.deaths > 0 => {
                format!("starting again after it ended {} times in a row", self.deaths)
            }
            state => state.to_string(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; there are at most 1024 processes")]
const fn as_figure(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down(deaths: u32) -> State {
        State::Down { deaths, how: String::from("killed by SIGABRT") }
    }

    #[test]
    fn work_is_ready_when_everybody_began_and_one_crash_does_not_change_that() {
        let standing = Standing::of(2);
        assert_eq!(standing.check(), Err(String::from("process 1: starting; process 2: starting")));
        standing.set(0, State::Ready);
        assert_eq!(standing.check(), Err(String::from("process 2: starting")));
        standing.set(1, State::Ready);
        assert_eq!(standing.check(), Ok(()));
        standing.set(1, down(1));
        assert_eq!(standing.check(), Ok(()));
        standing.set(0, State::Missing(String::from("redis: away")));
        let both = "process 1: redis: away; process 2: ended 1 times in a row, last time killed by SIGABRT";
        assert_eq!(standing.check(), Err(String::from(both)));
    }

    #[test]
    fn one_that_dies_again_and_again_is_named_also_while_it_starts_once_more() {
        let standing = Standing::of(2);
        standing.set(0, State::Ready);
        standing.set(1, State::Ready);
        standing.set(1, down(FAILING_AFTER));
        let said = "process 2: ended 3 times in a row, last time killed by SIGABRT";
        assert_eq!(standing.check(), Err(String::from(said)));
        standing.set(1, State::Starting);
        assert_eq!(standing.check(), Err(String::from("process 2: starting again after it ended 3 times in a row")));
        standing.set(1, State::Ready);
        assert_eq!(standing.check(), Ok(()), "it works again");
        standing.forgive(1);
        standing.set(1, down(1));
        assert_eq!(standing.check(), Ok(()));
    }
}
