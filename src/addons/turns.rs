//! Turns: how many calls of one addon run for one user at the same time in this process.
//!
//! Whoever comes when all turns are taken waits, but a worker's hands are few: only some wait here, so that there is
//! always one ready when a turn is free. Everybody else is told when to come again, one after the other by how long calls
//! of this addon take, and holds nothing meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::addons::owner::Owner;
use crate::model::id::{AddonId, ClientId, UserId};

/// Most that wait in this process, of all addons and users together: a third of a lane's usual hands.
const MOST_WAITING: usize = 16;
/// Shortest time after which somebody comes again.
const SOONEST: Duration = Duration::from_millis(200);
/// Longest time after which somebody comes again.
const LATEST: Duration = Duration::from_secs(30);

/// What a turn is for: hooks have turns of their own, or a picture would wait for a slow action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Line {
    /// Actions.
    Actions,
    /// Hooks.
    Hooks,
}

type Seat = (ClientId, UserId, AddonId, Line);

/// The turns of one process.
#[derive(Debug)]
pub(super) struct Turns {
    most: usize,
    waiting: AtomicUsize,
    places: Mutex<HashMap<Seat, Arc<Place>>>,
}

#[derive(Debug)]
struct Place {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// When the last of those who were sent away was told to come again.
    last_due: Mutex<Option<Instant>>,
    /// How long calls take lately, in milliseconds.
    usual_ms: AtomicU64,
}

/// The permission to run one call; its drop lets the next one in.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Turns>,
    seat: Seat,
    held: Option<(Arc<Place>, OwnedSemaphorePermit)>,
    since: Instant,
}

impl Turns {
    pub(super) fn new(most: u32) -> Arc<Self> {
        let most = usize::try_from(most.max(1)).unwrap_or(1);
        Arc::new(Self { most, waiting: AtomicUsize::new(0), places: Mutex::default() })
    }

    /// A turn, perhaps waited for as long as `patience`; or after how long to come again. Cancel-safe.
    pub(super) async fn take(
        self: &Arc<Self>,
        owner: &Owner,
        line: Line,
        patience: Duration,
    ) -> Result<Turn, Duration> {
        let (seat, place) = self.place(owner, line);
        if let Ok(permit) = Arc::clone(&place.turns).try_acquire_owned() {
            return Ok(self.turn(seat, place, permit));
        }
        let here = Waiting::sit_down(self, &place);
        let has_room = here.of_place <= self.most && here.of_all <= MOST_WAITING;
        if has_room
            && let Ok(Ok(permit)) = tokio::time::timeout(patience, Arc::clone(&place.turns).acquire_owned()).await
        {
            drop(here);
            return Ok(self.turn(seat, place, permit));
        }
        drop(here);
        let wait = place.book(self.most);
        drop(place);
        self.leave(&seat);
        Err(wait)
    }

    /// A turn, waited for as long as `patience`; none after that. Cancel-safe.
    pub(super) async fn wait(self: &Arc<Self>, owner: &Owner, line: Line, patience: Duration) -> Option<Turn> {
        let (seat, place) = self.place(owner, line);
        let permit = tokio::time::timeout(patience, Arc::clone(&place.turns).acquire_owned()).await;
        match permit {
            Ok(Ok(permit)) => Some(self.turn(seat, place, permit)),
            Ok(Err(_)) | Err(_) => {
                drop(place);
                self.leave(&seat);
                None
            }
        }
    }

    fn place(&self, owner: &Owner, line: Line) -> (Seat, Arc<Place>) {
        let seat = (owner.client.clone(), owner.user.clone(), owner.addon.clone(), line);
        let fresh = || {
            Arc::new(Place {
                turns: Arc::new(Semaphore::new(self.most)),
                waiting: AtomicUsize::new(0),
                last_due: Mutex::new(None),
                usual_ms: AtomicU64::new(0),
            })
        };
        let place = Arc::clone(self.places.lock().entry(seat.clone()).or_insert_with(fresh));
        (seat, place)
    }

    fn turn(self: &Arc<Self>, seat: Seat, place: Arc<Place>, permit: OwnedSemaphorePermit) -> Turn {
        Turn { turns: Arc::clone(self), seat, held: Some((place, permit)), since: Instant::now() }
    }

    /// Forgets a place that nobody uses.
    fn leave(&self, seat: &Seat) {
        let mut places = self.places.lock();
        let is_idle =
            |place: &Arc<Place>| Arc::strong_count(place) == 1 && place.turns.available_permits() == self.most;
        if places.get(seat).is_some_and(is_idle) {
            places.remove(seat);
        }
    }

    #[cfg(test)]
    fn places(&self) -> usize {
        self.places.lock().len()
    }
}

impl Place {
    /// After how long one more may come again: one usual call after whoever was told so last, shared by all turns.
    fn book(&self, turns: usize) -> Duration {
        let usual = Duration::from_millis(self.usual_ms.load(Ordering::Relaxed));
        let share = usual / u32::try_from(turns.max(1)).unwrap_or(1);
        let now = Instant::now();
        let mut last_due = self.last_due.lock();
        let ahead = last_due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        let wait = ahead.max(SOONEST).saturating_add(share).min(LATEST);
        *last_due = now.checked_add(wait);
        wait
    }
}

/// Somebody who waits in this process.
struct Waiting<'a> {
    turns: &'a Turns,
    place: &'a Place,
    of_all: usize,
    of_place: usize,
}

impl<'a> Waiting<'a> {
    fn sit_down(turns: &'a Turns, place: &'a Place) -> Self {
        let of_all = turns.waiting.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let of_place = place.waiting.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        Self { turns, place, of_all, of_place }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.turns.waiting.fetch_sub(1, Ordering::Relaxed);
        self.place.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some((place, permit)) = self.held.take() {
            let took = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            let before = place.usual_ms.load(Ordering::Relaxed);
            // The last calls weigh most; which of two that end together is counted does not matter.
            let usual = if before == 0 { took } else { before.saturating_mul(3).saturating_add(took) / 4 };
            place.usual_ms.store(usual, Ordering::Relaxed);
            drop(permit);
        }
        self.turns.leave(&self.seat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn owner(user: &str) -> Owner {
        Owner {
            client: ClientId::parse("acme").expect("a client"),
            user: UserId::parse(user).expect("a user"),
            addon: AddonId::parse("acme.greeter").expect("an addon"),
        }
    }

    #[tokio::test]
    async fn what_is_beyond_the_turns_waits_and_what_is_beyond_that_comes_again() {
        let turns = Turns::new(2);
        let alice = owner("alice");
        let first = turns.take(&alice, Line::Actions, PATIENCE).await.expect("a turn");
        let second = turns.take(&alice, Line::Actions, PATIENCE).await.expect("a turn");
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..2 {
            let (turns, alice) = (Arc::clone(&turns), alice.clone());
            waiting.spawn(async move { turns.take(&alice, Line::Actions, PATIENCE).await.is_ok() });
        }
        tokio::task::yield_now().await;
        assert!(turns.take(&alice, Line::Actions, PATIENCE).await.is_err(), "two wait already");
        assert!(turns.take(&owner("bob"), Line::Actions, PATIENCE).await.is_ok(), "others are not kept waiting");
        assert!(turns.take(&alice, Line::Hooks, PATIENCE).await.is_ok(), "hooks have turns of their own");
        drop((first, second));
        assert_eq!(waiting.join_all().await, [true, true]);
    }

    #[tokio::test]
    async fn whoever_is_sent_away_last_comes_again_last() {
        let turns = Turns::new(1);
        let alice = owner("alice");
        let running = turns.take(&alice, Line::Actions, PATIENCE).await.expect("a turn");
        let (here, other) = (Arc::clone(&turns), alice.clone());
        let mut waiting = tokio::task::JoinSet::new();
        waiting.spawn(async move { here.take(&other, Line::Actions, PATIENCE).await.is_ok() });
        tokio::task::yield_now().await;
        turns.place(&alice, Line::Actions).1.usual_ms.store(1000, Ordering::Relaxed);
        let mut waits = Vec::new();
        for _ in 0..400 {
            waits.push(turns.take(&alice, Line::Actions, PATIENCE).await.expect_err("no turn"));
        }
        assert!(waits.iter().all(|wait| (SOONEST..=LATEST).contains(wait)), "{waits:?}");
        assert!(waits[20] > waits[0] + Duration::from_secs(10) && waits[399] == LATEST, "{waits:?}");
        drop(running);
        assert_eq!(waiting.join_all().await, [true], "whoever waited here is next");
    }

    #[tokio::test]
    async fn places_that_nobody_uses_are_forgotten() {
        let turns = Turns::new(2);
        for number in 0..100 {
            drop(turns.take(&owner(&format!("user-{number}")), Line::Actions, PATIENCE).await);
        }
        assert_eq!(turns.places(), 0);
    }
}
