//! TCP, UDP and local sockets on the loopback.

use abi::{check, show};
use std::io::{Read, Write};
use std::net::{Ipv6Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

fn echo(mut stream: impl Read + Write) {
    let mut bytes = [0; 4096];
    while let Ok(n) = stream.read(&mut bytes) {
        if n == 0 || stream.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
}

fn round_trip(mut stream: TcpStream, len: usize) -> usize {
    let data: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
    let mut writer = stream.try_clone().unwrap();
    let copy = data.clone();
    let sender = thread::spawn(move || {
        writer.write_all(&copy).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    sender.join().unwrap();
    assert!(back == data);
    back.len()
}

fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    println!("listening on {} port {}", address.ip(), address.port() != 0);
    show("taken", TcpListener::bind(address).map(|_| ()));
    let server = thread::spawn(move || {
        let handlers: Vec<_> = (0..12)
            .map(|_| {
                let (stream, _) = listener.accept().unwrap();
                thread::spawn(move || echo(stream))
            })
            .collect();
        handlers.into_iter().for_each(|h| h.join().unwrap());
    });
    println!("small {}", round_trip(TcpStream::connect(address).unwrap(), 10));
    println!("large {}", round_trip(TcpStream::connect(address).unwrap(), 300_000));
    let clients: Vec<_> = (0..10).map(|n| thread::spawn(move || round_trip(TcpStream::connect(address).unwrap(), n * 1000))).collect();
    println!("many {}", clients.into_iter().map(|c| c.join().unwrap()).sum::<usize>());
    server.join().unwrap();
    show("refused", TcpStream::connect(address).map(|_| ()));

    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    let (mut accepted, from) = listener.accept().unwrap();
    println!("six {} {}", from == client.local_addr().unwrap(), client.peer_addr().unwrap() == address);
    client.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    show("timeout", (&client).read(&mut [0; 4]));
    client.set_nodelay(true).unwrap();
    println!("nodelay {}", client.nodelay().unwrap());
    accepted.write_all(b"abc").unwrap();
    client.set_read_timeout(None).unwrap();
    let mut bytes = [0; 8];
    let peeked = client.peek(&mut bytes);
    show("peek", peeked);
    show("read", (&client).read(&mut bytes));
    client.set_nonblocking(true).unwrap();
    show("again", (&client).read(&mut bytes));
    drop(accepted);
    client.set_nonblocking(false).unwrap();
    show("end", (&client).read(&mut bytes));

    let (a, b) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    show("sent", a.send_to(b"datagram", b.local_addr().unwrap()));
    let (n, from) = b.recv_from(&mut bytes).unwrap();
    println!("cut {n} {}", from == a.local_addr().unwrap());
    b.connect(a.local_addr().unwrap()).unwrap();
    b.send(b"back").unwrap();
    show("back", a.recv(&mut bytes));
    a.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    show("nothing", a.recv(&mut bytes));
    show("no peer", a.send(b"x"));
    show("large", b.send(&[1; 5000]));
    let mut large = vec![0; 10_000];
    show("large", a.recv(&mut large));

    // A port that nobody has: the answer comes with the next call, once.
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    a.connect(closed).unwrap();
    a.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    show("nobody", a.send(b"x"));
    show("nobody", a.recv(&mut bytes));
    a.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    show("nobody", a.recv(&mut bytes));
    let six = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let closed = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    six.connect(closed).unwrap();
    show("nobody", six.send(b"x"));
    thread::sleep(Duration::from_millis(50));
    println!("{:?}", six.take_error().unwrap().map(|e| e.raw_os_error()));
    println!("{:?}", six.take_error().unwrap().map(|e| e.raw_os_error()));

    let (mut a, mut b) = UnixStream::pair().unwrap();
    a.write_all(b"local").unwrap();
    let mut five = [0; 5];
    b.read_exact(&mut five).unwrap();
    println!("{five:?}");
    a.shutdown(Shutdown::Write).unwrap();
    show("end", b.read(&mut five));
    drop(a);
    show("broken", b.write(b"x"));
    let path = "/tmp/abi-socket";
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).unwrap();
    show("in use", UnixListener::bind(path).map(|_| ()));
    let server = thread::spawn(move || echo(listener.accept().unwrap().0));
    let mut client = UnixStream::connect(path).unwrap();
    client.write_all(b"named").unwrap();
    client.read_exact(&mut five).unwrap();
    println!("{:?}", client.peer_addr().unwrap().as_pathname());
    drop(client);
    server.join().unwrap();
    std::fs::remove_file(path).unwrap();
    show("gone", UnixStream::connect(path).map(|_| ()));
    let (x, y) = UnixDatagram::pair().unwrap();
    x.send(b"one").unwrap();
    x.send(b"two two").unwrap();
    println!("{:?} {:?}", y.recv(&mut five).unwrap(), y.recv(&mut bytes).unwrap());
    show("not a socket", check(unsafe { libc::listen(std::fs::File::open("/dev/null").unwrap().as_raw_fd(), 1) }.into()));
}
