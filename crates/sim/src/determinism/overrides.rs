//! The overridden functions of the C library. Where nothing is armed they are the kernel's.
//!
//! A symbol that a program defines wins over the one of a shared library, for the program itself when it is linked and
//! for everything that looks the name up when it runs. So these serve std (which refers to them by name), the
//! `getrandom` crate (which asks `dlsym`) and C code in the same binary (SQLite). What glibc calls within itself goes
//! past them.
//!
//! Unarmed, each is one load of a thread-local without a destructor and one system call: no allocation, no lock, nothing
//! that calls back, so they may be called from a signal handler and at any time in a thread's life.

#![expect(
    unsafe_code,
    reason = "defines symbols of the C library, whose arguments are raw pointers, and calls the kernel"
)]

use std::ffi::{c_int, c_uint, c_void};
use std::time::Duration;

use super::run::{self, Use};

/// What pthreads starts a thread with.
type ThreadMain = extern "C" fn(*mut c_void) -> *mut c_void;

type PthreadCreate =
    unsafe extern "C" fn(*mut libc::pthread_t, *const libc::pthread_attr_t, ThreadMain, *mut c_void) -> c_int;

/// Refers to the functions, so that the linker takes them before it looks into the C library.
pub(super) fn keep_linked() {
    std::hint::black_box([
        getrandom as *const (),
        clock_gettime as *const (),
        gettimeofday as *const (),
        pthread_create as *const (),
    ]);
}

/// The name and the address of one of the functions, by which the program's symbols are found in its memory.
pub(super) fn landmark() -> (&'static str, u64) {
    ("getrandom", getrandom as *const () as u64)
}

/// getrandom(2).
///
/// # Safety
///
/// `buffer` must be valid for writes of `length` bytes.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn getrandom(buffer: *mut c_void, length: libc::size_t, flags: c_uint) -> libc::ssize_t {
    // No bytes: somebody tries whether the call is there.
    if length > 0 && !buffer.is_null() && run::is_armed() {
        // SAFETY: the caller promises `length` writable bytes, which are made initialized before they become a slice.
        let bytes = unsafe {
            buffer.cast::<u8>().write_bytes(0, length);
            std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length)
        };
        if run::fill(bytes, flags & libc::GRND_INSECURE != 0) {
            return length.cast_signed();
        }
    }
    // SAFETY: the kernel gets what its wrapper in the C library would give it.
    unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) as libc::ssize_t }
}

/// clock_gettime(2).
///
/// # Safety
///
/// `time` must be valid for a write.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    if !time.is_null() && run::is_armed() {
        let shown = run::clock().and_then(|(monotonic, wall)| match clock {
            libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => Some(wall),
            libc::CLOCK_MONOTONIC | libc::CLOCK_MONOTONIC_RAW | libc::CLOCK_MONOTONIC_COARSE | libc::CLOCK_BOOTTIME => {
                Some(monotonic)
            }
            // The processor's time is not the world's.
            _ => None,
        });
        if let Some(shown) = shown {
            // SAFETY: the caller promises that it may be written.
            unsafe {
                time.write(libc::timespec {
                    tv_sec: seconds(shown),
                    tv_nsec: shown.subsec_nanos().into(),
                });
            }
            return 0;
        }
    }
    // SAFETY: the kernel gets what its wrapper in the C library would give it.
    unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int }
}

/// gettimeofday(2).
///
/// # Safety
///
/// `time` and `zone` must each be null or valid for a write.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn gettimeofday(time: *mut libc::timeval, zone: *mut c_void) -> c_int {
    if !time.is_null()
        && run::is_armed()
        && let Some((_, wall)) = run::clock()
    {
        // SAFETY: the caller promises that both may be written; a time zone is two numbers, zero since Linux has none.
        unsafe {
            time.write(libc::timeval {
                tv_sec: seconds(wall),
                tv_usec: wall.subsec_micros().into(),
            });
            if !zone.is_null() {
                zone.cast::<[c_int; 2]>().write([0, 0]);
            }
        }
        return 0;
    }
    // SAFETY: the kernel gets what its wrapper in the C library would give it.
    unsafe { libc::syscall(libc::SYS_gettimeofday, time, zone) as c_int }
}

/// pthread_create(3): the one of the C library, with a note that it was called.
///
/// # Safety
///
/// As the one of the C library.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    main: ThreadMain,
    argument: *mut c_void,
) -> c_int {
    if run::is_armed() {
        run::note(Use::Thread);
    }
    // SAFETY: the name is a C string; what is found under it in a later object is the C library's function, or that of
    // a sanitizer which stands before it, with this type.
    unsafe {
        let next = libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr());
        match std::mem::transmute::<*mut c_void, Option<PthreadCreate>>(next) {
            Some(next) => next(thread, attributes, main, argument),
            None => libc::EAGAIN,
        }
    }
}

fn seconds(time: Duration) -> libc::time_t {
    libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX)
}
