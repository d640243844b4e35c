// SPDX-License-Identifier: Apache-2.0
// The contract of handlers in C: written from the WIT and the table of system calls by
// `npm run generate`. Include <seccompagent.h> instead of it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes that belong to somebody else. */
typedef struct {
  const uint8_t *data;
  size_t length;
} sca_bytes;

/** UTF-8 without a NUL at its end. */
typedef struct {
  const char *data;
  size_t length;
} sca_text;

/** A path as the kernel has it: bytes without a NUL, not text. */
typedef sca_bytes sca_path;

/** Every errno of Linux by name. Similar to errno(3). */
typedef enum : uint8_t {
  /** operation not permitted */
  SCA_EPERM,
  /** no such file or directory */
  SCA_ENOENT,
  /** no such process */
  SCA_ESRCH,
  /** interrupted system call */
  SCA_EINTR,
  /** i/o error */
  SCA_EIO,
  /** no such device or address */
  SCA_ENXIO,
  /** argument list too long */
  SCA_E2BIG,
  /** exec format error */
  SCA_ENOEXEC,
  /** bad file number */
  SCA_EBADF,
  /** no child processes */
  SCA_ECHILD,
  /** try again */
  SCA_EAGAIN,
  /** out of memory */
  SCA_ENOMEM,
  /** permission denied */
  SCA_EACCES,
  /** bad address */
  SCA_EFAULT,
  /** block device required */
  SCA_ENOTBLK,
  /** device or resource busy */
  SCA_EBUSY,
  /** file exists */
  SCA_EEXIST,
  /** cross-device link */
  SCA_EXDEV,
  /** no such device */
  SCA_ENODEV,
  /** not a directory */
  SCA_ENOTDIR,
  /** is a directory */
  SCA_EISDIR,
  /** invalid argument */
  SCA_EINVAL,
  /** file table overflow */
  SCA_ENFILE,
  /** too many open files */
  SCA_EMFILE,
  /** not a typewriter */
  SCA_ENOTTY,
  /** text file busy */
  SCA_ETXTBSY,
  /** file too large */
  SCA_EFBIG,
  /** no space left on device */
  SCA_ENOSPC,
  /** illegal seek */
  SCA_ESPIPE,
  /** read-only file system */
  SCA_EROFS,
  /** too many links */
  SCA_EMLINK,
  /** broken pipe */
  SCA_EPIPE,
  /** math argument out of domain of func */
  SCA_EDOM,
  /** math result not representable */
  SCA_ERANGE,
  /** resource deadlock would occur */
  SCA_EDEADLK,
  /** file name too long */
  SCA_ENAMETOOLONG,
  /** no record locks available */
  SCA_ENOLCK,
  /** invalid system call number */
  SCA_ENOSYS,
  /** directory not empty */
  SCA_ENOTEMPTY,
  /** too many symbolic links encountered */
  SCA_ELOOP,
  /** no message of desired type */
  SCA_ENOMSG,
  /** identifier removed */
  SCA_EIDRM,
  /** channel number out of range */
  SCA_ECHRNG,
  /** level 2 not synchronized */
  SCA_EL2NSYNC,
  /** level 3 halted */
  SCA_EL3HLT,
  /** level 3 reset */
  SCA_EL3RST,
  /** link number out of range */
  SCA_ELNRNG,
  /** protocol driver not attached */
  SCA_EUNATCH,
  /** no csi structure available */
  SCA_ENOCSI,
  /** level 2 halted */
  SCA_EL2HLT,
  /** invalid exchange */
  SCA_EBADE,
  /** invalid request descriptor */
  SCA_EBADR,
  /** exchange full */
  SCA_EXFULL,
  /** no anode */
  SCA_ENOANO,
  /** invalid request code */
  SCA_EBADRQC,
  /** invalid slot */
  SCA_EBADSLT,
  /** bad font file format */
  SCA_EBFONT,
  /** device not a stream */
  SCA_ENOSTR,
  /** no data available */
  SCA_ENODATA,
  /** timer expired */
  SCA_ETIME,
  /** out of streams resources */
  SCA_ENOSR,
  /** machine is not on the network */
  SCA_ENONET,
  /** package not installed */
  SCA_ENOPKG,
  /** object is remote */
  SCA_EREMOTE,
  /** link has been severed */
  SCA_ENOLINK,
  /** advertise error */
  SCA_EADV,
  /** srmount error */
  SCA_ESRMNT,
  /** communication error on send */
  SCA_ECOMM,
  /** protocol error */
  SCA_EPROTO,
  /** multihop attempted */
  SCA_EMULTIHOP,
  /** rfs specific error */
  SCA_EDOTDOT,
  /** not a data message */
  SCA_EBADMSG,
  /** value too large for defined data type */
  SCA_EOVERFLOW,
  /** name not unique on network */
  SCA_ENOTUNIQ,
  /** file descriptor in bad state */
  SCA_EBADFD,
  /** remote address changed */
  SCA_EREMCHG,
  /** can not access a needed shared library */
  SCA_ELIBACC,
  /** accessing a corrupted shared library */
  SCA_ELIBBAD,
  /** .lib section in a.out corrupted */
  SCA_ELIBSCN,
  /** attempting to link in too many shared libraries */
  SCA_ELIBMAX,
  /** cannot exec a shared library directly */
  SCA_ELIBEXEC,
  /** illegal byte sequence */
  SCA_EILSEQ,
  /** interrupted system call should be restarted */
  SCA_ERESTART,
  /** streams pipe error */
  SCA_ESTRPIPE,
  /** too many users */
  SCA_EUSERS,
  /** socket operation on non-socket */
  SCA_ENOTSOCK,
  /** destination address required */
  SCA_EDESTADDRREQ,
  /** message too long */
  SCA_EMSGSIZE,
  /** protocol wrong type for socket */
  SCA_EPROTOTYPE,
  /** protocol not available */
  SCA_ENOPROTOOPT,
  /** protocol not supported */
  SCA_EPROTONOSUPPORT,
  /** socket type not supported */
  SCA_ESOCKTNOSUPPORT,
  /** operation not supported on transport endpoint */
  SCA_EOPNOTSUPP,
  /** protocol family not supported */
  SCA_EPFNOSUPPORT,
  /** address family not supported by protocol */
  SCA_EAFNOSUPPORT,
  /** address already in use */
  SCA_EADDRINUSE,
  /** cannot assign requested address */
  SCA_EADDRNOTAVAIL,
  /** network is down */
  SCA_ENETDOWN,
  /** network is unreachable */
  SCA_ENETUNREACH,
  /** network dropped connection because of reset */
  SCA_ENETRESET,
  /** software caused connection abort */
  SCA_ECONNABORTED,
  /** connection reset by peer */
  SCA_ECONNRESET,
  /** no buffer space available */
  SCA_ENOBUFS,
  /** transport endpoint is already connected */
  SCA_EISCONN,
  /** transport endpoint is not connected */
  SCA_ENOTCONN,
  /** cannot send after transport endpoint shutdown */
  SCA_ESHUTDOWN,
  /** too many references: cannot splice */
  SCA_ETOOMANYREFS,
  /** connection timed out */
  SCA_ETIMEDOUT,
  /** connection refused */
  SCA_ECONNREFUSED,
  /** host is down */
  SCA_EHOSTDOWN,
  /** no route to host */
  SCA_EHOSTUNREACH,
  /** operation already in progress */
  SCA_EALREADY,
  /** operation now in progress */
  SCA_EINPROGRESS,
  /** stale file handle */
  SCA_ESTALE,
  /** structure needs cleaning */
  SCA_EUCLEAN,
  /** not a xenix named type file */
  SCA_ENOTNAM,
  /** no xenix semaphores available */
  SCA_ENAVAIL,
  /** is a named type file */
  SCA_EISNAM,
  /** remote i/o error */
  SCA_EREMOTEIO,
  /** quota exceeded */
  SCA_EDQUOT,
  /** no medium found */
  SCA_ENOMEDIUM,
  /** wrong medium type */
  SCA_EMEDIUMTYPE,
  /** operation canceled */
  SCA_ECANCELED,
  /** required key not available */
  SCA_ENOKEY,
  /** key has expired */
  SCA_EKEYEXPIRED,
  /** key has been revoked */
  SCA_EKEYREVOKED,
  /** key was rejected by service */
  SCA_EKEYREJECTED,
  /** owner died */
  SCA_EOWNERDEAD,
  /** state not recoverable */
  SCA_ENOTRECOVERABLE,
  /** operation not possible due to rf-kill */
  SCA_ERFKILL,
  /** memory page has hardware error */
  SCA_EHWPOISON,
} sca_errno;
_Static_assert(sizeof(sca_errno) == 1, "canonical ABI");
_Static_assert(_Alignof(sca_errno) == 1, "canonical ABI");

/** A device's numbers. Similar to makedev(3). */
typedef struct {
  uint32_t major;
  uint32_t minor;
} sca_device;
_Static_assert(offsetof(sca_device, major) == 0, "canonical ABI");
_Static_assert(offsetof(sca_device, minor) == 4, "canonical ABI");
_Static_assert(sizeof(sca_device) == 8, "canonical ABI");
_Static_assert(_Alignof(sca_device) == 4, "canonical ABI");

/** Status of a file. */
typedef struct {
  /** the device that holds it */
  sca_device holder;
  uint64_t inode;
  /** its type and permissions */
  uint32_t mode;
  uint64_t links;
  /**
   * in the host's user namespace, as the caller's credentials are; 0xffffffff: it has no number
   * in the caller's, or the one that all have there that have none (65534)
   */
  uint32_t uid;
  /** the same of its group */
  uint32_t gid;
  /** the device that it stands for, where it is one */
  sca_device device;
  uint64_t size;
  /** in units of 512 bytes */
  uint64_t blocks;
  /** nanoseconds since 1970 */
  int64_t accessed;
  /** nanoseconds since 1970 */
  int64_t modified;
  /** nanoseconds since 1970 */
  int64_t changed;
  /** `ST_NODEV` and others of statvfs(3): how the file system is mounted */
  uint64_t mount_flags;
} sca_file_status;
_Static_assert(offsetof(sca_file_status, holder) == 0, "canonical ABI");
_Static_assert(offsetof(sca_file_status, inode) == 8, "canonical ABI");
_Static_assert(offsetof(sca_file_status, mode) == 16, "canonical ABI");
_Static_assert(offsetof(sca_file_status, links) == 24, "canonical ABI");
_Static_assert(offsetof(sca_file_status, uid) == 32, "canonical ABI");
_Static_assert(offsetof(sca_file_status, gid) == 36, "canonical ABI");
_Static_assert(offsetof(sca_file_status, device) == 40, "canonical ABI");
_Static_assert(offsetof(sca_file_status, size) == 48, "canonical ABI");
_Static_assert(offsetof(sca_file_status, blocks) == 56, "canonical ABI");
_Static_assert(offsetof(sca_file_status, accessed) == 64, "canonical ABI");
_Static_assert(offsetof(sca_file_status, modified) == 72, "canonical ABI");
_Static_assert(offsetof(sca_file_status, changed) == 80, "canonical ABI");
_Static_assert(offsetof(sca_file_status, mount_flags) == 88, "canonical ABI");
_Static_assert(sizeof(sca_file_status) == 96, "canonical ABI");
_Static_assert(_Alignof(sca_file_status) == 8, "canonical ABI");

/** What a path of the call leads to, found once. It counts for this call alone. */
typedef struct {
  /**
   * from the container's root, without symbolic links, `.` and `..`. Empty: it has no name any
   * more, or never had one; or a pipe or device is opened that the root does not lead to
   */
  sca_path path;
  /** whether something is there by that name */
  bool exists;
  /** whether it is where something is mounted */
  bool is_mount_point;
  /** the mount that it is in, or that of its folder: a number that no other mount has */
  uint64_t mount;
  /** all numbers are 0 where nothing is there */
  sca_file_status status;
} sca_located;
_Static_assert(offsetof(sca_located, path) == 0, "canonical ABI");
_Static_assert(offsetof(sca_located, exists) == 8, "canonical ABI");
_Static_assert(offsetof(sca_located, is_mount_point) == 9, "canonical ABI");
_Static_assert(offsetof(sca_located, mount) == 16, "canonical ABI");
_Static_assert(offsetof(sca_located, status) == 24, "canonical ABI");
_Static_assert(sizeof(sca_located) == 120, "canonical ABI");
_Static_assert(_Alignof(sca_located) == 8, "canonical ABI");

/**
 * A descriptor that the host holds for the call being answered: an index that means nothing
 * to the caller, and nothing at all once the call is answered.
 */
typedef uint32_t sca_descriptor;

/** Which call of the mount API that works on descriptors, see fsopen(2) and those it names. */
typedef enum : uint8_t {
  SCA_MOUNT_OPERATION_FSOPEN,
  SCA_MOUNT_OPERATION_FSCONFIG,
  SCA_MOUNT_OPERATION_FSMOUNT,
  SCA_MOUNT_OPERATION_FSPICK,
  SCA_MOUNT_OPERATION_MOVE_MOUNT,
  SCA_MOUNT_OPERATION_OPEN_TREE,
  SCA_MOUNT_OPERATION_OPEN_TREE_ATTR,
  SCA_MOUNT_OPERATION_MOUNT_SETATTR,
} sca_mount_operation;
_Static_assert(sizeof(sca_mount_operation) == 1, "canonical ABI");
_Static_assert(_Alignof(sca_mount_operation) == 1, "canonical ABI");

/** change of a time of a file */
typedef enum : uint8_t {
  /** it gets the seconds and nanoseconds that are given */
  SCA_TIME_CHANGE_SET,
  /** it gets the time at which the call is made: UTIME_NOW */
  SCA_TIME_CHANGE_NOW,
  /** it stays: UTIME_OMIT */
  SCA_TIME_CHANGE_OMIT,
} sca_time_change;
_Static_assert(sizeof(sca_time_change) == 1, "canonical ABI");
_Static_assert(_Alignof(sca_time_change) == 1, "canonical ABI");

/** a time that a file gets, as in utimensat(2) */
typedef struct {
  sca_time_change change;
  /** since 1970; 0 unless the time is set */
  int64_t seconds;
  /** 1,000,000,000 and more are EINVAL; 0 unless the time is set */
  uint32_t nanoseconds;
} sca_new_time;
_Static_assert(offsetof(sca_new_time, change) == 0, "canonical ABI");
_Static_assert(offsetof(sca_new_time, seconds) == 8, "canonical ABI");
_Static_assert(offsetof(sca_new_time, nanoseconds) == 16, "canonical ABI");
_Static_assert(sizeof(sca_new_time) == 24, "canonical ABI");
_Static_assert(_Alignof(sca_new_time) == 8, "canonical ABI");

/** both times of a call */
typedef struct {
  sca_new_time accessed;
  sca_new_time modified;
} sca_new_times;
_Static_assert(offsetof(sca_new_times, accessed) == 0, "canonical ABI");
_Static_assert(offsetof(sca_new_times, modified) == 24, "canonical ABI");
_Static_assert(sizeof(sca_new_times) == 48, "canonical ABI");
_Static_assert(_Alignof(sca_new_times) == 8, "canonical ABI");

/** A call as the export `any` gets it. */
typedef struct {
  /** the kernel's name of the syscall, as in syscalls(2) */
  sca_text syscall;
  /** the family it belongs to: the name of the export that answers it */
  sca_text family;
  /** the six argument registers as they came */
  uint64_t registers[6];
} sca_call;
_Static_assert(offsetof(sca_call, syscall) == 0, "canonical ABI");
_Static_assert(offsetof(sca_call, family) == 8, "canonical ABI");
_Static_assert(offsetof(sca_call, registers) == 16, "canonical ABI");
_Static_assert(sizeof(sca_call) == 64, "canonical ABI");
_Static_assert(_Alignof(sca_call) == 8, "canonical ABI");

/** The cases of sca_answer. */
typedef enum : uint8_t {
  /** the call returns this; -4095 to -1 is refused */
  SCA_ANSWER_KIND_VALUE,
  /** the call fails */
  SCA_ANSWER_KIND_FAIL,
  /**
   * the kernel judges the call itself, reading the caller's memory again:
   * never the answer of a handler that refuses by what a pointer says
   */
  SCA_ANSWER_KIND_CONTINUE,
} sca_answer_kind;

/** An answer to the kernel. */
typedef struct {
  sca_answer_kind kind;
  union {
    int64_t value;
    sca_errno fail;
  };
} sca_answer;
_Static_assert(sizeof(sca_answer) == 16, "canonical ABI");
_Static_assert(_Alignof(sca_answer) == 8, "canonical ABI");

/** An answer for later. */
typedef struct {
  /** how long the caller waits; more than a day is refused */
  uint64_t milliseconds;
  /** the answer after that time */
  sca_answer answer;
} sca_late;
_Static_assert(offsetof(sca_late, milliseconds) == 0, "canonical ABI");
_Static_assert(offsetof(sca_late, answer) == 8, "canonical ABI");
_Static_assert(sizeof(sca_late) == 24, "canonical ABI");
_Static_assert(_Alignof(sca_late) == 8, "canonical ABI");

/** A descriptor for the caller. */
typedef struct {
  sca_descriptor descriptor;
  /** whether execve(2) closes it */
  bool close_on_exec;
} sca_given;
_Static_assert(offsetof(sca_given, descriptor) == 0, "canonical ABI");
_Static_assert(offsetof(sca_given, close_on_exec) == 4, "canonical ABI");
_Static_assert(sizeof(sca_given) == 8, "canonical ABI");
_Static_assert(_Alignof(sca_given) == 4, "canonical ABI");

/** The cases of sca_action. */
typedef enum : uint8_t {
  /** as in `answer` */
  SCA_ACTION_KIND_VALUE,
  /** as in `answer` */
  SCA_ACTION_KIND_FAIL,
  /** as in `answer` */
  SCA_ACTION_KIND_CONTINUE,
  /** no opinion: the next handler of the chain is asked */
  SCA_ACTION_KIND_NEXT,
  /** this answer later; no handler runs meanwhile, and others are not kept waiting */
  SCA_ACTION_KIND_DELAY,
  /**
   * the host does the call as it was decoded, as the caller and with the caller's power;
   * refused for what the host cannot do so
   */
  SCA_ACTION_KIND_PERFORM,
  /**
   * the caller gets a copy of this descriptor, and the call returns its number there; `emfile`
   * if it may have no more, and what opening it has made or emptied stays so
   */
  SCA_ACTION_KIND_DESCRIPTOR,
} sca_action_kind;

/** A decision of a handler on a call. */
typedef struct {
  sca_action_kind kind;
  union {
    int64_t value;
    sca_errno fail;
    sca_late delay;
    sca_given descriptor;
  };
} sca_action;
_Static_assert(sizeof(sca_action) == 32, "canonical ABI");
_Static_assert(_Alignof(sca_action) == 8, "canonical ABI");

/** The cases of sca_arguments_value. */
typedef enum : uint8_t {
  /** an integer by its C type: signed types are sign-extended */
  SCA_ARGUMENTS_VALUE_KIND_INTEGER,
  /** the bytes behind a pointer: a string has lost its NUL */
  SCA_ARGUMENTS_VALUE_KIND_BYTES,
  /** a NULL pointer */
  SCA_ARGUMENTS_VALUE_KIND_NULL,
  /** a pointer that could not be followed, with the errno that the kernel would give */
  SCA_ARGUMENTS_VALUE_KIND_FAULT,
  /** a pointer that is not followed here: for a result, or to what the agent does not decode */
  SCA_ARGUMENTS_VALUE_KIND_UNREAD,
} sca_arguments_value_kind;

/** The value of an argument. */
typedef struct {
  sca_arguments_value_kind kind;
  union {
    int64_t integer;
    sca_bytes bytes;
    sca_errno fault;
  };
} sca_arguments_value;
_Static_assert(sizeof(sca_arguments_value) == 16, "canonical ABI");
_Static_assert(_Alignof(sca_arguments_value) == 8, "canonical ABI");

/** Similar to a parameter in the syscall's manual page. */
typedef struct {
  sca_text name;
  sca_arguments_value value;
} sca_arguments_argument;
_Static_assert(offsetof(sca_arguments_argument, name) == 0, "canonical ABI");
_Static_assert(offsetof(sca_arguments_argument, value) == 8, "canonical ABI");
_Static_assert(sizeof(sca_arguments_argument) == 24, "canonical ABI");
_Static_assert(_Alignof(sca_arguments_argument) == 8, "canonical ABI");

/** Similar to the ids of credentials(7). */
typedef struct {
  uint32_t real;
  uint32_t effective;
  uint32_t saved;
  uint32_t filesystem;
} sca_caller_ids;
_Static_assert(offsetof(sca_caller_ids, real) == 0, "canonical ABI");
_Static_assert(offsetof(sca_caller_ids, effective) == 4, "canonical ABI");
_Static_assert(offsetof(sca_caller_ids, saved) == 8, "canonical ABI");
_Static_assert(offsetof(sca_caller_ids, filesystem) == 12, "canonical ABI");
_Static_assert(sizeof(sca_caller_ids) == 16, "canonical ABI");
_Static_assert(_Alignof(sca_caller_ids) == 4, "canonical ABI");

/** Sets of Linux capabilities, a bit for each. Similar to capabilities(7). */
typedef struct {
  uint64_t inheritable;
  uint64_t permitted;
  uint64_t effective;
  uint64_t bounding;
  uint64_t ambient;
} sca_caller_linux_capabilities;
_Static_assert(offsetof(sca_caller_linux_capabilities, inheritable) == 0, "canonical ABI");
_Static_assert(offsetof(sca_caller_linux_capabilities, permitted) == 8, "canonical ABI");
_Static_assert(offsetof(sca_caller_linux_capabilities, effective) == 16, "canonical ABI");
_Static_assert(offsetof(sca_caller_linux_capabilities, bounding) == 24, "canonical ABI");
_Static_assert(offsetof(sca_caller_linux_capabilities, ambient) == 32, "canonical ABI");
_Static_assert(sizeof(sca_caller_linux_capabilities) == 40, "canonical ABI");
_Static_assert(_Alignof(sca_caller_linux_capabilities) == 8, "canonical ABI");

typedef struct {
  const uint32_t *data;
  size_t length;
} sca_uint32_list;
_Static_assert(sizeof(sca_uint32_list) == 8, "canonical ABI");
_Static_assert(_Alignof(sca_uint32_list) == 4, "canonical ABI");

/** Ids are those of the host's user namespace. */
typedef struct {
  sca_caller_ids uid;
  sca_caller_ids gid;
  sca_uint32_list groups;
  uint32_t umask;
  bool no_new_privileges;
  sca_caller_linux_capabilities capabilities;
} sca_caller_credentials;
_Static_assert(offsetof(sca_caller_credentials, uid) == 0, "canonical ABI");
_Static_assert(offsetof(sca_caller_credentials, gid) == 16, "canonical ABI");
_Static_assert(offsetof(sca_caller_credentials, groups) == 32, "canonical ABI");
_Static_assert(offsetof(sca_caller_credentials, umask) == 40, "canonical ABI");
_Static_assert(offsetof(sca_caller_credentials, no_new_privileges) == 44, "canonical ABI");
_Static_assert(offsetof(sca_caller_credentials, capabilities) == 48, "canonical ABI");
_Static_assert(sizeof(sca_caller_credentials) == 88, "canonical ABI");
_Static_assert(_Alignof(sca_caller_credentials) == 8, "canonical ABI");

/** Which user namespace. */
typedef enum : uint8_t {
  /** the caller's */
  SCA_CALLER_USER_NAMESPACE_OF_CALLER,
  /** the one that owns the caller's mount namespace */
  SCA_CALLER_USER_NAMESPACE_OF_MOUNTS,
  /** the host's */
  SCA_CALLER_USER_NAMESPACE_OF_HOST,
  /**
   * the one in which the runtime has made the container, as the host's root; nobody has anything
   * in one that another user has made. `esrch`: nobody knows the container's first process.
   */
  SCA_CALLER_USER_NAMESPACE_OF_CONTAINER,
} sca_caller_user_namespace;
_Static_assert(sizeof(sca_caller_user_namespace) == 1, "canonical ABI");
_Static_assert(_Alignof(sca_caller_user_namespace) == 1, "canonical ABI");

/** The process that makes the call. */
typedef struct {
  /** milliseconds since it began */
  uint64_t age;
  /** whether it is the container's first one; not where nobody knows that one */
  bool is_first;
} sca_caller_process;
_Static_assert(offsetof(sca_caller_process, age) == 0, "canonical ABI");
_Static_assert(offsetof(sca_caller_process, is_first) == 8, "canonical ABI");
_Static_assert(sizeof(sca_caller_process) == 16, "canonical ABI");
_Static_assert(_Alignof(sca_caller_process) == 8, "canonical ABI");

/** The resources of the container. Amounts are bytes; without a limit they are the machine's. */
typedef struct {
  /** seconds since its first process began */
  uint64_t uptime;
  /** the machine's, over 1, 5 and 15 minutes, in parts of 65536 */
  uint64_t loads[3];
  /** limit of its cgroup and those above it */
  uint64_t memory;
  uint64_t memory_free;
  uint64_t memory_shared;
  uint64_t swap;
  uint64_t swap_free;
  uint64_t processes;
} sca_container_resources;
_Static_assert(offsetof(sca_container_resources, uptime) == 0, "canonical ABI");
_Static_assert(offsetof(sca_container_resources, loads) == 8, "canonical ABI");
_Static_assert(offsetof(sca_container_resources, memory) == 32, "canonical ABI");
_Static_assert(offsetof(sca_container_resources, memory_free) == 40, "canonical ABI");
_Static_assert(offsetof(sca_container_resources, memory_shared) == 48, "canonical ABI");
_Static_assert(offsetof(sca_container_resources, swap) == 56, "canonical ABI");
_Static_assert(offsetof(sca_container_resources, swap_free) == 64, "canonical ABI");
_Static_assert(offsetof(sca_container_resources, processes) == 72, "canonical ABI");
_Static_assert(sizeof(sca_container_resources) == 80, "canonical ABI");
_Static_assert(_Alignof(sca_container_resources) == 8, "canonical ABI");

/** Similar to the levels of syslog(3). */
typedef enum : uint8_t {
  SCA_LOG_LEVEL_DEBUG,
  SCA_LOG_LEVEL_INFO,
  SCA_LOG_LEVEL_WARN,
  SCA_LOG_LEVEL_ERROR,
} sca_log_level;
_Static_assert(sizeof(sca_log_level) == 1, "canonical ABI");
_Static_assert(_Alignof(sca_log_level) == 1, "canonical ABI");

typedef struct {
  const sca_bytes *data;
  size_t length;
} sca_bytes_list;
_Static_assert(sizeof(sca_bytes_list) == 8, "canonical ABI");
_Static_assert(_Alignof(sca_bytes_list) == 4, "canonical ABI");

/** Strings behind a list of pointers. */
typedef struct {
  /** without their NUL */
  sca_bytes_list items;
  /** whether strings are missing, or the ends of some */
  bool truncated;
} sca_memory_string_list;
_Static_assert(offsetof(sca_memory_string_list, items) == 0, "canonical ABI");
_Static_assert(offsetof(sca_memory_string_list, truncated) == 8, "canonical ABI");
_Static_assert(sizeof(sca_memory_string_list) == 12, "canonical ABI");
_Static_assert(_Alignof(sca_memory_string_list) == 4, "canonical ABI");

// The decoded arguments of the call being answered, for handlers that export `any`.
// Importing it is what makes the agent read the caller's memory for such a handler;
// it needs no grant.

typedef struct {
  const sca_arguments_argument *data;
  size_t length;
} sca_arguments_argument_list;
_Static_assert(sizeof(sca_arguments_argument_list) == 8, "canonical ABI");
_Static_assert(_Alignof(sca_arguments_argument_list) == 4, "canonical ABI");

__attribute__((import_module("seccompagent:handler/arguments@0.1.0"), import_name("all")))
void sca_import_arguments_all(sca_arguments_argument_list *result);
/**
 * All arguments in the syscall's order; empty for a syscall that the agent does not decode.
 * Similar to the arguments in a line of strace(1).
 */
static inline sca_arguments_argument_list sca_arguments_all(void) {
  sca_arguments_argument_list result;
  sca_import_arguments_all(&result);
  return result;
}

// Capability: who makes the call.

typedef struct {
  bool is_error;
  union {
    sca_caller_process value;
    sca_errno error;
  };
} sca_caller_process_result;
_Static_assert(sizeof(sca_caller_process_result) == 24, "canonical ABI");
_Static_assert(_Alignof(sca_caller_process_result) == 8, "canonical ABI");

__attribute__((import_module("seccompagent:handler/caller@0.1.0"), import_name("get-process")))
void sca_import_caller_get_process(sca_caller_process_result *result);
/** Similar to proc_pid_stat(5). */
static inline sca_caller_process_result sca_caller_get_process(void) {
  sca_caller_process_result result;
  sca_import_caller_get_process(&result);
  return result;
}

typedef struct {
  bool is_error;
  union {
    sca_caller_credentials value;
    sca_errno error;
  };
} sca_caller_credentials_result;
_Static_assert(sizeof(sca_caller_credentials_result) == 96, "canonical ABI");
_Static_assert(_Alignof(sca_caller_credentials_result) == 8, "canonical ABI");

__attribute__((import_module("seccompagent:handler/caller@0.1.0"), import_name("get-credentials")))
void sca_import_caller_get_credentials(sca_caller_credentials_result *result);
/** Similar to credentials(7). */
static inline sca_caller_credentials_result sca_caller_get_credentials(void) {
  sca_caller_credentials_result result;
  sca_import_caller_get_credentials(&result);
  return result;
}

typedef struct {
  bool is_error;
  union {
    sca_bytes value;
    sca_errno error;
  };
} sca_bytes_result;
_Static_assert(sizeof(sca_bytes_result) == 12, "canonical ABI");
_Static_assert(_Alignof(sca_bytes_result) == 4, "canonical ABI");

__attribute__((import_module("seccompagent:handler/caller@0.1.0"), import_name("comm")))
void sca_import_caller_comm(sca_bytes_result *result);
/**
 * The name of the calling thread, at most 15 bytes. The caller chooses it.
 * Similar to PR_GET_NAME of prctl(2).
 */
static inline sca_bytes_result sca_caller_comm(void) {
  sca_bytes_result result;
  sca_import_caller_comm(&result);
  return result;
}

typedef struct {
  bool is_error;
  union {
    bool value;
    sca_errno error;
  };
} sca_bool_result;
_Static_assert(sizeof(sca_bool_result) == 2, "canonical ABI");
_Static_assert(_Alignof(sca_bool_result) == 1, "canonical ABI");

__attribute__((import_module("seccompagent:handler/caller@0.1.0"), import_name("has-capability")))
void sca_import_caller_has_capability(uint32_t capability, uint32_t where, sca_bool_result *result);
/**
 * Whether the caller has a Linux capability (its number) in a user namespace.
 * Similar to the kernel's own checks, see capabilities(7).
 */
static inline sca_bool_result sca_caller_has_capability(
    uint32_t capability,
    sca_caller_user_namespace where) {
  sca_bool_result result;
  sca_import_caller_has_capability(capability, where, &result);
  return result;
}

// Capability: what time it is.

__attribute__((import_module("seccompagent:handler/clock@0.1.0"), import_name("monotonic")))
uint64_t sca_import_clock_monotonic(void);
/** Nanoseconds since some moment; never goes back. Similar to CLOCK_MONOTONIC of clock_gettime(2). */
static inline uint64_t sca_clock_monotonic(void) {
  return sca_import_clock_monotonic();
}

__attribute__((import_module("seccompagent:handler/clock@0.1.0"), import_name("wall")))
int64_t sca_import_clock_wall(void);
/**
 * Nanoseconds since 1970, exact to the millisecond; set back and forth as the machine's clock is.
 * Similar to CLOCK_REALTIME of clock_gettime(2).
 */
static inline int64_t sca_clock_wall(void) {
  return sca_import_clock_wall();
}

// Capability: the container that the caller is in.

__attribute__((import_module("seccompagent:handler/container@0.1.0"), import_name("id")))
void sca_import_container_id(sca_text *result);
/** As the runtime named it. */
static inline sca_text sca_container_id(void) {
  sca_text result;
  sca_import_container_id(&result);
  return result;
}

typedef struct {
  sca_text first;
  sca_text second;
} sca_text_pair;
_Static_assert(sizeof(sca_text_pair) == 16, "canonical ABI");
_Static_assert(_Alignof(sca_text_pair) == 4, "canonical ABI");

typedef struct {
  const sca_text_pair *data;
  size_t length;
} sca_text_pair_list;
_Static_assert(sizeof(sca_text_pair_list) == 8, "canonical ABI");
_Static_assert(_Alignof(sca_text_pair_list) == 4, "canonical ABI");

__attribute__((import_module("seccompagent:handler/container@0.1.0"), import_name("annotations")))
void sca_import_container_annotations(sca_text_pair_list *result);
/** Keys and values that the runtime sent along, see the OCI runtime specification. */
static inline sca_text_pair_list sca_container_annotations(void) {
  sca_text_pair_list result;
  sca_import_container_annotations(&result);
  return result;
}

typedef struct {
  bool is_error;
  union {
    sca_container_resources value;
    sca_errno error;
  };
} sca_container_resources_result;
_Static_assert(sizeof(sca_container_resources_result) == 88, "canonical ABI");
_Static_assert(_Alignof(sca_container_resources_result) == 8, "canonical ABI");

__attribute__((import_module("seccompagent:handler/container@0.1.0"), import_name("get-resources")))
void sca_import_container_get_resources(sca_container_resources_result *result);
/** `esrch`: nobody knows its first process. Similar to sysinfo(2), and to cgroups(7). */
static inline sca_container_resources_result sca_container_get_resources(void) {
  sca_container_resources_result result;
  sca_import_container_get_resources(&result);
  return result;
}

typedef struct {
  bool is_error;
  /** Valid only where there is one. */
  sca_errno error;
} sca_result;
_Static_assert(sizeof(sca_result) == 2, "canonical ABI");
_Static_assert(_Alignof(sca_result) == 1, "canonical ABI");

__attribute__((import_module("seccompagent:handler/container@0.1.0"), import_name("kill")))
void sca_import_container_kill(sca_result *result);
/**
 * Kills all of it. `esrch`: nobody knows its first process. `eperm`: only that one was killed,
 * since nobody can tell the others from those of others. Similar to kill(2).
 */
static inline sca_result sca_container_kill(void) {
  sca_result result;
  sca_import_container_kill(&result);
  return result;
}

__attribute__((import_module("seccompagent:handler/container@0.1.0"), import_name("freeze")))
void sca_import_container_freeze(sca_result *result);
/** Stops all of its processes until `thaw`. Similar to cgroup.freeze of cgroups(7). */
static inline sca_result sca_container_freeze(void) {
  sca_result result;
  sca_import_container_freeze(&result);
  return result;
}

__attribute__((import_module("seccompagent:handler/container@0.1.0"), import_name("thaw")))
void sca_import_container_thaw(sca_result *result);
/** Lets its processes go on. Similar to cgroup.freeze of cgroups(7). */
static inline sca_result sca_container_thaw(void) {
  sca_result result;
  sca_import_container_thaw(&result);
  return result;
}

// Capability: descriptors of the caller, and such as the host holds for the call being
// answered. All that it holds are closed when the call is answered.

typedef struct {
  bool is_error;
  union {
    sca_descriptor value;
    sca_errno error;
  };
} sca_descriptor_result;
_Static_assert(sizeof(sca_descriptor_result) == 8, "canonical ABI");
_Static_assert(_Alignof(sca_descriptor_result) == 4, "canonical ABI");

__attribute__((import_module("seccompagent:handler/descriptors@0.1.0"), import_name("take")))
void sca_import_descriptors_take(int32_t fd, sca_descriptor_result *result);
/** A copy of what the caller has open under this number. Similar to pidfd_getfd(2). */
static inline sca_descriptor_result sca_descriptors_take(int32_t fd) {
  sca_descriptor_result result;
  sca_import_descriptors_take(fd, &result);
  return result;
}

typedef struct {
  bool is_error;
  union {
    int32_t value;
    sca_errno error;
  };
} sca_int32_result;
_Static_assert(sizeof(sca_int32_result) == 8, "canonical ABI");
_Static_assert(_Alignof(sca_int32_result) == 4, "canonical ABI");

__attribute__((import_module("seccompagent:handler/descriptors@0.1.0"), import_name("install")))
void sca_import_descriptors_install(
    uint32_t descriptor,
    bool close_on_exec,
    sca_int32_result *result);
/**
 * Gives the caller a copy; the number that it has there. To make it the call's result, answer
 * with the action `descriptor` instead. Similar to dup(2).
 */
static inline sca_int32_result sca_descriptors_install(
    sca_descriptor descriptor,
    bool close_on_exec) {
  sca_int32_result result;
  sca_import_descriptors_install(descriptor, close_on_exec, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/descriptors@0.1.0"), import_name("replace")))
void sca_import_descriptors_replace(
    uint32_t descriptor,
    int32_t fd,
    bool close_on_exec,
    sca_result *result);
/**
 * Gives the caller a copy under this number, in place of what it has there.
 * Similar to dup3(2).
 */
static inline sca_result sca_descriptors_replace(
    sca_descriptor descriptor,
    int32_t fd,
    bool close_on_exec) {
  sca_result result;
  sca_import_descriptors_replace(descriptor, fd, close_on_exec, &result);
  return result;
}

typedef struct {
  bool is_error;
  union {
    sca_file_status value;
    sca_errno error;
  };
} sca_file_status_result;
_Static_assert(sizeof(sca_file_status_result) == 104, "canonical ABI");
_Static_assert(_Alignof(sca_file_status_result) == 8, "canonical ABI");

__attribute__((import_module("seccompagent:handler/descriptors@0.1.0"), import_name("stat")))
void sca_import_descriptors_stat(uint32_t descriptor, sca_file_status_result *result);
/** The status of the open file. Similar to fstat(2). */
static inline sca_file_status_result sca_descriptors_stat(sca_descriptor descriptor) {
  sca_file_status_result result;
  sca_import_descriptors_stat(descriptor, &result);
  return result;
}

// Capability: device nodes that do nobody any harm: null, zero, full, random, urandom, tty,
// fuse and net/tun, and the console for the host's root.

__attribute__((import_module("seccompagent:handler/devices@0.1.0"), import_name("make")))
void sca_import_devices_make(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t mode,
    uint32_t device_major,
    uint32_t device_minor,
    sca_result *result);
/**
 * Makes a node as the caller, with CAP_MKNOD lent, which can be opened: where the file system
 * is mounted nodev or belongs to a user namespace, the host mounts a node of its own, with the
 * same owner and permissions, on top of it. A path starts where those of `filesystem` do.
 * `eperm`: it is no character device, or another one.
 * Similar to mknodat(2).
 */
static inline sca_result sca_devices_make(sca_path path, uint32_t mode, sca_device device) {
  sca_result result;
  sca_import_devices_make(path.data, path.length, mode, device.major, device.minor, &result);
  return result;
}

// Capability: file operations inside the caller's container, done as the caller:
// its root, working directory, dirfd, user, groups, umask and Linux capabilities.
//
// A relative path starts at the dirfd of the call being answered, or at its working
// directory; a new path starts at the call's second dirfd. Flags are those of the system
// call that is named, with the numbers of the machine's architecture.
//
// An empty path with `AT_EMPTY_PATH` (0x1000) is the place itself where relative ones start. Of a
// call that takes a descriptor and no path, such as fchown(2), it is what this stands for.
//
// In a procfs, `self` and `thread-self` are the caller's. Links that lead to what a process has are
// followed where they are the caller's own (`fd/N`, `cwd`, `root`, `exe`, `ns/*`), and else not
// (`eloop`).

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("mkdir")))
void sca_import_filesystem_mkdir(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t mode,
    sca_result *result);
/** Makes a directory. Similar to mkdirat(2). */
static inline sca_result sca_filesystem_mkdir(sca_path path, uint32_t mode) {
  sca_result result;
  sca_import_filesystem_mkdir(path.data, path.length, mode, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("mknod")))
void sca_import_filesystem_mknod(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t mode,
    uint32_t device_major,
    uint32_t device_minor,
    sca_result *result);
/**
 * Makes a file, a FIFO, a socket or a device node. The device counts for nodes only.
 * Similar to mknodat(2).
 */
static inline sca_result sca_filesystem_mknod(sca_path path, uint32_t mode, sca_device device) {
  sca_result result;
  sca_import_filesystem_mknod(path.data, path.length, mode, device.major, device.minor, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("open")))
void sca_import_filesystem_open(
    const uint8_t *path_data,
    size_t path_length,
    uint64_t open_flags,
    uint32_t mode,
    uint64_t resolve,
    sca_descriptor_result *result);
/**
 * Opens a file for the host to hold: `descriptors` and the action `descriptor` give it to
 * the caller, but not what was opened with O_PATH, which the kernel lets nobody give. The mode
 * counts where a file is made. `resolve` holds RESOLVE_* of openat2(2), all of which are
 * honoured. `eopnotsupp`: what is opened with O_PATH for the caller, files of a procfs that shows
 * the host's processes, a controlling terminal, and devices but null, zero, full, random, urandom
 * and pseudoterminals, which the caller's cgroup may not have; `continue` lets the kernel judge
 * them.
 * Similar to openat2(2).
 */
static inline sca_descriptor_result sca_filesystem_open(
    sca_path path,
    uint64_t open_flags,
    uint32_t mode,
    uint64_t resolve) {
  sca_descriptor_result result;
  sca_import_filesystem_open(path.data, path.length, open_flags, mode, resolve, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("chmod")))
void sca_import_filesystem_chmod(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t mode,
    uint32_t at_flags,
    sca_result *result);
/** Changes permissions. Similar to fchmodat2(2). */
static inline sca_result sca_filesystem_chmod(sca_path path, uint32_t mode, uint32_t at_flags) {
  sca_result result;
  sca_import_filesystem_chmod(path.data, path.length, mode, at_flags, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("chown")))
void sca_import_filesystem_chown(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t uid,
    uint32_t gid,
    uint32_t at_flags,
    sca_result *result);
/**
 * Changes owner and group, by their numbers in the caller's user namespace, as its calls have
 * them; 0xffffffff leaves one as it is. Similar to fchownat(2).
 */
static inline sca_result sca_filesystem_chown(
    sca_path path,
    uint32_t uid,
    uint32_t gid,
    uint32_t at_flags) {
  sca_result result;
  sca_import_filesystem_chown(path.data, path.length, uid, gid, at_flags, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("rename")))
void sca_import_filesystem_rename(
    const uint8_t *path_data,
    size_t path_length,
    const uint8_t *new_path_data,
    size_t new_path_length,
    uint32_t rename_flags,
    sca_result *result);
/** Similar to renameat2(2). */
static inline sca_result sca_filesystem_rename(
    sca_path path,
    sca_path new_path,
    uint32_t rename_flags) {
  sca_result result;
  sca_import_filesystem_rename(
      path.data,
      path.length,
      new_path.data,
      new_path.length,
      rename_flags,
      &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("link")))
void sca_import_filesystem_link(
    const uint8_t *path_data,
    size_t path_length,
    const uint8_t *new_path_data,
    size_t new_path_length,
    uint32_t at_flags,
    sca_result *result);
/** Makes a new name of a file. Similar to linkat(2). */
static inline sca_result sca_filesystem_link(sca_path path, sca_path new_path, uint32_t at_flags) {
  sca_result result;
  sca_import_filesystem_link(
      path.data,
      path.length,
      new_path.data,
      new_path.length,
      at_flags,
      &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("symlink")))
void sca_import_filesystem_symlink(
    const uint8_t *target_data,
    size_t target_length,
    const uint8_t *path_data,
    size_t path_length,
    sca_result *result);
/** Makes a symbolic link that holds this target. Similar to symlinkat(2). */
static inline sca_result sca_filesystem_symlink(sca_path target, sca_path path) {
  sca_result result;
  sca_import_filesystem_symlink(target.data, target.length, path.data, path.length, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("unlink")))
void sca_import_filesystem_unlink(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t at_flags,
    sca_result *result);
/**
 * Removes a name; with `AT_REMOVEDIR` (0x200) that of an empty directory.
 * Similar to unlinkat(2).
 */
static inline sca_result sca_filesystem_unlink(sca_path path, uint32_t at_flags) {
  sca_result result;
  sca_import_filesystem_unlink(path.data, path.length, at_flags, &result);
  return result;
}

typedef struct {
  bool is_error;
  union {
    sca_located value;
    sca_errno error;
  };
} sca_located_result;
_Static_assert(sizeof(sca_located_result) == 128, "canonical ABI");
_Static_assert(_Alignof(sca_located_result) == 8, "canonical ABI");

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("resolve")))
void sca_import_filesystem_resolve(
    const uint8_t *path_data,
    size_t path_length,
    sca_located_result *result);
/**
 * What a path leads to, by the meaning that it has in this call: a name in a folder (mkdir,
 * mknod, rename, symlink, unlink, and opening with `O_CREAT | O_EXCL`), or the file, whose
 * symbolic links are followed if the call follows them. Where an open makes a file, it is the
 * name in its folder.
 *
 * From then on, `perform` and the functions here that are given this path, for this call, act on
 * just that file, or on that name in just that folder, wherever either has been moved meanwhile.
 * A name may stand for another file by then. If somebody has made the file that an open was to
 * make, `perform` has the handlers asked again, and `open` is `eexist`.
 *
 * An empty path is what the call's descriptor stands for. `exdev`: the caller has another root than
 * its container's first process, or the container's root does not lead there.
 */
static inline sca_located_result sca_filesystem_resolve(sca_path path) {
  sca_located_result result;
  sca_import_filesystem_resolve(path.data, path.length, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("resolve-new")))
void sca_import_filesystem_resolve_new(
    const uint8_t *path_data,
    size_t path_length,
    sca_located_result *result);
/** The same of the call's new path. */
static inline sca_located_result sca_filesystem_resolve_new(sca_path path) {
  sca_located_result result;
  sca_import_filesystem_resolve_new(path.data, path.length, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("is-below")))
void sca_import_filesystem_is_below(
    const uint8_t *path_data,
    size_t path_length,
    const uint8_t *folder_data,
    size_t folder_length,
    sca_bool_result *result);
/**
 * Whether a path that was found is this folder, or below it. The folder is an absolute path in the
 * container, whose symbolic links are followed, also where the caller may not look.
 */
static inline sca_bool_result sca_filesystem_is_below(sca_path path, sca_path folder) {
  sca_bool_result result;
  sca_import_filesystem_is_below(path.data, path.length, folder.data, folder.length, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("is-above")))
void sca_import_filesystem_is_above(
    const uint8_t *path_data,
    size_t path_length,
    const uint8_t *folder_data,
    size_t folder_length,
    sca_bool_result *result);
/** Whether this folder is there, or below it: who moves a path away moves all that is below it. */
static inline sca_bool_result sca_filesystem_is_above(sca_path path, sca_path folder) {
  sca_bool_result result;
  sca_import_filesystem_is_above(path.data, path.length, folder.data, folder.length, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("stat")))
void sca_import_filesystem_stat(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t at_flags,
    sca_file_status_result *result);
/** Similar to statx(2). */
static inline sca_file_status_result sca_filesystem_stat(sca_path path, uint32_t at_flags) {
  sca_file_status_result result;
  sca_import_filesystem_stat(path.data, path.length, at_flags, &result);
  return result;
}

typedef struct {
  bool is_error;
  union {
    sca_path value;
    sca_errno error;
  };
} sca_path_result;
_Static_assert(sizeof(sca_path_result) == 12, "canonical ABI");
_Static_assert(_Alignof(sca_path_result) == 4, "canonical ABI");

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("read-link")))
void sca_import_filesystem_read_link(
    const uint8_t *path_data,
    size_t path_length,
    sca_path_result *result);
/** The target of a symbolic link. Similar to readlinkat(2). */
static inline sca_path_result sca_filesystem_read_link(sca_path path) {
  sca_path_result result;
  sca_import_filesystem_read_link(path.data, path.length, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("get-xattr")))
void sca_import_filesystem_get_xattr(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t at_flags,
    const uint8_t *name_data,
    size_t name_length,
    sca_bytes_result *result);
/** The value of an extended attribute. Similar to getxattr(2). */
static inline sca_bytes_result sca_filesystem_get_xattr(
    sca_path path,
    uint32_t at_flags,
    sca_path name) {
  sca_bytes_result result;
  sca_import_filesystem_get_xattr(
      path.data,
      path.length,
      at_flags,
      name.data,
      name.length,
      &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("set-xattr")))
void sca_import_filesystem_set_xattr(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t at_flags,
    const uint8_t *name_data,
    size_t name_length,
    const uint8_t *value_data,
    size_t value_length,
    uint32_t xattr_flags,
    sca_result *result);
/** Sets an extended attribute. Similar to setxattr(2). */
static inline sca_result sca_filesystem_set_xattr(
    sca_path path,
    uint32_t at_flags,
    sca_path name,
    sca_bytes value,
    uint32_t xattr_flags) {
  sca_result result;
  sca_import_filesystem_set_xattr(
      path.data,
      path.length,
      at_flags,
      name.data,
      name.length,
      value.data,
      value.length,
      xattr_flags,
      &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("list-xattr")))
void sca_import_filesystem_list_xattr(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t at_flags,
    sca_bytes_result *result);
/** The names of all extended attributes, each with a NUL behind it. Similar to listxattr(2). */
static inline sca_bytes_result sca_filesystem_list_xattr(sca_path path, uint32_t at_flags) {
  sca_bytes_result result;
  sca_import_filesystem_list_xattr(path.data, path.length, at_flags, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/filesystem@0.1.0"), import_name("remove-xattr")))
void sca_import_filesystem_remove_xattr(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t at_flags,
    const uint8_t *name_data,
    size_t name_length,
    sca_result *result);
/** Similar to removexattr(2). */
static inline sca_result sca_filesystem_remove_xattr(
    sca_path path,
    uint32_t at_flags,
    sca_path name) {
  sca_result result;
  sca_import_filesystem_remove_xattr(
      path.data,
      path.length,
      at_flags,
      name.data,
      name.length,
      &result);
  return result;
}

// Capability: lines in the agent's log, marked with the handler and the container. Each line is
// one of the 1000 operations that a call may have. The handlers of a container, with all that is
// executed in it, write 128 KiB at once, and then 32 KiB per second; the agent drops lines beyond
// that and logs how many.

__attribute__((import_module("seccompagent:handler/log@0.1.0"), import_name("log")))
void sca_import_log_log(uint32_t level, const char *message_data, size_t message_length);
/**
 * Writes one line; control characters are escaped, more than 4096 characters are cut.
 * Similar to syslog(3).
 */
static inline void sca_log_log(sca_log_level level, sca_text message) {
  sca_import_log_log(level, message.data, message.length);
}

// Capability: what the pointers of the call being answered lead to. No address is ever shown:
// an argument is named by its place in the system call, 0 to 5.

typedef struct {
  bool is_error;
  union {
    uint64_t value;
    sca_errno error;
  };
} sca_uint64_result;
_Static_assert(sizeof(sca_uint64_result) == 16, "canonical ABI");
_Static_assert(_Alignof(sca_uint64_result) == 8, "canonical ABI");

__attribute__((import_module("seccompagent:handler/memory@0.1.0"), import_name("size")))
void sca_import_memory_size(uint32_t argument, sca_uint64_result *result);
/**
 * How many bytes an argument leads to: those that were read of it, or the room for a result.
 * `einval`: the argument is no such pointer. `efault`: it is NULL, or could not be followed.
 */
static inline sca_uint64_result sca_memory_size(uint32_t argument) {
  sca_uint64_result result;
  sca_import_memory_size(argument, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/memory@0.1.0"), import_name("read")))
void sca_import_memory_read(
    uint32_t argument,
    uint64_t offset,
    uint32_t length,
    sca_bytes_result *result);
/**
 * Bytes behind a pointer, fewer where it ends; at most 65536 at once. What was decoded comes
 * from there, so that it is what other handlers and the log have seen.
 * Similar to process_vm_readv(2).
 */
static inline sca_bytes_result sca_memory_read(
    uint32_t argument,
    uint64_t offset,
    uint32_t length) {
  sca_bytes_result result;
  sca_import_memory_read(argument, offset, length, &result);
  return result;
}

typedef struct {
  bool is_error;
  union {
    sca_memory_string_list value;
    sca_errno error;
  };
} sca_memory_string_list_result;
_Static_assert(sizeof(sca_memory_string_list_result) == 16, "canonical ABI");
_Static_assert(_Alignof(sca_memory_string_list_result) == 4, "canonical ABI");

__attribute__((import_module("seccompagent:handler/memory@0.1.0"), import_name("read-strings")))
void sca_import_memory_read_strings(uint32_t argument, sca_memory_string_list_result *result);
/**
 * The strings of an argument that is a list of them: `argv` (1) and `envp` (2) of execve(2), 2
 * and 3 of execveat(2). At most 1024 strings, 4096 bytes of each, and 65536 bytes in all, where a
 * string takes 4 more; NULL is an empty list. The caller can change them until the kernel reads
 * them: what a handler decides by them is advisory, even if it refuses. `einval`: the argument is
 * no such list. `efault`: one of the pointers cannot be followed.
 */
static inline sca_memory_string_list_result sca_memory_read_strings(uint32_t argument) {
  sca_memory_string_list_result result;
  sca_import_memory_read_strings(argument, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/memory@0.1.0"), import_name("write")))
void sca_import_memory_write(
    uint32_t argument,
    uint64_t offset,
    const uint8_t *bytes_data,
    size_t bytes_length,
    sca_result *result);
/**
 * Writes a part of the call's result, at most 65536 bytes at once. `einval`: the argument is
 * no pointer for a result, or the bytes end beyond its room. `eopnotsupp`: a signal could end
 * the call meanwhile, since its filter has no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, or
 * nobody knows. `efault`: not all of it can be written. `esrch`: the caller has been killed.
 * Similar to process_vm_writev(2).
 */
static inline sca_result sca_memory_write(uint32_t argument, uint64_t offset, sca_bytes bytes) {
  sca_result result;
  sca_import_memory_write(argument, offset, bytes.data, bytes.length, &result);
  return result;
}

// Capability: mounts inside the caller's container. The host lends the Linux
// capability that the operation asks for, for this one operation.

typedef struct {
  bool is_some;
  /** Valid only where there is one. */
  sca_path value;
} sca_optional_path;
_Static_assert(sizeof(sca_optional_path) == 12, "canonical ABI");
_Static_assert(_Alignof(sca_optional_path) == 4, "canonical ABI");

typedef struct {
  bool is_some;
  /** Valid only where there is one. */
  sca_bytes value;
} sca_optional_bytes;
_Static_assert(sizeof(sca_optional_bytes) == 12, "canonical ABI");
_Static_assert(_Alignof(sca_optional_bytes) == 4, "canonical ABI");

__attribute__((import_module("seccompagent:handler/mounts@0.1.0"), import_name("mount")))
void sca_import_mounts_mount(
    uint32_t source_is_some,
    const uint8_t *source_data,
    size_t source_length,
    const uint8_t *target_data,
    size_t target_length,
    uint32_t filesystem_type_is_some,
    const uint8_t *filesystem_type_data,
    size_t filesystem_type_length,
    uint64_t mount_flags,
    uint32_t data_is_some,
    const uint8_t *data_data,
    size_t data_length,
    sca_result *result);
/**
 * Mounts a new file system. Only the flags of a new mount are taken; those of bind,
 * remount, move and propagation are refused with `einval`. A new proc or sysfs hides
 * what the container's first process does not see. Power is lent over a directory that is
 * the caller's own, or that it may write and that is not somebody else's sticky one; over
 * nothing that proc shows of its processes. Over others it is `eperm` for callers that
 * could not mount there themselves. Ids in the data are those of the caller's user namespace.
 * The data is options with commas between; of an overlay, a comma behind a backslash is part of an
 * option. Whoever adds options behind the caller's refuses those that end with a backslash.
 * Similar to mount(2).
 */
static inline sca_result sca_mounts_mount(
    sca_optional_path source,
    sca_path target,
    sca_optional_path filesystem_type,
    uint64_t mount_flags,
    sca_optional_bytes data) {
  sca_result result;
  sca_import_mounts_mount(
      source.is_some,
      source.value.data,
      source.value.length,
      target.data,
      target.length,
      filesystem_type.is_some,
      filesystem_type.value.data,
      filesystem_type.value.length,
      mount_flags,
      data.is_some,
      data.value.data,
      data.value.length,
      &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/mounts@0.1.0"), import_name("unmount")))
void sca_import_mounts_unmount(
    const uint8_t *target_data,
    size_t target_length,
    uint32_t unmount_flags,
    sca_result *result);
/**
 * Takes a mount away. For proc, sysfs and what is mounted on them nothing is lent, nor
 * for a lazy unmount of what has them below, nor for what was mounted in the container when
 * the agent attached it: `eperm`. Similar to umount2(2).
 */
static inline sca_result sca_mounts_unmount(sca_path target, uint32_t unmount_flags) {
  sca_result result;
  sca_import_mounts_unmount(target.data, target.length, unmount_flags, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/mounts@0.1.0"), import_name("unmount-sparing")))
void sca_import_mounts_unmount_sparing(
    const uint8_t *target_data,
    size_t target_length,
    uint32_t unmount_flags,
    const uint8_t *spared_data,
    size_t spared_length,
    sca_result *result);
/**
 * The same, but nobody takes away what may hide something of proc or sysfs, whatever power the
 * caller has itself, nor what is at, below or above one of the paths that are spared. A proc or
 * sysfs that the container has got later goes, with its masks. The paths are those of settings of
 * the type `paths`, each with a NUL behind it: they stand for what they lead to in the container's
 * root before its own program runs. Any other path, and one that led nowhere then, is `eperm` for
 * all. The mount that was looked at is the one that goes. `eperm`: it stays.
 * Similar to umount2(2).
 */
static inline sca_result sca_mounts_unmount_sparing(
    sca_path target,
    uint32_t unmount_flags,
    sca_bytes spared) {
  sca_result result;
  sca_import_mounts_unmount_sparing(
      target.data,
      target.length,
      unmount_flags,
      spared.data,
      spared.length,
      &result);
  return result;
}

typedef struct {
  bool is_some;
  /** Valid only where there is one. */
  sca_descriptor value;
} sca_optional_descriptor;
_Static_assert(sizeof(sca_optional_descriptor) == 8, "canonical ABI");
_Static_assert(_Alignof(sca_optional_descriptor) == 4, "canonical ABI");

__attribute__((import_module("seccompagent:handler/mounts@0.1.0"), import_name("set-attributes")))
void sca_import_mounts_set_attributes(
    const uint8_t *path_data,
    size_t path_length,
    bool is_recursive,
    uint64_t set,
    uint64_t clear,
    uint32_t idmap_is_some,
    uint32_t idmap,
    sca_result *result);
/**
 * Changes attributes of a mount (`MOUNT_ATTR_*`), and of those below it if asked. An id
 * mapping is that of a user namespace, which the descriptor stands for; power for one is lent
 * to callers in no user namespace with CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_FOWNER. Nothing is
 * lent for proc, sysfs and what is mounted on them, nor for what has them below if asked for
 * those.
 * Similar to mount_setattr(2).
 */
static inline sca_result sca_mounts_set_attributes(
    sca_path path,
    bool is_recursive,
    uint64_t set,
    uint64_t clear,
    sca_optional_descriptor idmap) {
  sca_result result;
  sca_import_mounts_set_attributes(
      path.data,
      path.length,
      is_recursive,
      set,
      clear,
      idmap.is_some,
      idmap.value,
      &result);
  return result;
}

// Capability: extended attributes by which overlay file systems mark what they hold, with
// CAP_SYS_ADMIN lent. Their names begin with `trusted.overlay.`; with other names all fails with
// `eperm`, and so it does for files that the caller does not own.
//
// Paths, flags and errors are otherwise those of `filesystem`.

__attribute__((import_module("seccompagent:handler/overlay@0.1.0"), import_name("get-xattr")))
void sca_import_overlay_get_xattr(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t at_flags,
    const uint8_t *name_data,
    size_t name_length,
    sca_bytes_result *result);
/** The value of an attribute. Similar to getxattr(2). */
static inline sca_bytes_result sca_overlay_get_xattr(
    sca_path path,
    uint32_t at_flags,
    sca_path name) {
  sca_bytes_result result;
  sca_import_overlay_get_xattr(path.data, path.length, at_flags, name.data, name.length, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/overlay@0.1.0"), import_name("set-xattr")))
void sca_import_overlay_set_xattr(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t at_flags,
    const uint8_t *name_data,
    size_t name_length,
    const uint8_t *value_data,
    size_t value_length,
    uint32_t xattr_flags,
    sca_result *result);
/**
 * Sets an attribute. `eopnotsupp`: the file is where no overlay can have a layer, such as what
 * the kernel shows of itself. Similar to setxattr(2).
 */
static inline sca_result sca_overlay_set_xattr(
    sca_path path,
    uint32_t at_flags,
    sca_path name,
    sca_bytes value,
    uint32_t xattr_flags) {
  sca_result result;
  sca_import_overlay_set_xattr(
      path.data,
      path.length,
      at_flags,
      name.data,
      name.length,
      value.data,
      value.length,
      xattr_flags,
      &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/overlay@0.1.0"), import_name("list-xattr")))
void sca_import_overlay_list_xattr(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t at_flags,
    sca_bytes_result *result);
/**
 * The names of all attributes that the caller may see, and of those, each with a NUL behind it.
 * Similar to listxattr(2).
 */
static inline sca_bytes_result sca_overlay_list_xattr(sca_path path, uint32_t at_flags) {
  sca_bytes_result result;
  sca_import_overlay_list_xattr(path.data, path.length, at_flags, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/overlay@0.1.0"), import_name("remove-xattr")))
void sca_import_overlay_remove_xattr(
    const uint8_t *path_data,
    size_t path_length,
    uint32_t at_flags,
    const uint8_t *name_data,
    size_t name_length,
    sca_result *result);
/** Removes an attribute. Similar to removexattr(2). */
static inline sca_result sca_overlay_remove_xattr(sca_path path, uint32_t at_flags, sca_path name) {
  sca_result result;
  sca_import_overlay_remove_xattr(
      path.data,
      path.length,
      at_flags,
      name.data,
      name.length,
      &result);
  return result;
}

// Capability: what the handlers of a bundle remember of a container, until it is gone or the
// agent ends. Handlers of other bundles and other containers have their own.
//
// At most 64 keys, or as many as are granted, none with more than 256 bytes in UTF-8, and 65536
// bytes with their values.

__attribute__((import_module("seccompagent:handler/state@0.1.0"), import_name("get")))
void sca_import_state_get(const char *key_data, size_t key_length, sca_optional_bytes *result);
/** The value of a key, if there is one. */
static inline sca_optional_bytes sca_state_get(sca_text key) {
  sca_optional_bytes result;
  sca_import_state_get(key.data, key.length, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/state@0.1.0"), import_name("set")))
void sca_import_state_set(
    const char *key_data,
    size_t key_length,
    const uint8_t *value_data,
    size_t value_length,
    sca_result *result);
/** `enospc`: that would be too much. */
static inline sca_result sca_state_set(sca_text key, sca_bytes value) {
  sca_result result;
  sca_import_state_set(key.data, key.length, value.data, value.length, &result);
  return result;
}

__attribute__((import_module("seccompagent:handler/state@0.1.0"), import_name("remove")))
bool sca_import_state_remove(const char *key_data, size_t key_length);
/** Whether there was such a key. */
static inline bool sca_state_remove(sca_text key) {
  return sca_import_state_remove(key.data, key.length);
}

typedef struct {
  bool is_error;
  union {
    int64_t value;
    sca_errno error;
  };
} sca_int64_result;
_Static_assert(sizeof(sca_int64_result) == 16, "canonical ABI");
_Static_assert(_Alignof(sca_int64_result) == 8, "canonical ABI");

__attribute__((import_module("seccompagent:handler/state@0.1.0"), import_name("add")))
void sca_import_state_add(
    const char *key_data,
    size_t key_length,
    int64_t amount,
    sca_int64_result *result);
/**
 * Adds to a counter, which is 0 if it is not there, and returns its new value; nobody else's
 * addition is lost. A counter is a value of 8 bytes, least first. `einval`: the value is none.
 * `eoverflow`: the sum does not fit. `enospc`: as with `set`.
 */
static inline sca_int64_result sca_state_add(sca_text key, int64_t amount) {
  sca_int64_result result;
  sca_import_state_add(key.data, key.length, amount, &result);
  return result;
}

// Answers of a handler: one line of these for each function of yours.

// Of: static sca_action FUNCTION(sca_path path, uint32_t mode)
#define SCA_EXPORT_MKDIR(function) \
  SCA_EXPORT_ANSWER(mkdir, (const uint8_t *path_data, size_t path_length, uint32_t mode), \
    function((sca_bytes){path_data, path_length}, mode))

// Of: static sca_action FUNCTION(sca_path path, uint32_t mode, sca_device device)
#define SCA_EXPORT_MKNOD(function) \
  SCA_EXPORT_ANSWER(mknod, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t mode, \
      uint32_t device_major, \
      uint32_t device_minor), \
    function((sca_bytes){path_data, path_length}, mode, (sca_device){device_major, device_minor}))

// Of: static sca_action FUNCTION(sca_path path, uint64_t flags, uint32_t mode, uint64_t resolve)
#define SCA_EXPORT_OPEN(function) \
  SCA_EXPORT_ANSWER(open, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      uint64_t flags, \
      uint32_t mode, \
      uint64_t resolve), \
    function((sca_bytes){path_data, path_length}, flags, mode, resolve))

// Of: static sca_action FUNCTION(sca_path path, uint32_t mode, uint32_t flags)
#define SCA_EXPORT_CHMOD(function) \
  SCA_EXPORT_ANSWER(chmod, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t mode, \
      uint32_t flags), \
    function((sca_bytes){path_data, path_length}, mode, flags))

// Of: static sca_action FUNCTION(int32_t fd, uint32_t mode)
#define SCA_EXPORT_FCHMOD(function) \
  SCA_EXPORT_ANSWER(fchmod, (int32_t fd, uint32_t mode), \
    function(fd, mode))

// Of: static sca_action FUNCTION(sca_path path, uint32_t uid, uint32_t gid, uint32_t flags)
#define SCA_EXPORT_CHOWN(function) \
  SCA_EXPORT_ANSWER(chown, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t uid, \
      uint32_t gid, \
      uint32_t flags), \
    function((sca_bytes){path_data, path_length}, uid, gid, flags))

// Of: static sca_action FUNCTION(int32_t fd, uint32_t uid, uint32_t gid)
#define SCA_EXPORT_FCHOWN(function) \
  SCA_EXPORT_ANSWER(fchown, (int32_t fd, uint32_t uid, uint32_t gid), \
    function(fd, uid, gid))

// Of: static sca_action FUNCTION(sca_path path, int64_t length, uint32_t flags)
#define SCA_EXPORT_TRUNCATE(function) \
  SCA_EXPORT_ANSWER(truncate, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      int64_t length, \
      uint32_t flags), \
    function((sca_bytes){path_data, path_length}, length, flags))

typedef struct {
  bool is_some;
  /** Valid only where there is one. */
  sca_new_times value;
} sca_optional_new_times;
_Static_assert(sizeof(sca_optional_new_times) == 56, "canonical ABI");
_Static_assert(_Alignof(sca_optional_new_times) == 8, "canonical ABI");

// Of: static sca_action FUNCTION(
//    sca_optional_path path,
//    sca_optional_new_times times,
//    uint32_t flags)
#define SCA_EXPORT_UTIMENS(function) \
  SCA_EXPORT_ANSWER(utimens, ( \
      uint32_t path_is_some, \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t times_is_some, \
      uint32_t times_accessed_change, \
      int64_t times_accessed_seconds, \
      uint32_t times_accessed_nanoseconds, \
      uint32_t times_modified_change, \
      int64_t times_modified_seconds, \
      uint32_t times_modified_nanoseconds, \
      uint32_t flags), \
    function( \
        (sca_optional_path){path_is_some != 0, (sca_bytes){path_data, path_length}}, \
        (sca_optional_new_times){times_is_some != 0, (sca_new_times){(sca_new_time){(sca_time_change)times_accessed_change, times_accessed_seconds, times_accessed_nanoseconds}, (sca_new_time){(sca_time_change)times_modified_change, times_modified_seconds, times_modified_nanoseconds}}}, \
        flags))

// Of: static sca_action FUNCTION(sca_path path, sca_path new_path, uint32_t flags)
#define SCA_EXPORT_RENAME(function) \
  SCA_EXPORT_ANSWER(rename, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      const uint8_t *new_path_data, \
      size_t new_path_length, \
      uint32_t flags), \
    function( \
        (sca_bytes){path_data, path_length}, \
        (sca_bytes){new_path_data, new_path_length}, \
        flags))

// Of: static sca_action FUNCTION(sca_path path, sca_path new_path, uint32_t flags)
#define SCA_EXPORT_LINK(function) \
  SCA_EXPORT_ANSWER(link, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      const uint8_t *new_path_data, \
      size_t new_path_length, \
      uint32_t flags), \
    function( \
        (sca_bytes){path_data, path_length}, \
        (sca_bytes){new_path_data, new_path_length}, \
        flags))

// Of: static sca_action FUNCTION(sca_path target, sca_path path)
#define SCA_EXPORT_SYMLINK(function) \
  SCA_EXPORT_ANSWER(symlink, ( \
      const uint8_t *target_data, \
      size_t target_length, \
      const uint8_t *path_data, \
      size_t path_length), \
    function((sca_bytes){target_data, target_length}, (sca_bytes){path_data, path_length}))

// Of: static sca_action FUNCTION(sca_path path, uint32_t flags)
#define SCA_EXPORT_UNLINK(function) \
  SCA_EXPORT_ANSWER(unlink, (const uint8_t *path_data, size_t path_length, uint32_t flags), \
    function((sca_bytes){path_data, path_length}, flags))

// Of: static sca_action FUNCTION(
//    sca_path path,
//    uint32_t at_flags,
//    sca_path name,
//    sca_bytes value,
//    uint32_t flags)
#define SCA_EXPORT_SETXATTR(function) \
  SCA_EXPORT_ANSWER(setxattr, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t at_flags, \
      const uint8_t *name_data, \
      size_t name_length, \
      const uint8_t *value_data, \
      size_t value_length, \
      uint32_t flags), \
    function( \
        (sca_bytes){path_data, path_length}, \
        at_flags, \
        (sca_bytes){name_data, name_length}, \
        (sca_bytes){value_data, value_length}, \
        flags))

// Of: static sca_action FUNCTION(sca_path path, uint32_t at_flags, sca_path name, uint64_t size)
#define SCA_EXPORT_GETXATTR(function) \
  SCA_EXPORT_ANSWER(getxattr, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t at_flags, \
      const uint8_t *name_data, \
      size_t name_length, \
      uint64_t size), \
    function( \
        (sca_bytes){path_data, path_length}, \
        at_flags, \
        (sca_bytes){name_data, name_length}, \
        size))

// Of: static sca_action FUNCTION(sca_path path, uint32_t at_flags, uint64_t size)
#define SCA_EXPORT_LISTXATTR(function) \
  SCA_EXPORT_ANSWER(listxattr, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t at_flags, \
      uint64_t size), \
    function((sca_bytes){path_data, path_length}, at_flags, size))

// Of: static sca_action FUNCTION(sca_path path, uint32_t at_flags, sca_path name)
#define SCA_EXPORT_REMOVEXATTR(function) \
  SCA_EXPORT_ANSWER(removexattr, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t at_flags, \
      const uint8_t *name_data, \
      size_t name_length), \
    function((sca_bytes){path_data, path_length}, at_flags, (sca_bytes){name_data, name_length}))

// Of: static sca_action FUNCTION(
//    sca_optional_path source,
//    sca_path target,
//    sca_optional_path filesystem_type,
//    uint64_t mount_flags,
//    sca_optional_bytes data)
#define SCA_EXPORT_MOUNT(function) \
  SCA_EXPORT_ANSWER(mount, ( \
      uint32_t source_is_some, \
      const uint8_t *source_data, \
      size_t source_length, \
      const uint8_t *target_data, \
      size_t target_length, \
      uint32_t filesystem_type_is_some, \
      const uint8_t *filesystem_type_data, \
      size_t filesystem_type_length, \
      uint64_t mount_flags, \
      uint32_t data_is_some, \
      const uint8_t *data_data, \
      size_t data_length), \
    function( \
        (sca_optional_path){source_is_some != 0, (sca_bytes){source_data, source_length}}, \
        (sca_bytes){target_data, target_length}, \
        (sca_optional_path){filesystem_type_is_some != 0, (sca_bytes){filesystem_type_data, filesystem_type_length}}, \
        mount_flags, \
        (sca_optional_bytes){data_is_some != 0, (sca_bytes){data_data, data_length}}))

// Of: static sca_action FUNCTION(sca_path target, uint32_t flags)
#define SCA_EXPORT_UMOUNT(function) \
  SCA_EXPORT_ANSWER(umount, (const uint8_t *target_data, size_t target_length, uint32_t flags), \
    function((sca_bytes){target_data, target_length}, flags))

// Of: static sca_action FUNCTION(
//    sca_mount_operation operation,
//    sca_optional_path path,
//    sca_optional_path new_path,
//    uint32_t flags)
#define SCA_EXPORT_MOUNTAPI(function) \
  SCA_EXPORT_ANSWER(mountapi, ( \
      uint32_t operation, \
      uint32_t path_is_some, \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t new_path_is_some, \
      const uint8_t *new_path_data, \
      size_t new_path_length, \
      uint32_t flags), \
    function( \
        (sca_mount_operation)operation, \
        (sca_optional_path){path_is_some != 0, (sca_bytes){path_data, path_length}}, \
        (sca_optional_path){new_path_is_some != 0, (sca_bytes){new_path_data, new_path_length}}, \
        flags))

// Of: static sca_action FUNCTION(sca_optional_path path, uint32_t flags)
#define SCA_EXPORT_STAT(function) \
  SCA_EXPORT_ANSWER(stat, ( \
      uint32_t path_is_some, \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t flags), \
    function((sca_optional_path){path_is_some != 0, (sca_bytes){path_data, path_length}}, flags))

// Of: static sca_action FUNCTION(sca_path path, uint32_t mode, uint32_t flags)
#define SCA_EXPORT_ACCESS(function) \
  SCA_EXPORT_ANSWER(access, ( \
      const uint8_t *path_data, \
      size_t path_length, \
      uint32_t mode, \
      uint32_t flags), \
    function((sca_bytes){path_data, path_length}, mode, flags))

// Of: static sca_action FUNCTION(sca_path path, uint32_t size)
#define SCA_EXPORT_READLINK(function) \
  SCA_EXPORT_ANSWER(readlink, (const uint8_t *path_data, size_t path_length, uint32_t size), \
    function((sca_bytes){path_data, path_length}, size))

// Of: static sca_action FUNCTION(sca_optional_path path)
#define SCA_EXPORT_CHDIR(function) \
  SCA_EXPORT_ANSWER(chdir, (uint32_t path_is_some, const uint8_t *path_data, size_t path_length), \
    function((sca_optional_path){path_is_some != 0, (sca_bytes){path_data, path_length}}))

// Of: static sca_action FUNCTION(sca_path path)
#define SCA_EXPORT_CHROOT(function) \
  SCA_EXPORT_ANSWER(chroot, (const uint8_t *path_data, size_t path_length), \
    function((sca_bytes){path_data, path_length}))

// Of: static sca_action FUNCTION(void)
#define SCA_EXPORT_SYSINFO(function) \
  SCA_EXPORT_ANSWER(sysinfo, (void), \
    function())

// Of: static sca_action FUNCTION(sca_path path, uint32_t flags)
#define SCA_EXPORT_EXECVE(function) \
  SCA_EXPORT_ANSWER(execve, (const uint8_t *path_data, size_t path_length, uint32_t flags), \
    function((sca_bytes){path_data, path_length}, flags))

// Of: static sca_action FUNCTION(sca_path path, uint32_t flags)
#define SCA_EXPORT_SWAPON(function) \
  SCA_EXPORT_ANSWER(swapon, (const uint8_t *path_data, size_t path_length, uint32_t flags), \
    function((sca_bytes){path_data, path_length}, flags))

// Of: static sca_action FUNCTION(sca_path path)
#define SCA_EXPORT_SWAPOFF(function) \
  SCA_EXPORT_ANSWER(swapoff, (const uint8_t *path_data, size_t path_length), \
    function((sca_bytes){path_data, path_length}))

// Of: static sca_action FUNCTION(sca_call call)
#define SCA_EXPORT_ANY(function) \
  SCA_EXPORT_ANSWER(any, ( \
      const char *call_syscall_data, \
      size_t call_syscall_length, \
      const char *call_family_data, \
      size_t call_family_length, \
      uint64_t call_registers_0, \
      uint64_t call_registers_1, \
      uint64_t call_registers_2, \
      uint64_t call_registers_3, \
      uint64_t call_registers_4, \
      uint64_t call_registers_5), \
    function( \
        (sca_call){(sca_text){call_syscall_data, call_syscall_length}, (sca_text){call_family_data, call_family_length}, {call_registers_0, call_registers_1, call_registers_2, call_registers_3, call_registers_4, call_registers_5}}))
