//! Guests that pass, hold, draw or log too much.

use semantest::model::limit::Limit;
use semantest::model::limits::CallLimits;
use semantest::model::units::ByteSize;

use super::cage::{Case, End, forever, times, with_ours, with_wasi};
use crate::host::guest::{Guest, roomy};

fn logging(body: &str) -> Guest {
    with_ours(Guest::doing(body), "log", &[("write", "write", "(param i32 i32 i32 i32 i32)")])
}

/// Writes so many bytes of `a` from 16384 on to standard output, again and again; the last one is `last`.
fn printing(count: u32, bytes: u32, last: u32) -> Guest {
    let body = format!(
        "(memory.fill (i32.const 16384) (i32.const 97) (i32.const {bytes}))
         (i32.store8 (i32.const {}) (i32.const {last}))
         (local.set $j (call $stdout))
         {}",
        16384 + bytes - 1,
        times(count, &format!("(call $print (local.get $j) (i32.const 16384) (i32.const {bytes}) (i32.const 512))")),
    );
    let guest = with_wasi(Guest::doing(&body), "cli/stdout", &[("get-stdout", "stdout", "(result i32)")]);
    let print = ("[method]output-stream.blocking-write-and-flush", "print", "(param i32 i32 i32 i32)");
    with_wasi(guest, "io/streams", &[print])
}

/// Line feeds only: the most lines that fit into what is written.
fn line_feeds() -> Guest {
    let body = format!(
        "(memory.fill (i32.const 16384) (i32.const 10) (i32.const 4096))
         (local.set $j (call $stderr))
         {}",
        times(1000, "(call $print (local.get $j) (i32.const 16384) (i32.const 4096) (i32.const 512))"),
    );
    let guest = with_wasi(Guest::doing(&body), "cli/stderr", &[("get-stderr", "stderr", "(result i32)")]);
    let print = ("[method]output-stream.blocking-write-and-flush", "print", "(param i32 i32 i32 i32)");
    with_wasi(guest, "io/streams", &[print])
}

fn drawing(body: &str) -> Guest {
    let bytes = ("get-random-bytes", "bytes", "(param i64 i32)");
    let guest = with_wasi(Guest::doing(body), "random/random", &[bytes, ("get-random-u64", "number", "(result i64)")]);
    let insecure = ("get-insecure-random-bytes", "insecure", "(param i64 i32)");
    // Room for what the host puts into it: the allocator of these guests never frees.
    Guest { pages: 200, ..with_wasi(guest, "random/insecure", &[insecure]) }
}

fn holding(body: &str) -> Guest {
    let guest = with_ours(Guest::doing(&forever(body)), "kv", &[("open", "open", "(param i32)")]);
    let writer = ("[constructor]asset-writer", "writer", "(param i32 i32) (result i32)");
    let guest = with_ours(guest, "assets", &[writer]);
    let guest = with_wasi(guest, "cli/stdout", &[("get-stdout", "stdout", "(result i32)")]);
    let guest =
        with_wasi(guest, "io/streams", &[("[method]output-stream.subscribe", "subscribe", "(param i32) (result i32)")]);
    let after = ("subscribe-duration", "after", "(param i64) (result i32)");
    Guest { pages: 20, ..with_wasi(guest, "clocks/monotonic-clock", &[after]) }
}

fn holders() -> Vec<Case> {
    vec![
        Case::new(
            "a flood of asset writers",
            // Each with a media type of 64 KiB, which the host must not keep.
            holding("(drop (call $writer (i32.const 16384) (i32.const 65536)))"),
            End::Over(Limit::Handles),
        ),
        Case::new(
            "a flood of buckets",
            holding("(call $open (i32.const 640)) (if (i32.load8_u (i32.const 640)) (then unreachable))"),
            End::Over(Limit::Handles),
        ),
        Case::new(
            "a flood of alarms",
            holding("(drop (call $after (i64.const 3600000000000)))"),
            End::Over(Limit::Handles),
        ),
        Case::new("a flood of streams", holding("(drop (call $stdout))"), End::Over(Limit::Handles)),
        Case::new(
            "a flood of streams with a watch on each",
            holding("(drop (call $subscribe (call $stdout)))"),
            End::Over(Limit::Handles),
        ),
    ]
}

fn drawers() -> Vec<Case> {
    vec![
        Case::new(
            "random bytes by the gigabyte",
            drawing("(call $bytes (i64.const 1073741824) (i32.const 640))"),
            End::Over(Limit::RandomBytes),
        ),
        Case::new(
            "insecure random bytes by the gigabyte",
            drawing("(call $insecure (i64.const 1073741824) (i32.const 640))"),
            End::Over(Limit::RandomBytes),
        ),
        Case::new(
            "random bytes again and again",
            drawing(&forever("(call $bytes (i64.const 65536) (i32.const 640))")),
            End::Over(Limit::RandomTotalBytes),
        ),
        Case::new(
            "insecure random bytes again and again",
            drawing(&forever("(call $insecure (i64.const 65536) (i32.const 640))")),
            End::Over(Limit::RandomTotalBytes),
        ),
        Case::new(
            "random numbers again and again",
            drawing(&forever("(drop (call $number))")),
            End::Over(Limit::RandomTotalBytes),
        ),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let few_bytes = CallLimits { log_bytes: ByteSize::kib(64), ..roomy() };
    let a_line = |bytes: u32| {
        format!("(call $write (i32.const 2) (i32.const 16384) (i32.const {bytes}) (i32.const 0) (i32.const 0))")
    };
    let huge = Guest { pages: 600, ..logging(&a_line(32 << 20)) };
    let full = |body: &str| Guest {
        pages: 4,
        ..logging(&format!("(memory.fill (i32.const 16384) (i32.const 97) (i32.const 131072)) {body}"))
    };
    let mut cases = vec![
        Case::new("a huge argument of a host call", huge, End::Over(Limit::HostCallBytes)),
        Case::new("a flood of log lines", logging(&times(100_000, &a_line(10))), End::Cut(Limit::LogLines)),
        Case::new("a log line without end", full(&a_line(131_072)), End::Cut(Limit::LogLineBytes)),
        Case::new("a flood of long log lines", full(&times(100, &a_line(4000))), End::Cut(Limit::LogBytes))
            .within(few_bytes),
        Case::new("a flood of standard output", printing(16_384, 4096, 10), End::Cut(Limit::LogLines)),
        Case::new("a line of standard output without end", printing(1000, 4096, 97), End::Cut(Limit::LogLineBytes)),
        Case::new("long lines of standard output", printing(100, 4000, 10), End::Cut(Limit::LogBytes))
            .within(few_bytes),
        Case::new("a flood of line feeds", line_feeds(), End::Cut(Limit::LogLines))
            .within(CallLimits { log_lines: 2000, ..roomy() }),
    ];
    cases.extend(holders());
    cases.extend(drawers());
    cases
}
