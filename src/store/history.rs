//! A file that only grows, a block of lines at a time, and survives being killed.
//!
//! Lines are written at once and forced to the disk before they count. What a killed process
//! left of a line is set aside beside the file when the next block is written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use super::StoreError;

/// A history has some hundred bytes for each metric and night; a larger file is something else.
const BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What is in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Whole lines, each ended by a newline.
    pub text: String,
    /// Bytes of a last line that was never finished, and is left out.
    pub torn_bytes: usize,
}

/// Reads the lines; a file that is not there has none.
///
/// # Errors
/// When it cannot be read, is not an ordinary file, is too large or is not UTF-8.
pub fn read(path: &Path) -> Result<Lines, StoreError> {
    let unsuitable = |reason: String| StoreError::Unsuitable {
        path: path.to_path_buf(),
        reason,
    };
    let failed = |source| StoreError::Read {
        path: path.to_path_buf(),
        source,
    };
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lines::default()),
        found => found.map_err(failed)?,
    };
    if !metadata.is_file() {
        return Err(unsuitable("it is not an ordinary file".to_owned()));
    }
    if metadata.len() > BYTES_MAX {
        let size = metadata.len();
        return Err(unsuitable(format!(
            "it has {size} bytes; at most {BYTES_MAX} are allowed"
        )));
    }
    let mut bytes = fs::read(path).map_err(failed)?;
    let whole = whole_lines(&bytes);
    let torn_bytes = bytes.len() - whole;
    bytes.truncate(whole);
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
        unsuitable(format!("line {line} is not UTF-8 text"))
    })?;
    Ok(Lines { text, torn_bytes })
}

/// Appends whole lines. Gives the file into which a torn last line was moved, if there was one.
///
/// # Errors
/// When the disk refuses. Then the file has at most a torn last line more.
pub fn append(path: &Path, lines: &str) -> Result<Option<PathBuf>, StoreError> {
    let failed = |source| StoreError::Write {
        path: path.to_path_buf(),
        source,
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        let source = |source| StoreError::Folder {
            path: folder.to_path_buf(),
            source,
        };
        fs::create_dir_all(folder).map_err(source)?;
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(failed)?;
    // Two nights that end at the same time write one after the other.
    file.lock().map_err(failed)?;
    let set_aside = set_torn_line_aside(&mut file, path).map_err(failed)?;
    file.write_all(lines.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    sync_folder(path);
    Ok(set_aside)
}

fn set_torn_line_aside(file: &mut File, path: &Path) -> io::Result<Option<PathBuf>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
    }
    if last == *b"\n" {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let whole = whole_lines(&bytes);
    let mut name = path.as_os_str().to_owned();
    name.push(".torn");
    let aside = PathBuf::from(name);
    let mut torn = OpenOptions::new().append(true).create(true).open(&aside)?;
    torn.write_all(&bytes[whole..])?;
    torn.write_all(b"\n")?;
    torn.sync_all()?;
    file.set_len(u64::try_from(whole).unwrap_or(u64::MAX))?;
    Ok(Some(aside))
}

/// Length of everything up to the last newline.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1)
}

/// So that a new file survives a crash too. Where folders cannot be opened, it does anyway.
fn sync_folder(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}
