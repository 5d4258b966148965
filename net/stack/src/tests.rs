//! Two stacks on a wire, and one on its loopback.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use crate::{
    Error, IpAddress, IpEndpoint, IpListenEndpoint, Mode, Nic, Offload, Received, Settings, Stack,
};

type Wire = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// A card on a wire that loses one frame in `lose`.
struct Card {
    mac: [u8; 6],
    out: Wire,
    into: Wire,
    lose: Option<u32>,
    count: u32,
}

impl Nic for Card {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }
    fn frame_max(&self) -> usize {
        1514
    }
    fn computes_checksums(&self) -> bool {
        false
    }
    fn receive(&mut self) -> Option<Received> {
        self.into.borrow_mut().pop_front().map(|bytes| Received {
            bytes,
            verified: false,
        })
    }
    fn has_room(&mut self) -> bool {
        true
    }
    fn send(&mut self, frame: &[u8], offload: Offload) {
        assert!(offload.is_none());
        self.count += 1;
        if self.lose.is_none_or(|n| !self.count.is_multiple_of(n)) {
            self.out.borrow_mut().push_back(frame.to_vec());
        }
    }
}

const SETTINGS: Settings = Settings {
    seed: 7,
    receive_buffer: 32 << 10,
    send_buffer: 32 << 10,
};

fn pair(lose: Option<u32>) -> (Stack<Card>, Stack<Card>) {
    let (a, b) = (Wire::default(), Wire::default());
    let card = |n, out: &Wire, into: &Wire| Card {
        mac: [2, 0, 0, 0, 0, n],
        out: out.clone(),
        into: into.clone(),
        lose,
        count: 0,
    };
    let stack = |n: u8, card| {
        Stack::new(
            Some(card),
            Mode::parse(&std::format!("10.0.0.{n}/24")).unwrap(),
            SETTINGS,
            0,
        )
    };
    (stack(1, card(1, &a, &b)), stack(2, card(2, &b, &a)))
}

fn at(address: IpAddress, port: u16) -> IpEndpoint {
    IpEndpoint::new(address, port)
}

fn any(port: u16) -> IpListenEndpoint {
    IpListenEndpoint { addr: None, port }
}

/// Runs both for a time in steps of a millisecond.
fn run(a: &mut Stack<Card>, b: &mut Stack<Card>, now: &mut i64, ms: i64) {
    for _ in 0..ms {
        *now += 1000;
        a.poll(*now);
        b.poll(*now);
    }
}

fn transfer(lose: Option<u32>, bytes: usize) {
    let (mut a, mut b) = pair(lose);
    let mut now = 0;
    let server = b.tcp_open(false).unwrap();
    b.tcp_bind(server, any(80)).unwrap();
    b.tcp_listen(server, 5).unwrap();
    let client = a.tcp_open(false).unwrap();
    assert_eq!(
        a.tcp_connect(client, at(IpAddress::v4(10, 0, 0, 2), 80)),
        Err(Error::InProgress)
    );
    let mut accepted = None;
    for _ in 0..10_000 {
        run(&mut a, &mut b, &mut now, 1);
        accepted = b.tcp_accept(server).ok();
        if accepted.is_some() {
            break;
        }
    }
    let accepted = accepted.expect("a connection");
    let data: Vec<u8> = (0..bytes).map(|n| (n * 7 % 251) as u8).collect();
    let (mut sent, mut got) = (0, Vec::new());
    for _ in 0..200_000 {
        if sent < data.len() {
            sent += a.tcp_send(client, &data[sent..]).unwrap_or(0);
        }
        run(&mut a, &mut b, &mut now, 1);
        if let Ok(part) = b.tcp_receive(accepted, 65536, false) {
            got.extend(part);
        }
        if got.len() == data.len() {
            break;
        }
    }
    assert!(got == data, "{} of {} bytes arrived", got.len(), data.len());
    a.tcp_close(client, false);
    run(&mut a, &mut b, &mut now, 3000);
    assert_eq!(b.tcp_receive(accepted, 10, false), Ok(vec![]));
}

#[test]
fn bytes_arrive_in_order() {
    transfer(None, 500_000);
}

#[test]
fn bytes_arrive_though_frames_are_lost() {
    transfer(Some(17), 200_000);
}

#[test]
fn a_closed_port_refuses() {
    let (mut a, mut b) = pair(None);
    let mut now = 0;
    let client = a.tcp_open(false).unwrap();
    assert_eq!(
        a.tcp_connect(client, at(IpAddress::v4(10, 0, 0, 2), 81)),
        Err(Error::InProgress)
    );
    run(&mut a, &mut b, &mut now, 50);
    assert!(a.tcp_ready(client).error);
    assert_eq!(a.tcp_take_error(client), Some(Error::Refused));
}

#[test]
fn loopback_carries_tcp_and_udp_of_both_families() {
    let mut s: Stack<Card> = Stack::new(None, Mode::None, SETTINGS, 0);
    for (address, v6) in [
        (IpAddress::v4(127, 0, 0, 1), false),
        (IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 1), true),
    ] {
        let mut now = 0;
        let server = s.tcp_open(v6).unwrap();
        s.tcp_bind(server, any(0)).unwrap();
        s.tcp_listen(server, 128).unwrap();
        let port = s.tcp_names(server).unwrap().0.port;
        let client = s.tcp_open(v6).unwrap();
        assert_eq!(
            s.tcp_connect(client, at(address, port)),
            Err(Error::InProgress)
        );
        for _ in 0..20 {
            now += 1000;
            s.poll(now);
        }
        assert!(
            s.tcp_ready(server).read && s.tcp_ready(client).write,
            "{address}"
        );
        let accepted = s.tcp_accept(server).unwrap();
        s.tcp_send(client, b"hello").unwrap();
        now += 1000;
        s.poll(now);
        assert_eq!(s.tcp_receive(accepted, 100, false).unwrap(), b"hello");
        assert_eq!(s.tcp_receive(accepted, 100, false), Err(Error::Again));

        let (x, y) = (s.udp_open().unwrap(), s.udp_open().unwrap());
        s.udp_bind(x, any(5000 + u16::from(v6))).unwrap();
        s.udp_send(y, Some(at(address, 5000 + u16::from(v6))), b"datagram")
            .unwrap();
        now += 1000;
        s.poll(now);
        let (bytes, from) = s.udp_receive(x, false).unwrap();
        assert_eq!((bytes.as_slice(), from.addr), (&b"datagram"[..], address));
    }
}

#[test]
fn ports_are_exclusive() {
    let mut s: Stack<Card> = Stack::new(None, Mode::None, SETTINGS, 0);
    let (a, b) = (s.tcp_open(false).unwrap(), s.tcp_open(false).unwrap());
    s.tcp_bind(a, any(99)).unwrap();
    assert_eq!(s.tcp_bind(b, any(99)), Err(Error::AddressInUse));
    assert_eq!(
        s.tcp_bind(
            b,
            IpListenEndpoint {
                addr: Some(IpAddress::v4(9, 9, 9, 9)),
                port: 1
            }
        ),
        Err(Error::AddressNotAvailable)
    );
    s.tcp_close(a, false);
    s.tcp_bind(b, any(99)).unwrap();
}

#[test]
fn options_of_the_command_line() {
    assert_eq!(Mode::parse("dhcp"), Some(Mode::Dhcp));
    assert_eq!(Mode::parse("10.0.0.1/33"), None);
    let Some(Mode::Static(a)) = Mode::parse("10.0.0.1/24,gw:10.0.0.2,dns:10.0.0.3,fd00::1/64")
    else {
        panic!()
    };
    assert_eq!((a.own.len(), a.gateways.len(), a.dns.len()), (2, 1, 1));
}

#[test]
fn a_datagram_that_nobody_takes_is_an_error_of_a_connected_socket() {
    let (mut a, mut b) = pair(None);
    let mut now = 0;
    let closed = at(IpAddress::v4(10, 0, 0, 2), 99);
    let (connected, other) = (a.udp_open().unwrap(), a.udp_open().unwrap());
    a.udp_connect(connected, Some(closed)).unwrap();
    a.udp_send(connected, None, b"x").unwrap();
    a.udp_send(other, Some(closed), b"x").unwrap();
    run(&mut a, &mut b, &mut now, 2000);
    assert!(a.udp_ready(connected).error);
    assert_eq!(a.udp_receive(connected, false), Err(Error::Refused));
    assert_eq!(a.udp_receive(connected, false), Err(Error::Again));
    assert_eq!(a.udp_receive(other, false), Err(Error::Again));
}
