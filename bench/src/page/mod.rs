// SPDX-License-Identifier: GPL-2.0-only
//! What every HTML page of results has: one file that needs nothing but itself.

pub mod histogram;
pub mod svg;

const STYLE: &str = "
:root { color-scheme: light dark; --soft: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { margin: 2.2em 0 .3em; border-top: 1px solid var(--soft); padding-top: .8em; }
h3 { font-size: 1em; margin: .8em 0 .2em; font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: .5em 2em; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: currentColor; }
.end { text-anchor: end; } .mid { text-anchor: middle; }
.grid { stroke: var(--soft); stroke-width: .7; } .line { fill: none; stroke-width: 1.4; stroke-linecap: round; }
.budget { stroke: currentColor; stroke-width: 1; stroke-dasharray: 5 4; }
.whisker { stroke: currentColor; stroke-width: 1.3; fill: none; }
.key span { display: inline-block; margin-right: 1.4em; } .key i { display: inline-block; width: .9em; height: .9em; margin-right: .4em; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid var(--soft); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } small { opacity: .75; } .better { color: #0a8f4f; } .worse { color: #d33; }
";

/// Up to and with the heading; [`END`] closes it.
pub fn head(title: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n\
         <h1>{title}</h1>\n"
    )
}

pub const END: &str = "</body></html>\n";

/// Text from outside stays text.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(escaped("<b>&\"x\""), "&lt;b&gt;&amp;&quot;x&quot;");
    }
}
