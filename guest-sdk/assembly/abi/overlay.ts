// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `overlay`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/overlay@0.1.0", "get-xattr")
export declare function getXattr(
  path: usize,
  pathLength: i32,
  atFlags: u32,
  name: usize,
  nameLength: i32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/overlay@0.1.0", "set-xattr")
export declare function setXattr(
  path: usize,
  pathLength: i32,
  atFlags: u32,
  name: usize,
  nameLength: i32,
  value: usize,
  valueLength: i32,
  xattrFlags: u32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/overlay@0.1.0", "list-xattr")
export declare function listXattr(path: usize, pathLength: i32, atFlags: u32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/overlay@0.1.0", "remove-xattr")
export declare function removeXattr(
  path: usize,
  pathLength: i32,
  atFlags: u32,
  name: usize,
  nameLength: i32,
  result: usize,
): void;
