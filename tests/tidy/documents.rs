//! Documents that stay true: paths, decision records, machines, vendored files.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::Checked;
use crate::tree::{Source, Tree};

/// Folders that a document's path may begin with; anything else in backticks is no path of ours.
const ROOTS: [&str; 11] =
    ["src/", "tests/", "docs/", "wit/", "addons/", "examples/", "scripts/", "benches/", ".ci/", "deploy/", "target/"];

/// What ends a vendored folder's list of digests.
const VENDORED: (&str, &str) = ("wit/deps/", "wit/deps.sha256");

fn documents(tree: &Tree) -> impl Iterator<Item = &Source> {
    tree.all().filter(|file| file.is("md") && (file.path.starts_with("docs/") || !file.path.contains('/')))
}

/// The texts between single backticks, outside of code blocks, with their lines.
fn code_spans(text: &str) -> Vec<(usize, &str)> {
    let mut is_block = false;
    let mut spans = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            spans.extend(line.split('`').skip(1).step_by(2).map(|span| (number + 1, span)));
        }
    }
    spans
}

/// Where the links of a document lead, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(number, line)| {
            line.split("](").skip(1).filter_map(move |rest| Some((number + 1, rest.split_once(')')?.0)))
        })
        .collect()
}

/// Whether a text is meant as a path of this project that can be looked up.
fn looks_like_a_path(text: &str) -> bool {
    let is_placeholder = text.contains(|letter: char| "{}<>*… $=?,()".contains(letter)) || text.contains("NNNN");
    ROOTS.iter().any(|root| text.starts_with(root)) && !text.starts_with("target/") && !is_placeholder
}

/// Every path in a document is there.
pub(crate) fn paths(tree: &Tree) -> Checked {
    let mut faults = Vec::new();
    for document in documents(tree) {
        for (line, span) in code_spans(&document.text) {
            let path = span.split([':', '#']).next().unwrap_or(span);
            if looks_like_a_path(path) && !tree.has(path) {
                faults.push(format!("{}:{line}: `{path}` is not there: mend the text or the tree", document.path));
            }
        }
        let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, link) in links(&document.text) {
            let target = link.split('#').next().unwrap_or(link);
            if !target.is_empty() && !target.contains("://") && !tree.has(&joined(folder, target)) {
                faults.push(format!("{}:{line}: the link to {target} leads nowhere", document.path));
            }
        }
    }
    Ok(faults)
}

fn joined(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// Records are numbered one after the other, and each has its four parts.
pub(crate) fn decisions(tree: &Tree) -> Checked {
    let mut faults = Vec::new();
    let records = tree.all().filter(|file| file.path.starts_with("docs/decisions/") && file.is("md"));
    for (index, record) in records.enumerate() {
        let number = format!("{:04}-", index + 1);
        if !record.name().starts_with(&number) {
            faults.push(format!("{}: expected a name that starts with {number}", record.path));
        }
        for heading in ["## Context", "## Decision", "## Consequences"] {
            if !record.text.contains(heading) {
                faults.push(format!("{}: has no `{heading}`", record.path));
            }
        }
    }
    Ok(faults)
}

/// No file names a folder of one machine; no lock file names the registry it was made with.
pub(crate) fn machines(tree: &Tree) -> Checked {
    // Written in two pieces, so that this file does not find itself.
    let folders = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/home", "/"), concat!("/Us", "ers/")];
    let mut faults = Vec::new();
    for file in tree.all() {
        for (number, line) in file.text.lines().enumerate() {
            for folder in folders.iter().filter(|folder| names_folder(line, folder)) {
                faults.push(format!("{}:{}: `{folder}` is on one machine only", file.path, number + 1));
            }
            if file.name() == "package-lock.json" && line.contains("\"resolved\": \"http") {
                faults.push(format!(
                    "{}:{}: names a registry: write the lock file with `npm install --omit-lockfile-registry-resolved`",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    Ok(faults)
}

/// Whether `folder` stands in the line as the beginning of an absolute path.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|letter| !letter.is_alphanumeric() && !"._-/}>)*".contains(letter))
    })
}

/// Vendored files have the digests that their tool wrote down.
pub(crate) fn vendored(tree: &Tree) -> Checked {
    let (folder, list) = VENDORED;
    let files: Vec<&Source> = tree.all().filter(|file| file.path.starts_with(folder)).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let Some(list) = tree.file(list) else {
        return Ok(vec![format!("{list} is missing: run scripts/vendor-wit")]);
    };
    let mut listed: BTreeMap<&str, &str> =
        list.text.lines().filter_map(|line| line.split_once("  ")).map(|(digest, path)| (path, digest)).collect();
    let mut faults = Vec::new();
    for file in files {
        let digest = hex::encode(Sha256::digest(file.text.as_bytes()));
        if listed.remove(file.path.as_str()) != Some(digest.as_str()) {
            faults.push(format!("{}: is not what was vendored: undo the edit, or run scripts/vendor-wit", file.path));
        }
    }
    faults.extend(listed.keys().map(|path| format!("{path}: was vendored and is gone: run scripts/vendor-wit")));
    Ok(faults)
}
