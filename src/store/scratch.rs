//! A file without a name, for what a process puts down and takes up again. It is gone with the
//! process.

use std::{
    fs, io,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
};

use super::{RunFolder, StoreError};

/// The file; it only grows.
#[derive(Debug)]
pub struct ScratchFile {
    file: fs::File,
    end: u64,
}

/// Where something is in it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    start: u64,
    length: usize,
}

impl Place {
    /// `length` bytes of it, from the `start`-th on.
    #[must_use]
    pub const fn part(self, start: usize, length: usize) -> Self {
        Self {
            start: self.start + start as u64,
            length,
        }
    }
}

impl RunFolder {
    /// Begins one on the disk of this folder.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn scratch(&self) -> Result<ScratchFile, StoreError> {
        let file = tempfile::tempfile_in(&self.path).map_err(|source| StoreError::Write {
            path: self.path.clone(),
            source,
        })?;
        Ok(ScratchFile { file, end: 0 })
    }
}

impl ScratchFile {
    /// Puts `bytes` at its end.
    ///
    /// # Errors
    /// When the disk refuses; then it is as it was.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<Place> {
        let start = self.end;
        self.file.seek(SeekFrom::Start(start))?;
        self.file.write_all(bytes)?;
        self.end = start + bytes.len() as u64;
        Ok(Place {
            start,
            length: bytes.len(),
        })
    }

    /// What was put there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&mut self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; place.length];
        self.file.seek(SeekFrom::Start(place.start))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
