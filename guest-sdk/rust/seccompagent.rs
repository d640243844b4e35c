// SPDX-License-Identifier: Apache-2.0
//! Handlers of Seccomp Agent in Rust: what they can use, without the standard library.
//!
//! ```ignore
//! #![no_std]
//! use seccompagent::{filesystem, path_with_suffix, require_settings, setting, Action};
//!
//! seccompagent::export!(configure, mkdir);
//!
//! fn configure() -> Result<(), seccompagent::String> {
//!     require_settings(&["suffix"])
//! }
//!
//! fn mkdir(path: &[u8], mode: u32) -> Action {
//!     filesystem::mkdir(&path_with_suffix(path, setting("suffix")), mode).into()
//! }
//! ```
#![no_std]

extern crate alloc;

#[doc(hidden)]
#[path = "abi.rs"]
pub mod abi;
#[path = "constants.rs"]
mod constants;
#[path = "contract.rs"]
mod contract;

pub use abi::{Bytes, List, Text};
pub use alloc::{borrow::Cow, boxed::Box, format, string::String, vec, vec::Vec};
pub use constants::*;
pub use contract::*;

/// Exports functions of the crate's root under their names: those of the families that they answer,
/// and `configure` before them if there is one.
#[macro_export]
macro_rules! export {
    (configure, $($name:ident),+ $(,)?) => {
        $crate::export_configure!(crate::configure());
        $($crate::export_answer!($name);)+
    };
    ($($name:ident),+ $(,)?) => {
        $crate::export_configure!(Ok(()));
        $($crate::export_answer!($name);)+
    };
}

/// The value of a setting. Panics when it is not set: let `configure` refuse that first.
pub fn setting(key: &str) -> &'static str {
    match find_setting(key) {
        Some(value) => value,
        None => panic!("no such setting"),
    }
}

/// The value of a setting, if the bundle or the container's metadata set it.
pub fn find_setting(key: &str) -> Option<&'static str> {
    abi::settings().iter().find(|each| &*each.first == key).map(|each| &*each.second)
}

/// The reason for `configure` to give when one of these is missing.
pub fn require_settings(keys: &[&str]) -> Result<(), String> {
    match keys.iter().find(|key| find_setting(key).is_none()) {
        Some(key) => Err(format!("the setting \"{key}\" is missing")),
        None => Ok(()),
    }
}

/// Renames what the path names: `/a/b` and `/a/b/` become `/a/b-suffix` and `/a/b-suffix/`.
/// A path without a name, empty or slashes only, stays as it is and meets the kernel's own error.
pub fn path_with_suffix(path: &[u8], suffix: &str) -> Vec<u8> {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    if end == 0 {
        return path.to_vec();
    }
    [&path[..end], suffix.as_bytes(), &path[end..]].concat()
}

/// For logs: what is not UTF-8 becomes U+FFFD, so two paths may read the same.
pub fn lossy_text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

impl Action {
    /// The same answer, but so much later. Only value, fail and continue can be late: others panic.
    pub fn after(self, milliseconds: u64) -> Action {
        let answer = match self {
            Action::Value(value) => Answer::Value(value),
            Action::Fail(errno) => Answer::Fail(errno),
            Action::Continue => Answer::Continue,
            Action::Delay(Late { milliseconds: before, answer }) => {
                let milliseconds = before.checked_add(milliseconds).expect("64 bits of milliseconds");
                return Action::Delay(Late { milliseconds, answer });
            }
            Action::Next | Action::Perform | Action::Descriptor(_) => {
                panic!("only value, fail and continue can be late")
            }
        };
        Action::Delay(Late { milliseconds, answer })
    }
}

/// Passes on what a capability said: 0, or its errno.
impl From<Result<(), Errno>> for Action {
    fn from(result: Result<(), Errno>) -> Action {
        match result {
            Ok(()) => Action::Value(0),
            Err(errno) => Action::Fail(errno),
        }
    }
}

impl From<Errno> for Action {
    fn from(errno: Errno) -> Action {
        Action::Fail(errno)
    }
}
