//! Counts the memory that a thread holds, so that a reader's promise of its bound can be checked.
#![expect(
    unsafe_code,
    reason = "an allocator that counts is an unsafe trait; it only forwards to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Constant and without a destructor, so that reading them never allocates. What another thread frees makes a
    // thread's own figure too large, never too small.
    static HELD_BYTES: Cell<isize> = const { Cell::new(0) };
    static MOST_BYTES: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `run` answers, and the most memory that it holds at once, in bytes, of what this thread allocates.
pub(crate) fn most<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD_BYTES.get();
    MOST_BYTES.set(before);
    let value = run();
    (value, usize::try_from(MOST_BYTES.get() - before).unwrap_or(0))
}

fn count(bytes: isize) {
    let held = HELD_BYTES.get() + bytes;
    HELD_BYTES.set(held);
    if held > MOST_BYTES.get() {
        MOST_BYTES.set(held);
    }
}

struct Counting;

// SAFETY: every call goes to `System` with the arguments it came with; counting touches no memory that is handed out.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`, which is that of `System`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: `pointer` came from `System` through this allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there while it is moved.
        count(size as isize);
        count(-(layout.size() as isize));
        // SAFETY: `pointer` came from `System` through this allocator, with this layout.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
