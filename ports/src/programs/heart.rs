//! `heart`: restarts the node when it stops beating.
//!
//! Packets of two bytes; a message is an operation and its argument. A thread of its own watches the
//! beats, because the schedulers are what it is to watch. When it must act it asks the [`Node`]: on a
//! host the old node is killed and the command run, in an image the machine starts again.
//! OTP 25, heart.c and heart.erl.
//!
//! What a thread of the node cannot do is outlive it. So a shell is started first that ends the node and
//! waits for its end before it runs the command; a node that leaves in order without having said so calls
//! [`node_ends`]; and whoever wants to be guarded against a node that is killed turns this entry of the
//! registry off, and has the real program.

use super::link::Link;
use crate::driver::{Driver, DriverFactory, StartError, Started};
use crate::drivers::reaper;
use crate::framing::{Framing, PacketBytes};
use crate::handle::PortHandle;
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use crate::sys::{process, system};
use parking_lot::{Condvar, Mutex};
use std::ffi::CString;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

const HEART_ACK: u8 = 1;
const HEART_BEAT: u8 = 2;
const SHUT_DOWN: u8 = 3;
const SET_CMD: u8 = 4;
const CLEAR_CMD: u8 = 5;
const GET_CMD: u8 = 6;
const HEART_CMD: u8 = 7;
const PREPARING_CRASH: u8 = 8;

/// The longest message, and so the longest command.
const MESSAGE_BYTES: usize = 2048;

/// How often the watch looks at the clock, by itself.
const TICK: Duration = Duration::from_secs(5);
/// How often the shell that waits for the node's end looks: `sleep 0.1`.
const LOOK_MS: u128 = 100;
/// How long a node that closed its heart may take to end.
const GRACE: Duration = Duration::from_secs(5);
/// The silence that is a failure, unless `-ht` says otherwise. Seconds.
const TIMEOUT_SECONDS: u64 = 60;

/// What `heart` does to the node. Implemented for real by [`ThisNode`], and by tests.
pub trait Node: Send + Sync {
    /// Time that never goes back.
    fn now(&self) -> Duration;
    /// Waits so long for the node to end by itself. Returns if it does not.
    fn wait_for_end(&self, grace: Duration);
    /// Ends the node (if `kill` says so, with this signal, but not before `patience` is over) and runs a command
    /// after its end.
    fn restart(&self, kill: Option<i32>, patience: Duration, command: &[u8]);
}

/// The node that this program is.
pub struct ThisNode {
    start: Instant,
}

impl ThisNode {
    /// This program.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for ThisNode {
    fn default() -> Self {
        Self::new()
    }
}

impl Node for ThisNode {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wait_for_end(&self, grace: Duration) {
        std::thread::sleep(grace);
    }

    fn restart(&self, kill: Option<i32>, patience: Duration, command: &[u8]) {
        let pid = std::process::id();
        let end = kill.map_or_else(String::new, |signal| {
            let patience = (patience.as_millis() / LOOK_MS).min(1 << 30);
            format!(
                "n=0; while kill -0 {pid} 2>/dev/null && [ $n -lt {patience} ]; do sleep 0.1; n=$((n+1)); done; \
                 kill -{signal} {pid} 2>/dev/null; n=0; while kill -0 {pid} 2>/dev/null && [ $n -lt 50 ]; \
                 do sleep 0.1; kill -{signal} {pid} 2>/dev/null; n=$((n+1)); done; "
            )
        });
        let script = [end.as_bytes(), command].concat();
        let Ok(script) = CString::new(script) else {
            return;
        };
        let Ok(command) = CString::new(command) else {
            return;
        };
        let args = [c"sh".to_owned(), c"-c".to_owned(), script];
        let env: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| {
                use std::os::unix::ffi::OsStringExt;
                CString::new([name.into_vec(), b"=".to_vec(), value.into_vec()].concat()).ok()
            })
            .collect();
        let program = process::Program {
            file: c"/bin/sh",
            args: &args,
            env: &env,
            cd: None,
            descriptors: &[],
        };
        match process::spawn(&program) {
            // Where the node lives on, nothing of the command may be left over.
            Ok(child) => drop(reaper::follow(child, Box::new(|_| {}))),
            // No process to be had: this one becomes the command.
            Err(_) => {
                if kill.is_some() {
                    let _ = system::exec(c"/bin/sh", &[c"sh", c"-c", &command]);
                }
                // The first process of a system that has no shell is all that there is: the system starts anew.
                if pid == 1 {
                    let _ = rustix::system::reboot(rustix::system::RebootCommand::Restart);
                }
            }
        }
    }
}

/// Starts the program.
pub struct Heart {
    node: Arc<dyn Node>,
    tick: Duration,
}

impl Heart {
    /// For the node that this program is.
    #[must_use]
    pub fn new() -> Self {
        Self::watching(Arc::new(ThisNode::new()), TICK)
    }

    /// For some node, looking at its clock so often.
    #[must_use]
    pub fn watching(node: Arc<dyn Node>, tick: Duration) -> Self {
        Self { node, tick }
    }
}

impl Default for Heart {
    fn default() -> Self {
        Self::new()
    }
}

impl DriverFactory for Heart {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        let mut timeout = Duration::from_secs(TIMEOUT_SECONDS);
        let mut pid = 0;
        let words = request.command.words();
        for pair in words.windows(2) {
            let number = std::str::from_utf8(pair[1])
                .ok()
                .and_then(|text| text.parse::<u64>().ok());
            match (pair[0], number) {
                (b"-ht", Some(seconds @ 11..=65_535)) => {
                    timeout = Duration::from_secs(seconds);
                    eprintln!("heart_beat_timeout = {seconds}");
                }
                (b"-pid", Some(number)) => {
                    pid = number;
                    eprintln!("heart_beat_kill_pid = {pid}");
                }
                _ => {}
            }
        }
        let text = |name: &str| request.options.getenv(name);
        let settings = Settings {
            timeout,
            kill: match (pid, text("HEART_NO_KILL"), text("HEART_KILL_SIGNAL")) {
                (0, ..) => None,
                (_, Some(value), _) if value == b"TRUE" => None,
                (_, _, Some(signal)) if signal == b"SIGABRT" => Some(libc::SIGABRT),
                _ => Some(libc::SIGKILL),
            },
            command: text("HEART_COMMAND"),
            dump_seconds: text("ERL_CRASH_DUMP_SECONDS").map(|text| leading_number(&text)),
        };
        let link = Link::new(
            port.clone(),
            &request.options,
            Framing::Packet(PacketBytes::Two),
        );
        let framing = link.framed_by();
        port.post(|driver: &mut HeartPort| driver.link.send(vec![HEART_ACK]));
        let watch = Arc::new(Watch {
            node: Arc::clone(&self.node),
            settings,
            state: Mutex::new(State {
                last: self.node.now(),
                command: None,
                end: None,
                heard: false,
                done: false,
            }),
            changed: Condvar::new(),
        });
        *ACTIVE.lock() = Arc::downgrade(&watch);
        let (thread, tick) = (Arc::clone(&watch), self.tick);
        std::thread::Builder::new()
            .name("heart".into())
            .spawn(move || {
                thread.run(tick);
                // The program ends, whatever it has done.
                port.post(|driver: &mut HeartPort| driver.link.exit(0));
            })?;
        Ok(Started {
            driver: Box::new(HeartPort { link, watch }),
            framing,
            os_pid: None,
            soft_busy: false,
        })
    }
}

/// The heart of this node that was started last.
static ACTIVE: Mutex<Weak<Watch>> = Mutex::new(Weak::new());

/// The node is about to end its program. If it has a heart and did not tell it to shut down, the
/// command is run, as the real program does when its node is gone.
pub fn node_ends() {
    let active = ACTIVE.lock().upgrade();
    if let Some(watch) = active {
        if watch.state.lock().end != Some(End::ShutDown) {
            let dump = watch.settings.dump_seconds.unwrap_or(0);
            let dump = u64::try_from(dump).map_or(Duration::MAX, Duration::from_secs);
            watch.act(GRACE.max(dump));
        }
        watch.end(End::Closed);
    }
}

struct Settings {
    timeout: Duration,
    /// The signal that ends the node, if it may be ended.
    kill: Option<i32>,
    /// `HEART_COMMAND`.
    command: Option<Vec<u8>>,
    /// `ERL_CRASH_DUMP_SECONDS`.
    dump_seconds: Option<i64>,
}

/// What the port and the watching thread share.
struct Watch {
    node: Arc<dyn Node>,
    settings: Settings,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The last beat.
    last: Duration,
    /// Set by the node.
    command: Option<Vec<u8>>,
    end: Option<End>,
    /// Something was heard since the crash was announced.
    heard: bool,
    /// Nothing is left to do.
    done: bool,
}

/// Why the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Timeout,
    Closed,
    ShutDown,
    Crashing,
}

impl Watch {
    /// The watching thread.
    fn run(&self, tick: Duration) {
        let end = {
            let mut state = self.state.lock();
            loop {
                if state.done {
                    return;
                }
                if let Some(end) = state.end {
                    break end;
                }
                let silent = self.node.now().saturating_sub(state.last).as_secs();
                if silent > self.settings.timeout.as_secs() {
                    complain(&format!(
                        "heart-beat time-out, no activity for {silent} seconds"
                    ));
                    break End::Timeout;
                }
                self.changed.wait_for(&mut state, tick);
            }
        };
        match end {
            End::ShutDown => return,
            End::Crashing => self.wait_for_dump(),
            End::Closed if self.settings.kill.is_some() && self.command().is_some() => {
                complain("Wait 5 seconds for Erlang to terminate nicely");
                self.node.wait_for_end(GRACE);
                complain("Erlang still alive, kill it");
            }
            End::Closed | End::Timeout => {}
        }
        self.act(Duration::ZERO);
    }

    /// Gives the node time to write its crash dump: until it closes its end, or so many seconds.
    fn wait_for_dump(&self) {
        let Some(seconds) = self.settings.dump_seconds else {
            return;
        };
        complain(&format!(
            "Waiting for dump - timeout set to {seconds} seconds."
        ));
        let deadline = u64::try_from(seconds)
            .ok()
            .map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut state = self.state.lock();
        while !state.heard && !state.done {
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() {
                        return;
                    }
                }
            }
        }
    }

    /// The command to run: what the node has set, else what the environment says.
    fn command(&self) -> Option<Vec<u8>> {
        self.state
            .lock()
            .command
            .clone()
            .or_else(|| self.settings.command.clone())
    }

    /// Runs the command, if there is one and nobody else has.
    fn act(&self, patience: Duration) {
        if std::mem::replace(&mut self.state.lock().done, true) {
            return;
        }
        let Some(command) = self.command() else {
            complain("Would reboot. Terminating.");
            return;
        };
        if self.settings.kill == Some(libc::SIGABRT) {
            complain("kill signal SIGABRT requested");
        }
        self.node.restart(self.settings.kill, patience, &command);
        complain(&format!(
            "Executed \"{}\". Terminating.",
            String::from_utf8_lossy(&command)
        ));
    }

    fn end(&self, end: End) {
        let mut state = self.state.lock();
        if state.end.is_none() {
            state.end = Some(end);
        } else {
            state.heard = true;
        }
        self.changed.notify_all();
    }
}

struct HeartPort {
    link: Link,
    watch: Arc<Watch>,
}

impl Driver for HeartPort {
    fn output(&mut self, data: IoVec) {
        for message in self.link.receive(data) {
            // Of a message that is too long only its size is noticed.
            if message.len() <= MESSAGE_BYTES {
                self.message(&message);
            }
        }
    }

    fn stop(&mut self) {
        if self.watch.state.lock().end.is_none() {
            complain("Erlang has closed.");
        }
        self.watch.end(End::Closed);
    }
}

impl HeartPort {
    fn message(&self, message: &[u8]) {
        let Some((&operation, argument)) = message.split_first() else {
            return;
        };
        let watch = &self.watch;
        if watch.state.lock().end.is_some() {
            watch.end(End::Crashing);
            return;
        }
        match operation {
            HEART_BEAT => watch.state.lock().last = watch.node.now(),
            SHUT_DOWN => watch.end(End::ShutDown),
            SET_CMD => {
                // A command ends where a C string does; an empty one is none.
                let text = argument.split(|&byte| byte == 0).next().unwrap_or_default();
                watch.state.lock().command = (!text.is_empty()).then(|| text.to_vec());
                self.link.send(vec![HEART_ACK]);
            }
            CLEAR_CMD => {
                watch.state.lock().command = None;
                self.link.send(vec![HEART_ACK]);
            }
            GET_CMD => {
                let command = watch
                    .state
                    .lock()
                    .command
                    .clone()
                    .or_else(|| watch.settings.command.clone());
                let command = command.unwrap_or_default();
                if command.len() < MESSAGE_BYTES {
                    self.link.send([&[HEART_CMD], command.as_slice()].concat());
                }
            }
            PREPARING_CRASH => {
                complain("Erlang is crashing .. (waiting for crash dump file)");
                watch.end(End::Crashing);
            }
            _ => {}
        }
    }
}

fn complain(what: &str) {
    eprint!("heart: {}: {what}\r\n", system::local_time());
}

/// The number at the start of a text, as `atoi` reads it; 0 when there is none.
fn leading_number(text: &[u8]) -> i64 {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = text.len()
        - digits
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .len();
    text[..end].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, number) in [
            ("12", 12),
            ("-1", -1),
            (" 3x", 3),
            ("", 0),
            ("x", 0),
            ("-", 0),
        ] {
            assert_eq!(leading_number(text.as_bytes()), number, "{text}");
        }
    }
}
