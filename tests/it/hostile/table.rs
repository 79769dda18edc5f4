//! `docs/LIMITS.md` is made from the code: from the list of limits, the settings, and the guests that run into them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use semantest::config::Config;
use semantest::model::limit::{Effect, Limit};
use semantest::model::limits::CallLimits;
use semantest::model::units::ByteSize;

use super::cage::allowed_by;
use super::{all, platform};

const FILE: &str = "docs/LIMITS.md";

const HEAD: &str = "\
# Limits

What one call of an addon may use, what happens beyond it, and the guest of `tests/it/hostile/` that runs into it.
This page is made from the code (`SEMANTEST_WRITE_SNAPSHOTS=1 cargo nextest run --test it limits`); a test compares it.

An error carries `details: {\"limit\": …, \"reached\": …, \"allowed\": …}` with the names below; each name carries its unit.
*Default* holds where a manifest asks for nothing, *ceiling* is the most that it can ask for or that the operator's default
counts for; both are settings (`[sandbox.defaults]`, `[sandbox.ceiling]`, `[sandbox.pool]`, `[sandbox.http]`, see `config.default.toml`), except
where the last column says *fixed*. A manifest can ask for `memoryMib`, `cpuMs`, `timeoutMs`, `outputKib`, `logLines`,
`kvOperations` and `assets`. Hooks have 100 ms of processor time and 1 s unless they declare otherwise; a
migration has the ceiling of key-value operations and of what they carry. An addon that may send requests holds at
most 1024 handles, since what it holds then lies in the host.

";

const TAIL: &str = "
*Told*: the guest hears of it as an error of that kind and may go on; the job shows the numbers where the guest passes the
error on. *Cut*: what is beyond is dropped, counted and mentioned in the job's log. *Waits*: the job stays `queued` and is
handed out again; hooks wait as long as they may run. Budgets are for a day (UTC), in the policy (`PUT /api/v1/admin/policy`)
and on the enablement (`PATCH …/addons/{addonId}`); the narrower one counts, and `onExceeded: \"pause\"` pauses the addon
where `reject` fails the call.

What a component may hold at all is looked at before anything of it runs: `semantest addon check` says it to authors.
";

/// Where a limit is set, where it is neither a default nor a ceiling of a call.
fn elsewhere(limit: Limit, config: &Config) -> Option<(String, String, &'static str)> {
    let both = |text: String| (text.clone(), text);
    let (default, ceiling, place) = match limit {
        Limit::StackBytes => (ByteSize::kib(512).to_string(), ByteSize::kib(512).to_string(), "fixed"),
        Limit::KvKeyBytes => (String::from("256"), String::from("256"), "fixed"),
        Limit::KvValueBytes => (ByteSize::kib(256).to_string(), ByteSize::kib(256).to_string(), "fixed"),
        Limit::PartialBytes | Limit::CheckpointBytes => {
            (ByteSize::kib(64).to_string(), ByteSize::kib(64).to_string(), "fixed")
        }
        Limit::KvStoredBytes => {
            (String::from("the manifest's `maxBytes`"), String::from("64MiB"), "`addons.ceilings.kv.max_bytes`")
        }
        Limit::ParamsBytes => {
            let (default, ceiling) = both(config.addons.params_limit.to_string());
            (default, ceiling, "`addons.params_limit`")
        }
        Limit::ConcurrentCalls => {
            let (default, ceiling) = both(format!("{} a process", config.sandbox.user_concurrency));
            (default, ceiling, "`sandbox.user_concurrency`")
        }
        Limit::CallsPerDay
        | Limit::CpuMsPerDay
        | Limit::EgressRequestsPerDay
        | Limit::EgressBytesPerDay
        | Limit::KvBytesPerDay
        | Limit::CreditsPerDay => (String::from("none"), String::from("the policy's"), "`budget`"),
        _ => return None,
    };
    Some((default, ceiling, place))
}

/// The setting of a limit that is a default and a ceiling of a call.
fn setting(limit: Limit) -> &'static str {
    match limit {
        Limit::CpuMs => "`cpu`",
        Limit::WallMs => "`wall`",
        Limit::MemoryBytes => "`memory`",
        Limit::TableElements => "`pool.table_elements`",
        Limit::Instances => "`pool.core_instances`",
        Limit::Memories => "`pool.memories`",
        Limit::Tables => "`pool.tables`",
        Limit::Handles => "`handles`",
        Limit::HostCallBytes => "`host_call`",
        Limit::OutputBytes => "`output`",
        Limit::RandomBytes => "`random`",
        Limit::RandomTotalBytes => "`random_total`",
        Limit::LogLines => "`log_lines`",
        Limit::LogLineBytes => "`log_line`",
        Limit::LogBytes => "`log_bytes`",
        Limit::KvOperations => "`kv_operations`",
        Limit::KvTrafficBytes => "`kv_traffic`",
        Limit::ProgressMessages => "`progress_messages`",
        Limit::ProgressBytes => "`progress_bytes`",
        Limit::Assets => "`assets`",
        Limit::AssetBytes => "`sandbox.max_asset`",
        Limit::AssetTotalBytes => "`asset_total`",
        Limit::EgressRequests => "`sandbox.http.requests`",
        Limit::EgressSentBytes => "`sandbox.http.sent`",
        Limit::EgressReceivedBytes => "`sandbox.http.received`",
        Limit::EgressHeaderBytes => "`sandbox.http.headers`",
        _ => "",
    }
}

fn number(limit: Limit, limits: &CallLimits) -> String {
    let Some(number) = allowed_by(limit, limits) else { return String::new() };
    if limit.as_str().ends_with("Bytes") { ByteSize::bytes(number).to_string() } else { number.to_string() }
}

fn effect(limit: Limit) -> String {
    match limit.effect() {
        Effect::Ends(code) => format!("ends with `{code}`"),
        Effect::Told(kind) => format!("told, `{kind}`"),
        Effect::Cut => String::from("cut"),
        Effect::Waits => String::from("waits"),
    }
}

/// The guests that run into each limit.
fn guests() -> BTreeMap<Limit, Vec<String>> {
    let mut guests: BTreeMap<Limit, Vec<String>> = BTreeMap::new();
    let of_the_zoo = all().into_iter().filter_map(|case| Some((case.limit()?, case.name.to_owned())));
    let of_the_platform = platform::SHOWN.into_iter().map(|(limit, name)| (limit, name.replace('_', " ")));
    for (limit, name) in of_the_zoo.chain(of_the_platform) {
        guests.entry(limit).or_default().push(name);
    }
    guests
}

fn page() -> Result<String> {
    let config = Config::default();
    let (defaults, ceiling) = (config.sandbox.default_limits(), config.sandbox.ceiling_limits());
    let guests = guests();
    let mut page = String::from(HEAD);
    page.push_str(
        "| limit | counts | default | ceiling | beyond it | shown by | set by |\n|---|---|---|---|---|---|---|\n",
    );
    for limit in Limit::ALL {
        let (default, ceiling, place) = match elsewhere(limit, &config) {
            Some(place) => place,
            None => (number(limit, &defaults), number(limit, &ceiling), setting(limit)),
        };
        let shown = guests.get(&limit).map(|names| names.join("; ")).unwrap_or_default();
        writeln!(
            page,
            "| `{limit}` | {} | {default} | {ceiling} | {} | {shown} | {place} |",
            limit.what(),
            effect(limit)
        )?;
    }
    page.push_str(TAIL);
    Ok(page)
}

#[test]
fn every_limit_has_a_guest_that_runs_into_it() {
    let shown: BTreeSet<Limit> = guests().into_keys().collect();
    let hidden: Vec<Limit> = Limit::ALL.into_iter().filter(|limit| !shown.contains(limit)).collect();
    assert!(hidden.is_empty(), "nobody runs into {hidden:?}");
}

#[test]
fn the_page_about_limits_says_what_the_code_does() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let page = page()?;
    if std::env::var_os("SEMANTEST_WRITE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &page)?;
    }
    let written = std::fs::read_to_string(&path).with_context(|| FILE)?;
    assert_eq!(written, page, "{FILE} is old; SEMANTEST_WRITE_SNAPSHOTS=1 writes it anew");
    Ok(())
}
