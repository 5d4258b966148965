//! Mapping patterns: reserve, commit, protect, discard, remap, files, large areas, errors.

use abi::{check, show};
use libc::*;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::ptr;

const PAGE: usize = 4096;

fn map(len: usize, prot: i32, flags: i32) -> *mut u8 {
    unsafe { mmap(ptr::null_mut(), len, prot, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0).cast() }
}

fn at(result: *mut c_void) -> std::io::Result<bool> {
    if result == MAP_FAILED { Err(std::io::Error::last_os_error()) } else { Ok(true) }
}

fn main() {
    unsafe {
        let huge = map(64 << 30, PROT_NONE, MAP_NORESERVE);
        println!("reserved {}", huge.cast::<c_void>() != MAP_FAILED);
        let middle = huge.add(32 << 30);
        show("commit", check(mprotect(middle.cast(), 16 * PAGE, PROT_READ | PROT_WRITE).into()));
        (0..16).for_each(|n| *middle.add(n * PAGE) = n as u8);
        println!("sum {}", (0..16).map(|n| u32::from(*middle.add(n * PAGE))).sum::<u32>());
        show("discard", check(madvise(middle.cast(), 8 * PAGE, MADV_DONTNEED).into()));
        println!("sum {}", (0..16).map(|n| u32::from(*middle.add(n * PAGE))).sum::<u32>());
        show("none", check(mprotect(middle.cast(), PAGE, PROT_NONE).into()));
        show("again", check(mprotect(middle.cast(), PAGE, PROT_READ | PROT_WRITE).into()));
        show("unmap", check(munmap(huge.cast(), 64 << 30).into()));
        show("protect nothing", check(mprotect(huge.cast(), PAGE, PROT_READ).into()));

        let area = map(8 << 20, PROT_READ | PROT_WRITE, 0);
        for n in 0..(8 << 20) / PAGE {
            *area.add(n * PAGE) = (n % 251) as u8;
        }
        show("punch", check(munmap(area.add(3 << 20).cast(), 1 << 20).into()));
        show("read only", check(mprotect(area.add(4 << 20).cast(), 1 << 20, PROT_READ).into()));
        let sum = (0..(8 << 20) / PAGE).filter(|n| !(3 << 20..4 << 20).contains(&(n * PAGE))).map(|n| u64::from(*area.add(n * PAGE))).sum::<u64>();
        println!("sum {sum}");
        let grown = mremap(area.cast(), 1 << 20, 16 << 20, MREMAP_MAYMOVE).cast::<u8>();
        println!("grown {} {}", *grown.add(10 * PAGE), *grown.add(12 << 20));

        let path = "/tmp/abi-memory";
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap();
        file.write_all(&vec![b'a'; 3 * PAGE + 10]).unwrap();
        let fd = file.as_raw_fd();
        let shared: *mut u8 = mmap(ptr::null_mut(), 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0).cast();
        let private: *mut u8 = mmap(ptr::null_mut(), 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0).cast();
        *shared.add(5) = b'S';
        *private.add(PAGE + 5) = b'P';
        let text = std::fs::read(path).unwrap();
        println!("file {} {} {}", text.len(), text[5] as char, text[PAGE + 5] as char);
        println!("views {} {} {}", *private.add(5) as char, *private.add(PAGE + 5) as char, *shared.add(3 * PAGE + 20));
        show("sync", check(msync(shared.cast(), PAGE, MS_SYNC).into()));
        std::fs::remove_file(path).unwrap();
        println!("after removal {}", *shared.add(5) as char);

        show("no length", at(mmap(ptr::null_mut(), 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
        show("no kind", at(mmap(ptr::null_mut(), PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0)));
        show("bad file", at(mmap(ptr::null_mut(), PAGE, PROT_READ, MAP_PRIVATE, 99, 0)));
        show("odd offset", at(mmap(ptr::null_mut(), PAGE, PROT_READ, MAP_PRIVATE, fd, 5)));
        show("occupied", at(mmap(shared.cast(), PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)));
        show("odd unmap", check(munmap(shared.add(1).cast(), PAGE).into()));
    }
    let blocks: Vec<Vec<u8>> = (0..300).map(|n| vec![n as u8; 1000 * n]).collect();
    println!("heap {}", blocks.iter().map(|b| b.iter().map(|&x| u64::from(x)).sum::<u64>()).sum::<u64>());
}
