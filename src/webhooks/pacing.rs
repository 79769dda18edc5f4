//! So that a receiver that is dead delays nobody but itself.
//!
//! An attempt holds a place of the worker for as long as the receiver takes, up to its whole timeout. So each receiver has few
//! places, one that failed last time has fewer, and all that fail together have half of the queue's. Who finds no place is not
//! kept waiting in one: its ticket is put off, until about when one will be free. For that each receiver has a line of its
//! own, as long as what stands in it usually takes.
//!
//! Every worker process keeps its own book. Time comes in from outside.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// What an attempt takes at a receiver that nobody knows yet.
const FIRST_GUESS: Duration = Duration::from_millis(50);
/// Shortest time that a ticket is put off: a shorter one costs more than it saves.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);
/// Longest: a receiver that is back hears everything that was put off within this time.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Receivers that are remembered although nothing is under way there.
const MOST_REMEMBERED: usize = 10_000;

/// The book. Cheap to clone; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Pacing(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    /// Places of a receiver that is well.
    most: usize,
    /// Places of one that failed last time.
    most_failing: usize,
    /// Places of all that failed last time together.
    most_failing_together: usize,
    receivers: HashMap<String, Receiver>,
}

#[derive(Debug)]
struct Receiver {
    under_way: usize,
    has_failed: bool,
    /// What an attempt usually takes.
    usual: Duration,
    /// When whoever is put off next gets a place.
    end_of_line: Instant,
}

/// What an attempt gets.
#[derive(Debug)]
pub(super) enum Turn {
    /// A place.
    Now(Place),
    /// None; it should come back after this long.
    Later(Duration),
}

/// A place at a receiver; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    pacing: Pacing,
    receiver: String,
}

impl Pacing {
    /// A book for a worker that runs `concurrency` jobs at once, with `most` places a receiver.
    pub(super) fn new(most: usize, concurrency: usize) -> Self {
        let most = most.max(1);
        Self(Arc::new(Mutex::new(Book {
            most,
            most_failing: most.div_ceil(5),
            most_failing_together: concurrency.div_ceil(2),
            receivers: HashMap::new(),
        })))
    }

    /// Asks for a place at a receiver.
    pub(super) fn ask(&self, receiver: &str, now: Instant) -> Turn {
        let mut book = self.0.lock();
        let failing = book.failing_under_way();
        let (most, most_failing, together) = (book.most, book.most_failing, book.most_failing_together);
        let entry = book.receivers.entry(receiver.to_owned()).or_insert_with(|| Receiver::fresh(now));
        let places = if entry.has_failed { most_failing } else { most };
        if entry.under_way < places && !(entry.has_failed && failing >= together) {
            entry.under_way += 1;
            return Turn::Now(Place { pacing: self.clone(), receiver: receiver.to_owned() });
        }
        let step = entry.usual / u32::try_from(places).unwrap_or(u32::MAX);
        let wait = entry.end_of_line.saturating_duration_since(now).saturating_add(step);
        let wait = wait.clamp(SHORTEST_WAIT, LONGEST_WAIT);
        // Beyond the longest wait the line grows no further: what stands there comes back and asks again.
        entry.end_of_line = (entry.end_of_line.max(now) + step).min(now + LONGEST_WAIT);
        Turn::Later(wait)
    }
}

impl Place {
    /// Says how the attempt went.
    pub(super) fn report(&self, is_well: bool, took: Duration, now: Instant) {
        let mut book = self.pacing.0.lock();
        let Some(entry) = book.receivers.get_mut(&self.receiver) else { return };
        entry.usual = (entry.usual * 3 + took) / 4;
        if is_well && entry.has_failed {
            // What was put off for its sake need not stand there any longer than it does already.
            entry.end_of_line = now;
        }
        entry.has_failed = !is_well;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = self.pacing.0.lock();
        if let Some(entry) = book.receivers.get_mut(&self.receiver) {
            entry.under_way = entry.under_way.saturating_sub(1);
        }
        if book.receivers.len() > MOST_REMEMBERED {
            book.receivers.retain(|_, entry| entry.under_way > 0);
        }
    }
}

impl Book {
    fn failing_under_way(&self) -> usize {
        self.receivers.values().filter(|entry| entry.has_failed).map(|entry| entry.under_way).sum()
    }
}

impl Receiver {
    const fn fresh(now: Instant) -> Self {
        Self { under_way: 0, has_failed: false, usual: FIRST_GUESS, end_of_line: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes places until there is none; what is left is the wait.
    fn fill(pacing: &Pacing, receiver: &str, now: Instant) -> (Vec<Place>, Duration) {
        let mut places = Vec::new();
        loop {
            match pacing.ask(receiver, now) {
                Turn::Now(place) => places.push(place),
                Turn::Later(wait) => return (places, wait),
            }
        }
    }

    #[test]
    fn a_receiver_has_its_places_and_one_that_failed_has_fewer() {
        let (pacing, now) = (Pacing::new(10, 50), Instant::now());
        let (places, wait) = fill(&pacing, "a", now);
        assert_eq!((places.len(), wait), (10, SHORTEST_WAIT));
        assert_eq!(fill(&pacing, "b", now).0.len(), 10, "another one has its own");
        for place in &places {
            place.report(false, Duration::from_secs(15), now);
        }
        drop(places);
        let (places, _) = fill(&pacing, "a", now);
        assert_eq!(places.len(), 2);
        for place in &places {
            place.report(true, Duration::from_millis(5), now);
        }
        drop(places);
        assert_eq!(fill(&pacing, "a", now).0.len(), 10, "well again");
    }

    #[test]
    fn all_that_fail_together_leave_half_of_the_queue_to_the_others() {
        let (pacing, now) = (Pacing::new(10, 8), Instant::now());
        let mut held = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            let (places, _) = fill(&pacing, name, now);
            places.iter().for_each(|place| place.report(false, Duration::from_secs(15), now));
        }
        for name in ["a", "b", "c", "d", "e"] {
            held.extend(fill(&pacing, name, now).0);
        }
        assert_eq!(held.len(), 4);
        assert_eq!(fill(&pacing, "well", now).0.len(), 10);
    }

    #[test]
    fn who_is_put_off_stands_in_line_and_never_for_more_than_a_minute() {
        let (pacing, now) = (Pacing::new(10, 50), Instant::now());
        let (places, _) = fill(&pacing, "a", now);
        for place in &places {
            for _ in 0..20 {
                place.report(false, Duration::from_secs(15), now);
            }
        }
        let waits: Vec<Duration> = (0..20)
            .map(|_| match pacing.ask("a", now) {
                Turn::Later(wait) => wait,
                Turn::Now(_) => Duration::ZERO,
            })
            .collect();
        assert!(waits.is_sorted(), "{waits:?}");
        assert!(waits.first().is_some_and(|wait| *wait > Duration::from_secs(5)), "{waits:?}");
        assert_eq!(waits.last(), Some(&LONGEST_WAIT));
    }
}
