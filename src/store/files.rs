//! The files that a scenario names, found beside it.
//!
//! Knows paths; must not know what is in the files.

use std::{
    fs::{self, File, Metadata},
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use crate::scenario::files::{FILE_BYTES_MAX, FileProblem, Files, Opened};

/// Read at once: fewer, larger reads than the standard library's 8 KiB.
const BUFFER_BYTES: usize = 1 << 17;

/// The folder that a scenario file is in; the paths that it names are relative to it.
#[derive(Clone, Debug)]
pub struct FolderOf {
    folder: PathBuf,
}

impl FolderOf {
    /// The folder of the file at `scenario`.
    #[must_use]
    pub fn new(scenario: &Path) -> Self {
        let parent = scenario.parent();
        let named = parent.filter(|parent| !parent.as_os_str().is_empty());
        Self {
            folder: named.unwrap_or(Path::new(".")).to_path_buf(),
        }
    }

    /// Whether `path`, with every link followed, is not below the folder.
    fn is_outside(&self, path: &Path) -> io::Result<bool> {
        let (folder, path) = (fs::canonicalize(&self.folder)?, fs::canonicalize(path)?);
        Ok(!path.starts_with(folder))
    }
}

impl Files for FolderOf {
    fn open(&self, path: &str) -> Result<Opened<'_>, FileProblem> {
        let path = self.folder.join(path);
        // Before it is opened: opening a pipe waits for its other end.
        check(&fs::metadata(&path).map_err(refused)?)?;
        let file = File::open(&path).map_err(refused)?;
        // And again: it may have been replaced meanwhile.
        check(&file.metadata().map_err(refused)?)?;
        Ok(Opened::Content {
            outside: self.is_outside(&path).map_err(refused)?,
            reader: Box::new(BufReader::with_capacity(BUFFER_BYTES, file)),
        })
    }
}

fn check(metadata: &Metadata) -> Result<(), FileProblem> {
    match metadata {
        m if m.is_dir() => Err(FileProblem::Folder),
        m if !m.is_file() => Err(FileProblem::NotOrdinary),
        m if m.len() == 0 => Err(FileProblem::Empty),
        m if m.len() > FILE_BYTES_MAX => Err(FileProblem::TooLarge),
        _ => Ok(()),
    }
}

fn refused(error: io::Error) -> FileProblem {
    match error.kind() {
        io::ErrorKind::NotFound => FileProblem::Missing,
        _ => FileProblem::System(error),
    }
}
