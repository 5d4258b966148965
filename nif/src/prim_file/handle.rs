//! Operations on open files.
//!
//! A file is a magic reference to a [`File`]. One operation runs at a time: what another process asks
//! meanwhile, and whatever is asked of a closed file, is answered by `einval`. It is closed by `close`, by
//! its owner's death, or when the last reference dies. What may block (pipes, terminals, devices, large
//! transfers, `sync`) is done by a dirty I/O thread.

use std::borrow::Cow;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustix::fs::{self, Advice, CWD, FallocateFlags, Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use scheduler::dirty;
use vm::atom::well_known;
use vm::bif::{BifResult, Call, Stop, badarg};
use vm::reference;
use vm::resource::Resource;
use vm::term::{Bits, Kind, Pid, Term};

use super::paths::is_int;
use super::{Access, LARGE, file_info, is_number, may_block, ok, path, refused};
use crate::blocking::{self, Reply};
use crate::owners::{self, Owned, Watch};

/// An open file.
pub struct File {
    /// None once it is closed. Locked while an operation runs.
    descriptor: Mutex<Option<OwnedFd>>,
    /// Its owner died: whoever runs an operation closes it afterwards.
    orphaned: AtomicBool,
    /// Whether reading and writing may wait for others.
    blocks: bool,
    /// Ends with the descriptor.
    watch: Mutex<Option<Watch>>,
}

impl Owned for File {
    fn owner_died(&self, _: Pid) {
        self.orphaned.store(true, Ordering::SeqCst);
        self.close_if_orphaned();
    }
}

impl File {
    /// Runs an operation on the descriptor.
    fn with<T>(
        &self,
        operation: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let result = match self.descriptor.try_lock().as_deref() {
            Some(Some(descriptor)) => operation(descriptor.as_fd()),
            _ => Err(Errno::INVAL),
        };
        self.close_if_orphaned();
        result
    }

    /// Closes the file of a dead owner, if no operation runs: the one that does comes here after it. Closing
    /// may block, so that another thread does it.
    fn close_if_orphaned(&self) {
        if self.orphaned.load(Ordering::SeqCst)
            && let Some(mut descriptor) = self.descriptor.try_lock()
            && let Some(descriptor) = descriptor.take()
        {
            dirty::detach(dirty::Kind::Io, move || drop(descriptor));
        }
    }

    /// Takes the descriptor out to be closed.
    fn take(&self) -> Option<OwnedFd> {
        let taken = self.descriptor.try_lock()?.take();
        drop(self.watch.lock().take());
        taken
    }
}

/// A descriptor of its own for an open file; none where the term is no file.
pub(crate) fn duplicate(term: Term<'_>) -> Option<Result<OwnedFd, Errno>> {
    let file = term.resource::<File>()?;
    Some(file.with(|descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, 0)))
}

fn file<'p>(term: Term<'p>) -> Result<&'p File, Stop<'p>> {
    term.resource::<File>().ok_or_else(badarg)
}

/// Runs an operation that does not wait on the descriptor of the first argument.
fn on<'p>(
    call: Call<'p>,
    operation: impl FnOnce(BorrowedFd<'_>) -> Result<Term<'p>, Errno>,
) -> BifResult<'p> {
    file(call.arg(0))?
        .with(operation)
        .or_else(|error| refused(call, error))
}

/// Runs an operation that may wait on the descriptor of the first argument, by a dirty I/O thread.
fn wait_on<'p, T: Send + 'static>(
    call: Call<'p>,
    operation: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno> + Send + 'static,
    answer: impl for<'q> FnOnce(Call<'q>, T) -> Term<'q> + Send + 'static,
) -> BifResult<'p> {
    file(call.arg(0))?;
    let Kind::Ref(reference) = call.arg(0).kind() else {
        return Err(badarg());
    };
    let resource: Arc<dyn Resource> = Arc::clone(reference.resource().ok_or_else(badarg)?);
    blocking::start(call, move || -> Reply {
        let file = resource.as_ref().as_any().downcast_ref::<File>();
        let result = file
            .ok_or(Errno::INVAL)
            .and_then(|file| file.with(operation));
        Box::new(move |call| match result {
            Ok(value) => Ok(answer(call, value)),
            Err(error) => refused(call, error),
        })
    })
}

fn opened<'p>(call: Call<'p>, descriptor: OwnedFd) -> BifResult<'p> {
    let blocks = fs::fstat(&descriptor).is_ok_and(|stat| may_block(&stat));
    let file = Arc::new(File {
        descriptor: Mutex::new(Some(descriptor)),
        orphaned: AtomicBool::new(false),
        blocks,
        watch: Mutex::new(None),
    });
    let watch = owners::watch(call.process().pid(), owners::weak(&file));
    *file.watch.lock() = Some(watch);
    ok(call, call.heap.magic_ref(file, reference::next()))
}

pub(super) fn open_2<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let modes = call.arg(1);
    if !modes.is_nil() && modes.as_cons().is_none() {
        return Err(badarg());
    }
    let has = |name: &str| {
        modes
            .list()
            .any(|mode| mode.as_atom().is_some_and(|mode| mode.name() == name))
    };
    let (append, exclusive) = (has("append"), has("exclusive"));
    let write = has("write") || append || exclusive;
    let read = has("read") || !write;
    let mut flags = OFlags::CLOEXEC
        | match (read, write) {
            (true, true) => OFlags::RDWR | OFlags::CREATE,
            (false, true) => OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC,
            _ => OFlags::RDONLY,
        };
    if append {
        flags = (flags - OFlags::TRUNC) | OFlags::APPEND;
    }
    if exclusive {
        flags |= OFlags::EXCL;
    }
    if has("sync") {
        flags |= OFlags::SYNC;
    }
    let directory = has("directory");
    if directory {
        flags |= OFlags::DIRECTORY;
    }
    let name = match path(call.arg(0)) {
        Ok(name) => name,
        Err(error) => return refused(call, error),
    };
    // Opening a pipe waits for its other end, opening a device for the device.
    let waits = fs::stat(&name).is_ok_and(|stat| may_block(&stat));
    let skip_type_check = directory || has("skip_type_check");
    let open = move || {
        let descriptor = retry(|| fs::openat(CWD, &name, flags, Mode::from_raw_mode(0o666)))?;
        if !skip_type_check {
            let kind = fs::FileType::from_raw_mode(fs::fstat(&descriptor)?.st_mode);
            if kind == fs::FileType::Directory {
                return Err(Errno::ISDIR);
            }
        }
        Ok(descriptor)
    };
    let answer = |call, result| match result {
        Ok(descriptor) => opened(call, descriptor),
        Err(error) => refused(call, error),
    };
    if !waits {
        return answer(call, open());
    }
    blocking::start(call, move || -> Reply {
        let result = open();
        Box::new(move |call| match result {
            Ok(descriptor) => opened(call, descriptor),
            Err(error) => refused(call, error),
        })
    })
}

/// A file of a descriptor that is open already.
pub(super) fn file_desc_to_ref_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let descriptor: RawFd = is_int(call.arg(0)).ok_or_else(badarg)?;
    match adopt(descriptor) {
        Ok(descriptor) => opened(call, descriptor),
        Err(error) => refused(call, error),
    }
}

/// Takes over a descriptor that a program names by its number.
fn adopt(descriptor: RawFd) -> Result<OwnedFd, Errno> {
    if descriptor < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: whether the number names an open descriptor is asked from the system before anything else is
    // done with it; a wrong one is given back without being closed.
    let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
    match rustix::io::fcntl_getfd(&owned) {
        Ok(_) => Ok(owned),
        Err(error) => {
            std::mem::forget(owned);
            Err(error)
        }
    }
}

pub(super) fn close_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match file(call.arg(0))?.take() {
        Some(descriptor) => {
            drop(descriptor);
            Ok(Term::OK)
        }
        None => refused(call, Errno::INVAL),
    }
}

/// Closes a file whose owner has died.
pub(super) fn delayed_close_1<'p>(call: Call<'p>) -> BifResult<'p> {
    drop(file(call.arg(0))?.take());
    Ok(Term::OK)
}

/// A byte count of an argument that must not be negative.
fn count(term: Term<'_>) -> Result<u64, Errno> {
    term.as_i64()
        .and_then(|value| u64::try_from(value).ok())
        .ok_or(Errno::INVAL)
}

fn retry<T>(mut operation: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match operation() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

/// Reads up to `size` bytes, fewer only at the end of the file.
fn read_up_to(
    size: usize,
    mut read: impl FnMut(&mut [u8], u64) -> Result<usize, Errno>,
) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).map_err(|_| Errno::NOMEM)?;
    bytes.resize(size, 0);
    let mut filled = 0;
    while filled < size {
        match retry(|| read(&mut bytes[filled..], filled as u64)) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn data<'p>(call: Call<'p>, bytes: Vec<u8>) -> Term<'p> {
    if bytes.is_empty() {
        return Term::atom(well_known::EOF);
    }
    call.heap
        .tuple(&[Term::OK, call.heap.binary_from(bytes.into())])
}

pub(super) fn read_2<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let blocks = file(call.arg(0))?.blocks;
    if !is_number(call.arg(1)) {
        return Err(badarg());
    }
    let size = match count(call.arg(1)) {
        Ok(size) => size as usize,
        Err(error) => return refused(call, error),
    };
    let read = move |descriptor: BorrowedFd<'_>| {
        // Also a pipe is read until there is as much as was asked for, or its end.
        read_up_to(size, |room, _| rustix::io::read(descriptor, room))
    };
    if blocks || size > LARGE {
        return wait_on(call, read, data);
    }
    on(call, |descriptor| Ok(data(call, read(descriptor)?)))
}

pub(super) fn pread_3<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let blocks = file(call.arg(0))?.blocks;
    let (offset, size) = match range(call)? {
        Ok((offset, size)) => (offset, size as usize),
        Err(error) => return refused(call, error),
    };
    let read = move |descriptor: BorrowedFd<'_>| {
        read_up_to(size, |room, done| {
            rustix::io::pread(descriptor, room, offset + done)
        })
    };
    if blocks || size > LARGE {
        return wait_on(call, read, data);
    }
    on(call, |descriptor| Ok(data(call, read(descriptor)?)))
}

/// At most this many binaries are written by one call; the caller goes on with the rest.
const VECTOR: usize = 64;

/// The first binaries of an I/O vector, and the rest of the list; none if something is no binary.
fn io_vector<'p>(list: Term<'p>) -> Option<(Vec<Cow<'p, [u8]>>, Term<'p>)> {
    let mut elements = list.list();
    let mut vector = Vec::new();
    while vector.len() < VECTOR {
        let Some(element) = elements.next() else {
            break;
        };
        vector.push(element.as_bits().and_then(Bits::binary)?);
    }
    let rest = elements.rest();
    (rest.is_nil() || rest.as_cons().is_some()).then_some((vector, rest))
}

/// Writes all of a vector; `write` gets what is left and how much is written.
fn write_all(
    vector: &[Cow<'_, [u8]>],
    mut write: impl FnMut(&[IoSlice<'_>], u64) -> Result<usize, Errno>,
) -> Result<u64, Errno> {
    let mut slices: Vec<IoSlice<'_>> = vector.iter().map(|bytes| IoSlice::new(bytes)).collect();
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    let mut written = 0;
    while !rest.is_empty() {
        let count = retry(|| write(rest, written))?;
        if count == 0 {
            return Err(Errno::IO);
        }
        written += count as u64;
        IoSlice::advance_slices(&mut rest, count);
    }
    Ok(written)
}

/// The same for a thread beside the schedulers.
fn owned(vector: &[Cow<'_, [u8]>]) -> Vec<Cow<'static, [u8]>> {
    vector
        .iter()
        .map(|bytes| Cow::Owned(bytes.to_vec()))
        .collect()
}

fn is_large(vector: &[Cow<'_, [u8]>]) -> bool {
    vector.iter().map(|bytes| bytes.len()).sum::<usize>() > LARGE
}

/// What is left to be written of a list, `ok` where nothing is.
fn left<'p>(call: Call<'p>, list: Term<'p>, written: Option<u64>) -> Term<'p> {
    let rest = match io_vector(list) {
        Some((_, rest)) if !rest.is_nil() => rest,
        _ => return Term::OK,
    };
    let go_on = Term::atom(vm::atom!("continue"));
    match written {
        Some(written) => {
            let written = call.heap.unsigned(written);
            call.heap.tuple(&[go_on, written, rest])
        }
        None => call.heap.tuple(&[go_on, rest]),
    }
}

pub(super) fn write_2<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let blocks = file(call.arg(0))?.blocks;
    let (vector, _) = io_vector(call.arg(1)).ok_or_else(badarg)?;
    let write = |descriptor: BorrowedFd<'_>, vector: &[Cow<'_, [u8]>]| {
        write_all(vector, |slices, _| rustix::io::writev(descriptor, slices))
    };
    if blocks || is_large(&vector) {
        let vector = owned(&vector);
        return wait_on(
            call,
            move |descriptor| write(descriptor, &vector),
            |call, _| left(call, call.arg(1), None),
        );
    }
    on(call, |descriptor| {
        write(descriptor, &vector)?;
        Ok(left(call, call.arg(1), None))
    })
}

pub(super) fn pwrite_3<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let blocks = file(call.arg(0))?.blocks;
    if !is_number(call.arg(1)) {
        return Err(badarg());
    }
    let (vector, _) = io_vector(call.arg(2)).ok_or_else(badarg)?;
    let offset = match count(call.arg(1)) {
        Ok(offset) => offset,
        Err(error) => return refused(call, error),
    };
    let write = move |descriptor: BorrowedFd<'_>, vector: &[Cow<'_, [u8]>]| {
        write_all(vector, |slices, done| {
            rustix::io::pwritev(descriptor, slices, offset + done)
        })
    };
    if blocks || is_large(&vector) {
        let vector = owned(&vector);
        return wait_on(
            call,
            move |descriptor| write(descriptor, &vector),
            |call, written| left(call, call.arg(2), Some(written)),
        );
    }
    on(call, |descriptor| {
        let written = write(descriptor, &vector)?;
        Ok(left(call, call.arg(2), Some(written)))
    })
}

pub(super) fn seek_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let offset = call.arg(2).as_i64().ok_or_else(badarg)?;
    let whence = call.arg(1).as_atom().ok_or_else(badarg)?.name();
    if !matches!(whence, "bof" | "cur" | "eof") {
        return Err(badarg());
    }
    on(call, |descriptor| {
        let to = match whence {
            "bof" => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::INVAL)?),
            "cur" => SeekFrom::Current(offset),
            _ => SeekFrom::End(offset),
        };
        let position = fs::seek(descriptor, to)?;
        Ok(call.heap.tuple(&[Term::OK, call.heap.unsigned(position)]))
    })
}

pub(super) fn sync_2<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let data_only = is_int(call.arg(1)).ok_or_else(badarg)? != 0;
    wait_on(
        call,
        move |descriptor| {
            if data_only {
                fs::fdatasync(descriptor)
            } else {
                fs::fsync(descriptor)
            }
        },
        |_, ()| Term::OK,
    )
}

pub(super) fn truncate_1<'p>(call: Call<'p>) -> BifResult<'p> {
    on(call, |descriptor| {
        let position = fs::seek(descriptor, SeekFrom::Current(0))?;
        fs::ftruncate(descriptor, position)?;
        Ok(Term::OK)
    })
}

/// Offset and length of the second and third argument.
fn range<'p>(call: Call<'p>) -> Result<Result<(u64, u64), Errno>, Stop<'p>> {
    if !is_number(call.arg(1)) || !is_number(call.arg(2)) {
        return Err(badarg());
    }
    Ok(count(call.arg(1)).and_then(|offset| Ok((offset, count(call.arg(2))?))))
}

pub(super) fn allocate_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let range = range(call)?;
    on(call, |descriptor| {
        let (offset, length) = range?;
        // The file grows, too.
        retry(|| fs::fallocate(descriptor, FallocateFlags::empty(), offset, length))?;
        Ok(Term::OK)
    })
}

pub(super) fn advise_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let range = range(call)?;
    on(call, |descriptor| {
        let (offset, length) = range?;
        let advice = match call.arg(3).as_atom().map(|atom| atom.name()) {
            Some("normal") => Advice::Normal,
            Some("random") => Advice::Random,
            Some("sequential") => Advice::Sequential,
            Some("will_need") => Advice::WillNeed,
            Some("dont_need") => Advice::DontNeed,
            Some("no_reuse") => Advice::NoReuse,
            _ => return Err(Errno::INVAL),
        };
        fs::fadvise(
            descriptor,
            offset,
            std::num::NonZeroU64::new(length),
            advice,
        )?;
        Ok(Term::OK)
    })
}

/// The descriptor as a binary of the machine's `int`.
pub(super) fn get_handle_1<'p>(call: Call<'p>) -> BifResult<'p> {
    on(call, |descriptor| {
        Ok(call.heap.binary(&descriptor.as_raw_fd().to_ne_bytes()))
    })
}

/// Reads a pointer (size and offset, 32 bits each) and then what it points to.
pub(super) fn ipread_3<'p>(call: Call<'p>) -> BifResult<'p> {
    if !is_number(call.arg(1)) || !is_number(call.arg(2)) {
        return Err(badarg());
    }
    on(call, |descriptor| {
        let offset = count(call.arg(1))?;
        let limit = call
            .arg(2)
            .as_i64()
            .filter(|&limit| limit < 1 << 31)
            .ok_or(Errno::INVAL)?;
        let pread = |offset: u64, size: usize| {
            read_up_to(size, |room, done| {
                rustix::io::pread(descriptor, room, offset + done)
            })
        };
        let pointer = pread(offset, 8)?;
        let Ok(pointer) = <[u8; 8]>::try_from(pointer) else {
            return Ok(Term::atom(well_known::EOF));
        };
        let pointer = u64::from_be_bytes(pointer);
        let (size, at) = (pointer >> 32, pointer & 0xffff_ffff);
        if size as i64 > limit {
            return Ok(Term::atom(well_known::EOF));
        }
        let payload = pread(at, size as usize)?;
        let payload = match payload.is_empty() {
            true => Term::atom(well_known::EOF),
            false => call.heap.binary_from(payload.into()),
        };
        let found = call
            .heap
            .tuple(&[Term::size(size as usize), Term::size(at as usize), payload]);
        Ok(call.heap.tuple(&[Term::OK, found]))
    })
}

/// What the bits of a file's mode permit the node, whatever else may. OTP 25, unix_prim_file.c.
fn permitted(stat: &fs::Stat) -> Access {
    let shift = if stat.st_uid == rustix::process::geteuid().as_raw() {
        6
    } else if stat.st_gid == rustix::process::getegid().as_raw() {
        3
    } else {
        0
    };
    let bits = stat.st_mode >> shift;
    Access {
        read: bits & 4 != 0,
        write: bits & 2 != 0,
    }
}

pub(super) fn read_handle_info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    on(call, |descriptor| {
        let stat = fs::fstat(descriptor)?;
        let access = permitted(&stat);
        Ok(file_info(call.heap, &stat, access))
    })
}
