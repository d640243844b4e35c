// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `mounts`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/mounts@0.1.0", "mount")
export declare function mount(
  hasSource: bool,
  source: usize,
  sourceLength: i32,
  target: usize,
  targetLength: i32,
  hasFilesystemType: bool,
  filesystemType: usize,
  filesystemTypeLength: i32,
  flags: u64,
  hasData: bool,
  data: usize,
  dataLength: i32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/mounts@0.1.0", "unmount")
export declare function unmount(
  target: usize,
  targetLength: i32,
  unmountFlags: u32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/mounts@0.1.0", "unmount-sparing")
export declare function unmountSparing(
  target: usize,
  targetLength: i32,
  unmountFlags: u32,
  spared: usize,
  sparedLength: i32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/mounts@0.1.0", "set-attributes")
export declare function setAttributes(
  path: usize,
  pathLength: i32,
  isRecursive: bool,
  set: u64,
  clear: u64,
  hasIdmap: bool,
  idmap: u32,
  result: usize,
): void;
