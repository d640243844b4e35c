// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `state`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/state@0.1.0", "get")
export declare function get(key: usize, keyLength: i32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/state@0.1.0", "set")
export declare function set(
  key: usize,
  keyLength: i32,
  value: usize,
  valueLength: i32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/state@0.1.0", "remove")
export declare function remove(key: usize, keyLength: i32): bool;

// @ts-ignore: decorator
@external("seccompagent:handler/state@0.1.0", "add")
export declare function add(key: usize, keyLength: i32, amount: i64, result: usize): void;
