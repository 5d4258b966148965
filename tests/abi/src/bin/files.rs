//! Files and folders: every call that a run-time system makes on them, and its errors.

use abi::{check, show};
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};

fn names(path: &str) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn main() {
    let root = "/tmp/abi-files";
    let _ = fs::remove_dir_all(root);
    fs::create_dir(root).unwrap();
    std::env::set_current_dir(root).unwrap();
    show("cwd", std::env::current_dir());
    show("mkdir twice", fs::create_dir(root));
    show("deep", fs::create_dir_all("a/b/c"));
    show("write", fs::write("a/one", "hello"));
    show("read", fs::read_to_string("a/../a/./one"));
    show("missing", fs::read_to_string("a/two"));
    show("through a file", fs::read_to_string("a/one/x"));
    show("open folder to write", OpenOptions::new().write(true).open("a"));
    show("exclusive", OpenOptions::new().write(true).create_new(true).open("a/one").map(|_| ()));
    show("trailing slash", fs::metadata("a/one/").map(|_| ()));

    let mut file = OpenOptions::new().read(true).write(true).create(true).mode(0o640).open("data").unwrap();
    file.write_all(b"0123456789").unwrap();
    show("seek", file.seek(SeekFrom::Current(-4)));
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    println!("rest {text}");
    file.write_all_at(b"AB", 20).unwrap();
    println!("length {} mode {:o}", file.metadata().unwrap().len(), file.metadata().unwrap().mode());
    let mut hole = [1u8; 14];
    show("read at", file.read_at(&mut hole, 8));
    println!("{hole:?}");
    show("cut", file.set_len(5));
    show("grow", file.set_len(7));
    println!("{:?}", fs::read("data").unwrap());
    show("seek before start", file.seek(SeekFrom::Current(-100)));
    let mut log = OpenOptions::new().append(true).open("data").unwrap();
    log.write_all(b"end").unwrap();
    println!("{:?}", fs::read_to_string("data").unwrap());
    show("allocate", unsafe { check(libc::fallocate(file.as_raw_fd(), 0, 0, 100).into()) });
    println!("length {}", file.metadata().unwrap().len());
    show("sync", file.sync_all());

    show("link", fs::hard_link("data", "same"));
    println!("links {} equal {}", fs::metadata("data").unwrap().nlink(), fs::metadata("data").unwrap().ino() == fs::metadata("same").unwrap().ino());
    show("symlink", symlink("same", "soft"));
    show("readlink", fs::read_link("soft"));
    println!("kinds {} {}", fs::symlink_metadata("soft").unwrap().is_symlink(), fs::metadata("soft").unwrap().is_file());
    show("loop", symlink("loop", "loop").and_then(|()| fs::read("loop").map(|_| ())));
    show("rename over", fs::rename("data", "same2").and_then(|()| fs::rename("same2", "a/one")));
    println!("links {}", fs::metadata("same").unwrap().nlink());
    show("rename folder into itself", fs::rename("a", "a/b/x"));
    show("rename folder over file", fs::rename("a", "same"));
    show("rename file over folder", fs::rename("same", "a"));
    show("rename over full folder", fs::create_dir("z").and_then(|()| fs::rename("z", "a")));
    show("unlink folder", fs::remove_file("a"));
    show("rmdir file", fs::remove_dir("same"));
    show("rmdir full", fs::remove_dir("a"));
    show("chmod", fs::set_permissions("same", fs::Permissions::from_mode(0o4751)));
    println!("mode {:o}", fs::metadata("same").unwrap().mode());
    let times = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + std::time::Duration::new(1000, 5));
    show("times", File::options().write(true).open("same").unwrap().set_times(times));
    println!("mtime {} {}", fs::metadata("same").unwrap().mtime(), fs::metadata("same").unwrap().mtime_nsec());

    let gone = File::open("same").unwrap();
    fs::remove_file("same").unwrap();
    println!("unlinked {} bytes, {} links", std::io::read_to_string(&gone).unwrap().len(), gone.metadata().unwrap().nlink());
    for n in 0..300 {
        fs::write(format!("z/file{n:03}"), n.to_string()).unwrap();
    }
    println!("{} {:?}", names("z").len(), names("."));
    for entry in fs::read_dir("z").unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    show("empty again", fs::remove_dir("z"));
    let long = CString::new("x".repeat(300)).unwrap();
    show("long name", unsafe { check(libc::access(long.as_ptr(), libc::F_OK).into()) });
    show("access", unsafe { check(libc::access(c"a/one".as_ptr(), libc::X_OK).into()) });
    let dir = File::open("a").unwrap();
    show("openat", unsafe { check(libc::faccessat(dir.as_raw_fd(), c"one".as_ptr(), libc::R_OK, 0).into()) });
    show("read folder", (&dir).read(&mut [0; 10]));
    show("closed", unsafe { check(libc::fsync(99).into()) });
    show("copy", fs::copy("a/one", "copy"));
    show("dup", unsafe { check(libc::fcntl(dir.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 50).into()) });
    std::env::set_current_dir("/").unwrap();
    show("clean", fs::remove_dir_all(root));
    show("null", fs::read("/dev/null").map(|b| b.len()));
    let mut bytes = [0u8; 32];
    File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    println!("random {}", bytes.iter().any(|&b| b != 0));
    println!("self {}", fs::read_link("/proc/self/exe").unwrap().file_name().unwrap().to_string_lossy());
}
