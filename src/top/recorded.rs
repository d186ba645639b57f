// SPDX-License-Identifier: GPL-2.0-only
//! The views of a recording, of which only those that are shown are in memory: it may have lasted for days.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use anyhow::Result;

use crate::recording::Reader;
use crate::view::View;

pub struct Views<R: Read = BufReader<File>> {
    reader: Reader<R>,
    /// Where each begins.
    places: Vec<u64>,
}

impl<R: Read + Seek> Views<R> {
    /// Each is read once, so that a damaged recording is told before anything is drawn.
    pub fn of(mut reader: Reader<R>) -> Result<Self> {
        let mut places = Vec::new();
        let mut next = reader.place()?;
        while reader.next().transpose()?.is_some() {
            places.push(next);
            next = reader.place()?;
        }
        Ok(Views { reader, places })
    }

    pub fn view(&mut self, n: usize) -> Result<View> {
        self.reader.view_at(self.places[n], n)
    }
}

impl<R: Read> Views<R> {
    pub fn len(&self) -> usize {
        self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Writer;
    use std::cell::Cell;
    use std::io::{self, Cursor, SeekFrom};
    use std::rc::Rc;

    const VIEWS: u64 = 5;

    fn recording() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = Writer::new(&mut bytes).expect("begins");
        for at_ns in 0..VIEWS {
            let mut view = View::default();
            view.sample.at_ns = at_ns;
            out.write(&view).expect("writes");
        }
        bytes
    }

    /// Counts what is read of it.
    struct Counted(Cursor<Vec<u8>>, Rc<Cell<usize>>);

    impl Read for Counted {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let n = self.0.read(into)?;
            self.1.set(self.1.get() + n);
            Ok(n)
        }
    }

    impl Seek for Counted {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_view_is_read_when_it_is_shown() {
        let bytes = recording();
        let (length, read) = (bytes.len(), Rc::new(Cell::new(0)));
        let input = Counted(Cursor::new(bytes), Rc::clone(&read));
        let reader = Reader::new(input, "a file".into()).expect("begins");
        let mut views = Views::of(reader).expect("is whole");
        assert_eq!((views.len() as u64, read.get()), (VIEWS, length));
        for n in [3, 0, 4, 4, 1] {
            let before = read.get();
            let view = views.view(n).expect("is there");
            assert_eq!(view.sample.at_ns, n as u64);
            let one = read.get() - before;
            assert!(one > 0 && one < length / 4, "{one} of {length} bytes");
        }
    }

    #[test]
    fn a_damaged_recording_is_told_before_it_is_drawn() {
        let mut bytes = recording();
        bytes.pop();
        let reader = Reader::new(Cursor::new(bytes), "a file".into()).expect("begins");
        let error = Views::of(reader).err().expect("cut off").to_string();
        assert_eq!(error, "a file is cut off after 4 views");
    }

    #[test]
    fn a_recording_that_became_shorter_is_told() {
        let path = std::env::temp_dir().join(format!("photon-short-{}", std::process::id()));
        std::fs::write(&path, recording()).expect("writes");
        let mut views = Views::of(Reader::open(&path).expect("begins")).expect("is whole");
        std::fs::write(&path, &recording()[..40]).expect("writes");
        let error = views.view(2).err().map(|e| e.to_string());
        std::fs::remove_file(&path).expect("it was there");
        let wanted = format!("{} is cut off after 2 views", path.display());
        assert_eq!(error, Some(wanted));
    }
}
