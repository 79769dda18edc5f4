//! What a guest said and how it failed, as the job's client reads it: without the secrets that it read in clear.
//!
//! A panic that quotes its password is an accident, and the job's record and log live long. What a guest hands out on purpose,
//! its result and what it keeps, is its own.

use std::sync::Arc;

use crate::host::CallReport;
use crate::host::ports::{Ports, SecretsPort};
use crate::model::id::AddonId;
use crate::model::job_error::JobError;
use crate::work::progress::Progress;

/// Tells what one call said.
pub(super) struct Told(Option<Arc<dyn SecretsPort>>);

impl Told {
    /// For a call with these doors.
    pub(super) fn of(ports: &Ports) -> Self {
        Self(ports.secrets.clone())
    }

    /// Writes the guest's lines to the job's log.
    pub(super) async fn log(&self, addon: &AddonId, report: &CallReport, progress: &Progress) {
        for line in &report.logs {
            let level = line.level.as_str();
            let fields: String = line.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            progress.log(&self.clean(format!("[{addon}] {level}: {}{fields}", line.message))).await;
        }
        if report.dropped_log_lines > 0 {
            progress.log(&format!("[{addon}] {} more lines were dropped", report.dropped_log_lines)).await;
        }
    }

    /// The failure as it is told.
    pub(super) fn failure(&self, mut error: JobError) -> JobError {
        let failure = &mut error.failure;
        failure.message = self.clean(std::mem::take(&mut failure.message));
        failure.addon_code = failure.addon_code.take().map(|code| self.clean(code));
        if let Some(details) = failure.details.take() {
            let text = details.to_string();
            let clean = self.clean(text.clone());
            // Details that are no JSON any more are left out.
            failure.details = if clean == text { Some(details) } else { serde_json::from_str(&clean).ok() };
        }
        error
    }

    fn clean(&self, text: String) -> String {
        match self.0.as_ref().and_then(|secrets| secrets.without_revealed(&text)) {
            Some(clean) => clean,
            None => text,
        }
    }
}
