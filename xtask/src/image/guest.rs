//! A guest whose console is driven: text is waited for, lines are typed.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a text may take to come. An emulated guest on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running guest. It is killed when this is dropped.
pub struct Guest {
    child: Child,
    output: Receiver<Vec<u8>>,
    /// All that came.
    seen: String,
    /// What of it was waited for already.
    done: usize,
}

impl Guest {
    /// Starts an image with `lintel run`.
    pub fn start(lintel: &Path, image: &Path, options: &[&str]) -> Result<Guest> {
        // The emulator shall not outlive the program that started it.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM"])
            .arg(lintel)
            .arg("run")
            .arg(image)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context("starting the image")?;
        let mut stdout = child.stdout.take().context("standard output is piped")?;
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n) = stdout.read(&mut bytes) {
                if n == 0 || sender.send(bytes[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Guest {
            child,
            output,
            seen: String::new(),
            done: 0,
        })
    }

    /// Waits for a text behind the one before.
    pub fn expect(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen[self.done..].find(text) {
                self.done += at + text.len();
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "`{text}` did not come in {PATIENCE:?}. The console:\n{}",
                        self.seen
                    )
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!(
                        "the guest ended before `{text}` came. The console:\n{}",
                        self.seen
                    )
                }
            }
        }
    }

    /// Waits for a line that holds a text; what of it stands behind the text.
    pub fn line(&mut self, text: &str) -> Result<String> {
        self.expect(text)?;
        let start = self.done;
        self.expect("\n")?;
        Ok(self.seen[start..self.done].trim_end().to_owned())
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) -> Result<()> {
        let stdin = self
            .child
            .stdin
            .as_mut()
            .context("standard input is piped")?;
        stdin.write_all(line.as_bytes())?;
        stdin.write_all(b"\n")?;
        Ok(stdin.flush()?)
    }

    /// Waits for the guest's end; its exit code.
    pub fn wait(mut self) -> Result<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return status.code().context("the guest was killed by a signal");
            }
            if Instant::now() > deadline {
                bail!(
                    "the guest did not end in {PATIENCE:?}. The console:\n{}",
                    self.seen
                );
            }
            while let Ok(bytes) = self.output.try_recv() {
                self.seen.push_str(&String::from_utf8_lossy(&bytes));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Its standard input's end does not end it; a guest that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
