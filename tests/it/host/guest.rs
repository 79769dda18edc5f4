//! Guests written in WebAssembly text, so that the sandbox's tests need no guest toolchain.
//!
//! A guest is a core module in text, wrapped into a component by the same crate
//! that toolchains use. Everything an action needs is there already: memory, an
//! allocator that never frees, and an answer, `{"n":0}`, whose digit the body may change.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use semantest::config::sandbox::{CompilerSettings, SandboxSettings};
use semantest::host::ports::{AssetFacts, AssetsPort, KvEntry, KvPage, KvPort, KvSwap, PortError};
use semantest::host::{
    CallFacts, CallReport, CallRequest, CompiledAddon, Host, Interface, InterfaceSet, Invocation, Ports,
};
use semantest::model::digest::Digest;
use semantest::model::limits::CallLimits;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the answer's value lies in a guest's memory, and the place of its digit.
pub(crate) const DIGIT: usize = 1029;

/// A guest with the export `actions`.
#[derive(Clone, Default)]
pub(crate) struct Guest {
    /// WIT lines of the world: further imports and exports.
    pub(crate) world: String,
    /// Imports and further parts of the core module.
    pub(crate) parts: String,
    /// What comes behind the guest's own memory in the core module.
    pub(crate) ending: String,
    /// What `invoke` does before it answers.
    pub(crate) body: String,
    /// Pages of memory at the start.
    pub(crate) pages: u32,
    /// What the allocator answers; the next free place when empty.
    pub(crate) allocator: String,
}

impl Guest {
    /// A guest whose action runs `body`.
    pub(crate) fn doing(body: &str) -> Self {
        Self { body: body.to_owned(), pages: 2, ..Self::default() }
    }

    /// The same guest with an import: its WIT line and its core signature.
    pub(crate) fn importing(mut self, wit: &str, module: &str, functions: &[(&str, &str, &str)]) -> Self {
        self.world.push_str(&format!("import {wit};\n"));
        for (name, alias, signature) in functions {
            self.parts.push_str(&format!("(import \"{module}\" \"{name}\" (func ${alias} {signature}))\n"));
        }
        self
    }

    /// The same guest with an allocator that answers this expression.
    pub(crate) fn allocating(self, expression: &str) -> Self {
        Self { allocator: expression.to_owned(), ..self }
    }

    /// The component's bytes.
    pub(crate) fn build(&self) -> Result<Bytes> {
        let Self { world, parts, ending, body, pages, allocator } = self;
        let place = if allocator.is_empty() { "(local.get $at)" } else { allocator };
        let text = format!(
            r#"(module
                {parts}
                (memory (export "memory") {pages})
                (global $free (mut i32) (i32.const 8192))
                (data (i32.const 1024) "{{\"n\":0}}")
                (data (i32.const 2048) "\00\00\00\00\00\00\00\00\00\04\00\00\07\00\00\00")
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                    (global.set $free (i32.add (local.get $at) (local.get 3)))
                    {place})
                (func (export "semantest:addon/actions@1.0.0#invoke") (param $call i32) (result i32)
                    (local $i i32) (local $j i32)
                    {body}
                    (i32.const 2048))
                {ending})"#
        );
        component(&text, &format!("{world} export semantest:addon/actions@1.0.0;"))
    }
}

/// A package of an earlier WASI 0.2, which toolchains that lag behind import.
const OLDER_WASI: &str = "package wasi:random@0.2.3; interface random { get-random-u64: func() -> u64; }";

/// Wraps a core module in text into a component with this world.
pub(crate) fn component(module: &str, world: &str) -> Result<Bytes> {
    let mut resolve = Resolve::default();
    resolve.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("wit"))?;
    resolve.push_str("old.wit", OLDER_WASI)?;
    let package = resolve.push_str("guest.wit", &format!("package test:guest; world guest {{ {world} }}"))?;
    let world = resolve.select_world(&[package], Some("guest"))?;
    let mut module = wat::parse_str(module)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(ComponentEncoder::default().module(&module)?.validate(true).encode()?.into())
}

/// A sandbox with a cache folder of its own.
pub(crate) struct Sandbox {
    pub(crate) host: Arc<Host>,
    pub(crate) folder: TempDir,
}

/// The key that test sandboxes authenticate compiled code with.
pub(crate) const MAC_KEY: [u8; 32] = [7; 32];

/// Settings that keep a test's address space small.
pub(crate) fn settings() -> SandboxSettings {
    SandboxSettings { concurrent_calls: 8, compiler: compiler(), ..SandboxSettings::default() }
}

/// The program that compiles for tests: a test's own executable is none.
pub(crate) fn compiler() -> CompilerSettings {
    CompilerSettings { program: Some(env!("CARGO_BIN_EXE_semantest").into()), ..CompilerSettings::default() }
}

impl Sandbox {
    pub(crate) fn start() -> Result<Self> {
        Self::with(&settings())
    }

    pub(crate) fn with(settings: &SandboxSettings) -> Result<Self> {
        let folder = TempDir::new()?;
        let host = Host::new(settings, folder.path(), MAC_KEY)?;
        Ok(Self { host, folder })
    }

    /// Compiles `bytes` with every door open.
    pub(crate) async fn ready(&self, bytes: Bytes) -> Result<CompiledAddon> {
        let doors = Interface::ALL.into_iter().collect::<InterfaceSet>();
        Ok(self.host.compile(&Digest::of(&bytes), doors, bytes).await?)
    }

    /// Builds a guest and calls its action.
    pub(crate) async fn act(&self, guest: &Guest, request: CallRequest) -> Result<CallReport> {
        let addon = self.ready(guest.build()?).await?;
        Ok(self.host.call(&addon, request, action("run")).await)
    }
}

/// The question that every guest of this file answers.
pub(crate) fn action(name: &str) -> Invocation {
    Invocation::Action { name: name.to_owned(), params: Value::Object(serde_json::Map::new()) }
}

/// A call under these limits that reaches nothing.
pub(crate) fn request(limits: CallLimits) -> CallRequest {
    CallRequest {
        facts: CallFacts {
            job_id: String::from("call_1"),
            attempt: 1,
            idempotency_key: String::from("key"),
            subject: String::from("somebody"),
            enablement: String::from("enablement"),
            traceparent: None,
            locale: None,
        },
        limits,
        config: Arc::from("{}"),
        ports: Ports::none(),
        cancel: CancellationToken::new(),
        leave: None,
    }
}

/// Limits that no ordinary guest of these tests meets, however slow the machine is.
pub(crate) fn roomy() -> CallLimits {
    CallLimits { cpu: Duration::from_secs(30), wall: Duration::from_secs(60), ..CallLimits::default() }
}

/// A key-value store in memory: what a guest's calls arrive at.
#[derive(Default)]
pub(crate) struct KvInMemory {
    entries: Mutex<HashMap<String, KvEntry>>,
}

#[async_trait]
impl KvPort for KvInMemory {
    async fn get(&self, key: &str) -> Result<Option<KvEntry>, PortError> {
        Ok(self.entries.lock().get(key).cloned())
    }

    async fn set(&self, key: &str, value: Bytes, _ttl: Option<Duration>) -> Result<u64, PortError> {
        let mut entries = self.entries.lock();
        let version = entries.get(key).map_or(0, |entry| entry.version) + 1;
        entries.insert(key.to_owned(), KvEntry { value, version });
        Ok(version)
    }

    async fn compare_and_swap(
        &self,
        _key: &str,
        _value: Bytes,
        _expect: Option<u64>,
        _ttl: Option<Duration>,
    ) -> Result<KvSwap, PortError> {
        Err(PortError::unavailable("not in this test"))
    }

    async fn increment(&self, _key: &str, _delta: i64, _ttl: Option<Duration>) -> Result<i64, PortError> {
        Err(PortError::unavailable("not in this test"))
    }

    async fn delete(&self, key: &str) -> Result<bool, PortError> {
        Ok(self.entries.lock().remove(key).is_some())
    }

    async fn list_keys(&self, prefix: &str, _cursor: Option<&str>, _limit: u32) -> Result<KvPage, PortError> {
        let mut keys: Vec<_> = self.entries.lock().keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        keys.sort();
        Ok(KvPage { keys, cursor: None })
    }
}

/// Assets in memory.
#[derive(Default)]
pub(crate) struct AssetsInMemory {
    assets: Mutex<HashMap<String, (AssetFacts, Bytes)>>,
}

impl AssetsInMemory {
    /// Gives an asset another id.
    pub(crate) fn rename(&self, id: &str, other: &str) {
        let mut assets = self.assets.lock();
        if let Some((facts, bytes)) = assets.remove(id) {
            assets.insert(other.to_owned(), (AssetFacts { id: other.to_owned(), ..facts }, bytes));
        }
    }
}

#[async_trait]
impl AssetsPort for AssetsInMemory {
    async fn open(&self, id: &str) -> Result<AssetFacts, PortError> {
        let facts = self.assets.lock().get(id).map(|(facts, _)| facts.clone());
        facts.ok_or_else(|| PortError::missing("no such asset"))
    }

    async fn read(&self, asset: &AssetFacts, offset: u64, len: u32) -> Result<Bytes, PortError> {
        let assets = self.assets.lock();
        let (_, bytes) = assets.get(&asset.id).ok_or_else(|| PortError::missing("no such asset"))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX)).min(bytes.len());
        Ok(bytes.slice(start..end))
    }

    async fn create(&self, media_type: &str, bytes: Bytes, metadata: Value) -> Result<AssetFacts, PortError> {
        let mut assets = self.assets.lock();
        let facts = AssetFacts {
            id: format!("asset-{}", assets.len()),
            media_type: media_type.to_owned(),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            digest: Digest::of(&bytes).hex(),
            metadata,
        };
        assets.insert(facts.id.clone(), (facts.clone(), bytes));
        Ok(facts)
    }
}
