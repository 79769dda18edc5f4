//! `log`: lines for the job's log, bounded by the call's book.

use crate::host::api::v1::imports::semantest::addon::log::{Host, Level};
use crate::host::logbook::LogLevel;
use crate::host::state::GuestState;

impl Host for GuestState {
    fn write(&mut self, level: Level, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        let level = match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.log.lock().log(level, &message, &fields);
        Ok(())
    }
}
