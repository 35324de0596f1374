//! Run folders and files on disk: created once, written by rename, never overwritten.
//!
//! Knows paths and bytes; must not know what is in them.

pub mod files;
pub mod history;
pub mod scratch;

use std::{
    fs, io,
    io::{Read as _, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

/// What the disk refused.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The folder for the run could not be made.
    #[error("cannot create the folder {path}: {source}\n  help: name another place with --out DIR")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file could not be written whole; nothing is left of it.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file is not an ordinary file, or larger than anything that belongs there.
    #[error("cannot read {path}: {reason}")]
    Unsuitable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A folder that belongs to one run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes `parent/name`, or `parent/name-2`, `-3` … when it is taken: two runs never share
    /// a folder. Called before a run starts, so that a full or read-only disk is known early.
    ///
    /// # Errors
    /// When the folder cannot be made or a file in it cannot be written.
    pub fn create(parent: &Path, name: &str) -> Result<Self, StoreError> {
        let folder = |path: &Path, source| StoreError::Folder {
            path: path.to_path_buf(),
            source,
        };
        fs::create_dir_all(parent).map_err(|source| folder(parent, source))?;
        let mut path = parent.join(name);
        for attempt in 2_u32.. {
            match fs::create_dir(&path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    path = parent.join(format!("{name}-{attempt}"));
                }
                Err(source) => return Err(folder(&path, source)),
            }
        }
        // A folder can be made on a full disk on which no file can be written.
        let probe = tempfile::NamedTempFile::new_in(&path);
        if let Err(source) = probe.and_then(|mut probe| probe.write_all(&[0; 4096])) {
            let _ = fs::remove_dir(&path);
            return Err(folder(&path, source));
        }
        Ok(Self { path })
    }

    /// Makes the folder `path`, which must not be there yet.
    ///
    /// # Errors
    /// When there is something, or it cannot be made.
    pub fn create_at(path: &Path) -> Result<Self, StoreError> {
        let folder = |source| StoreError::Folder {
            path: path.to_path_buf(),
            source,
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(folder)?;
        }
        fs::create_dir(path).map_err(folder)?;
        Ok(Self {
            path: path.to_path_buf(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a file of that name in it.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        self.path.join(name).is_file()
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// When the disk refuses, or a file of that name is already there.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, StoreError> {
        self.write_with(name, |file| file.write_all(content))
    }

    /// The same of what `write` writes.
    ///
    /// # Errors
    /// As above, and when `write` has one.
    pub fn write_with(&self, name: &str, write: impl Writes) -> Result<PathBuf, StoreError> {
        let path = self.path.join(name);
        write_new(&self.path, &path, write).map_err(|source| StoreError::Write {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    /// Begins a file that grows by whole lines.
    ///
    /// # Errors
    /// When the disk refuses, or there is anything of that name, be it a link.
    pub fn lines(&self, name: &str) -> Result<LineFile, StoreError> {
        let path = self.path.join(name);
        let mut options = fs::OpenOptions::new();
        match options.append(true).create_new(true).open(&path) {
            Ok(file) => Ok(LineFile { path, file }),
            Err(source) => Err(StoreError::Write { path, source }),
        }
    }

    /// Removes the folder if nothing was written to it: a run that never began leaves nothing.
    pub fn discard_if_empty(self) {
        // `remove_dir` refuses a folder that holds anything, which is exactly what is wanted.
        let _ = fs::remove_dir(&self.path);
    }
}

/// What writes the content of a file.
pub trait Writes: FnOnce(&mut dyn io::Write) -> io::Result<()> {}

impl<W: FnOnce(&mut dyn io::Write) -> io::Result<()>> Writes for W {}

/// A file that grows by whole lines, and survives the process that writes it.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    file: fs::File,
}

impl LineFile {
    /// Appends a line, which must not hold a line end, and forces it to the disk.
    ///
    /// # Errors
    /// When the disk refuses; then there may be a part of the line.
    pub fn push(&mut self, mut line: Vec<u8>) -> Result<(), StoreError> {
        line.push(b'\n');
        let written = self.file.write_all(&line);
        written
            .and_then(|()| self.file.sync_data())
            .map_err(|source| StoreError::Write {
                path: self.path.clone(),
                source,
            })
    }

    /// Removes the file, which is not needed any more.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(self) -> Result<(), StoreError> {
        fs::remove_file(&self.path).map_err(|source| StoreError::Write {
            path: self.path,
            source,
        })
    }
}

/// The files that `path` stands for: a file itself, a run's folder the one called `name` in it,
/// and any other folder those of the runs in it, in order of their names.
///
/// # Errors
/// When a folder cannot be read.
pub fn runs_in(path: &Path, name: &str) -> Result<Vec<PathBuf>, StoreError> {
    let record_of = |folder: &Path| Some(folder.join(name)).filter(|file| file.is_file());
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    if let Some(record) = record_of(path) {
        return Ok(vec![record]);
    }
    let read = |source| StoreError::Read {
        path: path.to_path_buf(),
        source,
    };
    let entries = fs::read_dir(path).map_err(read)?;
    let entries: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut runs: Vec<_> = entries
        .map_err(read)?
        .iter()
        .filter_map(|folder| record_of(folder))
        .collect();
    runs.sort();
    Ok(runs)
}

/// Writes a new file anywhere, whole or not at all.
///
/// # Errors
/// When the disk refuses, or there is something of that name already.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    write_new(folder, path, |file| file.write_all(content)).map_err(|source| StoreError::Write {
        path: path.to_path_buf(),
        source,
    })
}

/// Writes a file whole or not at all, in place of what may be there; makes its folder.
///
/// # Errors
/// When the disk refuses.
pub fn replace_file(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
        path: folder.to_path_buf(),
        source,
    })?;
    let write = || -> io::Result<()> {
        let file = temporary(folder, |file| file.write_all(content))?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|source| StoreError::Write {
        path: path.to_path_buf(),
        source,
    })
}

fn write_new(folder: &Path, path: &Path, write: impl Writes) -> io::Result<()> {
    let file = temporary(folder, write)?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

fn temporary(folder: &Path, write: impl Writes) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    // Temporary files are private to their owner; a report is shown to whom the umask lets see it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.prefix(".partial-").tempfile_in(folder)?;
    let mut buffered = io::BufWriter::new(file);
    write(&mut buffered)?;
    let file = buffered
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Reads a text file of at most `limit` bytes. Devices, pipes and folders are refused unread.
///
/// # Errors
/// When it cannot be read, is not an ordinary file, is too large or is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String, StoreError> {
    let unsuitable = |reason: String| StoreError::Unsuitable {
        path: path.to_path_buf(),
        reason,
    };
    let read = |source| StoreError::Read {
        path: path.to_path_buf(),
        source,
    };
    let check = |metadata: &fs::Metadata| {
        let size = metadata.len();
        if !metadata.is_file() {
            Err(unsuitable("it is not an ordinary file".to_owned()))
        } else if size > limit {
            Err(unsuitable(format!(
                "it has {size} bytes; at most {limit} are allowed"
            )))
        } else {
            Ok(())
        }
    };
    // Before it is opened: opening a pipe waits for its other end.
    check(&fs::metadata(path).map_err(read)?)?;
    let file = fs::File::open(path).map_err(read)?;
    // And again: it may have been replaced meanwhile.
    let metadata = file.metadata().map_err(read)?;
    check(&metadata)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // Some files grow as they are read.
    let whole = file.take(limit + 1).read_to_end(&mut bytes).map_err(read)?;
    if whole as u64 > limit {
        return Err(unsuitable(format!("it has more than {limit} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unsuitable(format!("it is not UTF-8 text (byte {at})"))
    })
}
