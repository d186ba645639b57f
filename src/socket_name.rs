// SPDX-License-Identifier: GPL-2.0-only
//! The name of a listening socket. Dropped, it goes, unless the next scheduler has already put its own there: the daemon
//! lives on for up to a third of a second after its scheduler is off.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub struct SocketName {
    path: PathBuf,
    inode: Option<u64>,
}

impl SocketName {
    /// Of the socket that has just been opened there.
    pub fn of(path: &Path) -> Self {
        SocketName {
            path: path.to_path_buf(),
            inode: inode(path),
        }
    }
}

impl Drop for SocketName {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    Some(std::fs::symlink_metadata(path).ok()?.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_socket_loses_its_name() {
        let path = std::env::temp_dir().join(format!("photon-stats-{}", std::process::id()));
        std::fs::write(&path, "ours").expect("writes");
        let ours = SocketName::of(&path);
        // The next scheduler: beside the old one for a moment, so that the inode is another.
        let next = path.with_extension("next");
        std::fs::write(&next, "another's").expect("writes");
        std::fs::rename(&next, &path).expect("replaces");
        drop(ours);
        assert!(path.exists());
        drop(SocketName::of(&path));
        assert!(!path.exists());
        drop(SocketName::of(&path));
    }
}
