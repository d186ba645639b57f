// SPDX-License-Identifier: GPL-2.0-only
//! For tests of what `--json` prints.

use crate::cli::documented;

/// Scripts read these names; the man page is where they look.
pub fn explains_each_name(command: &str, objects: &[&serde_json::Value]) {
    let mut all = documented();
    let command = all.find_subcommand_mut(command).expect("the command");
    let help = command.render_long_help().to_string();
    for object in objects {
        for name in object.as_object().expect("an object").keys() {
            let words = help.split(|c: char| !c.is_alphanumeric() && c != '_');
            assert!(words.into_iter().any(|word| word == name), "{name}");
        }
    }
}
