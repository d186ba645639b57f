// SPDX-License-Identifier: GPL-2.0-only
//! libbpf's own flags: checked where they are typed, and the same for every object that is opened.

use std::mem::MaybeUninit;

use anyhow::Result;
use clap::Command;
use libbpf_rs::libbpf_sys::bpf_object_open_opts;
use libbpf_rs::skel::SkelBuilder;
use libbpf_rs::{Error, OpenObject};
use scx_utils::libbpf_clap_opts::LibbpfOpts;

use crate::failure::Failure;

/// scx_utils drops all of libbpf's flags without a word if it cannot read the file of one.
pub fn checked(command: Command) -> Command {
    command.mut_arg("kconfig", |arg| {
        arg.value_name("FILE").value_parser(kconfig)
    })
}

/// The path of a file that libbpf can be given.
fn kconfig(path: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    match text.contains('\0') {
        true => Err("holds a NUL; wanted is text, with lines like CONFIG_HZ=1000".into()),
        false => Ok(path.into()),
    }
}

/// None if no flag was typed. The file is read once more, now without the privileges that were not needed.
pub fn options(flags: &LibbpfOpts) -> Result<Option<bpf_object_open_opts>, Failure> {
    if let Some(path) = &flags.kconfig {
        kconfig(path).map_err(|e| {
            Failure::Usage(format!(
                "--kconfig {path}: {e}; put it where root reads it without privileges, as in /etc"
            ))
        })?;
    }
    Ok(flags.clone().into_bpf_open_opts())
}

/// As the flags say.
pub fn open<'o, B: SkelBuilder<'o>>(
    builder: B,
    options: Option<bpf_object_open_opts>,
    object: &'o mut MaybeUninit<OpenObject>,
) -> Result<B::Output, Error> {
    match options {
        Some(options) => builder.open_opts(options, object),
        None => builder.open(object),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They are a library's own and reach it as they are; without them nothing is given to it.
    #[test]
    fn libbpf_gets_its_options() {
        let given = |flags: &[&str]| {
            let args = ["scx_photon"].iter().chain(flags).copied();
            let cli = crate::cli::parse(args.map(String::from)).expect("good flags");
            options(&cli.libbpf).expect("readable")
        };
        assert!(given(&[]).is_none());
        let relaxed = given(&["--relaxed-maps", "true"]).expect("given");
        assert!(relaxed.relaxed_maps && relaxed.kconfig.is_null());
        let text = |pointer: *const std::ffi::c_char| {
            // SAFETY: a string that the options hold and nobody frees.
            let text = unsafe { std::ffi::CStr::from_ptr(pointer) };
            text.to_str().expect("what was typed").to_string()
        };
        let pinned = given(&["--pin-root-path", "/a"]).expect("given");
        assert_eq!(text(pinned.pin_root_path), "/a");
        let token = given(&["--bpf-token-path", "/b"]).expect("given");
        assert_eq!(text(token.bpf_token_path), "/b");
        let btf = given(&["--btf-custom-path", "/c"]).expect("given");
        assert_eq!(text(btf.btf_custom_path), "/c");
        let file = std::env::temp_dir().join(format!("photon-kconfig-{}", std::process::id()));
        std::fs::write(&file, "CONFIG_HZ=1000\n").expect("a file");
        let kconfig = given(&["--kconfig", &file.display().to_string()]).expect("given");
        assert_eq!(text(kconfig.kconfig), "CONFIG_HZ=1000\n");
        std::fs::remove_file(&file).expect("it was there");
    }

    #[test]
    fn a_kconfig_that_cannot_be_read_is_an_error_and_not_no_flags() {
        let file = std::env::temp_dir().join(format!("photon-nul-{}", std::process::id()));
        let path = file.display().to_string();
        let parsed =
            || crate::cli::parse(["scx_photon", "--relaxed-maps=true", "--kconfig", &path]);
        assert_eq!(parsed().expect_err("no file").exit_code(), 2);
        std::fs::write(&file, b"CONFIG_HZ=1000\n\0").expect("a file");
        let error = parsed().expect_err("a NUL").to_string();
        assert!(error.contains("holds a NUL"), "{error}");
        std::fs::write(&file, "CONFIG_HZ=1000\n").expect("a file");
        let cli = parsed().expect("a good file");
        std::fs::remove_file(&file).expect("it was there");
        // Gone since.
        let error = options(&cli.libbpf).expect_err("gone").to_string();
        assert!(error.starts_with(&format!("--kconfig {path}: ")), "{error}");
    }
}
