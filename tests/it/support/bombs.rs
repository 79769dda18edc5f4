//! Components that are small to send and dear to compile.

use bytes::Bytes;
use semantest::host::section;
use semantest::model::manifest::Manifest;
use serde_json::Value;
use wasm_encoder::{
    BlockType, CodeSection, Encode as _, Function, FunctionSection, InstructionSink, Module, RawSection, TypeSection,
    ValType,
};

use crate::host::guest::Guest;

/// What makes a component dear to compile.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bomb {
    /// One function with so many additions.
    HugeFunction(usize),
    /// One function with so many blocks inside each other.
    DeepBlocks(usize),
    /// So many functions.
    ManyFunctions(usize),
}

impl Bomb {
    /// A guest like every other, with the bomb beside its code.
    pub(crate) fn component(self) -> Bytes {
        self.beside(&Guest::doing("").build().expect("a component"))
    }

    /// The same with a manifest.
    pub(crate) fn packed(self, manifest: &Value) -> Bytes {
        let manifest = Manifest::from_value(manifest.clone()).expect("a good manifest");
        section::embed(&self.component(), &manifest).expect("a packed component").into()
    }

    fn beside(self, component: &[u8]) -> Bytes {
        let module = self.module();
        let mut whole = component.to_vec();
        let section = RawSection { id: 1, data: &module };
        whole.push(section.id);
        section.data.encode(&mut whole);
        whole.into()
    }

    fn module(self) -> Vec<u8> {
        let functions = match self {
            Self::HugeFunction(additions) => vec![function(|body| {
                for number in 0..additions {
                    let number = i32::try_from(number & 0xffff).unwrap_or(0);
                    body.local_get(0).i32_const(number).i32_add().local_set(0);
                }
            })],
            Self::DeepBlocks(depth) => vec![function(|body| {
                for _ in 0..depth {
                    body.block(BlockType::Empty).local_get(0).br_if(0);
                }
                for _ in 0..depth {
                    body.end();
                }
            })],
            Self::ManyFunctions(count) => {
                let one = function(|body| {
                    body.local_get(0).i32_const(1).i32_add().local_set(0);
                });
                vec![one; count]
            }
        };
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], [ValType::I32]);
        let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
        for function in &functions {
            declared.function(0);
            code.function(function);
        }
        let mut module = Module::new();
        module.section(&types).section(&declared).section(&code);
        module.finish()
    }
}

/// A function of one number, which it answers at its end.
fn function(body: impl FnOnce(&mut InstructionSink<'_>)) -> Function {
    let mut function = Function::new([]);
    let mut instructions = function.instructions();
    body(&mut instructions);
    instructions.local_get(0).end();
    function
}
