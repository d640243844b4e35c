// SPDX-License-Identifier: Apache-2.0
// Makes each directory under a name with a suffix.

#![no_std]
use seccompagent::{filesystem, path_with_suffix, require_settings, setting, Action, String};

seccompagent::export!(configure, mkdir);

fn configure() -> Result<(), String> {
    require_settings(&["suffix"])
}

fn mkdir(path: &[u8], mode: u32) -> Action {
    filesystem::mkdir(&path_with_suffix(path, setting("suffix")), mode).into()
}
