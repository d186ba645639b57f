// SPDX-License-Identifier: GPL-2.0-only
use super::*;
use std::io::{BufRead, BufReader};
use std::time::Duration;

fn at(name: &str) -> PathBuf {
    let name = format!("photon-socket-{name}-{}", std::process::id());
    std::env::temp_dir().join(name)
}

fn socket(name: &str) -> Socket {
    Socket::bind(&at(name)).expect("binds")
}

fn echo(request: &StatsRequest, uid: u32) -> Result<Value> {
    assert_eq!(uid, nix::unistd::getuid().as_raw());
    match request.req.as_str() {
        "bad" => bail!("no such thing"),
        "big" => Ok(Value::from("x".repeat(1_000_000))),
        req => Ok(Value::from(req)),
    }
}

/// As often as the daemon's loop would.
fn turn(socket: &Socket) {
    for _ in 0..4 {
        socket.serve(echo).expect("serves");
    }
}

fn ask(socket: &Socket, stream: &mut UnixStream, text: &str) -> Option<StatsResponse> {
    stream.write_all(text.as_bytes()).ok()?;
    turn(socket);
    let mut line = String::new();
    let timeout = Some(Duration::from_millis(200));
    stream.set_read_timeout(timeout).expect("a timeout");
    BufReader::new(stream).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

#[test]
fn a_line_is_answered_by_a_line() {
    let s = socket("line");
    let mut c = UnixStream::connect(at("line")).expect("connects");
    let mode = std::fs::metadata(at("line"))
        .expect("metadata")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, MODE);
    let ok = ask(&s, &mut c, "{\"req\":\"why\"}\n").expect("an answer");
    assert_eq!((ok.errno, &ok.args["resp"]), (0, &Value::from("why")));
    let bad = ask(&s, &mut c, "{\"req\":\"bad\"}\n").expect("an answer");
    assert_eq!(bad.errno, libc::EINVAL);
    let bad = ask(&s, &mut c, "nonsense\n").expect("an answer");
    assert_eq!(bad.errno, libc::EINVAL);
    drop(s);
    assert!(!at("line").exists());
}

#[test]
fn who_sends_too_much_is_dropped() {
    let s = socket("much");
    let mut c = UnixStream::connect(at("much")).expect("connects");
    assert!(ask(&s, &mut c, &"x".repeat(REQUEST_MAX + 1)).is_none());
    turn(&s);
    assert!(s.state.borrow().clients.is_empty());
}

#[test]
fn a_big_reply_waits_for_its_reader_and_nothing_else_does() {
    let s = socket("big");
    let mut slow = UnixStream::connect(at("big")).expect("connects");
    slow.write_all(b"{\"req\":\"big\"}\n{\"req\":\"next\"}\n")
        .expect("writes");
    turn(&s);
    let mut quick = UnixStream::connect(at("big")).expect("connects");
    assert!(ask(&s, &mut quick, "{\"req\":\"why\"}\n").is_some());
    slow.set_nonblocking(true).expect("nonblocking");
    let (mut got, mut bytes) = (Vec::new(), vec![0; 65_536]);
    for _ in 0..200 {
        match slow.read(&mut bytes) {
            Ok(n) => got.extend_from_slice(&bytes[..n]),
            Err(_) => turn(&s),
        }
    }
    assert_eq!(got.iter().filter(|b| **b == b'\n').count(), 2);
}

#[test]
fn a_crowd_is_bounded() {
    let s = socket("crowd");
    let crowd: Vec<_> = (0..CLIENTS_MAX + 4)
        .map(|_| UnixStream::connect(at("crowd")).expect("connects"))
        .collect();
    turn(&s);
    assert_eq!(s.state.borrow().clients.len(), CLIENTS_MAX);
    drop(crowd);
}

#[test]
fn a_flood_is_served_later() {
    let s = socket("flood");
    let mut c = UnixStream::connect(at("flood")).expect("connects");
    let flood = "{\"req\":\"x\"}\n".repeat(50);
    for _ in 0..4 {
        let _ = c.write_all(flood.as_bytes());
        turn(&s);
    }
    assert!(s.state.borrow().rate.is_paused());
    let mut late = UnixStream::connect(at("flood")).expect("waits in the backlog");
    assert!(ask(&s, &mut late, "{\"req\":\"x\"}\n").is_none());
    s.state.borrow_mut().rate.end_window();
    s.tick().expect("a new window");
    turn(&s);
    let mut line = String::new();
    BufReader::new(late)
        .read_line(&mut line)
        .expect("an answer");
    assert!(line.contains("\"errno\":0"), "{line}");
}

#[test]
fn bytes_without_an_end_are_a_flood_too() {
    let s = socket("bytes");
    let mut c = UnixStream::connect(at("bytes")).expect("connects");
    for _ in 0..RATE_MAX {
        let _ = c.write_all(b" ");
        turn(&s);
    }
    assert!(s.state.borrow().rate.is_paused());
}

/// As many as there is room for; a closed one waits to be accepted, too.
#[test]
fn a_burst_of_closed_connections_shuts_nobody_out() {
    const MOMENT: Duration = Duration::from_millis(1);
    let s = socket("burst");
    let path = at("burst");
    let burst = (0..10 * RATE_MAX).take_while(|_| unix_socket::connect(&path, MOMENT).is_ok());
    assert!(burst.count() > 1);
    turn(&s);
    let mut late = UnixStream::connect(&path).expect("connects");
    assert!(ask(&s, &mut late, "{\"req\":\"x\"}\n").is_some());
}

#[test]
fn only_a_socket_is_replaced() {
    let path = std::env::temp_dir().join(format!("photon-no-socket-{}", std::process::id()));
    std::fs::write(&path, "a file").expect("writes");
    assert!(Socket::bind(&path).is_err());
    assert!(path.exists());
    std::fs::remove_file(&path).expect("removes");
}
