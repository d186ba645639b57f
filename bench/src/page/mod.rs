// SPDX-License-Identifier: GPL-2.0-only
//! What every HTML page of results has: one file that needs nothing but itself.

pub mod curve;
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
.scroll { overflow-x: auto; margin-top: 1.6em; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid var(--soft); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } small { opacity: .75; } .better { color: #0a8f4f; } .worse { color: #d33; }
";

/// Height of a picture's own title.
const PICTURE_TITLE: f64 = 24.0;
const KEY_ROW: f64 = 16.0;
const KEY_LEFT: f64 = 8.0;
/// Width of a letter, about, and of a square with its gaps.
const KEY_LETTER: f64 = 6.0;
const KEY_GAP: f64 = 28.0;
const PICTURE_STYLE: &str = "text { font: 11px sans-serif; fill: #222; } .end { text-anchor: end; } \
.mid { text-anchor: middle; } .grid { stroke: #ccc; stroke-width: .7; } \
.line { fill: none; stroke-width: 1.4; stroke-linecap: round; } \
.budget { stroke: #222; stroke-width: 1; stroke-dasharray: 5 4; } .whisker { stroke: #222; stroke-width: 1.3; fill: none; }";

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

/// One of a page's plots as a picture of its own: with what the page gives it, on white. The key is names and their
/// colours, for plots that do not name their lines.
pub fn picture(svg: &str, title: &str, key: &[(&str, &str)]) -> String {
    let begin = "<svg viewBox=\"0 0 ";
    let size = svg.strip_prefix(begin).and_then(|s| s.split('"').next());
    let (width, height) = size.and_then(|s| s.split_once(' ')).unwrap_or(("0", "0"));
    let (key, rows) = picture_key(key, width.parse().unwrap_or(0.0));
    let top = PICTURE_TITLE + f64::from(rows) * KEY_ROW;
    let bottom = height.parse::<f64>().unwrap_or(0.0) + top;
    let inner = svg.split_once('>').map_or("", |(_, rest)| rest);
    let inner = inner.strip_suffix("</svg>").unwrap_or(inner);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {bottom}\" width=\"{width}\" \
         height=\"{bottom}\">\n<style>{PICTURE_STYLE}</style><rect width=\"{width}\" height=\"{bottom}\" fill=\"#fff\"/>\
         <text x=\"8\" y=\"16\" font-weight=\"bold\">{}</text>{key}<g transform=\"translate(0 {top})\">{inner}</g></svg>\n",
        escaped(title)
    )
}

/// The key, and how many rows it takes.
fn picture_key(key: &[(&str, &str)], width: f64) -> (String, u32) {
    let (mut text, mut x, mut row) = (String::new(), KEY_LEFT, 0);
    for (name, colour) in key {
        let wide = name.len() as f64 * KEY_LETTER + KEY_GAP;
        if row == 0 || x + wide > width {
            (x, row) = (KEY_LEFT, row + 1);
        }
        let y = PICTURE_TITLE + f64::from(row) * KEY_ROW - 6.0;
        text += &format!(
            "<rect x=\"{x}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{colour}\"/><text x=\"{}\" y=\"{y}\">{}</text>",
            y - 9.0,
            x + 14.0,
            escaped(name)
        );
        x += wide;
    }
    (text, row)
}

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
    fn a_picture_stands_alone() {
        let svg = r#"<svg viewBox="0 0 100 50" role="img"><path d="M0 0"/></svg>"#;
        let picture = picture(svg, "a & b", &[]);
        assert!(picture.starts_with("<svg xmlns=") && picture.contains("viewBox=\"0 0 100 74\""));
        assert!(picture.contains("a &amp; b") && picture.contains("<path d=\"M0 0\"/></g></svg>"));
        let (key, rows) = picture_key(
            &[("one", "red"), ("two", "blue"), ("three", "green")],
            100.0,
        );
        assert_eq!((rows, key.matches("<rect").count()), (2, 3));
    }

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(escaped("<b>&\"x\""), "&lt;b&gt;&amp;&quot;x&quot;");
    }
}
