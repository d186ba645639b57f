// SPDX-License-Identifier: GPL-2.0-only
//! Finds a kernel function in BTF, as attaching a program to it needs.

use std::io;

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
const HEADER: usize = 24;
/// Name, info, size or type.
const TYPE: usize = 12;
const KIND_FUNC: u32 = 12;

/// The id of the function in the kernel's own BTF.
pub fn function(name: &str) -> io::Result<u32> {
    let btf = std::fs::read(VMLINUX)?;
    find_function(&btf, name).ok_or(io::ErrorKind::NotFound.into())
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

/// Bytes behind a type's head that belong to it.
fn trailer(kind: u32, count: usize) -> Option<usize> {
    Some(match kind {
        // int, variable, declaration tag
        1 | 14 | 17 => 4,
        // array
        3 => 12,
        // struct, union, section, enum of 64 bits
        4 | 5 | 15 | 19 => 12 * count,
        // enum, prototype
        6 | 13 => 8 * count,
        // pointer, forward, typedef, qualifiers, function, float, type tag
        2 | 7..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

fn find_function(btf: &[u8], name: &str) -> Option<u32> {
    let [length, types, types_length, strings] = [4, 8, 12, 16].map(|at| word(btf, at));
    let (begin, strings) = (length? as usize, length? as usize + strings? as usize);
    let mut at = begin.max(HEADER) + types? as usize;
    let end = at + types_length? as usize;
    let named = |offset: u32| {
        let text = btf.get(strings + offset as usize..)?;
        Some(text.strip_prefix(name.as_bytes())?.first() == Some(&0))
    };
    let mut id = 1;
    while at < end {
        let (name_offset, info) = (word(btf, at)?, word(btf, at + 4)?);
        let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
        if kind == KIND_FUNC && named(name_offset) == Some(true) {
            return Some(id);
        }
        at += TYPE + trailer(kind, count)?;
        id += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_by_its_name() {
        let words = |list: &[u32]| {
            list.iter()
                .flat_map(|w| w.to_ne_bytes())
                .collect::<Vec<_>>()
        };
        // int "in", function "in", function "inner"
        let types = words(&[1, 1 << 24, 4, 0, 1, 12 << 24, 1, 4, 12 << 24, 1]);
        let strings = b"\0in\0inner\0";
        let mut btf = words(&[0x0001_eb9f, 24, 0, types.len() as u32, types.len() as u32]);
        btf.extend(words(&[strings.len() as u32]));
        btf.extend(&types);
        btf.extend(strings);
        assert_eq!(find_function(&btf, "in"), Some(2));
        assert_eq!(find_function(&btf, "inner"), Some(3));
        assert_eq!(find_function(&btf, "inn"), None);
        assert_eq!(find_function(&btf[..40], "inner"), None);
    }
}
