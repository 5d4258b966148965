//! Operations on names.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{self, AtFlags, CWD, Gid, Mode, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use vm::bif::{BifResult, Call, Stop, badarg};
use vm::term::{Kind, Term};

use super::{Access, LARGE, done, file_info, may_block, ok, path, refused};
use crate::blocking::{self, Reply};

fn int<'p>(term: Term<'p>) -> Result<i32, Stop<'p>> {
    term.as_small()
        .and_then(|value| i32::try_from(value).ok())
        .ok_or_else(badarg)
}

/// Runs an operation on one name.
fn on<'p>(call: Call<'p>, operation: impl FnOnce(&CStr) -> Result<(), Errno>) -> BifResult<'p> {
    done(call, path(call.arg(0)).and_then(|name| operation(&name)))
}

/// Runs an operation on two names.
fn on_two<'p>(
    call: Call<'p>,
    operation: impl FnOnce(&CStr, &CStr) -> Result<(), Errno>,
) -> BifResult<'p> {
    let names = path(call.arg(0)).and_then(|first| Ok((first, path(call.arg(1))?)));
    done(
        call,
        names.and_then(|(first, second)| operation(&first, &second)),
    )
}

pub(super) fn read_info_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let follow = int(call.arg(1))? != 0;
    let read = |name: &CStr| {
        let stat = if follow {
            fs::stat(name)
        } else {
            fs::lstat(name)
        }?;
        let may = |access| fs::access(name, access).is_ok();
        Ok((
            stat,
            Access {
                read: may(fs::Access::READ_OK),
                write: may(fs::Access::WRITE_OK),
            },
        ))
    };
    match path(call.arg(0)).and_then(|name| read(&name)) {
        Ok((stat, access)) => Ok(file_info(call.heap, &stat, access)),
        Err(error) => refused(call, error),
    }
}

pub(super) fn set_permissions_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let wanted = call
        .arg(1)
        .as_small()
        .and_then(|mode| u32::try_from(mode).ok())
        .ok_or_else(badarg)?;
    let mode = Mode::from_raw_mode(wanted & 0o6777);
    on(call, |name| {
        // Some systems refuse the set-id bits: they go rather than the whole change.
        fs::chmod(name, mode).or_else(|_| fs::chmod(name, mode - (Mode::SUID | Mode::SGID)))
    })
}

pub(super) fn set_owner_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let (uid, gid) = (int(call.arg(1))?, int(call.arg(2))?);
    let user = (uid >= 0).then(|| Uid::from_raw(uid as u32));
    let group = (gid >= 0).then(|| Gid::from_raw(gid as u32));
    on(call, |name| fs::chown(name, user, group))
}

pub(super) fn set_time_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let seconds = |index: usize| call.arg(index).as_i64().ok_or_else(badarg);
    let (accessed, modified) = (seconds(1)?, seconds(2)?);
    seconds(3)?;
    let at = |seconds| Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: at(accessed),
        last_modification: at(modified),
    };
    on(call, |name| {
        fs::utimensat(CWD, name, &times, AtFlags::empty())
    })
}

pub(super) fn read_link_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match path(call.arg(0)).and_then(|name| fs::readlink(name, Vec::new())) {
        Ok(target) => ok(call, call.heap.binary(target.as_bytes())),
        Err(error) => refused(call, error),
    }
}

pub(super) fn list_dir_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let read = |name: &CStr| -> Result<Term<'p>, Errno> {
        let directory = fs::openat(
            CWD,
            name,
            fs::OFlags::RDONLY | fs::OFlags::DIRECTORY | fs::OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut names = Term::NIL;
        for entry in fs::Dir::new(directory)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names = call.heap.cons(call.heap.binary(name), names);
            }
        }
        Ok(names)
    };
    match path(call.arg(0)).and_then(|name| read(&name)) {
        Ok(names) => ok(call, names),
        Err(error) => refused(call, error),
    }
}

pub(super) fn make_hard_link_2<'p>(call: Call<'p>) -> BifResult<'p> {
    on_two(call, |existing, new| fs::link(existing, new))
}

pub(super) fn make_soft_link_2<'p>(call: Call<'p>) -> BifResult<'p> {
    on_two(call, |existing, new| fs::symlink(existing, new))
}

pub(super) fn rename_2<'p>(call: Call<'p>) -> BifResult<'p> {
    on_two(call, |old, new| {
        fs::rename(old, new).map_err(|error| match error {
            Errno::NOTEMPTY => Errno::EXIST,
            _ if old.to_bytes() == b"/" => Errno::INVAL,
            other => other,
        })
    })
}

pub(super) fn make_dir_1<'p>(call: Call<'p>) -> BifResult<'p> {
    on(call, |name| fs::mkdir(name, Mode::from_raw_mode(0o777)))
}

pub(super) fn del_file_1<'p>(call: Call<'p>) -> BifResult<'p> {
    // Linux says "is a directory" where POSIX wants "not permitted".
    on(call, |name| {
        fs::unlink(name).map_err(|error| {
            if error == Errno::ISDIR {
                Errno::PERM
            } else {
                error
            }
        })
    })
}

pub(super) fn del_dir_1<'p>(call: Call<'p>) -> BifResult<'p> {
    on(call, |name| {
        let error = match fs::rmdir(name) {
            Ok(()) => return Ok(()),
            Err(Errno::NOTEMPTY) => Errno::EXIST,
            Err(error) => error,
        };
        if error == Errno::EXIST
            && let (Ok(directory), Ok(current)) = (fs::stat(name), fs::stat(c"."))
            && (directory.st_ino, directory.st_dev) == (current.st_ino, current.st_dev)
        {
            return Err(Errno::INVAL);
        }
        Err(error)
    })
}

/// Drives with a directory of their own exist elsewhere only.
pub(super) fn get_device_cwd_1<'p>(call: Call<'p>) -> BifResult<'p> {
    int(call.arg(0))?;
    refused(call, Errno::NOTSUP)
}

pub(super) fn get_cwd_0<'p>(call: Call<'p>) -> BifResult<'p> {
    match rustix::process::getcwd(Vec::new()) {
        Ok(name) => ok(call, call.heap.binary(name.as_bytes())),
        Err(error) => refused(call, error),
    }
}

pub(super) fn set_cwd_1<'p>(call: Call<'p>) -> BifResult<'p> {
    on(call, |name| rustix::process::chdir(name))
}

/// Short names exist elsewhere only.
pub(super) fn altname_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match path(call.arg(0)) {
        Ok(_) => refused(call, Errno::NOTSUP),
        Err(error) => refused(call, error),
    }
}

/// Reads a whole file, a large one or one that may block by a dirty I/O thread.
pub(super) fn read_file_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let name = match path(call.arg(0)) {
        Ok(name) => name,
        Err(error) => return refused(call, error),
    };
    let waits =
        fs::stat(&name).is_ok_and(|stat| may_block(&stat) || stat.st_size as u64 > LARGE as u64);
    if waits {
        return blocking::start(call, move || -> Reply {
            let result = contents(&name);
            Box::new(move |call| read(call, result))
        });
    }
    read(call, contents(&name))
}

fn read<'p>(call: Call<'p>, contents: Result<Vec<u8>, Errno>) -> BifResult<'p> {
    match contents {
        Ok(bytes) => ok(call, call.heap.binary_from(bytes.into())),
        Err(error) => refused(call, error),
    }
}

fn contents(name: &CStr) -> Result<Vec<u8>, Errno> {
    use std::io::Read;
    let mut file =
        std::fs::File::open(std::ffi::OsStr::from_bytes(name.to_bytes())).map_err(system_error)?;
    let metadata = file.metadata().map_err(system_error)?;
    if metadata.is_dir() {
        return Err(Errno::ISDIR);
    }
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(metadata.len() as usize + 1)
        .map_err(|_| Errno::NOMEM)?;
    file.read_to_end(&mut bytes).map_err(system_error)?;
    Ok(bytes)
}

/// The error number of an I/O error of the standard library.
fn system_error(error: std::io::Error) -> Errno {
    error
        .raw_os_error()
        .map_or(Errno::IO, Errno::from_raw_os_error)
}

/// The value of an argument that C's `int` holds.
pub(super) fn is_int(term: Term<'_>) -> Option<i32> {
    match term.kind() {
        Kind::Small(value) => i32::try_from(value).ok(),
        _ => None,
    }
}
