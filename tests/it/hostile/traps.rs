//! Guests that crash, by accident or on purpose.

use super::cage::{Case, End, with_ours, with_wasi};
use crate::host::guest::Guest;

fn with_parts(body: &str, parts: &str) -> Guest {
    Guest { parts: parts.to_owned(), ..Guest::doing(body) }
}

fn logging(body: &str) -> Guest {
    with_ours(Guest::doing(body), "log", &[("write", "write", "(param i32 i32 i32 i32 i32)")])
}

fn exiting(status: i32) -> Guest {
    with_wasi(
        Guest::doing(&format!("(call $exit (i32.const {status}))")),
        "cli/exit",
        &[("exit", "exit", "(param i32)")],
    )
}

/// Logs the last words that the SDK writes for a panic, and traps.
fn panicking() -> Guest {
    let guest =
        logging("(call $write (i32.const 4) (i32.const 1100) (i32.const 24) (i32.const 0) (i32.const 0)) unreachable");
    Guest { ending: String::from(r#"(data (i32.const 1100) "panicked: out of bananas")"#), ..guest }
}

/// Uses a stream that it gave back.
fn stale() -> Guest {
    let guest = Guest::doing(
        "(local.set $j (call $stdout)) (call $drop (local.get $j))
         (call $print (local.get $j) (i32.const 1024) (i32.const 7) (i32.const 512))",
    );
    let guest = with_wasi(guest, "cli/stdout", &[("get-stdout", "stdout", "(result i32)")]);
    with_wasi(
        guest,
        "io/streams",
        &[
            ("[method]output-stream.blocking-write-and-flush", "print", "(param i32 i32 i32 i32)"),
            ("[resource-drop]output-stream", "drop", "(param i32)"),
        ],
    )
}

fn after_the_answer() -> Guest {
    let post = r#"(func (export "cabi_post_semantest:addon/actions@1.0.0#invoke") (param i32) unreachable)"#;
    Guest { ending: post.to_owned(), ..Guest::doing("") }
}

/// Whose allocator gives the host a place outside of its memory for what the call brings.
fn lying_allocator() -> Guest {
    Guest::doing("").allocating("(i32.const -65536)")
}

pub(super) fn cases() -> Vec<Case> {
    let table = "(table 4 funcref) (type $t (func (param i64)))";
    let mismatched = "(table 1 funcref) (elem (i32.const 0) $other) (func $other) (type $t (func (param i64)))";
    vec![
        Case::new("unreachable", Guest::doing("unreachable"), End::Trap("unreachable")),
        Case::new(
            "division by zero",
            Guest::doing("(drop (i32.div_s (i32.const 1) (local.get $i)))"),
            End::Trap("divide by zero"),
        ),
        Case::new(
            "a number that does not fit",
            Guest::doing("(drop (i32.trunc_f64_s (f64.const 1e300)))"),
            End::Trap("integer overflow"),
        ),
        Case::new(
            "memory out of bounds",
            Guest::doing("(drop (i32.load (i32.const 0x7ffffff0)))"),
            End::Trap("out of bounds memory access"),
        ),
        Case::new(
            "a table out of bounds",
            with_parts("(call_indirect (type $t) (i64.const 1) (i32.const 99))", table),
            End::Trap("undefined element"),
        ),
        Case::new(
            "a call of nothing",
            with_parts("(call_indirect (type $t) (i64.const 1) (i32.const 1))", table),
            End::Trap("uninitialized element"),
        ),
        Case::new(
            "a call of the wrong kind",
            with_parts("(call_indirect (type $t) (i64.const 1) (i32.const 0))", mismatched),
            End::Trap("indirect call type mismatch"),
        ),
        Case::new("a panic with last words", panicking(), End::Trap("out of bananas")),
        Case::new("ending itself well", exiting(0), End::Exit(0)),
        Case::new("ending itself ill", exiting(1), End::Exit(1)),
        Case::new(
            "text that is none for the host",
            logging(
                "(i32.store (i32.const 16384) (i32.const -1))
                 (call $write (i32.const 2) (i32.const 16384) (i32.const 4) (i32.const 0) (i32.const 0))",
            ),
            End::Trap("utf-8"),
        ),
        Case::new(
            "text from nowhere for the host",
            logging("(call $write (i32.const 2) (i32.const -8) (i32.const 4) (i32.const 0) (i32.const 0))"),
            End::Trap("out of bounds"),
        ),
        Case::new(
            "a level that there is not",
            logging("(call $write (i32.const 99) (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 0))"),
            End::Trap("discriminant"),
        ),
        Case::new("a handle that it gave back", stale(), End::Trap("handle")),
        Case::new("a trap after the answer", after_the_answer(), End::Trap("unreachable")),
        Case::new("an allocator that lies", lying_allocator(), End::Trap("realloc return")),
    ]
}
