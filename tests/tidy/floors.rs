//! The floors of the house: who may name whom, and which crate lives where.

use std::collections::BTreeSet;

use crate::Checked;
use crate::code::{Named, own_names, paths};
use crate::tree::{Source, Tree};

/// Each top module of `src/` and its floor. A module names lower floors only.
const FLOORS: [(&str, u8); 21] = [
    ("model", 0),
    ("config", 0),
    ("clock", 0),
    ("gather", 0),
    ("telemetry", 0),
    ("shutdown", 0),
    ("store", 1),
    ("queue", 1),
    ("net", 1),
    ("host", 1),
    ("events", 2),
    ("work", 2),
    ("webhooks", 2),
    ("addons", 2),
    ("imaging", 2),
    ("ports", 2),
    ("jobs", 3),
    ("api", 4),
    ("app", 5),
    ("cli", 5),
    ("main", 5),
];

/// Who may name a neighbour on the same floor. An arrow that nobody uses any more is a fault too.
const NEIGHBOURS: [(&str, &[&str]); 6] = [
    ("config", &["model"]),
    ("telemetry", &["config"]),
    ("addons", &["work", "events"]),
    ("ports", &["imaging", "addons", "work"]),
    ("cli", &["app"]),
    ("main", &["cli"]),
];

/// Arrows that the table forbids and that stand all the same: file, module, reason.
const ARROWS: [(&str, &str, &str); 0] = [];

/// Heavy crates and the modules that may name them.
const ROOMS: [(&str, &[&str]); 14] = [
    ("wasmtime", &["host"]),
    ("wasmtime_wasi", &["host"]),
    ("wasmtime_wasi_http", &["host"]),
    ("bullmq", &["queue"]),
    ("redis", &["store", "queue"]),
    ("object_store", &["store"]),
    ("axum", &["api"]),
    ("utoipa_axum", &["api"]),
    ("reqwest", &["net"]),
    ("hyper", &["net"]),
    ("hyper_util", &["net"]),
    ("tokio_rustls", &["net"]),
    ("rustls_platform_verifier", &["net"]),
    ("oci_spec", &["net"]),
];

/// Who may start a task of its own, and who joins it.
const SPAWNERS: [(&str, &str); 3] = [
    ("src/app.rs", "keeps every role's tasks and awaits them at the stop"),
    ("src/queue/consumer.rs", "tracks running jobs and awaits them in `close`"),
    ("src/net/client.rs", "bounds a dial that its caller may have given up"),
];

/// Starting a task that nobody waits for.
const BARE_SPAWNS: [&str; 5] =
    ["tokio::spawn", "tokio::task::spawn", "tokio::task::spawn_local", "task::spawn", "task::spawn_local"];

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// The file's place, as in `["crate", "store", "jobs"]` for `src/store/jobs.rs`.
fn module_of(file: &Source) -> Vec<&str> {
    let inner = file.path.strip_prefix("src/").unwrap_or(&file.path);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    std::iter::once("crate").chain(inner.split('/').filter(|part| *part != "lib")).collect()
}

fn named_by(file: &Source) -> Vec<Named> {
    paths(&file.text, &module_of(file))
}

fn may_name(from: &str, to: &str) -> bool {
    if from == to {
        return true;
    }
    let is_neighbour = NEIGHBOURS.iter().any(|(name, listed)| *name == from && listed.contains(&to));
    match (floor(from), floor(to)) {
        (Some(here), Some(there)) => there < here || is_neighbour,
        _ => false,
    }
}

/// No module names a higher floor, or a neighbour that is not listed.
pub(crate) fn arrows(tree: &Tree) -> Checked {
    let mut faults = Vec::new();
    for file in tree.rust("src/").filter(|file| file.path != "src/lib.rs") {
        let module = module_of(file);
        let Some(from) = module.get(1).copied() else { continue };
        for path in named_by(file) {
            let to = match path.parts.as_slice() {
                [root, to, ..] if root == "crate" || root == "semantest" => to.as_str(),
                _ => continue,
            };
            let is_listed = ARROWS.iter().any(|(place, target, _)| *place == file.path && *target == to);
            if floor(to).is_some() && !may_name(from, to) && !is_listed {
                faults.push(format!(
                    "{}:{}: `{from}` (floor {}) names `{}` (floor {}): move what both need down, or hand it in from src/app.rs",
                    file.path,
                    path.line,
                    floor(from).map_or(String::from("?"), |number| number.to_string()),
                    path.parts.join("::"),
                    floor(to).map_or(String::from("?"), |number| number.to_string()),
                ));
            }
        }
    }
    Ok(faults)
}

/// Every top module is in the table, and the table names nothing else.
pub(crate) fn modules(tree: &Tree) -> Checked {
    let tops = tree.rust("src/").filter_map(|file| module_of(file).get(1).map(|top| (*top, file)));
    let homeless = tops.filter(|(top, _)| floor(top).is_none()).map(|(top, file)| {
        format!("{}: give `{top}` a floor in FLOORS, and say so in docs/ARCHITECTURE.md", file.path)
    });
    let empty = FLOORS
        .iter()
        .filter(|(top, _)| !tree.has(&format!("src/{top}.rs")))
        .map(|(top, _)| format!("FLOORS lists `{top}`, which is not there: take the line out"));
    Ok(homeless.chain(empty).collect())
}

/// Every listed arrow between neighbours is one that the code uses: the table is a drawing of the house.
pub(crate) fn neighbours(tree: &Tree) -> Checked {
    let mut used = BTreeSet::new();
    for file in tree.rust("src/") {
        let Some(from) = module_of(file).get(1).map(|top| (*top).to_owned()) else { continue };
        for path in named_by(file) {
            if let [root, to, ..] = path.parts.as_slice()
                && (root == "crate" || root == "semantest")
            {
                used.insert((from.clone(), to.clone()));
            }
        }
    }
    let listed = NEIGHBOURS.iter().flat_map(|(from, to)| to.iter().map(|to| ((*from).to_owned(), (*to).to_owned())));
    Ok(listed
        .filter(|arrow| !used.contains(arrow))
        .map(|(from, to)| format!("NEIGHBOURS lists {from} → {to}, which no file uses: take it out"))
        .collect())
}

/// Every heavy crate is named in its own module only.
pub(crate) fn confinement(tree: &Tree) -> Checked {
    let mut faults = Vec::new();
    for file in tree.rust("src/") {
        let named = named_by(file);
        let own = own_names(&file.text, &named);
        let top = module_of(file).get(1).copied().unwrap_or_default().to_owned();
        for path in &named {
            let Some(root) = path.parts.first() else { continue };
            let Some((_, rooms)) = ROOMS.iter().find(|(name, _)| name == root) else { continue };
            if !rooms.contains(&top.as_str()) && !own.contains(root) {
                faults.push(format!(
                    "{}:{}: names the crate `{root}`, which lives in {} only: use that module's own types",
                    file.path,
                    path.line,
                    rooms.iter().map(|room| format!("src/{room}")).collect::<Vec<_>>().join(", "),
                ));
            }
        }
    }
    Ok(faults)
}

/// Tasks are started only where they are joined.
pub(crate) fn spawns(tree: &Tree) -> Checked {
    let mut faults = Vec::new();
    for file in tree.rust("src/") {
        if SPAWNERS.iter().any(|(path, _)| *path == file.path) {
            continue;
        }
        for path in named_by(file) {
            let is_bare = BARE_SPAWNS.contains(&path.parts.join("::").as_str());
            if is_bare {
                faults.push(format!(
                    "{}:{}: hand the loop to src/app.rs, or put the task in a `JoinSet` that is awaited",
                    file.path, path.line
                ));
            }
        }
    }
    Ok(faults)
}
