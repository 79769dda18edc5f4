//! Counts the processor time of a call.
//!
//! Ticks of the epoch are wall time: on a busy machine a guest would pay for its
//! neighbours, and time that it waits would count as well. The thread's own clock
//! is read whenever the call's future is entered and left, so the sum is what the
//! guest and the host functions it called really used.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The processor time of one call; read from inside by the epoch callback.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Thread clock at the moment the future was last entered, in nanoseconds.
    entered: AtomicU64,
    /// Nanoseconds of all finished visits.
    spent: AtomicU64,
}

impl Meter {
    /// Processor time until now; call it only from inside the metered future.
    pub(super) fn so_far(&self) -> Duration {
        let visit = thread_nanos().saturating_sub(self.entered.load(Ordering::Relaxed));
        Duration::from_nanos(self.spent.load(Ordering::Relaxed).saturating_add(visit))
    }

    /// Processor time of all finished visits; call it from outside.
    pub(super) fn total(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Runs `work` and counts what it uses.
    pub(super) async fn run<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        std::future::poll_fn(|context| {
            let entered = thread_nanos();
            self.entered.store(entered, Ordering::Relaxed);
            let poll = work.as_mut().poll(context);
            self.spent.fetch_add(thread_nanos().saturating_sub(entered), Ordering::Relaxed);
            poll
        })
        .await
    }
}

/// Processor time of the calling thread, in nanoseconds.
fn thread_nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid, exclusively borrowed timespec for the whole call, and the call keeps no pointer to it.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    if status != 0 {
        return 0;
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_costs_nothing_and_working_does() {
        let meter = Meter::default();
        meter.run(tokio::time::sleep(Duration::from_millis(60))).await;
        assert!(meter.total() < Duration::from_millis(30), "{:?}", meter.total());
        let before = meter.total();
        meter
            .run(async {
                while meter.so_far() < before + Duration::from_millis(5) {
                    std::hint::spin_loop();
                }
            })
            .await;
        assert!(meter.total() >= before + Duration::from_millis(5));
    }
}
