// SPDX-License-Identifier: GPL-2.0-only
//! A tree as a tar, root's and of one time, and the archive for systems without packages.

use anyhow::Result;
use tar::{Builder, EntryType, Header};

use crate::source::{NAME, VERSION, epoch};
use crate::tree::{Entry, Kind, Tree, gzip};

const DIRECTORY: u32 = 0o755;

pub fn file_name() -> String {
    format!("{NAME}-{VERSION}-x86_64-static.tar.gz")
}

/// Unpacked by `tar -C / -xzf FILE`, over a system of somebody else: no directories, whose owner and mode tar would
/// change, or which it would put where a link is; no configuration, of which it would overwrite an edited one.
pub fn archive(tree: &Tree) -> Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    let entries = tree.entries.iter().filter(|e| e.kind != Kind::Config);
    files_into(&mut tar, entries)?;
    gzip(&tar.into_inner()?)
}

pub fn tree_into(tar: &mut Builder<Vec<u8>>, tree: &Tree) -> Result<()> {
    append(tar, "./", DIRECTORY, EntryType::Directory, &[])?;
    for dir in tree.directories() {
        append(
            tar,
            &format!(".{dir}/"),
            DIRECTORY,
            EntryType::Directory,
            &[],
        )?;
    }
    files_into(tar, &tree.entries)
}

fn files_into<'t>(
    tar: &mut Builder<Vec<u8>>,
    entries: impl IntoIterator<Item = &'t Entry>,
) -> Result<()> {
    for entry in entries {
        let path = format!(".{}", entry.path);
        append(tar, &path, entry.mode, EntryType::Regular, &entry.data)?;
    }
    Ok(())
}

pub fn append(
    tar: &mut Builder<Vec<u8>>,
    path: &str,
    mode: u32,
    kind: EntryType,
    data: &[u8],
) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(data.len() as u64);
    header.set_mtime(u64::from(epoch()?));
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    // Not `append_data`, which would drop the leading `./` that dpkg wants.
    let bytes = path.as_bytes();
    header
        .as_gnu_mut()
        .map_or(Ok(()), |gnu| match gnu.name.get_mut(..bytes.len()) {
            Some(name) => {
                name.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(anyhow::anyhow!("{path} is longer than a tar's name")),
        })?;
    header.set_cksum();
    tar.append(&header, data)?;
    Ok(())
}
