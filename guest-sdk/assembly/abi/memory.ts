// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `memory`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/memory@0.1.0", "size")
export declare function size(argument: u32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/memory@0.1.0", "read")
export declare function read(argument: u32, offset: u64, length: u32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/memory@0.1.0", "read-strings")
export declare function readStrings(argument: u32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/memory@0.1.0", "write")
export declare function write(
  argument: u32,
  offset: u64,
  bytes: usize,
  bytesLength: i32,
  result: usize,
): void;
