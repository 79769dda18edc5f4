//! Logs to stderr and numbers for `/metrics`.

use std::io::{self, IsTerminal as _, Write};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::log::{LogFormat, LogSettings};

/// Upper bounds of the time histograms, in seconds: from a guest call to a slow provider.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

/// Why logs or numbers cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not a list of directives.
    #[error("the log filter `{filter}` is not a list such as `info,semantest::host=debug`")]
    Filter {
        /// What was given.
        filter: String,
        /// Which part is wrong.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The recorder of numbers cannot be built or is there already.
    #[error("cannot record metrics: {0}")]
    Metrics(String),
}

/// Starts logging to stderr. A second call in one process changes nothing.
///
/// # Errors
/// [`TelemetryError::Filter`] when the filter cannot be read.
pub fn start_logging(settings: &LogSettings) -> Result<(), TelemetryError> {
    start_logging_as(settings, None)
}

/// The same in one of several processes that log to one stream: each line carries the process's number.
///
/// # Errors
/// [`TelemetryError::Filter`] when the filter cannot be read.
pub fn start_logging_as(settings: &LogSettings, process: Option<u32>) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&settings.filter)
        .map_err(|source| TelemetryError::Filter { filter: settings.filter.clone(), source })?;
    let registry = tracing_subscriber::registry().with(filter);
    // Colours in a file are noise; NO_COLOR is what people set who want none at all.
    let has_colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let layer = tracing_subscriber::fmt::layer().with_writer(Lines { process }).with_ansi(has_colours);
    // The only failure is a subscriber that is set already, as in tests.
    let _already_set = match settings.format {
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
        LogFormat::Pretty => registry.with(layer).try_init(),
    };
    Ok(())
}

/// Starts recording numbers for the whole process and returns what renders them.
///
/// # Errors
/// [`TelemetryError::Metrics`] when another recorder was set before.
pub fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    install(builder()?)
}

/// The same in one of several processes whose figures are read as one page: each sample carries the process's name.
///
/// # Errors
/// [`TelemetryError::Metrics`] when another recorder was set before.
pub fn start_metrics_as(process: &str) -> Result<PrometheusHandle, TelemetryError> {
    install(builder()?.add_global_label("process", process))
}

fn install(builder: PrometheusBuilder) -> Result<PrometheusHandle, TelemetryError> {
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| TelemetryError::Metrics(error.to_string()))?;
    describe();
    Ok(handle)
}

/// Says what each number means: the HELP lines of `/metrics`.
pub fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    let seconds = Unit::Seconds;
    describe_histogram!(
        "semantest_http_request_seconds",
        seconds,
        "Time until an answer's head, by method, route and status."
    );
    describe_counter!("semantest_job_outcomes_total", "Runs of jobs, by lane, kind and outcome.");
    describe_histogram!("semantest_job_run_seconds", seconds, "Time of one run of a job, by lane and kind.");
    describe_counter!("semantest_job_retries_total", "Runs after which a job waits for another try, by lane and kind.");
    describe_counter!("semantest_job_queue_outages_total", "Times that a worker lost its Redis, by lane.");
    describe_gauge!("semantest_redis_round_trip_seconds", seconds, "Time of one question to Redis and back.");
    describe_gauge!("semantest_queue_jobs", "Jobs in a queue, by queue and state.");
    describe_gauge!("semantest_queue_oldest_waiting_seconds", seconds, "Age of a queue's oldest waiting job.");
    describe_gauge!("semantest_worker_processes", "Worker processes under a supervisor, by state.");
    describe_counter!(
        "semantest_worker_restarts_total",
        "Times that a worker process died and was started again, by its number."
    );
    describe_counter!(
        "semantest_component_inspections_total",
        "Components read through because they were not known yet."
    );
}

/// A recorder that is not the process's own, for tests.
///
/// # Errors
/// [`TelemetryError::Metrics`] when the buckets are refused.
pub fn recorder() -> Result<(impl metrics::Recorder + Sync + Send + 'static, PrometheusHandle), TelemetryError> {
    let recorder = builder()?.build_recorder();
    let handle = recorder.handle();
    Ok((recorder, handle))
}

fn builder() -> Result<PrometheusBuilder, TelemetryError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix(String::from("_seconds")), &SECONDS)
        .map_err(|error| TelemetryError::Metrics(error.to_string()))
}

/// Makes the writers of log lines.
#[derive(Clone, Copy, Debug)]
struct Lines {
    process: Option<u32>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { process: self.process, out: io::stderr() }
    }
}

/// Writes one event, which comes in one piece, and leaves in one: processes that share a stream do not mix their lines.
struct Line<W> {
    process: Option<u32>,
    out: W,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let Some(process) = self.process else { return self.out.write(event) };
        let line = match event.strip_prefix(b"{") {
            Some(rest) => [format!("{{\"process\":{process},").as_bytes(), rest].concat(),
            None => [format!("[{process}] ").as_bytes(), event].concat(),
        };
        self.out.write_all(&line)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_one_of_several_processes_carries_its_number() -> io::Result<()> {
        let line = |process, event: &str| -> io::Result<String> {
            let mut line = Line { process, out: Vec::new() };
            line.write_all(event.as_bytes())?;
            Ok(String::from_utf8_lossy(&line.out).into_owned())
        };
        assert_eq!(line(Some(2), "{\"message\":\"a\"}\n")?, "{\"process\":2,\"message\":\"a\"}\n");
        assert_eq!(line(Some(2), "INFO a\n")?, "[2] INFO a\n");
        assert_eq!(line(None, "{\"message\":\"a\"}\n")?, "{\"message\":\"a\"}\n");
        Ok(())
    }

    #[test]
    fn every_number_says_what_it_means() -> Result<(), TelemetryError> {
        let (recorder, handle) = recorder()?;
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::counter!("semantest_component_inspections_total").increment(1);
            metrics::histogram!("semantest_job_run_seconds").record(0.1);
        });
        let page = handle.render();
        for name in ["semantest_component_inspections_total", "semantest_job_run_seconds"] {
            assert!(page.contains(&format!("# HELP {name} ")), "{page}");
        }
        Ok(())
    }
}
