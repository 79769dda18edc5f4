//! The source tree as text: every file that belongs to the project, read once a test.

use std::path::Path;

use anyhow::Context as _;

/// Folders that are made, fetched or private, never written by hand.
const SKIPPED: [&str; 5] = [".git", "target", "node_modules", ".semantest", "__pycache__"];

/// One file of the project.
pub(crate) struct Source {
    /// Path from the project's root, with `/` on every system.
    pub(crate) path: String,
    /// The text; empty where the file is not text.
    pub(crate) text: String,
}

impl Source {
    /// The file's name without folders.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The name up to its last dot.
    pub(crate) fn stem(&self) -> &str {
        self.name().rsplit_once('.').map_or(self.name(), |(stem, _)| stem)
    }

    /// Whether the file is of this kind, as in `rs`.
    pub(crate) fn is(&self, extension: &str) -> bool {
        self.name().rsplit_once('.').is_some_and(|(_, found)| found == extension)
    }
}

/// Every file, in the order of its path.
pub(crate) struct Tree {
    files: Vec<Source>,
}

impl Tree {
    /// Reads the whole tree.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let mut files = Vec::new();
        visit(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        anyhow::ensure!(
            files.iter().any(|file| file.path == "src/lib.rs"),
            "the source tree is not where it was built"
        );
        Ok(Self { files })
    }

    /// Every file.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }

    /// Every Rust file below `folder`; all of them for an empty one.
    pub(crate) fn rust(&self, folder: &str) -> impl Iterator<Item = &Source> {
        self.files.iter().filter(move |file| file.is("rs") && file.path.starts_with(folder))
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&Source> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file or folder of the project is at `path`.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        self.files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
    }
}

fn visit(folder: &Path, prefix: &str, files: &mut Vec<Source>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_data = prefix.is_empty() && name == "data";
        if is_data || SKIPPED.contains(&name.as_str()) {
            continue;
        }
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            visit(&entry.path(), &path, files)?;
        } else if kind.is_file() {
            let text = String::from_utf8(std::fs::read(entry.path())?).unwrap_or_default();
            files.push(Source { path, text });
        }
    }
    Ok(())
}
