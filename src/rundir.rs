// SPDX-License-Identifier: GPL-2.0-only
//! The directory of the few files that outlive the daemon until the next boot.
//! It must be ours alone: no link is followed, nobody else may own it or write
//! to it, and a file is replaced as a whole or not at all.

use std::fs::{DirBuilder, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};

pub const RUN_DIR: &str = "/run/scx_photon";
/// No file of ours is larger; of a larger one the rest is not read.
const READ_MAX: u64 = 4096;
/// Permission bits that let somebody but the owner write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
const DIR_MODE: u32 = 0o755;
/// The dump names every waiting task of the machine: for root only.
const FILE_MODE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

#[derive(Debug)]
pub struct RunDir {
    dir: OwnedFd,
}

impl RunDir {
    /// The directory if it is there; an error if it is not ours alone.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let dir = match open(path, flags, Mode::empty()) {
            Err(Errno::ENOENT) => return Ok(None),
            other => other.with_context(|| path.display().to_string())?,
        };
        let meta = File::from(dir.try_clone()?).metadata()?;
        if meta.uid() != geteuid().as_raw() || meta.mode() & WRITABLE_BY_OTHERS != 0 {
            bail!("{} is not ours alone; remove it", path.display());
        }
        Ok(Some(RunDir { dir }))
    }

    /// Makes it if it is missing.
    pub fn create(path: &Path) -> Result<Self> {
        match DirBuilder::new().mode(DIR_MODE).create(path) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(e).with_context(|| path.display().to_string());
            }
            _ => {}
        }
        Self::open(path)?.with_context(|| format!("{} went away", path.display()))
    }

    /// The text of a file; None if there is none.
    pub fn read(&self, name: &str) -> Result<Option<String>> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = match openat(self.dir.as_fd(), name, flags, Mode::empty()) {
            Err(Errno::ENOENT) => return Ok(None),
            other => File::from(other.with_context(|| name.to_string())?),
        };
        if !file.metadata()?.is_file() {
            bail!("{name} is no file");
        }
        let mut bytes = Vec::new();
        file.take(READ_MAX).read_to_end(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Replaces a file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let fresh = format!("{name}.new");
        // Left by a daemon that was killed here.
        self.remove(&fresh)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let file = openat(self.dir.as_fd(), fresh.as_str(), flags, FILE_MODE);
        let mut file = File::from(file.with_context(|| fresh.clone())?);
        file.write_all(bytes)?;
        renameat(self.dir.as_fd(), fresh.as_str(), self.dir.as_fd(), name)?;
        Ok(())
    }

    /// True if there was something to remove.
    pub fn remove(&self, name: &str) -> Result<bool> {
        match unlinkat(self.dir.as_fd(), name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(e) => Err(e).with_context(|| name.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn home(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("photon-rundir-{name}-{}", std::process::id()))
    }

    #[test]
    fn links_are_not_followed() {
        let (real, link) = (home("real"), home("link"));
        let dir = RunDir::create(&real).expect("a directory");
        symlink(&real, &link).expect("a link");
        assert!(RunDir::open(&link).is_err());
        assert!(RunDir::create(&link).is_err());
        std::fs::write(real.join("victim"), "untouched").expect("writes");
        symlink("victim", real.join("latch")).expect("a link");
        assert!(dir.read("latch").is_err());
        dir.write("latch", b"new").expect("replaces the link");
        assert_eq!(dir.read("latch").expect("reads").as_deref(), Some("new"));
        let victim = std::fs::read_to_string(real.join("victim")).expect("reads");
        assert_eq!(victim, "untouched");
        symlink("victim", real.join("latch.new")).expect("a link");
        dir.write("latch", b"newer").expect("replaces that, too");
        let victim = std::fs::read_to_string(real.join("victim")).expect("reads");
        assert_eq!(victim, "untouched");
        std::fs::remove_dir_all(&real).expect("removes");
        std::fs::remove_file(&link).expect("removes");
    }

    #[test]
    fn a_directory_others_write_to_is_refused() {
        let path = home("open");
        assert!(RunDir::open(&path).expect("absence is no error").is_none());
        drop(RunDir::create(&path).expect("a directory"));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o777)).expect("chmod");
        assert!(RunDir::open(&path).is_err());
        std::fs::remove_dir(&path).expect("removes");
    }

    #[test]
    fn files_are_private_and_reading_is_bounded() {
        let path = home("size");
        let dir = RunDir::create(&path).expect("a directory");
        dir.write("big", &[b'x'; 10_000]).expect("writes");
        let read = dir.read("big").expect("reads").expect("is there");
        assert_eq!(read.len() as u64, READ_MAX);
        let mode = std::fs::metadata(path.join("big"))
            .expect("metadata")
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::create_dir(path.join("odd")).expect("a directory");
        assert!(dir.read("odd").is_err());
        std::fs::remove_dir_all(&path).expect("removes");
    }
}
