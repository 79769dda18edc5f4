//! Holds what a machine can hold of the house rules (`docs/ARCHITECTURE.md`).
//!
//! Each test reads the source tree and lists every fault with its place and
//! what to do about it. Exceptions stand in the tables of `tests/tidy/`, each with a reason.

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/doors.rs"]
mod doors;
#[path = "tidy/floors.rs"]
mod floors;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/tree.rs"]
mod tree;

use tree::Tree;

/// What a check answers: every fault it found, or why it could not look.
type Checked = anyhow::Result<Vec<String>>;

/// Fails with every fault in one message.
fn hold(rule: &str, check: impl FnOnce(&Tree) -> Checked) -> anyhow::Result<()> {
    let faults = check(&Tree::read()?)?;
    anyhow::ensure!(faults.is_empty(), "{rule}\n\n  {}\n", faults.join("\n  "));
    Ok(())
}

#[test]
fn arrows_point_down() -> anyhow::Result<()> {
    hold("A module names its own, a lower floor, and the listed neighbours (tests/tidy/floors.rs).", floors::arrows)
}

#[test]
fn no_file_reaches_itself_by_what_it_names() -> anyhow::Result<()> {
    hold("Files of src/ name each other in one direction (tests/tidy/circles.rs).", circles::circles)
}

#[test]
fn every_module_stands_on_a_floor() -> anyhow::Result<()> {
    hold("Each top module of src/ has a floor in tests/tidy/floors.rs.", floors::modules)
}

#[test]
fn the_table_of_floors_shows_the_house_as_it_is() -> anyhow::Result<()> {
    hold("An arrow between neighbours that nobody uses goes out of tests/tidy/floors.rs.", floors::neighbours)
}

#[test]
fn a_heavy_crate_is_named_in_its_own_room_only() -> anyhow::Result<()> {
    hold("Heavy dependencies stay replaceable: one module each (tests/tidy/floors.rs).", floors::confinement)
}

#[test]
fn handlers_of_clients_get_their_clients_part_only() -> anyhow::Result<()> {
    hold("A handler of clients cannot name another client's record (tests/tidy/doors.rs).", doors::tenants)
}

#[test]
fn tasks_are_spawned_where_somebody_joins_them() -> anyhow::Result<()> {
    hold("Bare spawns lose tasks at the stop (tests/tidy/floors.rs lists who may).", floors::spawns)
}

#[test]
fn a_file_is_one_thought() -> anyhow::Result<()> {
    hold("Files end at 400 lines.", rules::sizes)
}

#[test]
fn names_say_what_a_thing_is() -> anyhow::Result<()> {
    hold("A file is named after the type it owns or the verb it does.", rules::names)
}

#[test]
fn every_file_says_what_it_is_for() -> anyhow::Result<()> {
    hold("Each Rust file opens with a `//!`.", rules::headers)
}

#[test]
fn a_lint_is_silenced_with_a_reason() -> anyhow::Result<()> {
    hold("`#[expect(lint, reason = \"…\")]`, never `allow`.", rules::allows)
}

#[test]
fn no_test_is_ignored() -> anyhow::Result<()> {
    hold("A test runs or goes; what is slow goes to `make interop-full` or `make soak`.", rules::ignores)
}

#[test]
fn no_test_sleeps_to_be_lucky() -> anyhow::Result<()> {
    hold("Tests wait for a condition (tests/tidy/rules.rs lists the few that measure time).", rules::sleeps)
}

#[test]
fn every_ticket_has_a_job_and_a_test_module() -> anyhow::Result<()> {
    hold("A ticket `x` has src/jobs/x.rs and a test module x.rs under tests/it/.", rules::tickets)
}

#[test]
fn documents_name_paths_that_exist() -> anyhow::Result<()> {
    hold("A document that names a path keeps it true.", documents::paths)
}

#[test]
fn decision_records_are_numbered_without_gaps() -> anyhow::Result<()> {
    hold("docs/decisions/NNNN-title.md, counted from 0001.", documents::decisions)
}

#[test]
fn nothing_names_one_machine() -> anyhow::Result<()> {
    hold("The tree holds on any machine: no absolute folders, no registry hosts in lock files.", documents::machines)
}

#[test]
fn vendored_interfaces_are_as_they_came() -> anyhow::Result<()> {
    hold("wit/deps is written by scripts/vendor-wit alone.", documents::vendored)
}
