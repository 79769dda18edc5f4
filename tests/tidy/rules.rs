//! Rules about files, one by one: size, name, header, silenced lints, tests.

use crate::Checked;
use crate::code::blanked;
use crate::tree::{Source, Tree};

/// Most lines of a source file.
const MOST_LINES: usize = 400;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 10] =
    ["mod", "util", "utils", "common", "helper", "helpers", "misc", "manager", "managers", "shared"];

/// Tests that sleep because time itself is what they test: file and reason.
const SLEEPERS: [(&str, &str); 4] = [
    ("src/host/meter.rs", "shows that waiting costs no CPU time"),
    ("tests/it/net/peer.rs", "plays a peer that answers drop by drop"),
    ("tests/it/queue/locks.rs", "holds jobs for longer than their locks last"),
    ("tests/it/queue/outage.rs", "keeps Redis away for as long as an outage lasts"),
];

/// Longest pause between two looks at a condition, in milliseconds: a test that sleeps to be lucky sleeps longer.
const LONGEST_LOOK_PAUSE_MS: u64 = 25;

/// Files that silence lints wholesale because a generator wrote them: file and reason.
const GENERATED: [(&str, &str); 3] = [
    ("addons/sdk/src/bindings.rs", "which lints fire depends on the generator's version"),
    ("addons/fixtures/misbehave/src/wasi.rs", "which lints fire depends on the generator's version"),
    ("addons/fixtures/wasi-probe/src/bindings.rs", "which lints fire depends on the generator's version"),
];

/// Tickets whose job is too small for a file: ticket, the file that does it, reason.
const DONE_ELSEWHERE: [(&str, &str, &str); 1] =
    [("noop", "src/jobs/handler.rs", "does nothing; the bench measures the road with it")];

/// Tickets whose tests stand elsewhere: ticket, file, reason.
const TESTED_ELSEWHERE: [(&str, &str, &str); 1] = [("noop", "src/cli/bench/jobs.rs", "is what the bench runs")];

fn is_source(file: &Source) -> bool {
    ["rs", "mjs", "py", "sh"].iter().any(|kind| file.is(kind)) || file.path.starts_with("scripts/")
}

/// The file's code, and the number of its line, for every line that holds `needle`.
fn lines_with<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.lines().enumerate().filter(move |(_, line)| line.contains(needle)).map(|(number, _)| number + 1)
}

/// No file is longer than one can hold in mind.
pub(crate) fn sizes(tree: &Tree) -> Checked {
    let long = tree.all().filter(|file| is_source(file) && file.text.lines().count() > MOST_LINES);
    Ok(long
        .map(|file| {
            let lines = file.text.lines().count();
            format!("{}: {lines} lines: split it by thought, `foo.rs` as the face and `foo/` for the steps", file.path)
        })
        .collect())
}

/// No file, folder or type has a name that says nothing.
pub(crate) fn names(tree: &Tree) -> Checked {
    let mut faults = Vec::new();
    for file in tree.all().filter(|file| is_source(file)) {
        let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
        for part in parts.filter(|part| EMPTY_NAMES.contains(part)) {
            faults.push(format!("{}: `{part}` says nothing: name the type it owns or the verb it does", file.path));
        }
        if file.is("rs") {
            faults.extend(empty_types(file));
        }
    }
    Ok(faults)
}

fn empty_types(file: &Source) -> Vec<String> {
    let code = blanked(&file.text);
    let mut faults = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let words: Vec<&str> = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
        for pair in words.windows(2) {
            if let [keyword, name] = pair
                && ["struct", "enum", "trait", "type", "mod"].contains(keyword)
                && (name.ends_with("Manager") || name.ends_with("Helper") || EMPTY_NAMES.contains(name))
            {
                faults.push(format!("{}:{}: `{name}`: say what it does instead", file.path, number + 1));
            }
        }
    }
    faults
}

/// Every Rust file says first what it is for.
pub(crate) fn headers(tree: &Tree) -> Checked {
    let bare = tree.rust("").filter(|file| !file.text.trim_start().starts_with("//!"));
    Ok(bare.map(|file| format!("{}: open it with a `//!` that says what it is for", file.path)).collect())
}

/// Lints are expected with a reason, never allowed.
pub(crate) fn allows(tree: &Tree) -> Checked {
    let mut faults = Vec::new();
    for file in tree.rust("").filter(|file| !GENERATED.iter().any(|(path, _)| *path == file.path)) {
        let code = blanked(&file.text);
        for needle in ["#[allow(", "#![allow(", ", allow("] {
            faults.extend(lines_with(&code, needle).map(|line| {
                format!("{}:{line}: write `#[expect(…, reason = \"…\")]`, or mend what the lint found", file.path)
            }));
        }
    }
    Ok(faults)
}

/// Every test runs.
pub(crate) fn ignores(tree: &Tree) -> Checked {
    let mut faults = Vec::new();
    for file in tree.rust("") {
        let code = blanked(&file.text);
        faults.extend(
            lines_with(&code, "#[ignore")
                .map(|line| format!("{}:{line}: run it, delete it, or move it to tests/interop/full/", file.path)),
        );
    }
    Ok(faults)
}

/// No test waits for a while instead of for a condition.
pub(crate) fn sleeps(tree: &Tree) -> Checked {
    let mut faults = Vec::new();
    for file in tree.rust("").filter(|file| !SLEEPERS.iter().any(|(path, _)| *path == file.path)) {
        let code = blanked(&file.text);
        let first_test_line = if file.path.starts_with("tests/") {
            1
        } else {
            lines_with(&code, "#[cfg(test)]").next().unwrap_or(usize::MAX)
        };
        let lines = code.lines().enumerate().filter(|(_, line)| line.contains("sleep(") && !is_between_looks(line));
        faults.extend(lines.map(|(number, _)| number + 1).filter(|line| *line >= first_test_line).map(|line| {
            format!(
                "{}:{line}: wait for what a user could see; if time is the subject, list the file in SLEEPERS",
                file.path
            )
        }));
    }
    Ok(faults)
}

/// Whether a line sleeps no longer than the pause between two looks at a condition.
fn is_between_looks(line: &str) -> bool {
    let Some((_, rest)) = line.split_once("sleep(Duration::from_millis(") else { return false };
    let number = rest.split(')').next().unwrap_or_default().replace('_', "");
    number.parse::<u64>().is_ok_and(|pause| pause <= LONGEST_LOOK_PAUSE_MS)
}

#[test]
fn only_a_short_pause_counts_as_looking_again() {
    assert!(is_between_looks("    tokio::time::sleep(Duration::from_millis(10)).await;"));
    for line in ["sleep(Duration::from_millis(1_000))", "sleep(Duration::from_secs(4))", "sleep(*pause)"] {
        assert!(!is_between_looks(line), "{line}");
    }
}

/// Every ticket has its job and a test module of its name.
pub(crate) fn tickets(tree: &Tree) -> Checked {
    let mut faults = Vec::new();
    for ticket in tree.rust("src/queue/tickets/") {
        let name = ticket.stem();
        let is_done = tree.has(&format!("src/jobs/{name}.rs"))
            || DONE_ELSEWHERE.iter().any(|(listed, file, _)| *listed == name && tree.has(file));
        if !is_done {
            faults.push(format!("{}: write src/jobs/{name}.rs and its line in src/jobs.rs", ticket.path));
        }
        let is_tested = tree.rust("tests/it/").any(|file| file.stem() == name)
            || TESTED_ELSEWHERE.iter().any(|(listed, file, _)| *listed == name && tree.has(file));
        if !is_tested {
            faults.push(format!("{}: write tests/it/jobs/{name}.rs", ticket.path));
        }
    }
    Ok(faults)
}
