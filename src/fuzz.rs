// SPDX-License-Identifier: GPL-2.0-only
//! Whatever comes from outside, read in any shape: random bytes, and mutations of the samples in `tests/corpus/`. The
//! usual number of cases is small; CONTRIBUTING has the command that goes on for minutes.

mod samples;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use scx_stats::{StatsRequest, StatsResponse};
use serde_json::Value;

use crate::bpf::intf;
use crate::config::{Config, Profile};
use crate::ejection::Exit;
use crate::event::InputReport;
use crate::lane::Record;
use crate::recording::{Reader, Writer};
use crate::server::unflatten;
use crate::socket::respond;
use crate::tables::TUNABLES;
use crate::top::{self, screen};
use crate::tuning::Layers;
use crate::why::record;
use crate::why::{Why, command};
use samples::{changed, explore, inputs};

fn encode(report: &InputReport) -> Vec<u8> {
    let mut bytes = report.at_ns.to_ne_bytes().to_vec();
    bytes.extend(report.device.to_ne_bytes());
    bytes.extend(report.cpu.to_ne_bytes());
    bytes.extend([report.device_class, 0]);
    bytes
}

/// The time since the record before, and the bytes of a record of three processes with two threads each: frames are
/// begun, and now and then any byte is any other.
fn why_record() -> impl Strategy<Value = (u64, Vec<u8>)> {
    let who = (0u32..6, 0u32..6, 0u32..6);
    let when = (0u64..20_000_000, 0u64..40_000_000, any::<u32>());
    let what = (0u8..2, 0u8..8, any::<u8>(), 0u8..3, any::<u32>());
    let odd = prop::option::weighted(0.1, (any::<prop::sample::Index>(), any::<u8>()));
    (who, when, what, odd).prop_map(|((pid, waker, other), (gap, took, used), what, odd)| {
        let (kind, class, flags, depth, sleep) = what;
        let kinds = [intf::why_kind_WHY_WAIT, intf::why_kind_WHY_TURN];
        // SAFETY: plain numbers, of which zero is a value.
        let mut raw: intf::why_record = unsafe { std::mem::zeroed() };
        (raw.from, raw.at, raw.chain_until) = (0, took, took);
        (raw.pid, raw.tgid, raw.waker) = (pid, pid / 2, waker);
        (raw.other_pid, raw.other_tgid) = (other, other / 2);
        (raw.kind, raw.class, raw.flags, raw.depth) =
            (kinds[usize::from(kind)] as u8, class, flags, depth);
        (raw.used, raw.sleep) = (used, sleep);
        raw.source = intf::source_SRC_IRQ as u8;
        raw.comm = [odd.as_ref().map_or(0, |(_, b)| *b as std::ffi::c_char); record::COMM_LEN];
        // SAFETY: a struct of plain numbers without padding.
        let bytes = unsafe {
            std::slice::from_raw_parts((&raw const raw).cast::<u8>(), size_of::<intf::why_record>())
        };
        let mut bytes = bytes.to_vec();
        if let Some((at, byte)) = odd {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        (gap, bytes)
    })
}

/// A game with stutters, as `record` writes it.
fn recording() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out = Writer::new(&mut bytes).expect("begins");
    let mut view = screen::tests::state(4).view;
    for at_ns in 1..3 {
        view.sample.at_ns = at_ns;
        out.write(&view).expect("writes");
    }
    bytes
}

/// What a person or a program might assign: half of the names exist.
fn assignment() -> impl Strategy<Value = (String, String)> {
    let known = (0..TUNABLES.len()).prop_map(|i| TUNABLES[i].name.to_string());
    let name = prop_oneof![known, "[a-z_-]{0,20}"];
    (name, "[0-9]{1,21}|reset|[^0-9]{0,20}")
}

fn in_range(layers: &Layers) -> bool {
    let values = layers.values().0;
    let mut pairs = TUNABLES.iter().zip(values);
    pairs.all(|(t, v)| (t.min..=t.max).contains(&v))
}

/// Whatever is typed, sent or written, the kernel part gets values in their ranges.
#[test]
fn tunables() {
    let typed = prop::collection::vec(assignment(), 0..6);
    explore("tunables", (inputs("config"), typed), |(file, typed)| {
        let text = String::from_utf8_lossy(&file).into_owned();
        let config = Config::parse(&text).unwrap_or_default();
        let mut layers = Layers::new(Default::default(), config, Profile::Auto);
        layers.play(Some(("quake", "quake")));
        prop_assert!(in_range(&layers));
        let before = layers.values();
        let all = typed.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        if layers.set(all).is_err() {
            prop_assert_eq!(before, layers.values());
        }
        prop_assert!(in_range(&layers));
        Ok(())
    });
}

/// What is accepted is what the kernel part writes, bit for bit.
#[test]
fn events() {
    explore("events", inputs("event"), |bytes| {
        let (words, rest) = bytes.as_chunks();
        let words: Vec<u64> = words.iter().map(|w| u64::from_ne_bytes(*w)).collect();
        if let (Ok(record), []) = (Record::try_from(words), rest)
            // Bits 32 to 47 of the second word say which CPU's lane it wants to be of.
            && let Some(report) = InputReport::decode(&record, (record[1] >> 32) as u16 as usize)
        {
            prop_assert_eq!(encode(&report), bytes);
        }
        Ok(())
    });
}

/// What a stranger sends to the socket: one line is the answer, and a refused change changes nothing.
#[test]
fn requests() {
    explore("requests", inputs("request"), |bytes| {
        let mut layers = Layers::new(Default::default(), Config::default(), Profile::Auto);
        let before = layers.values();
        let set = std::cell::Cell::new(false);
        let layers = std::cell::RefCell::new(&mut layers);
        let reply = respond(&bytes, |request: &StatsRequest| {
            let all = request.args.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            layers.borrow_mut().set(all)?;
            set.set(true);
            Ok(Value::from(request.req.as_str()))
        });
        prop_assert_eq!(
            reply.iter().position(|b| *b == b'\n'),
            Some(reply.len() - 1)
        );
        let answer: StatsResponse = serde_json::from_slice(&reply).expect("an answer");
        prop_assert_eq!(answer.errno == 0, set.get());
        prop_assert!(in_range(&layers.borrow()));
        prop_assert!(set.get() || layers.borrow().values() == before);
        Ok(())
    });
}

/// A daemon that answers anything at all does not bring the monitor down.
#[test]
fn replies() {
    explore("replies", inputs("reply"), |bytes| {
        if let Ok(reply) = serde_json::from_slice(&bytes) {
            let _ = unflatten(&reply);
        }
        Ok(())
    });
}

/// The kernel's account of a stall, with names that users chose.
#[test]
fn ejections() {
    let exits = (inputs("dump"), inputs("stall"), -1i32..2000);
    explore("ejections", exits, |(dump, msg, kind)| {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let exit = Exit {
            kind,
            reason: "runnable task stall".into(),
            msg: text(msg),
            dump: text(dump),
            ..Exit::default()
        };
        prop_assert!(!exit.text().chars().any(char::is_control));
        if let Some(holder) = exit.holder() {
            prop_assert!(!holder.chars().any(char::is_control), "{:?}", holder);
        }
        Ok(())
    });
}

/// Waits and turns in an order that no kernel makes: told in words all the same.
#[test]
fn waits() {
    explore(
        "waits",
        prop::collection::vec(why_record(), 0..300),
        |records| {
            let mut why = Why::new(4);
            let mut clock = 1;
            for (i, (gap, bytes)) in records.iter().enumerate() {
                clock += gap;
                if let Some(mut record) = record::Record::decode(bytes) {
                    for time in [&mut record.from, &mut record.at, &mut record.chain_until] {
                        *time = time.saturating_add(clock);
                    }
                    why.see(record);
                }
                if i % 100 == 99 {
                    why.settle();
                }
            }
            why.settle();
            let text = command::show(&why.report(), true);
            prop_assert!(!text.replace('\n', "").chars().any(char::is_control));
            Ok(())
        },
    );
}

/// Somebody else's recording, drawn and told.
#[test]
fn recordings() {
    explore("recordings", changed(vec![recording()]), |bytes| {
        let Ok(reader) = Reader::new(&bytes[..], "file".into()) else {
            return Ok(());
        };
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal");
        for view in reader.map_while(Result::ok) {
            let _ = command::show(&view.why, true);
            let state = top::State {
                view,
                details: true,
                ..top::State::default()
            };
            terminal.draw(|f| screen::draw(f, &state)).expect("draws");
        }
        Ok(())
    });
}
