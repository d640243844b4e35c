// SPDX-License-Identifier: Apache-2.0
//! The canonical ABI: the only place with addresses, and the memory of handlers.

use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::Deref;
use core::{fmt, ptr, slice, str};

use crate::{Action, Errno};

/// A `list`: where it is, and how long. It owns both.
#[repr(C)]
pub struct List<T> {
    data: *mut T,
    length: usize,
}

pub type Bytes = List<u8>;

impl<T> List<T> {
    /// # Safety
    /// The host has put the items there, into memory of `cabi_realloc`.
    pub unsafe fn from_raw(data: *mut T, length: usize) -> List<T> {
        List { data, length }
    }

    pub fn into_vec(self) -> Vec<T> {
        let own = ManuallyDrop::new(self);
        if own.length == 0 {
            return Vec::new();
        }
        unsafe { Vec::from_raw_parts(own.data, own.length, own.length) }
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        if self.length == 0 {
            return &[];
        }
        unsafe { slice::from_raw_parts(self.data, self.length) }
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        if self.length > 0 {
            drop(unsafe { Vec::from_raw_parts(self.data, self.length, self.length) });
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

/// A `string`. The host gives nothing that is not UTF-8.
#[repr(transparent)]
pub struct Text(Bytes);

impl Text {
    /// # Safety
    /// As with `List::from_raw`.
    pub unsafe fn from_raw(data: *mut u8, length: usize) -> Text {
        Text(List { data, length })
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        unsafe { str::from_utf8_unchecked(&self.0) }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

/// A `tuple<string, string>`.
#[repr(C)]
#[derive(Debug)]
pub struct TextPair {
    pub first: Text,
    pub second: Text,
}

/// A `result<T, errno>` as it lies in memory.
#[repr(C, u8)]
pub enum RawResult<T> {
    Ok(T),
    Err(Errno),
}

impl<T> From<RawResult<T>> for Result<T, Errno> {
    fn from(raw: RawResult<T>) -> Result<T, Errno> {
        match raw {
            RawResult::Ok(value) => Ok(value),
            RawResult::Err(errno) => Err(errno),
        }
    }
}

/// An `option<T>` as it lies in memory.
#[repr(C, u8)]
pub enum RawOption<T> {
    None,
    Some(T),
}

impl<T> From<RawOption<T>> for Option<T> {
    fn from(raw: RawOption<T>) -> Option<T> {
        match raw {
            RawOption::None => None,
            RawOption::Some(value) => Some(value),
        }
    }
}

/// What a function of the host leaves where its last parameter points.
///
/// # Safety
/// It must leave a `T` there.
pub unsafe fn returned<T>(call: impl FnOnce(*mut T)) -> T {
    let mut result = MaybeUninit::uninit();
    call(result.as_mut_ptr());
    result.assume_init()
}

/// What an instance has only one of; an instance has one thread.
struct Only<T>(UnsafeCell<T>);

unsafe impl<T> Sync for Only<T> {}

static ANSWER: Only<Action> = Only(UnsafeCell::new(Action::Next));

/// Leaves an answer where the host reads it.
pub fn answered(action: Action) -> *const Action {
    unsafe {
        *ANSWER.0.get() = action;
        ANSWER.0.get()
    }
}

static SETTINGS: Only<&[TextPair]> = Only(UnsafeCell::new(&[]));

pub fn settings() -> &'static [TextPair] {
    unsafe { *SETTINGS.0.get() }
}

/// # Safety
/// The host has put the settings there. They stay.
pub unsafe fn replace_settings(data: *mut TextPair, length: usize) {
    if length > 0 {
        *SETTINGS.0.get() = slice::from_raw_parts(data, length);
    }
}

/// A `result<_, string>` as it lies in memory.
#[repr(C)]
pub struct Configuration {
    is_refused: bool,
    data: *const u8,
    length: usize,
}

static CONFIGURATION: Only<Configuration> =
    Only(UnsafeCell::new(Configuration { is_refused: false, data: ptr::null(), length: 0 }));

/// Leaves what `configure` said where the host reads it. A reason stays: nothing else happens here.
pub fn configured(outcome: Result<(), String>) -> *const Configuration {
    if let Err(reason) = outcome {
        let reason = reason.leak();
        unsafe {
            *CONFIGURATION.0.get() =
                Configuration { is_refused: true, data: reason.as_ptr(), length: reason.len() };
        }
    }
    CONFIGURATION.0.get()
}

/// What `export!` makes of `configure`.
#[doc(hidden)]
#[macro_export]
macro_rules! export_configure {
    ($outcome:expr) => {
        const _: () = {
            #[export_name = "configure"]
            unsafe extern "C" fn configure(
                data: *mut $crate::abi::TextPair,
                length: usize,
            ) -> *const $crate::abi::Configuration {
                $crate::abi::replace_settings(data, length);
                $crate::abi::configured($outcome)
            }
            #[export_name = "cabi_realloc"]
            unsafe extern "C" fn reallocate(
                old: *mut u8,
                old_size: usize,
                alignment: usize,
                size: usize,
            ) -> *mut u8 {
                $crate::abi::reallocate((old, old_size), alignment, size)
            }
        };
    };
}

/// # Safety
/// As `cabi_realloc` of the canonical ABI: it is for the host.
pub unsafe fn reallocate(
    (old, old_size): (*mut u8, usize),
    alignment: usize,
    size: usize,
) -> *mut u8 {
    let layout = Layout::from_size_align_unchecked(size, alignment);
    let new = alloc::alloc::alloc(layout);
    if new.is_null() {
        alloc::alloc::handle_alloc_error(layout);
    }
    if !old.is_null() && old_size > 0 {
        ptr::copy_nonoverlapping(old, new, old_size.min(size));
        alloc::alloc::dealloc(old, Layout::from_size_align_unchecked(old_size, alignment));
    }
    new
}

const PAGE_SIZE: usize = 65536;
/// Blocks have 2^4 to 2^31 bytes.
const SMALLEST_SHIFT: usize = 4;
const CLASSES: usize = 28;

/// Blocks whose size is a power of two: one that is given back is the next one of its size. That is
/// little code, and what handlers allocate is much the same for each call.
struct Blocks(UnsafeCell<BlockState>);

struct BlockState {
    /// Of each size the block that was given back last; it holds the address of the one before.
    free: [*mut u8; CLASSES],
    /// What was never given out.
    start: usize,
    end: usize,
}

unsafe impl Sync for Blocks {}

impl BlockState {
    unsafe fn take(&mut self, class: usize) -> *mut u8 {
        let first = self.free[class];
        if !first.is_null() {
            self.free[class] = *first.cast::<*mut u8>();
            return first;
        }
        let size = 1usize << (class + SMALLEST_SHIFT);
        // up to a page each block stands at a multiple of its size; more no alignment asks for
        let start = (self.start + size.min(PAGE_SIZE) - 1) & !(size.min(PAGE_SIZE) - 1);
        if start + size <= self.end {
            self.start = start + size;
            return start as *mut u8;
        }
        self.grow(size)
    }

    /// The memory may have grown in between: then what was left is lost.
    #[cfg(target_arch = "wasm32")]
    unsafe fn grow(&mut self, size: usize) -> *mut u8 {
        let page = core::arch::wasm32::memory_grow(0, size.div_ceil(PAGE_SIZE));
        if page == usize::MAX {
            return ptr::null_mut();
        }
        let start = page * PAGE_SIZE;
        self.start = start + size;
        self.end = start + size.div_ceil(PAGE_SIZE) * PAGE_SIZE;
        start as *mut u8
    }

    #[cfg(not(target_arch = "wasm32"))]
    unsafe fn grow(&mut self, _size: usize) -> *mut u8 {
        ptr::null_mut()
    }
}

/// None: nobody has so much.
fn class_of(layout: Layout) -> Option<usize> {
    let size = layout.size().max(layout.align()).max(1 << SMALLEST_SHIFT);
    if size > 1 << (CLASSES + SMALLEST_SHIFT - 1) || layout.align() > PAGE_SIZE {
        return None;
    }
    Some(size.next_power_of_two().trailing_zeros() as usize - SMALLEST_SHIFT)
}

unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class_of(layout) {
            Some(class) => (*self.0.get()).take(class),
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(class) = class_of(layout) {
            let state = &mut *self.0.get();
            *block.cast::<*mut u8>() = state.free[class];
            state.free[class] = block;
        }
    }
}

#[cfg_attr(target_arch = "wasm32", global_allocator)]
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
static BLOCKS: Blocks = Blocks(UnsafeCell::new(BlockState {
    free: [ptr::null_mut(); CLASSES],
    start: 0,
    end: 0,
}));

/// Ends this instance: the call gets the failure errno of its bundle.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
