//! Gathering: what is asked for while a batch is on its way leaves with the next one.
//!
//! A trip to Redis costs the same for one entry as for fifty. There is no task
//! and no timer here: whoever comes first carries at once, and alone; who comes
//! when every turn is taken waits, and one of those who wait carries all of
//! them when somebody is back. So a lone caller waits for nobody, a crowd
//! shares its trips, and with more than one turn Redis works on one batch
//! while this process writes the next.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// A place where callers share trips. Cheap to clone; clones share the place.
pub struct Gatherer<P, A>(Arc<Place<P, A>>);

struct Place<P, A> {
    most: usize,
    turns: usize,
    state: Mutex<State<P, A>>,
}

struct State<P, A> {
    taken: usize,
    waiting: VecDeque<Waiting<P, A>>,
}

struct Waiting<P, A> {
    passenger: P,
    message: oneshot::Sender<Message<P, A>>,
}

enum Message<P, A> {
    Answer(A),
    Carry(Turn<P, A>),
}

/// The right to carry, of which there are few. Dropped, it goes to the next who waits.
struct Turn<P, A>(Arc<Place<P, A>>);

impl<P, A> Clone for Gatherer<P, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Clone, A> Gatherer<P, A> {
    /// A place whose batches hold `most` passengers, and from which `turns` batches may be on their way; both at least one.
    #[must_use]
    pub fn new(most: usize, turns: usize) -> Self {
        let state = State { taken: 0, waiting: VecDeque::new() };
        Self(Arc::new(Place { most: most.max(1), turns: turns.max(1), state: Mutex::new(state) }))
    }

    /// Sends `passenger` with the next batch, by `carry` where it is this caller's turn: it gives one answer for each
    /// passenger, in their order.
    ///
    /// `carry` must not wait for ever, and a passenger may be carried twice: a carrier that goes away in the middle
    /// leaves its passengers to the next. Cancel-safe in that sense.
    pub async fn add<F>(&self, passenger: P, carry: impl Fn(Vec<P>) -> F) -> A
    where
        F: Future<Output = Vec<A>>,
    {
        loop {
            let turn = match self.board(&passenger) {
                Boarded::Carrier(turn) => turn,
                Boarded::Passenger(message) => match message.await {
                    Ok(Message::Answer(answer)) => return answer,
                    Ok(Message::Carry(turn)) => turn,
                    Err(_) => continue,
                },
            };
            let (mut batch, mut senders) = (vec![passenger.clone()], Vec::new());
            for waiting in self.0.leaving() {
                batch.push(waiting.passenger);
                senders.push(waiting.message);
            }
            let mut answers = carry(batch).await.into_iter();
            let own = answers.next();
            for (sender, answer) in senders.into_iter().zip(answers) {
                // A caller that has gone does not need its answer.
                let _ = sender.send(Message::Answer(answer));
            }
            drop(turn);
            if let Some(own) = own {
                return own;
            }
        }
    }

    fn board(&self, passenger: &P) -> Boarded<P, A> {
        let mut state = self.0.state.lock();
        if state.taken < self.0.turns {
            state.taken += 1;
            return Boarded::Carrier(Turn(Arc::clone(&self.0)));
        }
        let (message, messages) = oneshot::channel();
        state.waiting.push_back(Waiting { passenger: passenger.clone(), message });
        Boarded::Passenger(messages)
    }
}

enum Boarded<P, A> {
    Carrier(Turn<P, A>),
    Passenger(oneshot::Receiver<Message<P, A>>),
}

impl<P, A> Place<P, A> {
    /// Those who leave with the carrier.
    fn leaving(&self) -> Vec<Waiting<P, A>> {
        let mut state = self.state.lock();
        let count = state.waiting.len().min(self.most.saturating_sub(1));
        state.waiting.drain(..count).filter(|waiting| !waiting.message.is_closed()).collect()
    }
}

impl<P, A> Drop for Turn<P, A> {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.state.lock();
            let next = loop {
                match state.waiting.pop_front() {
                    Some(waiting) if waiting.message.is_closed() => {}
                    next => break next,
                }
            };
            if next.is_none() {
                state.taken = state.taken.saturating_sub(1);
            }
            next
        };
        if let Some(next) = next {
            // Where the next has gone in this very moment, the turn comes back in the error and is dropped again.
            let _ = next.message.send(Message::Carry(Turn(Arc::clone(&self.0))));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn a_crowd_shares_trips_and_everybody_gets_the_own_answer() {
        let gatherer = Gatherer::<u32, u32>::new(10, 1);
        let (gate, trips) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut callers = JoinSet::new();
        for number in 0..41 {
            let (gatherer, gate, trips) = (gatherer.clone(), Arc::clone(&gate), Arc::clone(&trips));
            callers.spawn(async move {
                let carry = |batch: Vec<u32>| {
                    trips.fetch_add(1, Ordering::SeqCst);
                    let gate = &gate;
                    async move {
                        let _passed = gate.acquire().await;
                        batch.into_iter().map(|number| number * 2).collect()
                    }
                };
                (number, gatherer.add(number, carry).await)
            });
        }
        tokio::task::yield_now().await;
        gate.add_permits(1);
        while let Some(done) = callers.join_next().await {
            let (number, answer) = done.expect("no caller panics");
            assert_eq!(answer, number * 2);
        }
        assert!(trips.load(Ordering::SeqCst) <= 6, "{} trips for 41 callers", trips.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_carrier_that_goes_away_leaves_its_passengers_to_the_next() {
        let gatherer = Gatherer::<u32, u32>::new(10, 1);
        let mut callers = JoinSet::new();
        let never = gatherer.clone();
        let carrier = callers.spawn(async move { never.add(1, |_| std::future::pending()).await });
        tokio::task::yield_now().await;
        for number in 2..5 {
            let gatherer = gatherer.clone();
            callers.spawn(async move { gatherer.add(number, |batch| async { batch }).await });
        }
        tokio::task::yield_now().await;
        let given_up = gatherer.clone();
        let gone = callers.spawn(async move { given_up.add(9, |batch| async { batch }).await });
        tokio::task::yield_now().await;
        gone.abort();
        carrier.abort();
        let mut answers = Vec::new();
        while let Some(done) = callers.join_next().await {
            answers.extend(done.ok());
        }
        answers.sort_unstable();
        assert_eq!(answers, [2, 3, 4]);
        assert_eq!(gatherer.add(7, |batch| async { batch }).await, 7, "the place is free again");
    }
}
