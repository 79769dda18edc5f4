//! Guests that take too much time, one way or the other.

use std::time::Duration;

use semantest::model::limit::Limit;
use semantest::model::limits::CallLimits;

use super::cage::{Case, End, forever, times, with_ours, with_wasi};
use crate::host::guest::{Guest, roomy};

/// Enough to see that it is not stopped at once, and little enough for a test.
fn quick() -> CallLimits {
    CallLimits { cpu: Duration::from_millis(100), ..roomy() }
}

fn short() -> CallLimits {
    CallLimits { wall: Duration::from_millis(200), ..roomy() }
}

const HOUR_NANOS: u64 = 3600 * 1_000_000_000;

fn sleeper() -> Guest {
    let guest = Guest::doing(&format!("(call $block (call $after (i64.const {HOUR_NANOS})))"));
    let guest =
        with_wasi(guest, "clocks/monotonic-clock", &[("subscribe-duration", "after", "(param i64) (result i32)")]);
    with_wasi(guest, "io/poll", &[("[method]pollable.block", "block", "(param i32)")])
}

/// Waits for a list of clocks that ring in an hour.
fn poller() -> Guest {
    let subscribe = times(
        16,
        &format!(
            "(i32.store (i32.add (i32.const 3072) (i32.mul (local.get $i) (i32.const 4)))
                (call $after (i64.const {HOUR_NANOS})))"
        ),
    );
    let guest = Guest::doing(&format!("{subscribe} (call $poll (i32.const 3072) (i32.const 16) (i32.const 640))"));
    let guest =
        with_wasi(guest, "clocks/monotonic-clock", &[("subscribe-duration", "after", "(param i64) (result i32)")]);
    with_wasi(guest, "io/poll", &[("poll", "poll", "(param i32 i32 i32)")])
}

fn starting_with(body: &str) -> Guest {
    Guest { ending: format!("(func $begin {body}) (start $begin)"), ..Guest::doing("") }
}

pub(super) fn cases() -> Vec<Case> {
    let asking = with_ours(
        Guest::doing(&forever("(drop (call $cancelled))")),
        "progress",
        &[("cancelled", "cancelled", "(result i32)")],
    );
    let reading_clocks = with_wasi(
        Guest::doing(&forever("(call $now (i32.const 640))")),
        "clocks/wall-clock",
        &[("now", "now", "(param i32)")],
    );
    let copying = forever("(memory.copy (i32.const 0) (i32.const 16777216) (i32.const 16777216))");
    let copier = Guest { pages: 1000, ..Guest::doing(&copying) };
    vec![
        Case::new("an endless loop", Guest::doing(&forever("")), End::Over(Limit::CpuMs)).within(quick()),
        Case::new("an endless loop of host calls", asking.clone(), End::Over(Limit::CpuMs)).within(quick()),
        Case::new("an endless look at the clock", reading_clocks, End::Over(Limit::CpuMs)).within(quick()),
        Case::new("copying its memory for ever", copier, End::Over(Limit::CpuMs)).within(quick()),
        Case::new("a start function that never ends", starting_with(&forever("")), End::Over(Limit::CpuMs))
            .within(quick()),
        Case::new("an endless loop in little time", Guest::doing(&forever("")), End::Over(Limit::WallMs))
            .within(short()),
        Case::new("a sleep past the deadline", sleeper(), End::Over(Limit::WallMs)).within(short()),
        Case::new("a poll past the deadline", poller(), End::Over(Limit::WallMs)).within(short()),
        Case::new("a loop that ignores that it is cancelled", Guest::doing(&forever("")), End::Cancelled).cancelled(),
        Case::new("host calls that ignore that it is cancelled", asking, End::Cancelled).cancelled(),
        Case::new("a sleep that ignores that it is cancelled", sleeper(), End::Cancelled).cancelled(),
        Case::new("a start function that traps", starting_with("unreachable"), End::Trap("unreachable")),
    ]
}
