// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `descriptors`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/descriptors@0.1.0", "take")
export declare function take(fd: i32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/descriptors@0.1.0", "install")
export declare function install(descriptor: u32, closeOnExec: bool, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/descriptors@0.1.0", "replace")
export declare function replace(descriptor: u32, fd: i32, closeOnExec: bool, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/descriptors@0.1.0", "stat")
export declare function stat(descriptor: u32, result: usize): void;
