// SPDX-License-Identifier: Apache-2.0
// The imported functions of the interface `filesystem`, as the canonical ABI flattens them.

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "mkdir")
export declare function mkdir(path: usize, pathLength: i32, mode: u32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "mknod")
export declare function mknod(
  path: usize,
  pathLength: i32,
  mode: u32,
  major: u32,
  minor: u32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "open")
export declare function open(
  path: usize,
  pathLength: i32,
  openFlags: u64,
  mode: u32,
  resolve: u64,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "chmod")
export declare function chmod(
  path: usize,
  pathLength: i32,
  mode: u32,
  atFlags: u32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "chown")
export declare function chown(
  path: usize,
  pathLength: i32,
  uid: u32,
  gid: u32,
  atFlags: u32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "rename")
export declare function rename(
  path: usize,
  pathLength: i32,
  newPath: usize,
  newPathLength: i32,
  renameFlags: u32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "link")
export declare function link(
  path: usize,
  pathLength: i32,
  newPath: usize,
  newPathLength: i32,
  atFlags: u32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "symlink")
export declare function symlink(
  target: usize,
  targetLength: i32,
  path: usize,
  pathLength: i32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "unlink")
export declare function unlink(path: usize, pathLength: i32, atFlags: u32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "resolve")
export declare function resolve(path: usize, pathLength: i32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "resolve-new")
export declare function resolveNew(path: usize, pathLength: i32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "is-below")
export declare function isBelow(
  path: usize,
  pathLength: i32,
  folder: usize,
  folderLength: i32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "is-above")
export declare function isAbove(
  path: usize,
  pathLength: i32,
  folder: usize,
  folderLength: i32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "stat")
export declare function stat(path: usize, pathLength: i32, atFlags: u32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "read-link")
export declare function readLink(path: usize, pathLength: i32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "get-xattr")
export declare function getXattr(
  path: usize,
  pathLength: i32,
  atFlags: u32,
  name: usize,
  nameLength: i32,
  result: usize,
): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "set-xattr")
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
@external("seccompagent:handler/filesystem@0.1.0", "list-xattr")
export declare function listXattr(path: usize, pathLength: i32, atFlags: u32, result: usize): void;

// @ts-ignore: decorator
@external("seccompagent:handler/filesystem@0.1.0", "remove-xattr")
export declare function removeXattr(
  path: usize,
  pathLength: i32,
  atFlags: u32,
  name: usize,
  nameLength: i32,
  result: usize,
): void;
