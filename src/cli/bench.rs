//! `semantest bench`: what this machine does, everything in one run against one private Redis.
//!
//! Ratios within a run can be compared between machines and days; absolute
//! figures cannot. Rounds of things that are compared alternate, so that a
//! slow minute of the machine meets both.

mod calls;
mod components;
mod effort;
mod enqueue;
mod guest;
mod jobs;
mod loads;
mod many;
mod memory;
pub(super) mod processes;
mod road;
mod sandbox;
mod setup;
mod table;
mod turns;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::cli::say;
use crate::config::Config;
use crate::telemetry;

/// Measure this machine: jobs, guest calls, requests, compiled code, processes.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Print one JSON object on stdout, and nothing else.
    #[arg(long)]
    json: bool,
    /// What to measure, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Road, Part::Calls, Part::Processes, Part::Many, Part::Turns])]
    parts: Vec<Part>,
    /// Jobs per round of the throughput measurements.
    #[arg(long, default_value_t = 20_000)]
    jobs: u32,
    /// Seconds per round of the request and process measurements.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// The built example addons.
    #[arg(long, value_name = "DIR", default_value = "target/addons")]
    addons: PathBuf,
    /// A component to measure by itself, such as one of 12 MB that a JavaScript toolchain made; may be repeated.
    #[arg(long, value_name = "FILE")]
    component: Vec<PathBuf>,
    /// The action of each `--component` to call; the first that it declares when left out.
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// The action's parameters.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    params: Value,
    /// Components on one worker in the part `many`.
    #[arg(long, default_value_t = 10_000)]
    many: u32,
}

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Jobs and requests on their whole way.
    Road,
    /// Guest calls and compiled code, beside a bare wasmtime loop.
    Calls,
    /// One worker process and two.
    Processes,
    /// Many addons on one worker.
    Many,
    /// One user's few pictures behind another one's crowd.
    Turns,
}

/// Median and slow end of a time; its unit is in the figure's name.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Percentiles {
    /// Half are faster.
    p50: f64,
    /// 99 of 100 are faster.
    p99: f64,
}

/// What was measured; what was not is left out.
#[derive(Debug, Default, Serialize)]
struct Figures {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    road: Option<road::Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdk_call: Option<calls::Compared>,
    /// Those that a toolchain without an engine inside makes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    small_components: Vec<components::Component>,
    /// Those with an engine inside: JavaScript, Python.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    large_components: Vec<components::Component>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    calls_by_processes: Vec<processes::Calls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs_by_processes: Option<processes::Road>,
    #[serde(skip_serializing_if = "Option::is_none")]
    many_addons: Option<many::Many>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turns: Option<turns::Turns>,
    version: &'static str,
    is_debug_build: bool,
}

pub(super) async fn run(config: Config, args: BenchArgs) -> anyhow::Result<()> {
    // Logs and numbers as in any role: they are part of what a job and a request cost.
    telemetry::start_logging(&config.log)?;
    let folder = tempfile::tempdir().context("making a folder for compiled code")?;
    let mut subjects = vec![sandbox::Subject::of(
        &args.addons.join(format!("{}.wasm", setup::ADDON)),
        Some("list"),
        Value::Object(serde_json::Map::new()),
        folder.path(),
    )?];
    for file in &args.component {
        subjects.push(sandbox::Subject::of(file, args.action.as_deref(), args.params.clone(), folder.path())?);
    }
    let mut figures =
        Figures { version: env!("CARGO_PKG_VERSION"), is_debug_build: cfg!(debug_assertions), ..Figures::default() };
    let mut bench = setup::Bench::start(config, &args.addons).await?;
    let loads = loads::measure(&bench).await?;
    if args.parts.contains(&Part::Calls) {
        let call = bench.services().addons.prepared_call(&bench.owner, "list", serde_json::json!({})).await?;
        let bare = call.bare()?;
        let ours = async || Ok(call.run().await?);
        figures.sdk_call =
            Some(calls::compare(ours, async || bare.run().await.map_err(anyhow::Error::from_boxed)).await?);
        for subject in &subjects {
            let component = components::measure(subject.clone()).await?;
            if component.is_large() { &mut figures.large_components } else { &mut figures.small_components }
                .push(component);
        }
    }
    if args.parts.contains(&Part::Processes) {
        for subject in &subjects {
            figures.calls_by_processes.push(processes::measure_calls(subject, args.seconds).await?);
        }
        figures.jobs_by_processes = Some(processes::measure_road(&bench, args.jobs).await?);
    }
    if args.parts.contains(&Part::Road) {
        figures.road = Some(road::measure(&mut bench, loads, args.jobs, args.seconds).await?);
    }
    if args.parts.contains(&Part::Turns) {
        figures.turns = Some(turns::measure(&bench).await?);
    }
    if let (true, Some(subject)) = (args.parts.contains(&Part::Many), subjects.into_iter().next()) {
        figures.many_addons = Some(many::measure(subject, args.many).await?);
    }
    if args.json {
        say::line(&serde_json::to_string(&figures)?);
    } else {
        say::line(&table::of(&serde_json::to_value(&figures)?));
    }
    bench.stop().await
}

/// Median and slow end of times in any unit.
fn percentiles(mut times: Vec<f64>) -> Percentiles {
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len().saturating_mul(share) / 1000).copied().unwrap_or(0.0);
    Percentiles { p50: at(500), p99: at(990) }
}

/// The round whose figure is the median.
fn middle<T>(mut rounds: Vec<T>, figure: impl Fn(&T) -> f64) -> anyhow::Result<T> {
    rounds.sort_by(|one, other| figure(one).total_cmp(&figure(other)));
    let middle = rounds.len() / 2;
    rounds.into_iter().nth(middle).context("no round was run")
}
