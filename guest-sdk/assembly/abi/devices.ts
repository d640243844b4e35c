// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `devices`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/devices@0.1.0", "make")
export declare function make(
  path: usize,
  pathLength: i32,
  mode: u32,
  major: u32,
  minor: u32,
  result: usize,
): void;
