//! What is built is read back; what is damaged is refused.

use crate::{Builder, CHUNK, Error, Image, Kind, PAGE};
use alloc::vec;
use alloc::vec::Vec;

fn sample() -> Vec<u8> {
    let mut b = Builder::new();
    b.file(b"/bin/hello", 0o755, 7, vec![1; 10_000]);
    b.file(b"/etc/small", 0o644, 8, b"text".to_vec());
    b.packed_file(
        b"/etc/packed",
        0o644,
        8,
        &vec![7; CHUNK + 4464],
        &mut |chunk| (chunk.len() == CHUNK).then(|| b"a block".to_vec()),
    );
    b.symlink(b"/etc/link", b"small", 9);
    b.directory(b"/tmp", 0o1777, 10);
    b.finish()
}

#[test]
fn finds_what_was_added() {
    let bytes = sample();
    let image = Image::open(&bytes).unwrap();
    let node = |path: &[u8]| image.node(image.find(path).unwrap());
    match node(b"/bin/hello").kind {
        Kind::File { offset, bytes } => {
            assert_eq!(bytes, vec![1; 10_000]);
            assert_eq!(offset % PAGE, 0);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        node(b"etc/small").kind,
        Kind::File { bytes: b"text", .. }
    ));
    let Kind::Packed(packed) = node(b"/etc/packed").kind else {
        panic!("not packed");
    };
    assert_eq!((packed.len, packed.count()), (CHUNK as u64 + 4464, 2));
    assert_eq!(packed.chunk(0), (&b"a block"[..], CHUNK));
    let rest = vec![7; 4464];
    assert_eq!(packed.chunk(1), (&rest[..], rest.len()));
    assert_eq!(node(b"/etc/link").kind, Kind::Symlink(b"small"));
    assert_eq!(node(b"/tmp").mode, 0o041_777);
    assert!(image.find(b"/tmp/none").is_none());
    assert!(image.find(b"/etc/small/x").is_none());
}

#[test]
fn refuses_damage() {
    let bytes = sample();
    assert_eq!(Image::open(b"").unwrap_err(), Error::Magic);
    assert_eq!(
        Image::open(&bytes[..bytes.len() - 1]).unwrap_err(),
        Error::Truncated
    );
    // Any single damaged byte is refused or leaves a readable tree; it never panics.
    for at in 0..1200 {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        if let Ok(image) = Image::open(&damaged) {
            for n in 0..image.len() {
                let _ = image.node(n);
            }
        }
    }
}
