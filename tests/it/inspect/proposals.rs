//! The reader validates with exactly the proposals that the engine runs.

use anyhow::{Context as _, Result};
use semantest::host::InterfaceSet;
use semantest::model::code::JobCode;
use semantest::model::digest::Digest;

use super::{ACTIONS, inspected, packed, plain_manifest};
use crate::host::guest::Sandbox;

/// Core modules, one proposal each, and whether this house runs it.
const PROPOSALS: [(&str, bool); 17] = [
    ("(func (result i32 i32) (i32.const 1) (i32.const 2))", true),
    ("(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))", true),
    ("(func (drop (i32.trunc_sat_f32_s (f32.const 1))))", true),
    ("(func (drop (i8x16.splat (i32.const 1))))", true),
    ("(table 1 funcref) (func (drop (table.size)))", true),
    ("(memory 1) (memory 1)", true),
    ("(global i32 (i32.add (i32.const 1) (i32.const 1)))", true),
    ("(memory 1 1 shared)", false),
    ("(memory i64 1)", false),
    ("(type (struct (field i32)))", false),
    ("(func (param (ref null func)))", true),
    ("(func (param (ref func)))", false),
    ("(func (param externref))", false),
    ("(tag) (func (throw 0))", false),
    ("(func $f (return_call $f))", false),
    ("(func (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0))))", false),
    ("(memory 1 (pagesize 1))", false),
];

#[tokio::test]
async fn a_proposal_is_refused_by_the_reader_where_the_engine_would_refuse_it() -> Result<()> {
    let sandbox = Sandbox::start()?;
    for (module, is_run) in PROPOSALS {
        let bytes = packed(&format!("(core module {module}) {ACTIONS}"), &plain_manifest()).context(module)?;
        let read = inspected(&bytes).map_err(|error| error.code());
        match is_run {
            true => assert!(read.is_ok(), "{module}: {read:?}"),
            false => assert_eq!(read.err(), Some(JobCode::ComponentInvalid), "{module}"),
        }
        let compiled = sandbox.host.compile(&Digest::of(&bytes), InterfaceSet::BASELINE, bytes.into()).await;
        let is_a_format_fault = compiled.err().is_some_and(|error| format!("{error:?}").contains("Invalid"));
        assert_eq!(is_a_format_fault, !is_run, "the engine disagrees about {module}");
    }
    Ok(())
}
