// SPDX-License-Identifier: GPL-2.0-only
//! A file that a command makes for whoever has typed it: his, if that was behind sudo, and gone again if nothing came of
//! it. Who is root writes where others may, so a link that somebody has laid in its place
//! is not followed; the directories before it are his choice.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Readable by whoever the umask lets.
pub const PLAIN_MODE: u32 = 0o666;

/// User and group.
type Owner = (u32, u32);

pub struct Output {
    file: File,
    path: PathBuf,
    /// New, and nothing is in it yet that somebody could want.
    in_the_way: Cell<bool>,
}

/// Who has called sudo, as it says.
fn behind_sudo(variable: impl Fn(&str) -> Option<String>) -> Option<Owner> {
    let number = |name| variable(name)?.parse().ok();
    Some((number("SUDO_UID")?, number("SUDO_GID")?))
}

fn caller() -> Option<Owner> {
    let root = nix::unistd::geteuid().is_root();
    let owner = root.then(|| behind_sudo(|name| std::env::var(name).ok()));
    owner.flatten()
}

fn new(path: &Path, mode: u32, owner: Option<Owner>) -> io::Result<File> {
    let mut open = File::options();
    let file = open.write(true).create_new(true).mode(mode).open(path)?;
    if let Some((user, group)) = owner
        && let Err(e) = fchown(&file, Some(user), Some(group))
    {
        // A file system without owners.
        let _ = writeln!(io::stderr(), "{} stays root's: {e}", path.display());
    }
    Ok(file)
}

/// One that is there keeps its owner: it may be a name that somebody has given to a file of root's.
fn existing(path: &Path) -> Result<File> {
    let mut open = File::options();
    // A pipe without a reader must not hold anybody up.
    open.write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = match open.open(path) {
        Err(e) if e.raw_os_error() == Some(libc::ELOOP) => {
            bail!("{} is a link; name a file", path.display())
        }
        other => other.with_context(|| path.display().to_string())?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() != 1 {
        bail!(
            "{} is no file, or has a second name; name another",
            path.display()
        );
    }
    Ok(file)
}

impl Output {
    /// A file that was not there before: what is there is left alone.
    pub fn create(path: &Path, mode: u32) -> Result<Self> {
        Self::of(path, new(path, mode, caller()))
    }

    /// The same, or one that is there; its content stays until there is other.
    pub fn create_or_open(path: &Path) -> Result<Self> {
        match new(path, PLAIN_MODE, caller()) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(Output {
                file: existing(path)?,
                path: path.into(),
                in_the_way: Cell::new(false),
            }),
            made => Self::of(path, made),
        }
    }

    fn of(path: &Path, made: io::Result<File>) -> Result<Self> {
        Ok(Output {
            file: made.with_context(|| path.display().to_string())?,
            path: path.into(),
            in_the_way: Cell::new(true),
        })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// There is something in it now.
    pub fn keep(&self) {
        self.in_the_way.set(false);
    }

    /// The whole content.
    pub fn replace(self, text: &str) -> Result<()> {
        let written = self.file.set_len(0);
        let written = written.and_then(|()| self.file().write_all(text.as_bytes()));
        written.with_context(|| self.path.display().to_string())?;
        self.keep();
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.in_the_way.get() {
            // The next try is to find nothing of it in its way.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that is gone with it.
    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let name = format!("photon-output-{name}-{}", std::process::id());
            let dir = Dir(std::env::temp_dir().join(name));
            std::fs::create_dir_all(&dir.0).expect("a directory");
            dir
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).expect("reads")
    }

    #[test]
    fn who_has_typed_sudo_gets_the_file() {
        let variables = |uid: Option<&str>, gid: Option<&str>| {
            let (uid, gid) = (uid.map(String::from), gid.map(String::from));
            behind_sudo(|name| match name {
                "SUDO_UID" => uid.clone(),
                "SUDO_GID" => gid.clone(),
                _ => None,
            })
        };
        assert_eq!(variables(Some("1000"), Some("100")), Some((1000, 100)));
        assert_eq!(variables(Some("1000"), None), None);
        assert_eq!(variables(Some("-1"), Some("100")), None);
        assert_eq!(variables(Some("alice"), Some("100")), None);
        // Who is not root may give a file to nobody else.
        let me = nix::unistd::geteuid();
        let user = if me.is_root() { 1000 } else { me.as_raw() };
        let group = nix::unistd::getegid().as_raw();
        let dir = Dir::new("owner");
        let made = new(&dir.at("a"), 0o600, Some((user, group))).expect("makes");
        let made = made.metadata().expect("metadata");
        assert_eq!((made.uid(), made.gid()), (user, group));
        assert_eq!(made.mode() & 0o777, 0o600);
    }

    #[test]
    fn what_came_to_nothing_is_not_in_the_way() {
        let dir = Dir::new("nothing");
        let path = dir.at("a");
        let begun = Output::create(&path, PLAIN_MODE).expect("makes");
        begun.file().write_all(b"a head").expect("writes");
        drop(begun);
        assert!(!path.exists());
        drop(Output::create_or_open(&path).expect("makes"));
        assert!(!path.exists());
        let kept = Output::create(&path, PLAIN_MODE).expect("makes");
        kept.file().write_all(b"content").expect("writes");
        kept.keep();
        drop(kept);
        assert_eq!(read(&path), "content");
        // What was there before is left alone.
        assert!(Output::create(&path, PLAIN_MODE).is_err());
        drop(Output::create_or_open(&path).expect("opens"));
        assert_eq!(read(&path), "content");
        let again = Output::create_or_open(&path).expect("opens");
        again.replace("new").expect("writes");
        assert_eq!(read(&path), "new");
    }

    /// `sudo scx_photon bench`, in a directory where others may write.
    #[test]
    fn no_link_of_somebody_elses_is_written_through() {
        let dir = Dir::new("link");
        let (target, other) = (dir.at("target"), dir.at("other"));
        for file in [&target, &other] {
            std::fs::write(file, "root's").expect("writes");
        }
        let (soft, dangling, hard) = (dir.at("soft"), dir.at("dangling"), dir.at("hard"));
        std::os::unix::fs::symlink(&target, &soft).expect("a link");
        std::os::unix::fs::symlink(dir.at("nowhere"), &dangling).expect("a link");
        std::fs::hard_link(&other, &hard).expect("a link");
        let pipe = dir.at("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        for path in [&soft, &dangling, &hard, &pipe, &dir.0] {
            assert!(Output::create_or_open(path).is_err(), "{}", path.display());
            assert!(
                Output::create(path, PLAIN_MODE).is_err(),
                "{}",
                path.display()
            );
        }
        let error = Output::create_or_open(&soft).err().expect("a link");
        assert!(error.to_string().ends_with("is a link; name a file"));
        assert!(!dir.at("nowhere").exists());
    }
}
