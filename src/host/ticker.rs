//! Moves the engine's clock on, so that running guests are looked at every few milliseconds.
//!
//! A thread of its own: a guest that spins occupies an executor thread, and a
//! timer of that executor would wait behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// The ticking thread; it ends when this is dropped.
pub(super) struct Ticker {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts to advance `engine`'s epoch every `interval`.
    pub(super) fn start(engine: &Engine, interval: Duration) -> std::io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let (engine, is_over_too) = (engine.weak(), Arc::clone(&is_over));
        let thread = Builder::new().name(String::from("epoch-ticker")).spawn(move || {
            while !is_over_too.load(Ordering::Relaxed) {
                std::thread::park_timeout(interval);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Self { is_over, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread does nothing that could panic; were it to, there is nobody left to tell.
            let _ = thread.join();
        }
    }
}
