//! The native half of module `prim_file`: files and the file system.
//!
//! [`handle`] has the operations on an open file, [`paths`] those on names. Results and errors are those of
//! the stock library: `{error, Posix}` for what the system refuses, `badarg` for arguments that cannot be.

mod handle;
mod paths;

use std::ffi::CString;

use rustix::io::Errno;
use vm::atom::{Atom, well_known};
use vm::bif::{BifResult, Call};
use vm::heap::Heap;
use vm::term::{Kind, Term};

use crate::errno;
pub(crate) use handle::duplicate;
use handle::*;
use paths::*;

vm::bifs! { "prim_file":
    "open_nif"/2 Heavy open_2;
    "close_nif"/1 Heavy close_1;
    "delayed_close_nif"/1 Heavy delayed_close_1;
    "read_nif"/2 Heavy read_2;
    "write_nif"/2 Heavy write_2;
    "pread_nif"/3 Heavy pread_3;
    "pwrite_nif"/3 Heavy pwrite_3;
    "seek_nif"/3 Heavy seek_3;
    "sync_nif"/2 Heavy sync_2;
    "truncate_nif"/1 Heavy truncate_1;
    "allocate_nif"/3 Heavy allocate_3;
    "advise_nif"/4 Heavy advise_4;
    "get_handle_nif"/1 Heavy get_handle_1;
    "ipread_s32bu_p32bu_nif"/3 Heavy ipread_3;
    "read_handle_info_nif"/1 Heavy read_handle_info_1;
    "file_desc_to_ref_nif"/1 Heavy file_desc_to_ref_1;
    "read_file_nif"/1 Heavy read_file_1;
    "read_info_nif"/2 Heavy read_info_2;
    "set_permissions_nif"/2 Heavy set_permissions_2;
    "set_owner_nif"/3 Heavy set_owner_3;
    "set_time_nif"/4 Heavy set_time_4;
    "read_link_nif"/1 Heavy read_link_1;
    "list_dir_nif"/1 Heavy list_dir_1;
    "make_hard_link_nif"/2 Heavy make_hard_link_2;
    "make_soft_link_nif"/2 Heavy make_soft_link_2;
    "rename_nif"/2 Heavy rename_2;
    "make_dir_nif"/1 Heavy make_dir_1;
    "del_file_nif"/1 Heavy del_file_1;
    "del_dir_nif"/1 Heavy del_dir_1;
    "get_device_cwd_nif"/1 Heavy get_device_cwd_1;
    "get_cwd_nif"/0 Heavy get_cwd_0;
    "set_cwd_nif"/1 Heavy set_cwd_1;
    "altname_nif"/1 Heavy altname_1;
}

/// Bytes: what is more than this is read and written by a dirty I/O thread.
const LARGE: usize = 256 << 10;

/// Whether reading and writing a file may wait for somebody else.
fn may_block(stat: &rustix::fs::Stat) -> bool {
    use rustix::fs::FileType;
    !matches!(
        FileType::from_raw_mode(stat.st_mode),
        FileType::RegularFile | FileType::Directory
    )
}

/// `{error, Posix}`.
fn refused<'p>(call: Call<'p>, error: Errno) -> BifResult<'p> {
    let name = Atom::from_static(errno::name(error.raw_os_error()));
    Ok(call
        .heap
        .tuple(&[Term::atom(well_known::ERROR), Term::atom(name)]))
}

/// `ok`, or `{error, Posix}`.
fn done<'p>(call: Call<'p>, result: Result<(), Errno>) -> BifResult<'p> {
    match result {
        Ok(()) => Ok(Term::OK),
        Err(error) => refused(call, error),
    }
}

/// `{ok, Value}`.
fn ok<'p>(call: Call<'p>, value: Term<'p>) -> BifResult<'p> {
    Ok(call.heap.tuple(&[Term::OK, value]))
}

/// Whether a term is a number, which the stock library asks before it takes an integer from it.
fn is_number(term: Term<'_>) -> bool {
    matches!(term.kind(), Kind::Small(_) | Kind::Big(_) | Kind::Float(_))
}

/// A file's name: a binary that ends with a zero byte and has no other.
fn path(term: Term<'_>) -> Result<CString, Errno> {
    let bytes = term
        .as_bits()
        .and_then(|bits| bits.binary())
        .ok_or(Errno::INVAL)?;
    CString::from_vec_with_nul(bytes.into_owned()).map_err(|_| Errno::INVAL)
}

/// The record `file_info` of a file's attributes.
fn file_info<'p>(heap: Heap<'p>, stat: &rustix::fs::Stat, access: Access) -> Term<'p> {
    use rustix::fs::FileType;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        FileType::Directory => "directory",
        FileType::RegularFile => "regular",
        FileType::Symlink => "symlink",
        _ => "other",
    };
    let access = match access {
        Access {
            read: true,
            write: true,
        } => "read_write",
        Access {
            read: true,
            write: false,
        } => "read",
        Access {
            read: false,
            write: true,
        } => "write",
        Access {
            read: false,
            write: false,
        } => "none",
    };
    heap.tuple(&[
        Term::atom(Atom::from_static("file_info")),
        heap.unsigned(stat.st_size as u64),
        Term::atom(Atom::from_static(kind)),
        Term::atom(Atom::from_static(access)),
        heap.integer(stat.st_atime),
        heap.integer(stat.st_mtime),
        heap.integer(stat.st_ctime),
        Term::size(stat.st_mode as usize),
        // The stock library gives these as C's `unsigned int`.
        Term::size(stat.st_nlink as u32 as usize),
        Term::size(stat.st_dev as u32 as usize),
        Term::size(stat.st_rdev as u32 as usize),
        Term::size(stat.st_ino as u32 as usize),
        Term::size(stat.st_uid as usize),
        Term::size(stat.st_gid as usize),
    ])
}

/// What the node may do with a file.
#[derive(Clone, Copy)]
struct Access {
    read: bool,
    write: bool,
}
