//! Guests that use what they may use, far too often.

use semantest::model::limit::Limit;
use semantest::model::limits::CallLimits;
use semantest::model::units::ByteSize;

use super::cage::{Case, End, forever, or_say_so, with_ours};
use crate::host::guest::{Guest, roomy};

/// A guest with a bucket in `$j`, and the methods of buckets.
pub(super) fn storing(body: &str) -> Guest {
    let guest = Guest::doing(&format!(
        "(call $open (i32.const 512)) (if (i32.load8_u (i32.const 512)) (then unreachable))
         (local.set $j (i32.load (i32.const 520)))
         {body}"
    ));
    let guest = with_ours(guest, "kv", &[("open", "open", "(param i32)")]);
    let guest = with_ours(
        guest,
        "kv-types",
        &[
            ("[method]bucket.get", "get", "(param i32 i32 i32 i32)"),
            ("[method]bucket.set", "set", "(param i32 i32 i32 i32 i32 i32 i64 i32)"),
            ("[method]bucket.list-keys", "list", "(param i32 i32 i32 i32 i32 i32 i32 i32)"),
        ],
    );
    Guest { pages: 20, ..guest }
}

/// Stores so many bytes under the key of so many bytes; both are what lies at 16384.
pub(super) fn set(key: u32, value: u32) -> String {
    format!(
        "(memory.fill (i32.const 16384) (i32.const 97) (i32.const {key}))
         (call $set (local.get $j) (i32.const 16384) (i32.const {key}) (i32.const 16384) (i32.const {value})
            (i32.const 0) (i64.const 0) (i32.const 640))"
    )
}

/// A guest with the functions of `progress`.
pub(super) fn telling(body: &str) -> Guest {
    let guest = with_ours(
        Guest::doing(body),
        "progress",
        &[
            ("report", "report", "(param i32 i32 i32 i32 i32)"),
            ("partial", "partial", "(param i32 i32 i32)"),
            ("save-checkpoint", "save", "(param i32 i32 i32)"),
        ],
    );
    Guest { pages: 20, ..guest }
}

/// A guest that writes assets: `$make` makes one of as many bytes as it is given, and answers where its `result` is.
pub(super) fn making(body: &str) -> Guest {
    let guest = with_ours(
        Guest::doing(body),
        "assets",
        &[
            ("[constructor]asset-writer", "writer", "(param i32 i32) (result i32)"),
            ("[method]asset-writer.write", "write", "(param i32 i32 i32 i32)"),
            ("[static]asset-writer.finish", "finish", "(param i32 i32 i32 i32)"),
        ],
    );
    let make = r#"(func $make (param $bytes i32)
            (local $w i32)
            (local.set $w (call $writer (i32.const 1100) (i32.const 10)))
            (call $write (local.get $w) (i32.const 16384) (local.get $bytes) (i32.const 640))
            (if (i32.load8_u (i32.const 640)) (then return))
            (call $finish (local.get $w) (i32.const 1110) (i32.const 2) (i32.const 640)))
        (data (i32.const 1100) "text/plain{}")"#;
    Guest { pages: 40, ending: make.to_owned(), ..guest }
}

pub(super) fn cases() -> Vec<Case> {
    let get = "(call $get (local.get $j) (i32.const 1024) (i32.const 3) (i32.const 640))";
    let list = "(call $list (local.get $j) (i32.const 1024) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 4096) (i32.const 640))";
    let report = "(call $report (i32.const 1) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0))";
    let note = "(call $report (i32.const 1) (i32.const 2) (i32.const 1) (i32.const 16384) (i32.const 200))";
    // `{"n":0}` is JSON.
    let partial = "(call $partial (i32.const 1024) (i32.const 7) (i32.const 640))";
    let save = "(call $save (i32.const 16384) (i32.const 60000) (i32.const 640))";
    let few_bytes = CallLimits { progress_bytes: ByteSize::kib(10), ..roomy() };
    vec![
        Case::new("reading a key for ever", storing(&forever(&or_say_so(get))), End::Over(Limit::KvOperations)),
        Case::new("listing keys for ever", storing(&forever(&or_say_so(list))), End::Over(Limit::KvOperations)),
        Case::new(
            "writing megabytes to the store",
            storing(&forever(&or_say_so(&set(3, 200_000)))),
            End::Over(Limit::KvTrafficBytes),
        ),
        Case::new(
            "reading megabytes from the store",
            storing(&format!(
                "{} {}",
                or_say_so(&set(3, 200_000)),
                forever(&or_say_so(
                    // The allocator starts over: what was read before is not needed.
                    "(global.set $free (i32.const 262144))
                 (call $get (local.get $j) (i32.const 16384) (i32.const 3) (i32.const 640))",
                ))
            )),
            End::Over(Limit::KvTrafficBytes),
        ),
        Case::new("reporting progress for ever", telling(&forever(report)), End::Over(Limit::ProgressMessages)),
        Case::new(
            "partial output for ever",
            telling(&forever(&or_say_so(partial))),
            End::Over(Limit::ProgressMessages),
        ),
        Case::new("checkpoints for ever", telling(&forever(&or_say_so(save))), End::Over(Limit::ProgressBytes)),
        Case::new("long notes for ever", telling(&forever(note)), End::Over(Limit::ProgressBytes)).within(few_bytes),
        Case::new(
            "assets without end",
            making(&forever(&or_say_so("(call $make (i32.const 10))"))),
            End::Over(Limit::Assets),
        ),
        Case::new(
            "large assets without end",
            making(&forever(&or_say_so("(call $make (i32.const 2000000))"))),
            End::Over(Limit::AssetTotalBytes),
        )
        .within(CallLimits { asset_total: ByteSize::mib(8), ..roomy() }),
    ]
}
