//! The tables of functions that SQLite calls: each turns pointers into references and leaves the rest to `file.rs`.
//!
//! Why this is sound: SQLite calls a method of a file only between a successful `open` and its `close`, never twice at
//! a time for one file, and with buffers of the sizes it says (<https://sqlite.org/c3ref/io_methods.html>,
//! <https://sqlite.org/c3ref/vfs.html>). A file's handle is ours alone after SQLite has set it aside; what it points to
//! is made in `open` and freed in `close`. Nothing here unwinds into C.
#![expect(unsafe_code, reason = "SQLite's interface is one of C: pointers in and out")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::slice;
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;

use super::SQLITE_VFS;
use super::file::{self, OpenFile};
use super::wal_index::wanted;

/// The longest path, with what SQLite appends to it.
const PATH_BYTES_MAX: c_int = 1024;

/// What SQLite's VFS for Unix says of every disk; the simulated ones keep to smaller sectors.
const SECTOR_BYTES: c_int = 4096;

/// The Unix epoch in SQLite's milliseconds, which count from noon on 24 November 4714 BC.
const UNIX_EPOCH_MS: i64 = 210_866_760_000_000;

const DAY_MS: f64 = 86_400_000.0;

/// A file as SQLite sees it: its own part first.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    file: *mut OpenFile,
}

pub(super) fn register() -> c_int {
    let Ok(name) = CString::new(SQLITE_VFS) else {
        return ffi::SQLITE_MISUSE;
    };
    let vfs = Box::new(ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: size_of::<Handle>() as c_int,
        mxPathname: PATH_BYTES_MAX,
        pNext: null_mut(),
        zName: name.into_raw(),
        pAppData: null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_path),
        xDlOpen: Some(library_open),
        xDlError: Some(library_error),
        xDlSym: Some(library_symbol),
        xDlClose: Some(library_close),
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(days),
        xGetLastError: Some(last_error),
        xCurrentTimeInt64: Some(milliseconds),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    });
    // SAFETY: the table and its name live from here to the end of the process.
    unsafe { ffi::sqlite3_vfs_register(Box::into_raw(vfs), 0) }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(index_map),
    xShmLock: Some(index_lock),
    xShmBarrier: Some(index_barrier),
    xShmUnmap: Some(index_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    handle: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let handle: *mut Handle = handle.cast();
    // SAFETY: SQLite has set aside `szOsFile` bytes for the handle; without methods it does not close it.
    unsafe { (*handle).base.pMethods = std::ptr::null() };
    let opened = match path.is_null() {
        true => Ok(OpenFile::Temporary(Vec::new())),
        // SAFETY: a path that is not null is a C string.
        false => unsafe { text(path) }.and_then(|path| OpenFile::open(path, flags)),
    };
    let file = match opened {
        Ok(file) => file,
        Err(code) => return code,
    };
    if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 {
        seed();
    }
    // SAFETY: as above; the flags may be null, and are one number if not.
    unsafe {
        (*handle).file = Box::into_raw(Box::new(file));
        (*handle).base.pMethods = &raw const METHODS;
        if !flags_out.is_null() {
            *flags_out = flags;
        }
    }
    ffi::SQLITE_OK
}

/// Seeds SQLite's generator from the node whose database was opened just now.
fn seed() {
    let random = file::last().and_then(|place| place.random("sqlite").ok());
    if let Some(mut random) = random {
        // Zero would ask the operating system.
        let seed = random.u64() as c_int | 1;
        // SAFETY: this operation takes a number and a database, which may be null.
        unsafe { ffi::sqlite3_test_control(ffi::SQLITE_TESTCTRL_PRNG_SEED, seed, null_mut::<ffi::sqlite3>()) };
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, path: *const c_char, sync: c_int) -> c_int {
    // SAFETY: the path is a C string.
    code(unsafe { text(path) }.and_then(|path| file::delete(path, sync != 0)))
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, path: *const c_char, _: c_int, out: *mut c_int) -> c_int {
    // SAFETY: the path is a C string; the result is one number.
    unsafe { give(out, text(path).and_then(file::exists).map(c_int::from)) }
}

unsafe extern "C" fn full_path(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    bytes_max: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: the path is a C string; the result is as long as is said.
    let (path, out) = unsafe { (CStr::from_ptr(path).to_bytes_with_nul(), bytes(out.cast(), bytes_max)) };
    match out.get_mut(..path.len()) {
        // The places of `Env::sqlite` are absolute and plain.
        Some(out) => {
            out.copy_from_slice(path);
            ffi::SQLITE_OK
        }
        None => ffi::SQLITE_CANTOPEN,
    }
}

unsafe extern "C" fn library_open(_: *mut ffi::sqlite3_vfs, _: *const c_char) -> *mut c_void {
    null_mut()
}

unsafe extern "C" fn library_error(_: *mut ffi::sqlite3_vfs, bytes_max: c_int, out: *mut c_char) {
    let why = b"a simulated node loads no libraries\0";
    // SAFETY: the result is as long as is said.
    if let Some(out) = unsafe { bytes(out.cast(), bytes_max) }.get_mut(..why.len()) {
        out.copy_from_slice(why);
    }
}

type Symbol = unsafe extern "C" fn(*mut ffi::sqlite3_vfs, *mut c_void, *const c_char);

unsafe extern "C" fn library_symbol(_: *mut ffi::sqlite3_vfs, _: *mut c_void, _: *const c_char) -> Option<Symbol> {
    None
}

unsafe extern "C" fn library_close(_: *mut ffi::sqlite3_vfs, _: *mut c_void) {}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, count: c_int, out: *mut c_char) -> c_int {
    // SAFETY: the result is as long as is said.
    let out = unsafe { bytes(out.cast(), count) };
    match file::last().and_then(|place| place.random("sqlite").ok()) {
        Some(mut random) => random.fill(out),
        None => out.fill(0),
    }
    count
}

/// Whoever waits for a lock on the only thread of a world would wait for ever: the time is taken as passed.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn days(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: the result is one number.
    unsafe { give(out, now_ms().map(|ms| ms as f64 / DAY_MS)) }
}

unsafe extern "C" fn milliseconds(_: *mut ffi::sqlite3_vfs, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: the result is one number.
    unsafe { give(out, now_ms()) }
}

fn now_ms() -> Result<i64, c_int> {
    let wall = file::last().map(|place| place.wall());
    match wall {
        Some(Ok(wall)) => Ok(UNIX_EPOCH_MS + wall.as_micros().div_euclid(1000)),
        _ => Err(ffi::SQLITE_ERROR),
    }
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}

unsafe extern "C" fn close(handle: *mut ffi::sqlite3_file) -> c_int {
    let handle: *mut Handle = handle.cast();
    // SAFETY: the file was made by `open` and is not used after this.
    drop(unsafe { Box::from_raw((*handle).file) });
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    handle: *mut ffi::sqlite3_file,
    out: *mut c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open; the result is as long as is said.
    let (file, out) = unsafe { (opened(handle), bytes(out, count)) };
    code(position(offset).and_then(|offset| file.read(offset, out)))
}

unsafe extern "C" fn write(
    handle: *mut ffi::sqlite3_file,
    content: *const c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let count = usize::try_from(count).unwrap_or_default();
    // SAFETY: the file is open; the content is as long as is said.
    let (file, content) = unsafe { (opened(handle), slice::from_raw_parts(content.cast(), count)) };
    code(position(offset).and_then(|offset| file.write(offset, content)))
}

unsafe extern "C" fn truncate(handle: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let file = unsafe { opened(handle) };
    code(position(size).and_then(|size| file.truncate(size)))
}

unsafe extern "C" fn sync(handle: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { opened(handle) }.sync())
}

unsafe extern "C" fn size(handle: *mut ffi::sqlite3_file, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open; the result is one number. A file has at most `FILE_BYTES_MAX` bytes.
    unsafe { give(out, opened(handle).len().map(|length| length as i64)) }
}

unsafe extern "C" fn lock(handle: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { opened(handle) }.lock(level))
}

unsafe extern "C" fn unlock(handle: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { opened(handle) }.unlock(level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(handle: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: the file is open; the result is one number.
    unsafe {
        let reserved = opened(handle).shared(|common, _| common.locks.is_reserved());
        give(out, Ok(reserved.unwrap_or_default().into()))
    }
}

unsafe extern "C" fn control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR_BYTES
}

/// As on Unix: a write that is torn by a power failure changes no byte outside of it.
unsafe extern "C" fn characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE | ffi::SQLITE_IOCAP_SUBPAGE_READ
}

unsafe extern "C" fn index_map(
    handle: *mut ffi::sqlite3_file,
    index: c_int,
    count: c_int,
    make: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let (Ok(index), Ok(count)) = (usize::try_from(index), usize::try_from(count)) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    // SAFETY: the file is open; the result is one pointer, to memory that stays until the file is unmapped.
    unsafe {
        let region = opened(handle).shared(|common, holder| common.index.map(holder, index, count, make != 0));
        give(out, region.ok_or(ffi::SQLITE_IOERR_SHMMAP))
    }
}

unsafe extern "C" fn index_lock(handle: *mut ffi::sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    let Some((range, exclusive)) = wanted(offset, count, flags) else {
        return ffi::SQLITE_IOERR_SHMLOCK;
    };
    // SAFETY: the file is open.
    let file = unsafe { opened(handle) };
    let done = file.shared(|common, holder| match flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        true => {
            common.index.unlock(range, holder);
            true
        }
        false => common.index.lock(range, holder, exclusive),
    });
    match done {
        Some(true) => ffi::SQLITE_OK,
        Some(false) => ffi::SQLITE_BUSY,
        None => ffi::SQLITE_IOERR_SHMLOCK,
    }
}

unsafe extern "C" fn index_barrier(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn index_unmap(handle: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { opened(handle) }.shared(|common, holder| common.index.unmap(holder));
    ffi::SQLITE_OK
}

/// The file behind a handle.
///
/// # Safety
///
/// The handle is one that `open` has filled and `close` has not seen, and nobody else uses it meanwhile.
unsafe fn opened<'a>(handle: *mut ffi::sqlite3_file) -> &'a mut OpenFile {
    // SAFETY: `open` has put a file there, which lives until `close`.
    unsafe { &mut *(*handle.cast::<Handle>()).file }
}

/// # Safety
///
/// `begin` points to `count` bytes that are the callee's meanwhile.
unsafe fn bytes<'a>(begin: *mut c_void, count: c_int) -> &'a mut [u8] {
    match usize::try_from(count) {
        // SAFETY: the caller's promise.
        Ok(count) if !begin.is_null() => unsafe { slice::from_raw_parts_mut(begin.cast(), count) },
        _ => &mut [],
    }
}

/// # Safety
///
/// `text` is a C string that lives as long as the call.
unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, c_int> {
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }
        .to_str()
        .map_err(|_| ffi::SQLITE_CANTOPEN)
}

/// # Safety
///
/// `out` may be written.
unsafe fn give<T>(out: *mut T, value: Result<T, c_int>) -> c_int {
    match value {
        Ok(value) => {
            // SAFETY: the caller's promise.
            unsafe { out.write(value) };
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

fn position(offset: ffi::sqlite3_int64) -> Result<u64, c_int> {
    u64::try_from(offset).map_err(|_| ffi::SQLITE_IOERR)
}

fn code(result: Result<(), c_int>) -> c_int {
    result.err().unwrap_or(ffi::SQLITE_OK)
}
