//! Guests that take too much memory, in each of its kinds.

use semantest::model::limit::Limit;
use semantest::model::limits::CallLimits;
use semantest::model::units::ByteSize;

use super::cage::{Case, End, forever, with_ours};
use crate::host::guest::{DIGIT, Guest, roomy};

fn or_trap(grow: &str) -> String {
    format!("(if (i32.eq {grow} (i32.const -1)) (then unreachable))")
}

fn with_parts(body: &str, parts: &str) -> Guest {
    Guest { parts: parts.to_owned(), ..Guest::doing(body) }
}

fn with_ending(body: &str, ending: &str) -> Guest {
    Guest { ending: ending.to_owned(), ..Guest::doing(body) }
}

/// Several core instances: what it imports takes two more, which the encoder makes.
fn many_instances() -> Guest {
    with_ours(Guest::doing(""), "config", &[("get", "get", "(param i32)")])
}

pub(super) fn cases() -> Vec<Case> {
    let four = "(memory $a 0) (memory $b 0) (memory $c 0) (memory $d 0)";
    let a_third_each =
        ["a", "b", "c", "d"].map(|name| or_trap(&format!("(memory.grow ${name} (i32.const 320))"))).join(" ");
    let polite = format!(
        "(drop (memory.grow (i32.const 60000)))
         (i32.store8 (i32.const {DIGIT}) (i32.add (i32.const 48) (i32.eq (memory.grow (i32.const 60000)) (i32.const -1))))"
    );
    let grow_table = or_trap("(table.grow (ref.null func) (i32.const 1000))");
    let small_table = CallLimits { table_elements: 50_000, ..roomy() };
    vec![
        Case::new(
            "all the memory in one step",
            Guest::doing(&or_trap("(memory.grow (i32.const 2000))")),
            End::Over(Limit::MemoryBytes),
        ),
        Case::new(
            "all the memory in many steps",
            Guest::doing(&forever(&or_trap("(memory.grow (i32.const 16))"))),
            End::Over(Limit::MemoryBytes),
        ),
        Case::new("four memories of a third each", with_ending(&a_third_each, four), End::Over(Limit::MemoryBytes)),
        Case::new(
            "too much memory at the start",
            Guest { pages: 2000, ..Guest::doing("") },
            End::Over(Limit::MemoryBytes),
        ),
        Case::new(
            "memory that it may have elsewhere",
            Guest { pages: 200, ..Guest::doing("") },
            End::Over(Limit::MemoryBytes),
        )
        .within(CallLimits { memory: ByteSize::mib(8), ..roomy() }),
        Case::new("a refusal of memory that is taken well", Guest::doing(&polite), End::Answers(1)),
        Case::new(
            "a table without end",
            with_parts(&forever(&grow_table), "(table 1 funcref)"),
            End::Over(Limit::TableElements),
        )
        .within(small_table),
        Case::new(
            "a table that starts too large",
            with_parts("", "(table 60000 funcref)"),
            End::Over(Limit::TableElements),
        )
        .within(small_table),
        Case::new("more instances than allowed", many_instances(), End::Over(Limit::Instances))
            .within(CallLimits { instances: 1, ..roomy() }),
        Case::new("more memories than allowed", with_ending("", four), End::Over(Limit::Memories))
            .within(CallLimits { memories: 4, ..roomy() }),
        Case::new("more tables than allowed", with_parts("", &"(table 1 funcref)".repeat(5)), End::Over(Limit::Tables))
            .within(CallLimits { tables: 4, ..roomy() }),
        Case::new(
            "recursion without end",
            with_parts("(call $deeper)", "(func $deeper (call $deeper) (call $deeper))"),
            End::Over(Limit::StackBytes),
        ),
    ]
}
