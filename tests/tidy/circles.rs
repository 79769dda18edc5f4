//! No circles: what two files need of each other stands in a third one below both.
//!
//! An arrow goes from a file to the file whose name it says, as in `use crate::store::page::Page` or
//! `super::state::ApiState`. What a face hands on (`pub use record::JobRecord`) counts as the file that has it, so that
//! a step may use what stands beside it through the face; and a face that declares its steps does not name them by that.
//! Tests in a file are left out: they may look at anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::Checked;
use crate::code::paths;
use crate::tree::{Source, Tree};

/// Who names whom, and in which line first.
type Arrows = BTreeMap<String, BTreeMap<String, usize>>;

/// Most hand-overs that a name is followed through, from face to face.
const MOST_HAND_OVERS: usize = 8;

/// No file reaches itself by following what files name.
pub(crate) fn circles(tree: &Tree) -> Checked {
    let house = House::read(tree);
    Ok(rings(&house.arrows()).iter().map(|ring| told(ring)).collect())
}

/// One step of a circle: a file, and the line where it names the next one.
type Step = (String, usize);

fn told(ring: &[Step]) -> String {
    let steps: Vec<String> = ring.iter().map(|(file, line)| format!("{file}:{line}")).collect();
    format!("{} → back: move what they share to a file below both", steps.join(" → "))
}

/// The files of `src/` by their place, as in `crate::store::jobs`.
struct House<'a> {
    files: BTreeMap<String, &'a Source>,
    /// What a face hands on: the name as others say it, and where it stands.
    handed_on: BTreeMap<String, String>,
}

impl<'a> House<'a> {
    fn read(tree: &'a Tree) -> Self {
        let files: BTreeMap<String, &Source> = tree.rust("src/").map(|file| (place_of(&file.path), file)).collect();
        let handed_on = files.iter().flat_map(|(place, file)| handed_on(place, &file.text)).collect();
        Self { files, handed_on }
    }

    fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (place, file) in &self.files {
            let named = arrows.entry(file.path.clone()).or_default();
            for (path, line) in named_in(place, untested(&file.text)) {
                if let Some(target) = self.file_of(&path).filter(|target| target.path != file.path) {
                    named.entry(target.path.clone()).or_insert(line);
                }
            }
        }
        arrows
    }

    /// The file that has what `path` names.
    fn file_of(&self, path: &str) -> Option<&Source> {
        let mut path = path.to_owned();
        for _ in 0..MOST_HAND_OVERS {
            let next = prefixes(&path).find_map(|(first, rest)| Some(format!("{}{rest}", self.handed_on.get(first)?)));
            let Some(next) = next else { break };
            path = next;
        }
        prefixes(&path).find_map(|(first, _)| self.files.get(first).copied())
    }
}

/// The path itself and everything it begins with, longest first, each with what is cut off.
fn prefixes(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let ends = path.match_indices("::").map(|(at, _)| at).chain([path.len()]);
    ends.collect::<Vec<_>>().into_iter().rev().filter_map(|end| path.split_at_checked(end))
}

/// As in `crate::store::jobs` for `src/store/jobs.rs`.
fn place_of(path: &str) -> String {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    if inner == "lib" { String::from("crate") } else { format!("crate::{}", inner.replace('/', "::")) }
}

/// A file without the tests at its end.
fn untested(text: &str) -> &str {
    text.split_once("\n#[cfg(test)]").map_or(text, |(code, _)| code)
}

/// Every path from the crate's root that the text names, with its line.
fn named_in(place: &str, text: &str) -> Vec<(String, usize)> {
    let module: Vec<&str> = place.split("::").collect();
    let from_root = |parts: &[String]| parts.first().is_some_and(|root| root == "crate" || root == "semantest");
    // A visibility is no use: `pub(in crate::host)` names a room to say who may come in.
    paths(&text.replace("(in crate::", "(in room::"), &module)
        .iter()
        .filter(|named| from_root(&named.parts))
        .map(|named| (format!("crate::{}", named.parts.get(1..).unwrap_or_default().join("::")), named.line))
        .collect()
}

/// What the `pub use` lines of a face offer under its own name, and where it stands.
fn handed_on(place: &str, text: &str) -> Vec<(String, String)> {
    let module: Vec<&str> = place.split("::").collect();
    let mut offered = Vec::new();
    for statement in untested(text).split('\n').scan(String::new(), statement).flatten() {
        for named in paths(&statement, &module) {
            let is_own = named.parts.first().is_some_and(|root| root != "crate");
            let path = if is_own { format!("{place}::{}", named.parts.join("::")) } else { named.parts.join("::") };
            if let Some(last) = named.parts.last() {
                offered.push((format!("{place}::{last}"), path));
            }
        }
    }
    offered
}

/// Puts the lines of a `pub use` together; answers it without its `pub` once it is whole.
#[expect(clippy::unnecessary_wraps, reason = "`scan` asks for an option")]
fn statement(open: &mut String, line: &str) -> Option<Option<String>> {
    let begins = line.starts_with("pub") && line.split_whitespace().take(4).any(|word| word == "use");
    if begins || !open.is_empty() {
        open.push_str(line);
    }
    let is_whole = open.ends_with(';');
    let whole = is_whole.then(|| std::mem::take(open));
    Some(whole.and_then(|text| text.split_once("use ").map(|(_, tail)| format!("use {tail}"))))
}

/// One shortest ring for each group of files that reach each other.
fn rings(arrows: &Arrows) -> Vec<Vec<Step>> {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut rings = Vec::new();
    for start in arrows.keys() {
        if told.contains(start.as_str()) {
            continue;
        }
        if let Some(ring) = shortest_ring(arrows, start) {
            told.extend(ring.iter().map(|(file, _)| *file));
            rings.push(ring.into_iter().map(|(file, line)| (file.to_owned(), line)).collect());
        }
    }
    rings
}

/// The shortest way from `start` back to itself.
fn shortest_ring<'a>(arrows: &'a Arrows, start: &'a str) -> Option<Vec<(&'a str, usize)>> {
    let mut ways: Vec<Vec<(&str, usize)>> = vec![Vec::new()];
    let mut ends = vec![start];
    let mut seen = BTreeSet::new();
    let mut next = 0;
    while let (Some(end), Some(way)) = (ends.get(next).copied(), ways.get(next).cloned()) {
        next += 1;
        for (target, line) in arrows.get(end).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push((end, *line));
            if target == start {
                return Some(longer);
            }
            if seen.insert(target.as_str()) {
                ends.push(target);
                ways.push(longer);
            }
        }
    }
    None
}

#[test]
fn a_circle_is_found_and_a_chain_is_not() {
    let arrow = |from: &str, to: &[&str]| (from.to_owned(), to.iter().map(|to| ((*to).to_owned(), 1)).collect());
    let chain: Arrows = [arrow("a", &["b", "c"]), arrow("b", &["c"]), arrow("c", &[])].into();
    assert!(rings(&chain).is_empty());
    let circle: Arrows = [arrow("a", &["b"]), arrow("b", &["c"]), arrow("c", &["d", "b"]), arrow("d", &[])].into();
    assert_eq!(rings(&circle), [vec![(String::from("b"), 1), (String::from("c"), 1)]]);
}

#[test]
fn what_a_face_hands_on_is_named_where_it_stands() {
    let offered = handed_on("crate::store", "//! x\nmod jobs;\n\npub use jobs::{Jobs, record::Record};\nuse x::Y;\n");
    let expected = [
        ("crate::store::Jobs", "crate::store::jobs::Jobs"),
        ("crate::store::Record", "crate::store::jobs::record::Record"),
    ];
    assert_eq!(offered, expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
}
