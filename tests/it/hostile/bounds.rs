//! Guests that hand over one thing that is too large: they are told, with the numbers, and may go on.

use semantest::model::limit::Limit;
use semantest::model::limits::CallLimits;
use semantest::model::units::ByteSize;

use super::cage::{Case, End, forever, or_say_so};
use super::doors::{making, set, storing, telling};
use crate::host::guest::roomy;

pub(super) fn cases() -> Vec<Case> {
    let partial = "(memory.fill (i32.const 16384) (i32.const 49) (i32.const 70000))
        (call $partial (i32.const 16384) (i32.const 70000) (i32.const 640))";
    let small = CallLimits { asset: ByteSize::mib(1), ..roomy() };
    let growing = format!(
        "(local.set $j (call $writer (i32.const 1100) (i32.const 10))) {}",
        forever(&or_say_so("(call $write (local.get $j) (i32.const 16384) (i32.const 100000) (i32.const 640))"))
    );
    vec![
        Case::new("a key that is too long", storing(&or_say_so(&set(257, 1))), End::Told(Limit::KvKeyBytes)),
        Case::new("a value that is too large", storing(&or_say_so(&set(3, 300_000))), End::Told(Limit::KvValueBytes)),
        Case::new(
            "a prefix that is too long",
            storing(&or_say_so(
                "(call $list (local.get $j) (i32.const 16384) (i32.const 300) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 10) (i32.const 640))",
            )),
            End::Told(Limit::KvKeyBytes),
        ),
        Case::new(
            "a checkpoint that is too large",
            telling(&or_say_so("(call $save (i32.const 16384) (i32.const 70000) (i32.const 640))")),
            End::Told(Limit::CheckpointBytes),
        ),
        Case::new("a piece of output that is too large", telling(&or_say_so(partial)), End::Told(Limit::PartialBytes)),
        Case::new(
            "an asset that is too large",
            making(&or_say_so("(call $make (i32.const 2000000))")),
            End::Told(Limit::AssetBytes),
        )
        .within(small),
        Case::new("an asset that grows without end", making(&growing), End::Told(Limit::AssetBytes)).within(small),
    ]
}
