//! Servers in an image, asked from the host through forwarded ports: TCP, HTTP, UDP, and names; over a good network
//! and over a bad one.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::guest::Guest;
use super::relay::{Faults, Relay};
use super::{build, ended, names, release};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Builds the release whose servers answer.
pub fn image(lintel: &Path, work: &Path) -> Result<PathBuf> {
    let folder = release::make(work, "network", &["image_net"], "-s image_net")?;
    let image = work.join("network.img");
    build(lintel, &[&folder], &image)?;
    Ok(image)
}

/// Its servers answer on two schedulers, until it is told to stop.
pub fn run(lintel: &Path, image: &Path) -> Result<()> {
    let ports = Ports::free()?;
    let forward = ports.forward();
    let options: Vec<&str> = forward
        .iter()
        .flat_map(|port| ["--port", port.as_str()])
        .collect();
    let guest = boot(lintel, image, &options)?;
    echo(ports.echo, 20, 1_000_000).context("TCP echo")?;
    pages(ports.http, 1 << 20).context("HTTP")?;
    datagrams(ports.udp).context("UDP echo")?;
    looked_up(ports.http).context("names")?;
    stop(guest, ports.http)
}

/// The same servers behind a bad network: what comes is right, if late.
pub fn behind(lintel: &Path, image: &Path, faults: Faults, bytes: usize) -> Result<()> {
    let ports = Ports::free()?;
    let forward: String = ports
        .forward()
        .iter()
        .map(|port| match port.split_once(':') {
            Some(("udp", rest)) => format!(",hostfwd=udp::{}", rest.replace(':', "-:")),
            _ => format!(",hostfwd=tcp::{}", port.replace(':', "-:")),
        })
        .collect();
    let relay = Relay::start(faults, &forward)?;
    let mut options = vec!["--network", relay.network.as_str()];
    for network in &relay.more {
        options.extend(["--qemu", "-netdev", "--qemu", network.as_str()]);
    }
    let guest = boot(lintel, image, &options)?;
    echo(ports.echo, 4, bytes).context("TCP echo")?;
    pages(ports.http, bytes).context("HTTP")?;
    println!("       {}", relay.counts);
    stop(guest, ports.http)
}

fn boot(lintel: &Path, image: &Path, network: &[&str]) -> Result<Guest> {
    let names = names::serve()?.to_string();
    let mut options = vec!["--smp", "2", "--memory", super::MEMORY_MB];
    options.extend(network);
    // The guest is its own name server, which asks the host.
    options.extend(["--", "ip=10.0.2.15/24,gw:10.0.2.2,dns:127.0.0.1", "quiet"]);
    options.extend(["--", "-names", &names]);
    let mut guest = Guest::start(lintel, image, &options)?;
    guest.expect("schedulers 2")?;
    guest.expect("serving")?;
    Ok(guest)
}

/// Boots to the servers and ends. `linked`: with the modules that were linked when the image was built.
pub fn boots(lintel: &Path, image: &Path, linked: bool) -> Result<()> {
    let names = names::serve()?.to_string();
    let line = match linked {
        true => "quiet ip=none -- -names".to_owned(),
        // A program of the loader's replaces the image's with its arguments.
        false => {
            "quiet ip=none init=/bin/lintel -- erl --otp-root /otp -boot /otp/releases/1.0/start \
                  -args_file /otp/releases/1.0/vm.args -names"
                .to_owned()
        }
    };
    let mut options = vec!["--smp", "2", "--memory", super::MEMORY_MB, "--"];
    options.extend(line.split_whitespace());
    options.push(&names);
    let mut guest = Guest::start(lintel, image, &options)?;
    guest.expect("schedulers 2")?;
    guest.expect("serving")
}

fn stop(guest: Guest, http: u16) -> Result<()> {
    ensure!(get(http, "/stop")? == "stopping");
    ended(guest, 0)
}

/// Ports of the host that lead to the servers.
struct Ports {
    echo: u16,
    http: u16,
    udp: u16,
}

impl Ports {
    fn free() -> Result<Ports> {
        // Held together, so that no two are the same; another program may still take one before the emulator does.
        let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let [echo, http] = listeners.map(|l| l.and_then(|l| l.local_addr()));
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(Ports {
            echo: echo?.port(),
            http: http?.port(),
            udp: udp.local_addr()?.port(),
        })
    }

    /// As `lintel run` takes them.
    fn forward(&self) -> [String; 3] {
        [
            format!("{}:7", self.echo),
            format!("{}:80", self.http),
            format!("udp:{}:7", self.udp),
        ]
    }
}

fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Several connections at once, and one with more bytes than all buffers on the way hold.
fn echo(port: u16, connections: usize, bytes: usize) -> Result<()> {
    let mut streams = Vec::new();
    for n in 0..connections {
        let mut stream = connect(port)?;
        // Each has to answer before the next is made: the emulator accepts no more than one at a time, and the
        // host's system makes the others wait a second.
        answers(&mut stream, &format!("connection {n}\n"))?;
        streams.push(stream);
    }
    for (n, stream) in streams.iter_mut().enumerate() {
        answers(stream, &format!("again {n}\n"))?;
    }
    let mut stream = connect(port)?;
    let bytes: Vec<u8> = (0..bytes).map(|n| (n % 251) as u8).collect();
    let sent = bytes.clone();
    let mut half = stream.try_clone()?;
    let sender = std::thread::spawn(move || half.write_all(&sent));
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got)?;
    ensure!(got == bytes, "{} bytes came back changed", got.len());
    sender.join().expect("the sender does not panic")?;
    Ok(())
}

fn answers(stream: &mut TcpStream, line: &str) -> Result<()> {
    stream.write_all(line.as_bytes())?;
    let mut got = vec![0; line.len()];
    stream.read_exact(&mut got)?;
    ensure!(got == line.as_bytes(), "something else than {line}");
    Ok(())
}

fn get(port: u16, path: &str) -> Result<String> {
    let mut stream = connect(port)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: guest\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .with_context(|| format!("no HTTP answer: {answer}"))?;
    ensure!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    Ok(body.to_owned())
}

fn pages(port: u16, bytes: usize) -> Result<()> {
    let small = get(port, "/hello")?;
    ensure!(small == "you asked for /hello", "{small}");
    let large = get(port, &format!("/digits/{bytes}"))?;
    let digits = (0..bytes).map(|n| b"0123456789"[n % 10]);
    ensure!(digits.eq(large.bytes()), "{} bytes, or others", large.len());
    Ok(())
}

fn datagrams(port: u16) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    for len in [1, 512, 1400] {
        let sent = vec![len as u8; len];
        socket.send(&sent)?;
        let mut got = [0; 2048];
        let n = socket.recv(&mut got)?;
        ensure!(got[..n] == sent, "{n} bytes came back of {len}");
    }
    Ok(())
}

/// The library's look-up (`inet_gethost`) and OTP's own.
fn looked_up(port: u16) -> Result<()> {
    let [a, b, c, d] = names::ADDRESS.octets();
    let address = format!("{{{a},{b},{c},{d}}}");
    let native = get(port, "/native/some.host.test")?;
    ensure!(native.contains(&address), "inet_gethost says {native}");
    let own = get(port, "/resolver/some.host.test")?;
    ensure!(own == format!("[{address}]"), "inet_res says {own}");
    let missing = get(port, "/native/some.host.invalid")?;
    ensure!(
        missing.contains("host_not_found") || missing.contains("notfound"),
        "{missing}"
    );
    Ok(())
}
