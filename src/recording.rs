// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon record FILE` and `replay FILE`. A file is a magic line, a version,
//! and views as MessagePack with named fields, each behind its length: a newer
//! scx_photon may add fields, and what is cut off is noticed.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::client::Viewer;
use crate::output::{Output, PLAIN_MODE};
use crate::printable::printable;
use crate::say;
use crate::shutdown::end_with_the_reader;
use crate::stats;
use crate::view::View;
use crate::why::text;

const MAGIC: &[u8] = b"scx_photon recording\n";
const VERSION: u16 = 1;
/// A view of 512 CPUs is a twentieth of it.
const VIEW_MAX: u32 = 4 * 1024 * 1024;
const NS_PER_SEC: f64 = 1e9;

pub struct Writer<W: Write>(W);

impl<W: Write> Writer<W> {
    pub fn new(mut out: W) -> Result<Self> {
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        Ok(Writer(out))
    }

    /// Written as a whole, so that an interrupted recording ends with a whole view.
    pub fn write(&mut self, view: &View) -> Result<()> {
        let bytes = rmp_serde::to_vec_named(view)?;
        let length = u32::try_from(bytes.len()).context("a view of 4 GiB")?;
        let mut whole = length.to_le_bytes().to_vec();
        whole.extend(bytes);
        Ok(self.0.write_all(&whole)?)
    }
}

/// The views of a file, in order; an error is the last item.
pub struct Reader<R: Read> {
    input: R,
    name: String,
    read: usize,
    failed: bool,
}

impl Reader<BufReader<File>> {
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| name.clone())?;
        Reader::new(BufReader::new(file), name)
    }
}

impl<R: Read> Reader<R> {
    pub fn new(mut input: R, name: String) -> Result<Self> {
        let mut head = [0; MAGIC.len() + size_of::<u16>()];
        let whole = input.read_exact(&mut head).is_ok();
        if !whole || !head.starts_with(MAGIC) {
            bail!("{name} is no recording of scx_photon");
        }
        let version = u16::from_le_bytes([head[MAGIC.len()], head[MAGIC.len() + 1]]);
        if version != VERSION {
            bail!("{name} is a recording of version {version}; this scx_photon reads {VERSION}");
        }
        Ok(Reader {
            input,
            name,
            read: 0,
            failed: false,
        })
    }

    /// None at the end of the file.
    fn view(&mut self) -> Result<Option<View>> {
        let mut length = [0; size_of::<u32>()];
        match self.fill(&mut length)? {
            0 => return Ok(None),
            n if n < length.len() => bail!(self.cut_off()),
            _ => {}
        }
        let length = u32::from_le_bytes(length);
        if length > VIEW_MAX {
            bail!("{} is damaged after {} views", self.name, self.read);
        }
        let mut bytes = vec![0; length as usize];
        if self.fill(&mut bytes)? < bytes.len() {
            bail!(self.cut_off());
        }
        let view = rmp_serde::from_slice(&bytes)
            .with_context(|| format!("{} is damaged after {} views", self.name, self.read))?;
        self.read += 1;
        Ok(Some(view))
    }

    fn cut_off(&self) -> String {
        format!("{} is cut off after {} views", self.name, self.read)
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut got = 0;
        while got < buffer.len() {
            match self.input.read(&mut buffer[got..]) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e).with_context(|| self.name.clone()),
            }
        }
        Ok(got)
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Where the next view begins.
    pub fn place(&mut self) -> Result<u64> {
        let place = self.input.stream_position();
        place.with_context(|| format!("{} cannot be read twice; name a file", self.name))
    }

    /// The n-th view, which begins there.
    pub fn view_at(&mut self, place: u64, n: usize) -> Result<View> {
        let found = self.input.seek(SeekFrom::Start(place));
        found.with_context(|| self.name.clone())?;
        self.read = n;
        self.view()?.with_context(|| self.cut_off())
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<View>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.view().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

/// What `record` is asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct RecordArgs {
    /// The file to make; one that exists is left alone
    pub file: PathBuf,
    /// Time between views
    #[arg(long, value_name = "SEC", value_parser = crate::cli::seconds, default_value = "0.5")]
    pub every: f64,
    /// Stop after so long; without it at Ctrl-C, or when the daemon ends
    #[arg(long, value_name = "SEC", value_parser = crate::cli::seconds)]
    pub seconds: Option<f64>,
}

pub fn record(args: &RecordArgs, stopped: impl Fn(Duration) -> bool) -> Result<()> {
    let mut daemon = Viewer::connect()?;
    // At once, because one that exists is refused; without a view it goes again.
    let file = Output::create(&args.file, PLAIN_MODE)?;
    let mut out = Writer::new(file.file())?;
    let (begin, mut views, mut whole) = (Instant::now(), 0, 0);
    let limit = args.seconds.map(Duration::from_secs_f64);
    let lost = loop {
        match daemon.view() {
            Ok(Some(view)) => {
                if let Err(e) = out.write(&view) {
                    // What is whole can be shown.
                    file.file().set_len(whole)?;
                    return Err(
                        e.context(format!("{} ends after {views} views", args.file.display()))
                    );
                }
                file.keep();
                whole = file.file().stream_position()?;
                views += 1;
            }
            Ok(None) => {}
            Err(e) if views == 0 => return Err(e),
            Err(e) => break Some(e),
        }
        match pause(Duration::from_secs_f64(args.every), limit, begin.elapsed()) {
            Some(pause) if !stopped(pause) => {}
            _ => break None,
        }
    };
    let lasted = begin.elapsed();
    // The daemon is asked nothing more, and the file is whole.
    end_with_the_reader();
    if views > 0 {
        say::line(format_args!("{views} views in {}", args.file.display()))?;
    }
    match lost.or_else(|| {
        daemon
            .is_lost()
            .then(|| anyhow!("the daemon has not answered at the end"))
    }) {
        _ if views == 0 => Err(anyhow!("the daemon has shown nothing")),
        Some(e) => end_of_daemon(limit, lasted, e),
        None => Ok(()),
    }
}

/// Until the next view, or the last one, at the end; none after that.
fn pause(every: Duration, limit: Option<Duration>, elapsed: Duration) -> Option<Duration> {
    let Some(limit) = limit else {
        return Some(every);
    };
    let left = limit.saturating_sub(elapsed);
    (!left.is_zero()).then(|| every.min(left))
}

/// It ends a recording that was to last as long as the daemon, and cuts any other.
fn end_of_daemon(limit: Option<Duration>, lasted: Duration, why: anyhow::Error) -> Result<()> {
    match limit {
        Some(limit) => Err(why.context(format!(
            "the recording is cut, after {:.1} of {:.1} s",
            lasted.as_secs_f64(),
            limit.as_secs_f64()
        ))),
        None => {
            say::line(format_args!("It has ended with the daemon: {why:#}"))?;
            Ok(())
        }
    }
}

/// Prints a recording as `--monitor` and `why` would have.
pub fn replay(path: &Path, as_json: bool) -> Result<()> {
    print(Reader::open(path)?, as_json, &mut std::io::stdout().lock())
}

/// Lines of text and a last one that sums up, or a line of JSON a view.
fn print(views: Reader<impl Read>, as_json: bool, out: &mut impl Write) -> Result<()> {
    let (mut before, mut begun) = (View::default(), false);
    for view in views {
        let view = view?;
        if as_json {
            writeln!(out, "{}", serde_json::to_string(&view)?)?;
            continue;
        }
        let span = view.sample.at_ns.saturating_sub(before.sample.at_ns);
        let seconds = match before.sample.at_ns {
            0 => view.uptime_s,
            _ => span as f64 / NS_PER_SEC,
        };
        // Who is not root is told new numbers once a second, however often he asks.
        if span > 0 || !begun {
            let line = stats::line(&before.sample, &view.sample, seconds.max(0.01));
            writeln!(out, "{}", printable(&line))?;
        }
        begun = true;
        for stutter in &view.why.stutters {
            if stutter.at_ns > newest(&before) {
                let line = text::line(view.why.at_ns, stutter);
                writeln!(out, "  {}", printable(&line))?;
            }
        }
        before = view;
    }
    if !as_json {
        writeln!(out, "{}", printable(&text::summary(&before.why)))?;
    }
    Ok(())
}

fn newest(view: &View) -> u64 {
    view.why.stutters.iter().map(|s| s.at_ns).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_in_json_is_nothing_else() {
        let bytes = recording(3);
        let lines = |as_json: bool| {
            let views = Reader::new(bytes.as_slice(), "a file".into()).expect("begins");
            let mut out = Vec::new();
            print(views, as_json, &mut out).expect("prints");
            let text = String::from_utf8(out).expect("text");
            text.lines().map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(lines(false).len(), 4);
        let json = lines(true);
        assert_eq!(json.len(), 3);
        for line in json {
            let view: View = serde_json::from_str(&line).expect("JSON");
            assert!(view.sample.at_ns < 3);
        }
    }

    /// `--seconds 5 --every 60` took a minute.
    #[test]
    fn a_recording_lasts_no_longer_than_asked_for() {
        let s = Duration::from_secs;
        assert_eq!(pause(s(60), Some(s(5)), s(0)), Some(s(5)));
        assert_eq!(pause(s(2), Some(s(5)), s(4)), Some(s(1)));
        assert_eq!(pause(s(2), Some(s(5)), s(1)), Some(s(2)));
        assert_eq!(pause(s(2), Some(s(5)), s(5)), None);
        assert_eq!(pause(s(2), Some(s(5)), s(6)), None);
        assert_eq!(pause(s(60), None, s(600)), Some(s(60)));
    }

    #[test]
    fn what_was_told_twice_is_replayed_once() {
        let bytes = recording_of([1, 1, 2]);
        let views = Reader::new(bytes.as_slice(), "a file".into()).expect("begins");
        let mut out = Vec::new();
        print(views, false, &mut out).expect("prints");
        // Two samples and the sum.
        assert_eq!(out.split(|&b| b == b'\n').count() - 1, 3);
    }

    #[test]
    fn a_recording_that_lasts_less_than_asked_for_is_no_success() {
        let end = |limit| {
            let why = anyhow::anyhow!("scx_photon has stopped");
            end_of_daemon(limit, Duration::from_secs(2), why)
        };
        assert!(end(None).is_ok());
        let cut = end(Some(Duration::from_secs(60))).expect_err("cut");
        assert_eq!(
            format!("{cut:#}"),
            "the recording is cut, after 2.0 of 60.0 s: scx_photon has stopped"
        );
    }

    fn recording(views: u64) -> Vec<u8> {
        recording_of(0..views)
    }

    fn recording_of(samples: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let mut out = Writer::new(Vec::new()).expect("begins");
        for at_ns in samples {
            let mut view = View::default();
            view.sample.at_ns = at_ns;
            out.write(&view).expect("writes");
        }
        out.0
    }

    fn read(bytes: &[u8]) -> Result<Vec<View>> {
        Reader::new(bytes, "file".into())?.collect()
    }

    fn complaint(bytes: &[u8]) -> String {
        read(bytes).expect_err("refused").to_string()
    }

    #[test]
    fn views_come_back() {
        let views = read(&recording(3)).expect("reads");
        let at: Vec<u64> = views.iter().map(|v| v.sample.at_ns).collect();
        assert_eq!(at, [0, 1, 2]);
        assert!(read(&recording(0)).expect("reads").is_empty());
    }

    /// Fields are added; what was recorded before is read all the same.
    #[test]
    fn a_view_of_an_earlier_version_is_read() {
        let old = serde_json::json!({"version": "0.0.1", "sample": {"at_ns": 7}});
        let view: View = serde_json::from_value(old).expect("reads");
        assert_eq!((view.sample.at_ns, view.version.as_str()), (7, "0.0.1"));
    }

    #[test]
    fn what_is_no_recording_is_one_line() {
        assert_eq!(complaint(b""), "file is no recording of scx_photon");
        assert_eq!(complaint(&[7; 100]), "file is no recording of scx_photon");
        let mut newer = recording(1);
        newer[MAGIC.len()] = 9;
        assert!(
            complaint(&newer).contains("version 9"),
            "{}",
            complaint(&newer)
        );
        let whole = recording(3);
        for cut in [1, 2, 30] {
            let text = complaint(&whole[..whole.len() - cut]);
            assert_eq!(text, "file is cut off after 2 views");
        }
        let mut damaged = whole.clone();
        damaged[MAGIC.len() + 2 + 3] = 0xff; // the length's highest byte
        assert_eq!(complaint(&damaged), "file is damaged after 0 views");
    }
}
