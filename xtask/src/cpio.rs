// SPDX-License-Identifier: GPL-2.0-only
//! The archive format the kernel unpacks as its first file system ("newc"), which is short enough to write here.

use std::collections::BTreeSet;

/// Modes as `stat` has them.
const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_777;
const TRAILER: &str = "TRAILER!!!";
/// Headers with names, and data, are padded to this.
const ALIGNMENT: usize = 4;

#[derive(Default)]
pub struct Cpio {
    bytes: Vec<u8>,
    /// Unique inode numbers keep the kernel from taking two files for hard links of one.
    inode: u32,
    directories: BTreeSet<String>,
}

impl Cpio {
    /// Adds a file at an absolute path, and the directories above it.
    pub fn file(&mut self, path: &str, data: &[u8], executable: bool) {
        let name = path.trim_start_matches('/');
        for (at, _) in name.match_indices('/') {
            let directory = name[..at].to_string();
            if !self.directories.contains(&directory) {
                self.entry(&directory, DIRECTORY | 0o755, &[]);
                self.directories.insert(directory);
            }
        }
        self.entry(name, FILE | if executable { 0o755 } else { 0o644 }, data);
    }

    /// A file whose directories are there; so with the two below.
    pub fn plain(&mut self, name: &str, mode: u32, data: &[u8]) {
        self.entry(name, FILE | mode, data);
    }

    pub fn directory(&mut self, name: &str, mode: u32) {
        self.directories.insert(name.to_string());
        self.entry(name, DIRECTORY | mode, &[]);
    }

    pub fn symlink(&mut self, name: &str, target: &str) {
        self.entry(name, SYMLINK, target.as_bytes());
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.entry(TRAILER, 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, data: &[u8]) {
        self.inode += 1;
        let (links, no_owner, no_time, no_device, no_check) = (1, 0, 0, 0, 0);
        let fields = [
            self.inode,
            mode,
            no_owner,
            no_owner,
            links,
            no_time,
            data.len() as u32,
            no_device,
            no_device,
            no_device,
            no_device,
            name.len() as u32 + 1,
            no_check,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(data);
        self.pad();
    }

    fn pad(&mut self) {
        let length = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(length, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_newc() {
        let mut cpio = Cpio::default();
        cpio.file("/etc/x", b"hello", false);
        let bytes = cpio.finish();
        assert_eq!(bytes.len() % ALIGNMENT, 0);
        let text = String::from_utf8_lossy(&bytes);
        // A directory header, a file header, the trailer's.
        assert_eq!(text.matches("070701").count(), 3);
        let file = &text[text.match_indices("070701").nth(1).unwrap().0..];
        assert_eq!(&file[14..22], "000081a4");
        assert_eq!(&file[54..62], "00000005");
        assert_eq!(&file[94..102], "00000006");
        assert_eq!(&file[110..121], "etc/x\0hello");
        assert!(text.contains("hello\0\0\x00070701"));
    }

    #[test]
    fn directories_come_once_and_first() {
        let mut cpio = Cpio::default();
        cpio.file("/a/b/c", b"", true);
        cpio.file("/a/b/d", b"", true);
        let bytes = cpio.finish();
        assert_eq!(String::from_utf8_lossy(&bytes).matches("070701").count(), 5);
    }
}
