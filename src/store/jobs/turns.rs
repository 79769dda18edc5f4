//! Turns: users who wait for the same lane are served round by round, one job each, however many jobs each of them has.
//!
//! BullMQ sorts waiting jobs by a number (its priority) and knows no groups, so the number is made of rounds: a job's round
//! is the one that is served now, or the one after its user's last. The step that writes the record gives it out
//! (`turns.lua`), so it costs no trip of its own. How urgent a job is gives it a lead of so many rounds over less urgent ones,
//! so nothing waits for ever.

use crate::model::id::{ClientId, UserId};
use crate::model::job::Priority;
use crate::store::jobs::Jobs;
use crate::store::{StoreError, script};

/// Noun of a lane's turns.
pub(super) const TURNS: &str = "turns";
/// The first number that is made of rounds, as `turns.lua` counts.
const FIRST: u32 = 13;

/// A place in the order, still without a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    rank: u32,
}

impl Turn {
    /// A turn for a job of this priority.
    #[must_use]
    pub const fn new(priority: Priority) -> Self {
        let rank = match priority {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
        };
        Self { rank }
    }

    /// The turn that a job with this number had; none where the number is no turn's.
    #[must_use]
    pub fn of_number(number: u32) -> Option<Self> {
        (number >= FIRST).then(|| Self { rank: (number - 1) % 3 })
    }

    /// How `turns.lua` names who takes it. Two clients' `alice` are two users.
    pub(super) fn of(self, client: &ClientId, user: Option<&UserId>) -> String {
        let fallback = UserId::fallback();
        format!("{} {client} {}", self.rank, user.unwrap_or(&fallback))
    }
}

impl Jobs {
    /// Gives a job that goes back into its lane a turn among those who wait there now, and answers its number.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn take_turn(
        &self,
        lane: &str,
        turn: Turn,
        (client, user): (&ClientId, Option<&UserId>),
    ) -> Result<u32, StoreError> {
        let mut invocation = script::TURN_TAKE.prepare_invoke();
        self.add_turns(&mut invocation, lane);
        invocation.arg(turn.of(client, user));
        self.store.run(&invocation).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_which_turn_it_was() {
        for (number, rank) in [(1, None), (5, None), (10, None), (13, Some(0)), (314, Some(1)), (3315, Some(2))] {
            assert_eq!(Turn::of_number(number).map(|turn| turn.rank), rank, "{number}");
        }
    }
}
