//! `cpu_sup`: how busy the machine is, for os_mon.
//!
//! A stream: each byte is a command, each answer big-endian 32-bit numbers. OTP 25,
//! os_mon/c_src/cpu_sup.c.

use crate::driver::{Driver, DriverFactory, StartError, Started};
use crate::handle::PortHandle;
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use crate::sys::system;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// The answer to a ping.
const PONG: u32 = 4711;

/// The length of a line that is read at once from `/proc/stat`, with its end.
const LINE_BYTES: usize = 255;

/// Numbers per processor: its id and these times.
const VALUES: u32 = 9;

/// The tags of the times, in the order of `/proc/stat`'s columns, and the order in which they are sent.
const COLUMN_TAGS: [u32; 8] = [1, 2, 3, 5, 4, 6, 7, 8];
const SENT_COLUMNS: [usize; 8] = [0, 1, 2, 4, 3, 5, 6, 7];

/// Starts the program.
pub struct CpuSup;

impl DriverFactory for CpuSup {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        let muted = !request.options.read;
        Ok(Started::new(CpuSupPort { port, muted }).framed_by_host())
    }
}

struct CpuSupPort {
    port: PortHandle,
    muted: bool,
}

impl Driver for CpuSupPort {
    fn output(&mut self, data: IoVec) {
        for command in data.into_bytes() {
            let info = rustix::system::sysinfo;
            let load = |which: usize| vec![(info().loads[which] / 256) as u32];
            let answer = match command {
                b'p' => vec![PONG],
                b'n' => vec![info().procs.into()],
                b'1' => load(0),
                b'5' => load(1),
                b'f' => load(2),
                b'u' => utilisation(),
                b'q' => return self.exit(0),
                _ => {
                    eprint!("[os_mon] cpu supervisor port (cpu_sup): Bad command\r\n");
                    return self.exit(255);
                }
            };
            if !answer.is_empty() && !self.muted {
                let bytes: Vec<u8> = answer.into_iter().flat_map(u32::to_be_bytes).collect();
                self.port.output_data(bytes);
            }
        }
    }
}

impl CpuSupPort {
    fn exit(&self, status: i32) {
        self.port.exit_status(status);
        self.port.failure_eof();
    }
}

/// Processors, values per processor, then tags and values. Nothing when `/proc/stat` cannot be read;
/// ids alone when it may not.
fn utilisation() -> Vec<u32> {
    let processors = system::processors_online();
    let file = match File::open("/proc/stat") {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return [processors, 1]
                .into_iter()
                .chain((0..processors).flat_map(|id| [0, id]))
                .collect();
        }
        Err(_) => return Vec::new(),
    };
    let mut lines = Lines(BufReader::new(file));
    // The first line is the sum of all.
    if lines.next().is_none() {
        return Vec::new();
    }
    let mut answer = vec![processors, VALUES];
    let mut processor = Processor::default();
    for _ in 0..processors {
        match lines.next() {
            Some(line) => processor.read(&line),
            None => processor = Processor::default(),
        }
        answer.extend([0, processor.id]);
        for column in SENT_COLUMNS {
            // Times are sent modulo 2^32.
            answer.extend([COLUMN_TAGS[column], processor.times[column] as u32]);
        }
    }
    answer
}

/// Lines as `fgets` reads them: a longer one comes in pieces.
struct Lines(BufReader<File>);

impl Iterator for Lines {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        io::Read::take(&mut self.0, LINE_BYTES as u64)
            .read_until(b'\n', &mut line)
            .ok()?;
        (!line.is_empty()).then_some(line)
    }
}

#[derive(Default)]
struct Processor {
    id: u32,
    times: [u64; 8],
}

impl Processor {
    /// Takes what a line has; of a line that has less, the rest stays.
    fn read(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let Some(rest) = line.strip_prefix("cpu") else {
            return;
        };
        let mut words = rest.split_ascii_whitespace();
        let Some(id) = words.next().and_then(|word| word.parse().ok()) else {
            return;
        };
        self.id = id;
        for (time, word) in self.times.iter_mut().zip(words) {
            let Ok(value) = word.parse() else { return };
            *time = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_stat() {
        let mut processor = Processor::default();
        processor.read(b"cpu3 1 2 3 4 5 6 7 8 9 10\n");
        assert_eq!(
            (processor.id, processor.times),
            (3, [1, 2, 3, 4, 5, 6, 7, 8])
        );
        processor.read(b"intr 99 99\n");
        assert_eq!(processor.id, 3);
        processor.read(b"cpu4 11 12");
        assert_eq!(
            (processor.id, processor.times),
            (4, [11, 12, 3, 4, 5, 6, 7, 8])
        );
    }
}
