//! The contract and the WASI that it stands on, as files that toolchains read; a test holds the list against `wit/`.

/// One file: its name, and what is in it.
pub(super) type File = (&'static str, &'static str);

/// The contract's package.
pub(super) const CONTRACT: [File; 28] = [
    ("actions.wit", include_str!("../../../wit/actions.wit")),
    ("after-image.wit", include_str!("../../../wit/after-image.wit")),
    ("after-reply.wit", include_str!("../../../wit/after-reply.wit")),
    ("assets.wit", include_str!("../../../wit/assets.wit")),
    ("before-image.wit", include_str!("../../../wit/before-image.wit")),
    ("before-prompt.wit", include_str!("../../../wit/before-prompt.wit")),
    ("chat-types.wit", include_str!("../../../wit/chat-types.wit")),
    ("config-handler.wit", include_str!("../../../wit/config-handler.wit")),
    ("config.wit", include_str!("../../../wit/config.wit")),
    ("event-handler.wit", include_str!("../../../wit/event-handler.wit")),
    ("events.wit", include_str!("../../../wit/events.wit")),
    ("host.wit", include_str!("../../../wit/host.wit")),
    ("image-provider.wit", include_str!("../../../wit/image-provider.wit")),
    ("image-types.wit", include_str!("../../../wit/image-types.wit")),
    ("images.wit", include_str!("../../../wit/images.wit")),
    ("jobs.wit", include_str!("../../../wit/jobs.wit")),
    ("kv-shared.wit", include_str!("../../../wit/kv-shared.wit")),
    ("kv-types.wit", include_str!("../../../wit/kv-types.wit")),
    ("kv.wit", include_str!("../../../wit/kv.wit")),
    ("lifecycle.wit", include_str!("../../../wit/lifecycle.wit")),
    ("log.wit", include_str!("../../../wit/log.wit")),
    ("migration.wit", include_str!("../../../wit/migration.wit")),
    ("progress.wit", include_str!("../../../wit/progress.wit")),
    ("schedule-handler.wit", include_str!("../../../wit/schedule-handler.wit")),
    ("secrets-reveal.wit", include_str!("../../../wit/secrets-reveal.wit")),
    ("secrets.wit", include_str!("../../../wit/secrets.wit")),
    ("types.wit", include_str!("../../../wit/types.wit")),
    ("worlds.wit", include_str!("../../../wit/worlds.wit")),
];

/// WASI, one package a file.
pub(super) const WASI: [File; 7] = [
    ("cli.wit", include_str!("../../../wit/deps/cli.wit")),
    ("clocks.wit", include_str!("../../../wit/deps/clocks.wit")),
    ("filesystem.wit", include_str!("../../../wit/deps/filesystem.wit")),
    ("http.wit", include_str!("../../../wit/deps/http.wit")),
    ("io.wit", include_str!("../../../wit/deps/io.wit")),
    ("random.wit", include_str!("../../../wit/deps/random.wit")),
    ("sockets.wit", include_str!("../../../wit/deps/sockets.wit")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_contract_is_carried() -> std::io::Result<()> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("wit");
        for (folder, carried) in [(folder.clone(), CONTRACT.as_slice()), (folder.join("deps"), WASI.as_slice())] {
            let mut names: Vec<String> = std::fs::read_dir(folder)?
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| name.ends_with(".wit"))
                .collect();
            names.sort();
            assert_eq!(names, carried.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        }
        Ok(())
    }
}
