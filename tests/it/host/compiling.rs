//! Compiled code: made once, kept, and believed only if this host made it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use semantest::host::{CompileError, Host, InterfaceSet, Origin, Refresh};
use semantest::model::code::JobCode;
use semantest::model::digest::Digest;

use super::guest::{Guest, MAC_KEY, Sandbox, action, request, roomy, settings};

/// The only file of compiled code in a sandbox's folder.
fn cache_file(sandbox: &Sandbox) -> Result<PathBuf> {
    let mut files = std::fs::read_dir(sandbox.folder.path())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "cwasm"));
    files.next().context("a cache file")
}

/// Asks a fresh host on the same folder, and says where the code came from.
async fn after_restart(sandbox: &Sandbox, key: [u8; 32], bytes: &Bytes) -> Result<Origin> {
    let host = Host::new(&settings(), sandbox.folder.path(), key)?;
    let addon = host.compile(&Digest::of(bytes), InterfaceSet::BASELINE, bytes.clone()).await?;
    let report = host.call(&addon, request(roomy()), action("run")).await;
    anyhow::ensure!(report.outcome.is_ok(), "{:?}", report.outcome);
    Ok(addon.origin())
}

#[tokio::test]
async fn code_survives_a_restart() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let bytes = Guest::doing("").build()?;
    let digest = Digest::of(&bytes);
    let first = sandbox.host.compile(&digest, InterfaceSet::BASELINE, bytes.clone()).await?;
    let second = sandbox.host.compile(&digest, InterfaceSet::BASELINE, bytes.clone()).await?;
    assert_eq!((first.origin(), second.origin()), (Origin::Compiled, Origin::Memory));
    assert_eq!(after_restart(&sandbox, MAC_KEY, &bytes).await?, Origin::Disk);
    Ok(())
}

#[tokio::test]
async fn forged_and_truncated_files_are_compiled_anew() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let bytes = Guest::doing("").build()?;
    sandbox.ready(bytes.clone()).await?;
    let path = cache_file(&sandbox)?;
    let good = std::fs::read(&path)?;
    let mut flipped = good.clone();
    *flipped.last_mut().context("a byte")? ^= 1;
    for forged in [Vec::new(), good[..50].to_vec(), good[..good.len() - 1].to_vec(), flipped, vec![0; good.len()]] {
        std::fs::write(&path, &forged)?;
        assert_eq!(after_restart(&sandbox, MAC_KEY, &bytes).await?, Origin::Compiled, "{} bytes", forged.len());
        assert_eq!(after_restart(&sandbox, MAC_KEY, &bytes).await?, Origin::Disk);
    }
    // The same file under another key is a forgery too.
    assert_eq!(after_restart(&sandbox, [8; 32], &bytes).await?, Origin::Compiled);
    Ok(())
}

#[tokio::test]
async fn code_of_one_component_does_not_pass_for_another() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let (one, other) = (Guest::doing("").build()?, Guest::doing("(nop)").build()?);
    sandbox.ready(one.clone()).await?;
    let stolen = std::fs::read(cache_file(&sandbox)?)?;
    let name = cache_file(&sandbox)?.file_name().context("a name")?.to_string_lossy().into_owned();
    let forged = name.replace(&Digest::of(&one).hex(), &Digest::of(&other).hex());
    std::fs::write(sandbox.folder.path().join(forged), stolen)?;
    assert_eq!(after_restart(&sandbox, MAC_KEY, &other).await?, Origin::Compiled);
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_cache() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::start()?;
    let folder = sandbox.folder.path().join("fresh");
    let host = Host::new(&settings(), &folder, MAC_KEY)?;
    let bytes = Guest::doing("").build()?;
    host.compile(&Digest::of(&bytes), InterfaceSet::BASELINE, bytes).await?;
    assert_eq!(std::fs::metadata(&folder)?.permissions().mode() & 0o777, 0o700);
    for entry in std::fs::read_dir(&folder)? {
        assert_eq!(entry?.metadata()?.permissions().mode() & 0o777, 0o600);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_compile_once() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let bytes = Guest::doing("").build()?;
    let digest = Digest::of(&bytes);
    let fetched = Arc::new(AtomicUsize::new(0));
    let all = (0..20).map(|_| {
        let (bytes, fetched) = (bytes.clone(), Arc::clone(&fetched));
        sandbox.host.get(&digest, InterfaceSet::BASELINE, move || async move {
            fetched.fetch_add(1, Ordering::Relaxed);
            Ok(bytes)
        })
    });
    let addons = futures::future::try_join_all(all).await?;
    assert_eq!(addons.iter().filter(|addon| addon.origin() == Origin::Compiled).count(), 1);
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_hosts_on_one_folder_compile_once() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let bytes = Guest::doing("").build()?;
    let digest = Digest::of(&bytes);
    let hosts =
        (0..20).map(|_| Host::new(&settings(), sandbox.folder.path(), MAC_KEY)).collect::<Result<Vec<_>, _>>()?;
    let all = hosts.iter().map(|host| host.compile(&digest, InterfaceSet::BASELINE, bytes.clone()));
    let addons = futures::future::try_join_all(all).await?;
    assert_eq!(addons.iter().filter(|addon| addon.origin() == Origin::Compiled).count(), 1);
    Ok(())
}

#[tokio::test]
async fn other_bytes_than_named_are_refused() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let bytes = Guest::doing("").build()?;
    let error = sandbox.host.compile(&Digest::of(b"else"), InterfaceSet::BASELINE, bytes).await.err();
    assert_eq!(error.map(|error| error.code()), Some(JobCode::DigestMismatch));
    Ok(())
}

#[tokio::test]
async fn what_is_no_component_does_not_compile() -> Result<()> {
    let sandbox = Sandbox::start()?;
    for bytes in [Bytes::from_static(b"garbage"), Bytes::from(wat::parse_str("(module)")?)] {
        let error = sandbox.host.compile(&Digest::of(&bytes), InterfaceSet::BASELINE, bytes).await.err();
        assert!(matches!(error, Some(CompileError::Invalid { .. })), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn proposals_that_no_addon_needs_are_off() -> Result<()> {
    let sandbox = Sandbox::start()?;
    for parts in [
        "(memory 1 1 shared)",
        "(memory i64 1)",
        "(type (struct))",
        "(tag)",
        "(func (param externref))",
        "(func return_call 0)",
        "(func (param v128 v128 v128) (drop (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2))))",
    ] {
        let bytes = Bytes::from(wat::parse_str(format!("(component (core module {parts}))"))?);
        let error = sandbox.host.compile(&Digest::of(&bytes), InterfaceSet::BASELINE, bytes).await.err();
        assert!(matches!(error, Some(CompileError::Invalid { .. })), "{parts}: {error:?}");
    }
    Ok(())
}

/// Makes this engine's code look like an older one's.
fn age(sandbox: &Sandbox) -> Result<()> {
    let path = cache_file(sandbox)?;
    let name = path.file_name().context("a name")?.to_string_lossy().into_owned();
    let (digest, _) = name.split_once('-').context("digest and age")?;
    Ok(std::fs::rename(&path, path.with_file_name(format!("{digest}-00c0ffee.cwasm")))?)
}

#[tokio::test]
async fn code_of_an_older_engine_is_made_anew_ahead_of_its_use() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let bytes = Guest::doing("").build()?;
    let digest = Digest::of(&bytes);
    sandbox.ready(bytes.clone()).await?;
    assert_eq!(sandbox.host.outdated().await?, []);
    age(&sandbox)?;
    assert_eq!(sandbox.host.outdated().await?, [digest]);
    let given = bytes.clone();
    let refreshed = sandbox.host.refresh(&digest, || std::future::ready(Ok(given))).await?;
    assert_eq!(refreshed, Refresh::Done);
    assert_eq!(sandbox.host.outdated().await?, []);
    assert_eq!(after_restart(&sandbox, MAC_KEY, &bytes).await?, Origin::Disk);
    Ok(())
}

#[tokio::test]
async fn what_no_longer_compiles_is_tried_ahead_once() -> Result<()> {
    let sandbox = Sandbox::start()?;
    sandbox.ready(Guest::doing("").build()?).await?;
    age(&sandbox)?;
    let [digest] = sandbox.host.outdated().await?[..] else { anyhow::bail!("one is outdated") };
    let refreshed = sandbox.host.refresh(&digest, || std::future::ready(Ok(Bytes::from_static(b"else")))).await?;
    assert_eq!(refreshed, Refresh::Dropped);
    assert_eq!(sandbox.host.outdated().await?, []);
    Ok(())
}

#[tokio::test]
async fn compiling_ahead_waits_for_nobody_and_keeps_nobody_waiting() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let wanted = Guest::doing("").build()?;
    let wanted_digest = Digest::of(&wanted);
    let other = Guest::doing("(nop)").build()?;
    // The one turn is taken from within the fetch of another refresh.
    let refreshed = sandbox
        .host
        .refresh(&wanted_digest, || async {
            let inner = sandbox.host.refresh(&Digest::of(&other), || std::future::ready(Ok(other.clone()))).await?;
            assert_eq!(inner, Refresh::Busy);
            Ok(wanted)
        })
        .await?;
    assert_eq!(refreshed, Refresh::Done);
    Ok(())
}
