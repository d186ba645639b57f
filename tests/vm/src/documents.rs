// SPDX-License-Identifier: GPL-2.0-only
//! The commands of a document. tests/documents.rs includes this file, so that both find the same ones.

/// The commands between fences, one by one, without `sudo` and remarks.
pub fn commands(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside && !line.starts_with([' ', '|']) {
            let line = line.split(" # ").next().unwrap_or_default();
            found.extend(line.split("&&").map(|c| {
                let c = c.trim();
                c.strip_prefix("sudo ").unwrap_or(c).to_string()
            }));
        }
    }
    found.retain(|c| !c.is_empty());
    found
}

/// The first that begins so.
pub fn command(text: &str, beginning: &str) -> Option<String> {
    commands(text)
        .into_iter()
        .find(|c| c.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_as_it_is_written() {
        let text = "apt no\n```\nmake && sudo apt install ./x   # remark\n```\n";
        assert_eq!(command(text, "apt").as_deref(), Some("apt install ./x"));
        assert_eq!(command(text, "rm"), None);
    }
}
