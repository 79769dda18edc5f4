//! One place under the supervisor: its process is started, watched, started again, and told to stop.

use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard, watch};
use tracing::{error, info, warn};

use crate::app::line::Question;
use crate::app::supervise::child::{Child, Launch, in_words, is_refusal};
use crate::app::supervise::deaths::{Deaths, FAILING_AFTER, Next};
use crate::app::supervise::standing::{Standing, State};
use crate::config::processes::ProcessSettings;
use crate::host::vault::Counter;
use crate::shutdown::Stop;

/// How often a process that has begun is asked how it is.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often one that was started just now is asked.
const LOOK_SOON: Duration = Duration::from_millis(50);
/// What a worker may take above its grace to hand jobs back and to write ends down, before it is killed.
const BEYOND_GRACE: Duration = Duration::from_secs(20);

/// Why a place is given up.
#[derive(Debug, thiserror::Error)]
pub enum GivenUp {
    /// The first process said itself that it cannot work.
    #[error("worker process {number} does not start; it said why")]
    Refused {
        /// Which.
        number: usize,
    },
    /// It died too often in a row.
    #[error("worker process {number} ended {deaths} times in a row, last time {how}")]
    Dying {
        /// Which.
        number: usize,
        /// How often.
        deaths: u32,
        /// How it ended.
        how: String,
    },
}

/// What all places share.
pub(super) struct Crew {
    pub(super) launch: Launch,
    pub(super) settings: ProcessSettings,
    pub(super) grace: Duration,
    pub(super) counter: Counter,
    pub(super) standing: Standing,
    /// Whoever holds it is being replaced: one at a time.
    pub(super) turn: Mutex<()>,
}

/// How a process's time ended.
enum End<'a> {
    Stopped,
    Replaced(MutexGuard<'a, ()>),
    Died { how: String, is_refusal: bool },
}

/// Keeps a process in one place until `stop`.
pub(super) struct Keeper<'a> {
    pub(super) crew: &'a Crew,
    pub(super) index: usize,
    pub(super) stop: Stop,
    /// Counts the wishes that every process be replaced.
    pub(super) renewals: watch::Receiver<u64>,
    /// How many of them are fulfilled here.
    pub(super) renewed: u64,
}

impl<'a> Keeper<'a> {
    /// # Errors
    /// [`GivenUp`] when it is not started again.
    pub(super) async fn keep(mut self) -> Result<(), GivenUp> {
        let (crew, number) = (self.crew, self.index + 1);
        let mut deaths = Deaths::none(crew.settings.clone());
        let mut turn = None;
        while !self.stop.has_fired() {
            let started = Instant::now();
            crew.standing.set(self.index, State::Starting);
            let end = match Child::start(&crew.launch, number, &crew.counter) {
                Ok(child) => {
                    info!(worker = number, pid = child.pid, "Worker process {number} started");
                    crew.standing.connect(self.index, Some(child.line.clone()));
                    self.watch(child, started, turn.take()).await
                }
                Err(error) => End::Died { how: format!("before it began: {error}"), is_refusal: false },
            };
            crew.standing.connect(self.index, None);
            match end {
                End::Stopped => break,
                End::Replaced(mine) => turn = Some(mine),
                End::Died { how, is_refusal } => self.mourn(&mut deaths, started.elapsed(), how, is_refusal).await?,
            }
        }
        crew.standing.set(self.index, State::Stopped);
        Ok(())
    }

    /// Looks after one process until its time is over.
    async fn watch(&mut self, mut child: Child, started: Instant, turn: Option<MutexGuard<'a, ()>>) -> End<'a> {
        let (crew, number, mut turn) = (self.crew, self.index + 1, turn);
        let mut pace = LOOK_SOON;
        loop {
            tokio::select! {
                ended = child.ended() => {
                    return End::Died { how: in_words(&ended), is_refusal: is_refusal(&ended) };
                }
                () = self.stop.fired() => {
                    if !child.drain(crew.grace + BEYOND_GRACE).await {
                        warn!(worker = number, "Worker process {number} did not stop in time and was killed");
                    }
                    return End::Stopped;
                }
                mine = my_turn(&mut self.renewals, self.renewed, &crew.turn), if turn.is_none() => {
                    self.renewed = *self.renewals.borrow();
                    info!(worker = number, "Worker process {number} is being replaced");
                    child.drain(crew.grace + BEYOND_GRACE).await;
                    return End::Replaced(mine);
                }
                () = tokio::time::sleep(pace) => {}
            }
            let state = match child.line.ask(Question::Missing).await {
                Ok(missing) if missing.is_empty() => State::Ready,
                Ok(missing) => State::Missing(missing),
                // It has not begun to answer, or is too busy to.
                Err(_) if pace == LOOK_SOON => State::Starting,
                Err(error) => State::Missing(format!("does not answer: {error}")),
            };
            if state == State::Ready {
                // Whoever waits to be replaced may, now that this one works.
                drop(turn.take());
                pace = LOOK_EVERY;
                if started.elapsed() >= crew.settings.quiet.duration() {
                    crew.standing.forgive(self.index);
                }
            }
            crew.standing.set(self.index, state);
        }
    }

    /// Waits after a death, or gives the place up.
    async fn mourn(&self, deaths: &mut Deaths, lived: Duration, how: String, is_refusal: bool) -> Result<(), GivenUp> {
        let number = self.index + 1;
        if is_refusal && !self.crew.standing.has_ever_worked() {
            return Err(GivenUp::Refused { number });
        }
        let lived_ms = u64::try_from(lived.as_millis()).unwrap_or(u64::MAX);
        let next = deaths.count(lived);
        let in_a_row = deaths.in_a_row();
        self.crew.standing.set(self.index, State::Down { deaths: in_a_row, how: how.clone() });
        let Next::Again(wait) = next else {
            return Err(GivenUp::Dying { number, deaths: in_a_row, how });
        };
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        if in_a_row >= FAILING_AFTER {
            error!(
                worker = number,
                deaths = in_a_row,
                lived_ms,
                wait_ms,
                "Worker process {number} ends again and again, this time {how}; given up after {} times",
                self.crew.settings.give_up_after
            );
        } else {
            warn!(
                worker = number,
                lived_ms,
                wait_ms,
                "Worker process {number} ended, {how}; its jobs are taken over when their locks run out"
            );
        }
        Standing::count_restart(self.index);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.stop.fired() => {}
        }
        Ok(())
    }
}

/// Resolves when this process is wished to be replaced and no other one is being so. Cancel-safe.
async fn my_turn<'a>(renewals: &mut watch::Receiver<u64>, renewed: u64, turn: &'a Mutex<()>) -> MutexGuard<'a, ()> {
    if renewals.wait_for(|wishes| *wishes != renewed).await.is_err() {
        // Nobody can wish it any more.
        std::future::pending::<()>().await;
    }
    turn.lock().await
}
