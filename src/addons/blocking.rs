//! Processor work of a job, beside the threads that wait for others.

use crate::model::code::JobCode;
use crate::model::job_error::JobError;

/// Runs processor work beside the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JobError> + Send + 'static,
) -> Result<T, JobError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(JobError::permanent(JobCode::Internal, "checking the component ended abruptly")))
}
