// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `arguments`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/arguments@0.1.0", "all")
export declare function all(result: usize): void;
