// SPDX-License-Identifier: Apache-2.0
// The contract of handlers in Rust: written from the WIT and the table of system calls by
// `npm run generate`. It is a part of the crate `seccompagent`.

use crate::abi::{Bytes, List, Text};

/// Layouts of the canonical ABI are those of `repr(C)`, where addresses have 32 bits.
#[allow(dead_code)]
const fn is_canonical(found: usize, expected: usize) -> bool {
    cfg!(not(target_arch = "wasm32")) || found == expected
}

/// A path as the kernel has it: bytes without a NUL, not text.
pub type Path = Bytes;

/// Every errno of Linux by name. Similar to errno(3).
#[allow(clippy::upper_case_acronyms)]
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// operation not permitted
    EPERM,
    /// no such file or directory
    ENOENT,
    /// no such process
    ESRCH,
    /// interrupted system call
    EINTR,
    /// i/o error
    EIO,
    /// no such device or address
    ENXIO,
    /// argument list too long
    E2BIG,
    /// exec format error
    ENOEXEC,
    /// bad file number
    EBADF,
    /// no child processes
    ECHILD,
    /// try again
    EAGAIN,
    /// out of memory
    ENOMEM,
    /// permission denied
    EACCES,
    /// bad address
    EFAULT,
    /// block device required
    ENOTBLK,
    /// device or resource busy
    EBUSY,
    /// file exists
    EEXIST,
    /// cross-device link
    EXDEV,
    /// no such device
    ENODEV,
    /// not a directory
    ENOTDIR,
    /// is a directory
    EISDIR,
    /// invalid argument
    EINVAL,
    /// file table overflow
    ENFILE,
    /// too many open files
    EMFILE,
    /// not a typewriter
    ENOTTY,
    /// text file busy
    ETXTBSY,
    /// file too large
    EFBIG,
    /// no space left on device
    ENOSPC,
    /// illegal seek
    ESPIPE,
    /// read-only file system
    EROFS,
    /// too many links
    EMLINK,
    /// broken pipe
    EPIPE,
    /// math argument out of domain of func
    EDOM,
    /// math result not representable
    ERANGE,
    /// resource deadlock would occur
    EDEADLK,
    /// file name too long
    ENAMETOOLONG,
    /// no record locks available
    ENOLCK,
    /// invalid system call number
    ENOSYS,
    /// directory not empty
    ENOTEMPTY,
    /// too many symbolic links encountered
    ELOOP,
    /// no message of desired type
    ENOMSG,
    /// identifier removed
    EIDRM,
    /// channel number out of range
    ECHRNG,
    /// level 2 not synchronized
    EL2NSYNC,
    /// level 3 halted
    EL3HLT,
    /// level 3 reset
    EL3RST,
    /// link number out of range
    ELNRNG,
    /// protocol driver not attached
    EUNATCH,
    /// no csi structure available
    ENOCSI,
    /// level 2 halted
    EL2HLT,
    /// invalid exchange
    EBADE,
    /// invalid request descriptor
    EBADR,
    /// exchange full
    EXFULL,
    /// no anode
    ENOANO,
    /// invalid request code
    EBADRQC,
    /// invalid slot
    EBADSLT,
    /// bad font file format
    EBFONT,
    /// device not a stream
    ENOSTR,
    /// no data available
    ENODATA,
    /// timer expired
    ETIME,
    /// out of streams resources
    ENOSR,
    /// machine is not on the network
    ENONET,
    /// package not installed
    ENOPKG,
    /// object is remote
    EREMOTE,
    /// link has been severed
    ENOLINK,
    /// advertise error
    EADV,
    /// srmount error
    ESRMNT,
    /// communication error on send
    ECOMM,
    /// protocol error
    EPROTO,
    /// multihop attempted
    EMULTIHOP,
    /// rfs specific error
    EDOTDOT,
    /// not a data message
    EBADMSG,
    /// value too large for defined data type
    EOVERFLOW,
    /// name not unique on network
    ENOTUNIQ,
    /// file descriptor in bad state
    EBADFD,
    /// remote address changed
    EREMCHG,
    /// can not access a needed shared library
    ELIBACC,
    /// accessing a corrupted shared library
    ELIBBAD,
    /// .lib section in a.out corrupted
    ELIBSCN,
    /// attempting to link in too many shared libraries
    ELIBMAX,
    /// cannot exec a shared library directly
    ELIBEXEC,
    /// illegal byte sequence
    EILSEQ,
    /// interrupted system call should be restarted
    ERESTART,
    /// streams pipe error
    ESTRPIPE,
    /// too many users
    EUSERS,
    /// socket operation on non-socket
    ENOTSOCK,
    /// destination address required
    EDESTADDRREQ,
    /// message too long
    EMSGSIZE,
    /// protocol wrong type for socket
    EPROTOTYPE,
    /// protocol not available
    ENOPROTOOPT,
    /// protocol not supported
    EPROTONOSUPPORT,
    /// socket type not supported
    ESOCKTNOSUPPORT,
    /// operation not supported on transport endpoint
    EOPNOTSUPP,
    /// protocol family not supported
    EPFNOSUPPORT,
    /// address family not supported by protocol
    EAFNOSUPPORT,
    /// address already in use
    EADDRINUSE,
    /// cannot assign requested address
    EADDRNOTAVAIL,
    /// network is down
    ENETDOWN,
    /// network is unreachable
    ENETUNREACH,
    /// network dropped connection because of reset
    ENETRESET,
    /// software caused connection abort
    ECONNABORTED,
    /// connection reset by peer
    ECONNRESET,
    /// no buffer space available
    ENOBUFS,
    /// transport endpoint is already connected
    EISCONN,
    /// transport endpoint is not connected
    ENOTCONN,
    /// cannot send after transport endpoint shutdown
    ESHUTDOWN,
    /// too many references: cannot splice
    ETOOMANYREFS,
    /// connection timed out
    ETIMEDOUT,
    /// connection refused
    ECONNREFUSED,
    /// host is down
    EHOSTDOWN,
    /// no route to host
    EHOSTUNREACH,
    /// operation already in progress
    EALREADY,
    /// operation now in progress
    EINPROGRESS,
    /// stale file handle
    ESTALE,
    /// structure needs cleaning
    EUCLEAN,
    /// not a xenix named type file
    ENOTNAM,
    /// no xenix semaphores available
    ENAVAIL,
    /// is a named type file
    EISNAM,
    /// remote i/o error
    EREMOTEIO,
    /// quota exceeded
    EDQUOT,
    /// no medium found
    ENOMEDIUM,
    /// wrong medium type
    EMEDIUMTYPE,
    /// operation canceled
    ECANCELED,
    /// required key not available
    ENOKEY,
    /// key has expired
    EKEYEXPIRED,
    /// key has been revoked
    EKEYREVOKED,
    /// key was rejected by service
    EKEYREJECTED,
    /// owner died
    EOWNERDEAD,
    /// state not recoverable
    ENOTRECOVERABLE,
    /// operation not possible due to rf-kill
    ERFKILL,
    /// memory page has hardware error
    EHWPOISON,
}
const _: () = assert!(is_canonical(core::mem::size_of::<Errno>(), 1));
const _: () = assert!(is_canonical(core::mem::align_of::<Errno>(), 1));

/// A device's numbers. Similar to makedev(3).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Device {
    pub major: u32,
    pub minor: u32,
}
const _: () = assert!(is_canonical(core::mem::offset_of!(Device, major), 0));
const _: () = assert!(is_canonical(core::mem::offset_of!(Device, minor), 4));
const _: () = assert!(is_canonical(core::mem::size_of::<Device>(), 8));
const _: () = assert!(is_canonical(core::mem::align_of::<Device>(), 4));

/// Status of a file.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FileStatus {
    /// the device that holds it
    pub holder: Device,
    pub inode: u64,
    /// its type and permissions
    pub mode: u32,
    pub links: u64,
    /// in the host's user namespace, as the caller's credentials are; 0xffffffff: it has no number
    /// in the caller's, or the one that all have there that have none (65534)
    pub uid: u32,
    /// the same of its group
    pub gid: u32,
    /// the device that it stands for, where it is one
    pub device: Device,
    pub size: u64,
    /// in units of 512 bytes
    pub blocks: u64,
    /// nanoseconds since 1970
    pub accessed: i64,
    /// nanoseconds since 1970
    pub modified: i64,
    /// nanoseconds since 1970
    pub changed: i64,
    /// `ST_NODEV` and others of statvfs(3): how the file system is mounted
    pub mount_flags: u64,
}
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, holder), 0));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, inode), 8));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, mode), 16));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, links), 24));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, uid), 32));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, gid), 36));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, device), 40));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, size), 48));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, blocks), 56));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, accessed), 64));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, modified), 72));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, changed), 80));
const _: () = assert!(is_canonical(core::mem::offset_of!(FileStatus, mount_flags), 88));
const _: () = assert!(is_canonical(core::mem::size_of::<FileStatus>(), 96));
const _: () = assert!(is_canonical(core::mem::align_of::<FileStatus>(), 8));

/// What a path of the call leads to, found once. It counts for this call alone.
#[repr(C)]
#[derive(Debug)]
pub struct Located {
    /// from the container's root, without symbolic links, `.` and `..`. Empty: it has no name any
    /// more, or never had one; or a pipe or device is opened that the root does not lead to
    pub path: Path,
    /// whether something is there by that name
    pub exists: bool,
    /// whether it is where something is mounted
    pub is_mount_point: bool,
    /// the mount that it is in, or that of its folder: a number that no other mount has
    pub mount: u64,
    /// all numbers are 0 where nothing is there
    pub status: FileStatus,
}
const _: () = assert!(is_canonical(core::mem::offset_of!(Located, path), 0));
const _: () = assert!(is_canonical(core::mem::offset_of!(Located, exists), 8));
const _: () = assert!(is_canonical(core::mem::offset_of!(Located, is_mount_point), 9));
const _: () = assert!(is_canonical(core::mem::offset_of!(Located, mount), 16));
const _: () = assert!(is_canonical(core::mem::offset_of!(Located, status), 24));
const _: () = assert!(is_canonical(core::mem::size_of::<Located>(), 120));
const _: () = assert!(is_canonical(core::mem::align_of::<Located>(), 8));

/// A descriptor that the host holds for the call being answered: an index that means nothing
/// to the caller, and nothing at all once the call is answered.
pub type Descriptor = u32;

/// Which call of the mount API that works on descriptors, see fsopen(2) and those it names.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountOperation {
    Fsopen,
    Fsconfig,
    Fsmount,
    Fspick,
    MoveMount,
    OpenTree,
    OpenTreeAttr,
    MountSetattr,
}
const _: () = assert!(is_canonical(core::mem::size_of::<MountOperation>(), 1));
const _: () = assert!(is_canonical(core::mem::align_of::<MountOperation>(), 1));

/// change of a time of a file
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeChange {
    /// it gets the seconds and nanoseconds that are given
    Set,
    /// it gets the time at which the call is made: UTIME_NOW
    Now,
    /// it stays: UTIME_OMIT
    Omit,
}
const _: () = assert!(is_canonical(core::mem::size_of::<TimeChange>(), 1));
const _: () = assert!(is_canonical(core::mem::align_of::<TimeChange>(), 1));

/// a time that a file gets, as in utimensat(2)
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NewTime {
    pub change: TimeChange,
    /// since 1970; 0 unless the time is set
    pub seconds: i64,
    /// 1,000,000,000 and more are EINVAL; 0 unless the time is set
    pub nanoseconds: u32,
}
const _: () = assert!(is_canonical(core::mem::offset_of!(NewTime, change), 0));
const _: () = assert!(is_canonical(core::mem::offset_of!(NewTime, seconds), 8));
const _: () = assert!(is_canonical(core::mem::offset_of!(NewTime, nanoseconds), 16));
const _: () = assert!(is_canonical(core::mem::size_of::<NewTime>(), 24));
const _: () = assert!(is_canonical(core::mem::align_of::<NewTime>(), 8));

/// both times of a call
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NewTimes {
    pub accessed: NewTime,
    pub modified: NewTime,
}
const _: () = assert!(is_canonical(core::mem::offset_of!(NewTimes, accessed), 0));
const _: () = assert!(is_canonical(core::mem::offset_of!(NewTimes, modified), 24));
const _: () = assert!(is_canonical(core::mem::size_of::<NewTimes>(), 48));
const _: () = assert!(is_canonical(core::mem::align_of::<NewTimes>(), 8));

/// A call as the export `any` gets it.
#[repr(C)]
#[derive(Debug)]
pub struct Call {
    /// the kernel's name of the syscall, as in syscalls(2)
    pub syscall: Text,
    /// the family it belongs to: the name of the export that answers it
    pub family: Text,
    /// the six argument registers as they came
    pub registers: [u64; 6],
}
const _: () = assert!(is_canonical(core::mem::offset_of!(Call, syscall), 0));
const _: () = assert!(is_canonical(core::mem::offset_of!(Call, family), 8));
const _: () = assert!(is_canonical(core::mem::offset_of!(Call, registers), 16));
const _: () = assert!(is_canonical(core::mem::size_of::<Call>(), 64));
const _: () = assert!(is_canonical(core::mem::align_of::<Call>(), 8));

/// An answer to the kernel.
#[repr(C, u8)]
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// the call returns this; -4095 to -1 is refused
    Value(i64),
    /// the call fails
    Fail(Errno),
    /// the kernel judges the call itself, reading the caller's memory again:
    /// never the answer of a handler that refuses by what a pointer says
    Continue,
}
const _: () = assert!(is_canonical(core::mem::size_of::<Answer>(), 16));
const _: () = assert!(is_canonical(core::mem::align_of::<Answer>(), 8));

/// An answer for later.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Late {
    /// how long the caller waits; more than a day is refused
    pub milliseconds: u64,
    /// the answer after that time
    pub answer: Answer,
}
const _: () = assert!(is_canonical(core::mem::offset_of!(Late, milliseconds), 0));
const _: () = assert!(is_canonical(core::mem::offset_of!(Late, answer), 8));
const _: () = assert!(is_canonical(core::mem::size_of::<Late>(), 24));
const _: () = assert!(is_canonical(core::mem::align_of::<Late>(), 8));

/// A descriptor for the caller.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Given {
    pub descriptor: Descriptor,
    /// whether execve(2) closes it
    pub close_on_exec: bool,
}
const _: () = assert!(is_canonical(core::mem::offset_of!(Given, descriptor), 0));
const _: () = assert!(is_canonical(core::mem::offset_of!(Given, close_on_exec), 4));
const _: () = assert!(is_canonical(core::mem::size_of::<Given>(), 8));
const _: () = assert!(is_canonical(core::mem::align_of::<Given>(), 4));

/// A decision of a handler on a call.
#[repr(C, u8)]
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// as in `answer`
    Value(i64),
    /// as in `answer`
    Fail(Errno),
    /// as in `answer`
    Continue,
    /// no opinion: the next handler of the chain is asked
    Next,
    /// this answer later; no handler runs meanwhile, and others are not kept waiting
    Delay(Late),
    /// the host does the call as it was decoded, as the caller and with the caller's power;
    /// refused for what the host cannot do so
    Perform,
    /// the caller gets a copy of this descriptor, and the call returns its number there; `emfile`
    /// if it may have no more, and what opening it has made or emptied stays so
    Descriptor(Given),
}
const _: () = assert!(is_canonical(core::mem::size_of::<Action>(), 32));
const _: () = assert!(is_canonical(core::mem::align_of::<Action>(), 8));

/// The decoded arguments of the call being answered, for handlers that export `any`.
/// Importing it is what makes the agent read the caller's memory for such a handler;
/// it needs no grant.
pub mod arguments {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// The value of an argument.
    #[repr(C, u8)]
    #[derive(Debug)]
    pub enum Value {
        /// an integer by its C type: signed types are sign-extended
        Integer(i64),
        /// the bytes behind a pointer: a string has lost its NUL
        Bytes(Bytes),
        /// a NULL pointer
        Null,
        /// a pointer that could not be followed, with the errno that the kernel would give
        Fault(Errno),
        /// a pointer that is not followed here: for a result, or to what the agent does not decode
        Unread,
    }
    const _: () = assert!(is_canonical(core::mem::size_of::<Value>(), 16));
    const _: () = assert!(is_canonical(core::mem::align_of::<Value>(), 8));

    /// Similar to a parameter in the syscall's manual page.
    #[repr(C)]
    #[derive(Debug)]
    pub struct Argument {
        pub name: Text,
        pub value: Value,
    }
    const _: () = assert!(is_canonical(core::mem::offset_of!(Argument, name), 0));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Argument, value), 8));
    const _: () = assert!(is_canonical(core::mem::size_of::<Argument>(), 24));
    const _: () = assert!(is_canonical(core::mem::align_of::<Argument>(), 8));

    /// All arguments in the syscall's order; empty for a syscall that the agent does not decode.
    /// Similar to the arguments in a line of strace(1).
    pub fn all() -> List<Argument> {
        #[link(wasm_import_module = "seccompagent:handler/arguments@0.1.0")]
        extern "C" {
            #[link_name = "all"]
            fn import(result: *mut List<Argument>);
        }
        let result = unsafe {
            returned(|result| import(result))
        };
        result
    }
}

/// Capability: who makes the call.
pub mod caller {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// Similar to the ids of credentials(7).
    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub struct Ids {
        pub real: u32,
        pub effective: u32,
        pub saved: u32,
        pub filesystem: u32,
    }
    const _: () = assert!(is_canonical(core::mem::offset_of!(Ids, real), 0));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Ids, effective), 4));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Ids, saved), 8));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Ids, filesystem), 12));
    const _: () = assert!(is_canonical(core::mem::size_of::<Ids>(), 16));
    const _: () = assert!(is_canonical(core::mem::align_of::<Ids>(), 4));

    /// Sets of Linux capabilities, a bit for each. Similar to capabilities(7).
    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub struct LinuxCapabilities {
        pub inheritable: u64,
        pub permitted: u64,
        pub effective: u64,
        pub bounding: u64,
        pub ambient: u64,
    }
    const _: () = assert!(is_canonical(core::mem::offset_of!(LinuxCapabilities, inheritable), 0));
    const _: () = assert!(is_canonical(core::mem::offset_of!(LinuxCapabilities, permitted), 8));
    const _: () = assert!(is_canonical(core::mem::offset_of!(LinuxCapabilities, effective), 16));
    const _: () = assert!(is_canonical(core::mem::offset_of!(LinuxCapabilities, bounding), 24));
    const _: () = assert!(is_canonical(core::mem::offset_of!(LinuxCapabilities, ambient), 32));
    const _: () = assert!(is_canonical(core::mem::size_of::<LinuxCapabilities>(), 40));
    const _: () = assert!(is_canonical(core::mem::align_of::<LinuxCapabilities>(), 8));

    /// Ids are those of the host's user namespace.
    #[repr(C)]
    #[derive(Debug)]
    pub struct Credentials {
        pub uid: Ids,
        pub gid: Ids,
        pub groups: List<u32>,
        pub umask: u32,
        pub no_new_privileges: bool,
        pub capabilities: LinuxCapabilities,
    }
    const _: () = assert!(is_canonical(core::mem::offset_of!(Credentials, uid), 0));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Credentials, gid), 16));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Credentials, groups), 32));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Credentials, umask), 40));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Credentials, no_new_privileges), 44));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Credentials, capabilities), 48));
    const _: () = assert!(is_canonical(core::mem::size_of::<Credentials>(), 88));
    const _: () = assert!(is_canonical(core::mem::align_of::<Credentials>(), 8));

    /// Which user namespace.
    #[repr(u8)]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum UserNamespace {
        /// the caller's
        OfCaller,
        /// the one that owns the caller's mount namespace
        OfMounts,
        /// the host's
        OfHost,
        /// the one in which the runtime has made the container, as the host's root; nobody has anything
        /// in one that another user has made. `esrch`: nobody knows the container's first process.
        OfContainer,
    }
    const _: () = assert!(is_canonical(core::mem::size_of::<UserNamespace>(), 1));
    const _: () = assert!(is_canonical(core::mem::align_of::<UserNamespace>(), 1));

    /// The process that makes the call.
    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub struct Process {
        /// milliseconds since it began
        pub age: u64,
        /// whether it is the container's first one; not where nobody knows that one
        pub is_first: bool,
    }
    const _: () = assert!(is_canonical(core::mem::offset_of!(Process, age), 0));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Process, is_first), 8));
    const _: () = assert!(is_canonical(core::mem::size_of::<Process>(), 16));
    const _: () = assert!(is_canonical(core::mem::align_of::<Process>(), 8));

    /// Similar to proc_pid_stat(5).
    pub fn get_process() -> Result<Process, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/caller@0.1.0")]
        extern "C" {
            #[link_name = "get-process"]
            fn import(result: *mut RawResult<Process>);
        }
        let result = unsafe {
            returned(|result| import(result))
        };
        result.into()
    }

    /// Similar to credentials(7).
    pub fn get_credentials() -> Result<Credentials, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/caller@0.1.0")]
        extern "C" {
            #[link_name = "get-credentials"]
            fn import(result: *mut RawResult<Credentials>);
        }
        let result = unsafe {
            returned(|result| import(result))
        };
        result.into()
    }

    /// The name of the calling thread, at most 15 bytes. The caller chooses it.
    /// Similar to PR_GET_NAME of prctl(2).
    pub fn comm() -> Result<Bytes, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/caller@0.1.0")]
        extern "C" {
            #[link_name = "comm"]
            fn import(result: *mut RawResult<Bytes>);
        }
        let result = unsafe {
            returned(|result| import(result))
        };
        result.into()
    }

    /// Whether the caller has a Linux capability (its number) in a user namespace.
    /// Similar to the kernel's own checks, see capabilities(7).
    pub fn has_capability(capability: u32, r#where: UserNamespace) -> Result<bool, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/caller@0.1.0")]
        extern "C" {
            #[link_name = "has-capability"]
            fn import(capability: u32, r#where: u32, result: *mut RawResult<bool>);
        }
        let result = unsafe {
            returned(|result| import(capability, r#where as u32, result))
        };
        result.into()
    }
}

/// Capability: what time it is.
pub mod clock {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// Nanoseconds since some moment; never goes back. Similar to CLOCK_MONOTONIC of clock_gettime(2).
    pub fn monotonic() -> u64 {
        #[link(wasm_import_module = "seccompagent:handler/clock@0.1.0")]
        extern "C" {
            #[link_name = "monotonic"]
            fn import() -> u64;
        }
        unsafe { import() }
    }

    /// Nanoseconds since 1970, exact to the millisecond; set back and forth as the machine's clock is.
    /// Similar to CLOCK_REALTIME of clock_gettime(2).
    pub fn wall() -> i64 {
        #[link(wasm_import_module = "seccompagent:handler/clock@0.1.0")]
        extern "C" {
            #[link_name = "wall"]
            fn import() -> i64;
        }
        unsafe { import() }
    }
}

/// Capability: the container that the caller is in.
pub mod container {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// The resources of the container. Amounts are bytes; without a limit they are the machine's.
    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub struct Resources {
        /// seconds since its first process began
        pub uptime: u64,
        /// the machine's, over 1, 5 and 15 minutes, in parts of 65536
        pub loads: [u64; 3],
        /// limit of its cgroup and those above it
        pub memory: u64,
        pub memory_free: u64,
        pub memory_shared: u64,
        pub swap: u64,
        pub swap_free: u64,
        pub processes: u64,
    }
    const _: () = assert!(is_canonical(core::mem::offset_of!(Resources, uptime), 0));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Resources, loads), 8));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Resources, memory), 32));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Resources, memory_free), 40));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Resources, memory_shared), 48));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Resources, swap), 56));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Resources, swap_free), 64));
    const _: () = assert!(is_canonical(core::mem::offset_of!(Resources, processes), 72));
    const _: () = assert!(is_canonical(core::mem::size_of::<Resources>(), 80));
    const _: () = assert!(is_canonical(core::mem::align_of::<Resources>(), 8));

    /// As the runtime named it.
    pub fn id() -> Text {
        #[link(wasm_import_module = "seccompagent:handler/container@0.1.0")]
        extern "C" {
            #[link_name = "id"]
            fn import(result: *mut Text);
        }
        let result = unsafe {
            returned(|result| import(result))
        };
        result
    }

    /// Keys and values that the runtime sent along, see the OCI runtime specification.
    pub fn annotations() -> List<TextPair> {
        #[link(wasm_import_module = "seccompagent:handler/container@0.1.0")]
        extern "C" {
            #[link_name = "annotations"]
            fn import(result: *mut List<TextPair>);
        }
        let result = unsafe {
            returned(|result| import(result))
        };
        result
    }

    /// `esrch`: nobody knows its first process. Similar to sysinfo(2), and to cgroups(7).
    pub fn get_resources() -> Result<Resources, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/container@0.1.0")]
        extern "C" {
            #[link_name = "get-resources"]
            fn import(result: *mut RawResult<Resources>);
        }
        let result = unsafe {
            returned(|result| import(result))
        };
        result.into()
    }

    /// Kills all of it. `esrch`: nobody knows its first process. `eperm`: only that one was killed,
    /// since nobody can tell the others from those of others. Similar to kill(2).
    pub fn kill() -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/container@0.1.0")]
        extern "C" {
            #[link_name = "kill"]
            fn import(result: *mut RawResult<()>);
        }
        let result = unsafe {
            returned(|result| import(result))
        };
        result.into()
    }

    /// Stops all of its processes until `thaw`. Similar to cgroup.freeze of cgroups(7).
    pub fn freeze() -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/container@0.1.0")]
        extern "C" {
            #[link_name = "freeze"]
            fn import(result: *mut RawResult<()>);
        }
        let result = unsafe {
            returned(|result| import(result))
        };
        result.into()
    }

    /// Lets its processes go on. Similar to cgroup.freeze of cgroups(7).
    pub fn thaw() -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/container@0.1.0")]
        extern "C" {
            #[link_name = "thaw"]
            fn import(result: *mut RawResult<()>);
        }
        let result = unsafe {
            returned(|result| import(result))
        };
        result.into()
    }
}

/// Capability: descriptors of the caller, and such as the host holds for the call being
/// answered. All that it holds are closed when the call is answered.
pub mod descriptors {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// A copy of what the caller has open under this number. Similar to pidfd_getfd(2).
    pub fn take(fd: i32) -> Result<Descriptor, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/descriptors@0.1.0")]
        extern "C" {
            #[link_name = "take"]
            fn import(fd: i32, result: *mut RawResult<Descriptor>);
        }
        let result = unsafe {
            returned(|result| import(fd, result))
        };
        result.into()
    }

    /// Gives the caller a copy; the number that it has there. To make it the call's result, answer
    /// with the action `descriptor` instead. Similar to dup(2).
    pub fn install(descriptor: u32, close_on_exec: bool) -> Result<i32, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/descriptors@0.1.0")]
        extern "C" {
            #[link_name = "install"]
            fn import(descriptor: u32, close_on_exec: bool, result: *mut RawResult<i32>);
        }
        let result = unsafe {
            returned(|result| import(descriptor, close_on_exec, result))
        };
        result.into()
    }

    /// Gives the caller a copy under this number, in place of what it has there.
    /// Similar to dup3(2).
    pub fn replace(descriptor: u32, fd: i32, close_on_exec: bool) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/descriptors@0.1.0")]
        extern "C" {
            #[link_name = "replace"]
            fn import(descriptor: u32, fd: i32, close_on_exec: bool, result: *mut RawResult<()>);
        }
        let result = unsafe {
            returned(|result| import(descriptor, fd, close_on_exec, result))
        };
        result.into()
    }

    /// The status of the open file. Similar to fstat(2).
    pub fn stat(descriptor: u32) -> Result<FileStatus, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/descriptors@0.1.0")]
        extern "C" {
            #[link_name = "stat"]
            fn import(descriptor: u32, result: *mut RawResult<FileStatus>);
        }
        let result = unsafe {
            returned(|result| import(descriptor, result))
        };
        result.into()
    }
}

/// Capability: device nodes that do nobody any harm: null, zero, full, random, urandom, tty,
/// fuse and net/tun, and the console for the host's root.
pub mod devices {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// Makes a node as the caller, with CAP_MKNOD lent, which can be opened: where the file system
    /// is mounted nodev or belongs to a user namespace, the host mounts a node of its own, with the
    /// same owner and permissions, on top of it. A path starts where those of `filesystem` do.
    /// `eperm`: it is no character device, or another one.
    /// Similar to mknodat(2).
    pub fn make(path: &[u8], mode: u32, device: Device) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/devices@0.1.0")]
        extern "C" {
            #[link_name = "make"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                mode: u32,
                device_major: u32,
                device_minor: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                mode,
                device.major,
                device.minor,
                result,
            ))
        };
        result.into()
    }
}

/// Capability: file operations inside the caller's container, done as the caller:
/// its root, working directory, dirfd, user, groups, umask and Linux capabilities.
///
/// A relative path starts at the dirfd of the call being answered, or at its working
/// directory; a new path starts at the call's second dirfd. Flags are those of the system
/// call that is named, with the numbers of the machine's architecture.
///
/// An empty path with `AT_EMPTY_PATH` (0x1000) is the place itself where relative ones start. Of a
/// call that takes a descriptor and no path, such as fchown(2), it is what this stands for.
///
/// In a procfs, `self` and `thread-self` are the caller's. Links that lead to what a process has are
/// followed where they are the caller's own (`fd/N`, `cwd`, `root`, `exe`, `ns/*`), and else not
/// (`eloop`).
pub mod filesystem {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// Makes a directory. Similar to mkdirat(2).
    pub fn mkdir(path: &[u8], mode: u32) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "mkdir"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                mode: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), mode, result))
        };
        result.into()
    }

    /// Makes a file, a FIFO, a socket or a device node. The device counts for nodes only.
    /// Similar to mknodat(2).
    pub fn mknod(path: &[u8], mode: u32, device: Device) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "mknod"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                mode: u32,
                device_major: u32,
                device_minor: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                mode,
                device.major,
                device.minor,
                result,
            ))
        };
        result.into()
    }

    /// Opens a file for the host to hold: `descriptors` and the action `descriptor` give it to
    /// the caller, but not what was opened with O_PATH, which the kernel lets nobody give. The mode
    /// counts where a file is made. `resolve` holds RESOLVE_* of openat2(2), all of which are
    /// honoured. `eopnotsupp`: what is opened with O_PATH for the caller, files of a procfs that shows
    /// the host's processes, a controlling terminal, and devices but null, zero, full, random, urandom
    /// and pseudoterminals, which the caller's cgroup may not have; `continue` lets the kernel judge
    /// them.
    /// Similar to openat2(2).
    pub fn open(
        path: &[u8],
        open_flags: u64,
        mode: u32,
        resolve: u64,
    ) -> Result<Descriptor, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "open"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                open_flags: u64,
                mode: u32,
                resolve: u64,
                result: *mut RawResult<Descriptor>,
            );
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), open_flags, mode, resolve, result))
        };
        result.into()
    }

    /// Changes permissions. Similar to fchmodat2(2).
    pub fn chmod(path: &[u8], mode: u32, at_flags: u32) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "chmod"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                mode: u32,
                at_flags: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), mode, at_flags, result))
        };
        result.into()
    }

    /// Changes owner and group, by their numbers in the caller's user namespace, as its calls have
    /// them; 0xffffffff leaves one as it is. Similar to fchownat(2).
    pub fn chown(path: &[u8], uid: u32, gid: u32, at_flags: u32) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "chown"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                uid: u32,
                gid: u32,
                at_flags: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), uid, gid, at_flags, result))
        };
        result.into()
    }

    /// Similar to renameat2(2).
    pub fn rename(path: &[u8], new_path: &[u8], rename_flags: u32) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "rename"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                new_path_data: *const u8,
                new_path_length: usize,
                rename_flags: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                new_path.as_ptr(),
                new_path.len(),
                rename_flags,
                result,
            ))
        };
        result.into()
    }

    /// Makes a new name of a file. Similar to linkat(2).
    pub fn link(path: &[u8], new_path: &[u8], at_flags: u32) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "link"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                new_path_data: *const u8,
                new_path_length: usize,
                at_flags: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                new_path.as_ptr(),
                new_path.len(),
                at_flags,
                result,
            ))
        };
        result.into()
    }

    /// Makes a symbolic link that holds this target. Similar to symlinkat(2).
    pub fn symlink(target: &[u8], path: &[u8]) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "symlink"]
            fn import(
                target_data: *const u8,
                target_length: usize,
                path_data: *const u8,
                path_length: usize,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                target.as_ptr(),
                target.len(),
                path.as_ptr(),
                path.len(),
                result,
            ))
        };
        result.into()
    }

    /// Removes a name; with `AT_REMOVEDIR` (0x200) that of an empty directory.
    /// Similar to unlinkat(2).
    pub fn unlink(path: &[u8], at_flags: u32) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "unlink"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                at_flags: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), at_flags, result))
        };
        result.into()
    }

    /// What a path leads to, by the meaning that it has in this call: a name in a folder (mkdir,
    /// mknod, rename, symlink, unlink, and opening with `O_CREAT | O_EXCL`), or the file, whose
    /// symbolic links are followed if the call follows them. Where an open makes a file, it is the
    /// name in its folder.
    ///
    /// From then on, `perform` and the functions here that are given this path, for this call, act on
    /// just that file, or on that name in just that folder, wherever either has been moved meanwhile.
    /// A name may stand for another file by then. If somebody has made the file that an open was to
    /// make, `perform` has the handlers asked again, and `open` is `eexist`.
    ///
    /// An empty path is what the call's descriptor stands for. `exdev`: the caller has another root than
    /// its container's first process, or the container's root does not lead there.
    pub fn resolve(path: &[u8]) -> Result<Located, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "resolve"]
            fn import(path_data: *const u8, path_length: usize, result: *mut RawResult<Located>);
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), result))
        };
        result.into()
    }

    /// The same of the call's new path.
    pub fn resolve_new(path: &[u8]) -> Result<Located, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "resolve-new"]
            fn import(path_data: *const u8, path_length: usize, result: *mut RawResult<Located>);
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), result))
        };
        result.into()
    }

    /// Whether a path that was found is this folder, or below it. The folder is an absolute path in the
    /// container, whose symbolic links are followed, also where the caller may not look.
    pub fn is_below(path: &[u8], folder: &[u8]) -> Result<bool, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "is-below"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                folder_data: *const u8,
                folder_length: usize,
                result: *mut RawResult<bool>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                folder.as_ptr(),
                folder.len(),
                result,
            ))
        };
        result.into()
    }

    /// Whether this folder is there, or below it: who moves a path away moves all that is below it.
    pub fn is_above(path: &[u8], folder: &[u8]) -> Result<bool, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "is-above"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                folder_data: *const u8,
                folder_length: usize,
                result: *mut RawResult<bool>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                folder.as_ptr(),
                folder.len(),
                result,
            ))
        };
        result.into()
    }

    /// Similar to statx(2).
    pub fn stat(path: &[u8], at_flags: u32) -> Result<FileStatus, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "stat"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                at_flags: u32,
                result: *mut RawResult<FileStatus>,
            );
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), at_flags, result))
        };
        result.into()
    }

    /// The target of a symbolic link. Similar to readlinkat(2).
    pub fn read_link(path: &[u8]) -> Result<Path, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "read-link"]
            fn import(path_data: *const u8, path_length: usize, result: *mut RawResult<Path>);
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), result))
        };
        result.into()
    }

    /// The value of an extended attribute. Similar to getxattr(2).
    pub fn get_xattr(path: &[u8], at_flags: u32, name: &[u8]) -> Result<Bytes, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "get-xattr"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                at_flags: u32,
                name_data: *const u8,
                name_length: usize,
                result: *mut RawResult<Bytes>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                at_flags,
                name.as_ptr(),
                name.len(),
                result,
            ))
        };
        result.into()
    }

    /// Sets an extended attribute. Similar to setxattr(2).
    pub fn set_xattr(
        path: &[u8],
        at_flags: u32,
        name: &[u8],
        value: &[u8],
        xattr_flags: u32,
    ) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "set-xattr"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                at_flags: u32,
                name_data: *const u8,
                name_length: usize,
                value_data: *const u8,
                value_length: usize,
                xattr_flags: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                at_flags,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
                xattr_flags,
                result,
            ))
        };
        result.into()
    }

    /// The names of all extended attributes, each with a NUL behind it. Similar to listxattr(2).
    pub fn list_xattr(path: &[u8], at_flags: u32) -> Result<Bytes, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "list-xattr"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                at_flags: u32,
                result: *mut RawResult<Bytes>,
            );
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), at_flags, result))
        };
        result.into()
    }

    /// Similar to removexattr(2).
    pub fn remove_xattr(path: &[u8], at_flags: u32, name: &[u8]) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/filesystem@0.1.0")]
        extern "C" {
            #[link_name = "remove-xattr"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                at_flags: u32,
                name_data: *const u8,
                name_length: usize,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                at_flags,
                name.as_ptr(),
                name.len(),
                result,
            ))
        };
        result.into()
    }
}

/// Capability: lines in the agent's log, marked with the handler and the container. Each line is
/// one of the 1000 operations that a call may have. The handlers of a container, with all that is
/// executed in it, write 128 KiB at once, and then 32 KiB per second; the agent drops lines beyond
/// that and logs how many.
pub mod log {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// Similar to the levels of syslog(3).
    #[repr(u8)]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Level {
        Debug,
        Info,
        Warn,
        Error,
    }
    const _: () = assert!(is_canonical(core::mem::size_of::<Level>(), 1));
    const _: () = assert!(is_canonical(core::mem::align_of::<Level>(), 1));

    /// Writes one line; control characters are escaped, more than 4096 characters are cut.
    /// Similar to syslog(3).
    pub fn log(level: Level, message: &str) {
        #[link(wasm_import_module = "seccompagent:handler/log@0.1.0")]
        extern "C" {
            #[link_name = "log"]
            fn import(level: u32, message_data: *const u8, message_length: usize);
        }
        unsafe { import(level as u32, message.as_ptr(), message.len()) }
    }
}

/// Capability: what the pointers of the call being answered lead to. No address is ever shown:
/// an argument is named by its place in the system call, 0 to 5.
pub mod memory {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// Strings behind a list of pointers.
    #[repr(C)]
    #[derive(Debug)]
    pub struct StringList {
        /// without their NUL
        pub items: List<Bytes>,
        /// whether strings are missing, or the ends of some
        pub truncated: bool,
    }
    const _: () = assert!(is_canonical(core::mem::offset_of!(StringList, items), 0));
    const _: () = assert!(is_canonical(core::mem::offset_of!(StringList, truncated), 8));
    const _: () = assert!(is_canonical(core::mem::size_of::<StringList>(), 12));
    const _: () = assert!(is_canonical(core::mem::align_of::<StringList>(), 4));

    /// How many bytes an argument leads to: those that were read of it, or the room for a result.
    /// `einval`: the argument is no such pointer. `efault`: it is NULL, or could not be followed.
    pub fn size(argument: u32) -> Result<u64, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/memory@0.1.0")]
        extern "C" {
            #[link_name = "size"]
            fn import(argument: u32, result: *mut RawResult<u64>);
        }
        let result = unsafe {
            returned(|result| import(argument, result))
        };
        result.into()
    }

    /// Bytes behind a pointer, fewer where it ends; at most 65536 at once. What was decoded comes
    /// from there, so that it is what other handlers and the log have seen.
    /// Similar to process_vm_readv(2).
    pub fn read(argument: u32, offset: u64, length: u32) -> Result<Bytes, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/memory@0.1.0")]
        extern "C" {
            #[link_name = "read"]
            fn import(argument: u32, offset: u64, length: u32, result: *mut RawResult<Bytes>);
        }
        let result = unsafe {
            returned(|result| import(argument, offset, length, result))
        };
        result.into()
    }

    /// The strings of an argument that is a list of them: `argv` (1) and `envp` (2) of execve(2), 2
    /// and 3 of execveat(2). At most 1024 strings, 4096 bytes of each, and 65536 bytes in all, where a
    /// string takes 4 more; NULL is an empty list. The caller can change them until the kernel reads
    /// them: what a handler decides by them is advisory, even if it refuses. `einval`: the argument is
    /// no such list. `efault`: one of the pointers cannot be followed.
    pub fn read_strings(argument: u32) -> Result<StringList, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/memory@0.1.0")]
        extern "C" {
            #[link_name = "read-strings"]
            fn import(argument: u32, result: *mut RawResult<StringList>);
        }
        let result = unsafe {
            returned(|result| import(argument, result))
        };
        result.into()
    }

    /// Writes a part of the call's result, at most 65536 bytes at once. `einval`: the argument is
    /// no pointer for a result, or the bytes end beyond its room. `eopnotsupp`: a signal could end
    /// the call meanwhile, since its filter has no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, or
    /// nobody knows. `efault`: not all of it can be written. `esrch`: the caller has been killed.
    /// Similar to process_vm_writev(2).
    pub fn write(argument: u32, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/memory@0.1.0")]
        extern "C" {
            #[link_name = "write"]
            fn import(
                argument: u32,
                offset: u64,
                bytes_data: *const u8,
                bytes_length: usize,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(argument, offset, bytes.as_ptr(), bytes.len(), result))
        };
        result.into()
    }
}

/// Capability: mounts inside the caller's container. The host lends the Linux
/// capability that the operation asks for, for this one operation.
pub mod mounts {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// Mounts a new file system. Only the flags of a new mount are taken; those of bind,
    /// remount, move and propagation are refused with `einval`. A new proc or sysfs hides
    /// what the container's first process does not see. Power is lent over a directory that is
    /// the caller's own, or that it may write and that is not somebody else's sticky one; over
    /// nothing that proc shows of its processes. Over others it is `eperm` for callers that
    /// could not mount there themselves. Ids in the data are those of the caller's user namespace.
    /// The data is options with commas between; of an overlay, a comma behind a backslash is part of an
    /// option. Whoever adds options behind the caller's refuses those that end with a backslash.
    /// Similar to mount(2).
    pub fn mount(
        source: Option<&[u8]>,
        target: &[u8],
        filesystem_type: Option<&[u8]>,
        mount_flags: u64,
        data: Option<&[u8]>,
    ) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/mounts@0.1.0")]
        extern "C" {
            #[link_name = "mount"]
            fn import(
                source_is_some: u32,
                source_data: *const u8,
                source_length: usize,
                target_data: *const u8,
                target_length: usize,
                filesystem_type_is_some: u32,
                filesystem_type_data: *const u8,
                filesystem_type_length: usize,
                mount_flags: u64,
                data_is_some: u32,
                data_data: *const u8,
                data_length: usize,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                source.is_some() as u32,
                source.unwrap_or_default().as_ptr(),
                source.unwrap_or_default().len(),
                target.as_ptr(),
                target.len(),
                filesystem_type.is_some() as u32,
                filesystem_type.unwrap_or_default().as_ptr(),
                filesystem_type.unwrap_or_default().len(),
                mount_flags,
                data.is_some() as u32,
                data.unwrap_or_default().as_ptr(),
                data.unwrap_or_default().len(),
                result,
            ))
        };
        result.into()
    }

    /// Takes a mount away. For proc, sysfs and what is mounted on them nothing is lent, nor
    /// for a lazy unmount of what has them below, nor for what was mounted in the container when
    /// the agent attached it: `eperm`. Similar to umount2(2).
    pub fn unmount(target: &[u8], unmount_flags: u32) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/mounts@0.1.0")]
        extern "C" {
            #[link_name = "unmount"]
            fn import(
                target_data: *const u8,
                target_length: usize,
                unmount_flags: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(target.as_ptr(), target.len(), unmount_flags, result))
        };
        result.into()
    }

    /// The same, but nobody takes away what may hide something of proc or sysfs, whatever power the
    /// caller has itself, nor what is at, below or above one of the paths that are spared. A proc or
    /// sysfs that the container has got later goes, with its masks. The paths are those of settings of
    /// the type `paths`, each with a NUL behind it: they stand for what they lead to in the container's
    /// root before its own program runs. Any other path, and one that led nowhere then, is `eperm` for
    /// all. The mount that was looked at is the one that goes. `eperm`: it stays.
    /// Similar to umount2(2).
    pub fn unmount_sparing(target: &[u8], unmount_flags: u32, spared: &[u8]) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/mounts@0.1.0")]
        extern "C" {
            #[link_name = "unmount-sparing"]
            fn import(
                target_data: *const u8,
                target_length: usize,
                unmount_flags: u32,
                spared_data: *const u8,
                spared_length: usize,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                target.as_ptr(),
                target.len(),
                unmount_flags,
                spared.as_ptr(),
                spared.len(),
                result,
            ))
        };
        result.into()
    }

    /// Changes attributes of a mount (`MOUNT_ATTR_*`), and of those below it if asked. An id
    /// mapping is that of a user namespace, which the descriptor stands for; power for one is lent
    /// to callers in no user namespace with CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_FOWNER. Nothing is
    /// lent for proc, sysfs and what is mounted on them, nor for what has them below if asked for
    /// those.
    /// Similar to mount_setattr(2).
    pub fn set_attributes(
        path: &[u8],
        is_recursive: bool,
        set: u64,
        clear: u64,
        idmap: Option<u32>,
    ) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/mounts@0.1.0")]
        extern "C" {
            #[link_name = "set-attributes"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                is_recursive: bool,
                set: u64,
                clear: u64,
                idmap_is_some: u32,
                idmap: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                is_recursive,
                set,
                clear,
                idmap.is_some() as u32,
                idmap.unwrap_or_default(),
                result,
            ))
        };
        result.into()
    }
}

/// Capability: extended attributes by which overlay file systems mark what they hold, with
/// CAP_SYS_ADMIN lent. Their names begin with `trusted.overlay.`; with other names all fails with
/// `eperm`, and so it does for files that the caller does not own.
///
/// Paths, flags and errors are otherwise those of `filesystem`.
pub mod overlay {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// The value of an attribute. Similar to getxattr(2).
    pub fn get_xattr(path: &[u8], at_flags: u32, name: &[u8]) -> Result<Bytes, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/overlay@0.1.0")]
        extern "C" {
            #[link_name = "get-xattr"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                at_flags: u32,
                name_data: *const u8,
                name_length: usize,
                result: *mut RawResult<Bytes>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                at_flags,
                name.as_ptr(),
                name.len(),
                result,
            ))
        };
        result.into()
    }

    /// Sets an attribute. `eopnotsupp`: the file is where no overlay can have a layer, such as what
    /// the kernel shows of itself. Similar to setxattr(2).
    pub fn set_xattr(
        path: &[u8],
        at_flags: u32,
        name: &[u8],
        value: &[u8],
        xattr_flags: u32,
    ) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/overlay@0.1.0")]
        extern "C" {
            #[link_name = "set-xattr"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                at_flags: u32,
                name_data: *const u8,
                name_length: usize,
                value_data: *const u8,
                value_length: usize,
                xattr_flags: u32,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                at_flags,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
                xattr_flags,
                result,
            ))
        };
        result.into()
    }

    /// The names of all attributes that the caller may see, and of those, each with a NUL behind it.
    /// Similar to listxattr(2).
    pub fn list_xattr(path: &[u8], at_flags: u32) -> Result<Bytes, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/overlay@0.1.0")]
        extern "C" {
            #[link_name = "list-xattr"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                at_flags: u32,
                result: *mut RawResult<Bytes>,
            );
        }
        let result = unsafe {
            returned(|result| import(path.as_ptr(), path.len(), at_flags, result))
        };
        result.into()
    }

    /// Removes an attribute. Similar to removexattr(2).
    pub fn remove_xattr(path: &[u8], at_flags: u32, name: &[u8]) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/overlay@0.1.0")]
        extern "C" {
            #[link_name = "remove-xattr"]
            fn import(
                path_data: *const u8,
                path_length: usize,
                at_flags: u32,
                name_data: *const u8,
                name_length: usize,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(
                path.as_ptr(),
                path.len(),
                at_flags,
                name.as_ptr(),
                name.len(),
                result,
            ))
        };
        result.into()
    }
}

/// Capability: what the handlers of a bundle remember of a container, until it is gone or the
/// agent ends. Handlers of other bundles and other containers have their own.
///
/// At most 64 keys, or as many as are granted, none with more than 256 bytes in UTF-8, and 65536
/// bytes with their values.
pub mod state {
    #[allow(unused_imports)]
    use super::*;
    #[allow(unused_imports)]
    use crate::abi::{RawOption, RawResult, TextPair, returned};

    /// The value of a key, if there is one.
    pub fn get(key: &str) -> Option<Bytes> {
        #[link(wasm_import_module = "seccompagent:handler/state@0.1.0")]
        extern "C" {
            #[link_name = "get"]
            fn import(key_data: *const u8, key_length: usize, result: *mut RawOption<Bytes>);
        }
        let result = unsafe {
            returned(|result| import(key.as_ptr(), key.len(), result))
        };
        result.into()
    }

    /// `enospc`: that would be too much.
    pub fn set(key: &str, value: &[u8]) -> Result<(), Errno> {
        #[link(wasm_import_module = "seccompagent:handler/state@0.1.0")]
        extern "C" {
            #[link_name = "set"]
            fn import(
                key_data: *const u8,
                key_length: usize,
                value_data: *const u8,
                value_length: usize,
                result: *mut RawResult<()>,
            );
        }
        let result = unsafe {
            returned(|result| import(key.as_ptr(), key.len(), value.as_ptr(), value.len(), result))
        };
        result.into()
    }

    /// Whether there was such a key.
    pub fn remove(key: &str) -> bool {
        #[link(wasm_import_module = "seccompagent:handler/state@0.1.0")]
        extern "C" {
            #[link_name = "remove"]
            fn import(key_data: *const u8, key_length: usize) -> bool;
        }
        unsafe { import(key.as_ptr(), key.len()) }
    }

    /// Adds to a counter, which is 0 if it is not there, and returns its new value; nobody else's
    /// addition is lost. A counter is a value of 8 bytes, least first. `einval`: the value is none.
    /// `eoverflow`: the sum does not fit. `enospc`: as with `set`.
    pub fn add(key: &str, amount: i64) -> Result<i64, Errno> {
        #[link(wasm_import_module = "seccompagent:handler/state@0.1.0")]
        extern "C" {
            #[link_name = "add"]
            fn import(
                key_data: *const u8,
                key_length: usize,
                amount: i64,
                result: *mut RawResult<i64>,
            );
        }
        let result = unsafe {
            returned(|result| import(key.as_ptr(), key.len(), amount, result))
        };
        result.into()
    }
}

/// The export of one name, made by `export!`.
#[doc(hidden)]
#[macro_export]
macro_rules! export_answer {
    // fn mkdir(path: &[u8], mode: u32) -> Action
    (mkdir) => {
        const _: () = {
            #[export_name = "mkdir"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                mode: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::mkdir(&path, mode))
            }
        };
    };
    // fn mknod(path: &[u8], mode: u32, device: Device) -> Action
    (mknod) => {
        const _: () = {
            #[export_name = "mknod"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                mode: u32,
                device_major: u32,
                device_minor: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                let device = $crate::Device { major: device_major, minor: device_minor };
                $crate::abi::answered(crate::mknod(&path, mode, device))
            }
        };
    };
    // fn open(path: &[u8], flags: u64, mode: u32, resolve: u64) -> Action
    (open) => {
        const _: () = {
            #[export_name = "open"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                flags: u64,
                mode: u32,
                resolve: u64,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::open(&path, flags, mode, resolve))
            }
        };
    };
    // fn chmod(path: &[u8], mode: u32, flags: u32) -> Action
    (chmod) => {
        const _: () = {
            #[export_name = "chmod"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                mode: u32,
                flags: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::chmod(&path, mode, flags))
            }
        };
    };
    // fn fchmod(fd: i32, mode: u32) -> Action
    (fchmod) => {
        const _: () = {
            #[export_name = "fchmod"]
            unsafe extern "C" fn answer(fd: i32, mode: u32) -> *const $crate::Action {
                $crate::abi::answered(crate::fchmod(fd, mode))
            }
        };
    };
    // fn chown(path: &[u8], uid: u32, gid: u32, flags: u32) -> Action
    (chown) => {
        const _: () = {
            #[export_name = "chown"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                uid: u32,
                gid: u32,
                flags: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::chown(&path, uid, gid, flags))
            }
        };
    };
    // fn fchown(fd: i32, uid: u32, gid: u32) -> Action
    (fchown) => {
        const _: () = {
            #[export_name = "fchown"]
            unsafe extern "C" fn answer(fd: i32, uid: u32, gid: u32) -> *const $crate::Action {
                $crate::abi::answered(crate::fchown(fd, uid, gid))
            }
        };
    };
    // fn truncate(path: &[u8], length: i64, flags: u32) -> Action
    (truncate) => {
        const _: () = {
            #[export_name = "truncate"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                length: i64,
                flags: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::truncate(&path, length, flags))
            }
        };
    };
    // fn utimens(path: Option<&[u8]>, times: Option<NewTimes>, flags: u32) -> Action
    (utimens) => {
        const _: () = {
            #[export_name = "utimens"]
            unsafe extern "C" fn answer(
                path_is_some: u32,
                path_data: *mut u8,
                path_length: usize,
                times_is_some: u32,
                times_accessed_change: u32,
                times_accessed_seconds: i64,
                times_accessed_nanoseconds: u32,
                times_modified_change: u32,
                times_modified_seconds: i64,
                times_modified_nanoseconds: u32,
                flags: u32,
            ) -> *const $crate::Action {
                let path = (path_is_some != 0).then(|| $crate::abi::List::from_raw(path_data, path_length));
                let times = (times_is_some != 0).then(|| $crate::NewTimes { accessed: $crate::NewTime { change: core::mem::transmute::<u8, $crate::TimeChange>(times_accessed_change as u8), seconds: times_accessed_seconds, nanoseconds: times_accessed_nanoseconds }, modified: $crate::NewTime { change: core::mem::transmute::<u8, $crate::TimeChange>(times_modified_change as u8), seconds: times_modified_seconds, nanoseconds: times_modified_nanoseconds } });
                $crate::abi::answered(crate::utimens(path.as_deref(), times, flags))
            }
        };
    };
    // fn rename(path: &[u8], new_path: &[u8], flags: u32) -> Action
    (rename) => {
        const _: () = {
            #[export_name = "rename"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                new_path_data: *mut u8,
                new_path_length: usize,
                flags: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                let new_path = $crate::abi::List::from_raw(new_path_data, new_path_length);
                $crate::abi::answered(crate::rename(&path, &new_path, flags))
            }
        };
    };
    // fn link(path: &[u8], new_path: &[u8], flags: u32) -> Action
    (link) => {
        const _: () = {
            #[export_name = "link"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                new_path_data: *mut u8,
                new_path_length: usize,
                flags: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                let new_path = $crate::abi::List::from_raw(new_path_data, new_path_length);
                $crate::abi::answered(crate::link(&path, &new_path, flags))
            }
        };
    };
    // fn symlink(target: &[u8], path: &[u8]) -> Action
    (symlink) => {
        const _: () = {
            #[export_name = "symlink"]
            unsafe extern "C" fn answer(
                target_data: *mut u8,
                target_length: usize,
                path_data: *mut u8,
                path_length: usize,
            ) -> *const $crate::Action {
                let target = $crate::abi::List::from_raw(target_data, target_length);
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::symlink(&target, &path))
            }
        };
    };
    // fn unlink(path: &[u8], flags: u32) -> Action
    (unlink) => {
        const _: () = {
            #[export_name = "unlink"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                flags: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::unlink(&path, flags))
            }
        };
    };
    // fn setxattr(path: &[u8], at_flags: u32, name: &[u8], value: &[u8], flags: u32) -> Action
    (setxattr) => {
        const _: () = {
            #[export_name = "setxattr"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                at_flags: u32,
                name_data: *mut u8,
                name_length: usize,
                value_data: *mut u8,
                value_length: usize,
                flags: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                let name = $crate::abi::List::from_raw(name_data, name_length);
                let value = $crate::abi::List::from_raw(value_data, value_length);
                $crate::abi::answered(crate::setxattr(&path, at_flags, &name, &value, flags))
            }
        };
    };
    // fn getxattr(path: &[u8], at_flags: u32, name: &[u8], size: u64) -> Action
    (getxattr) => {
        const _: () = {
            #[export_name = "getxattr"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                at_flags: u32,
                name_data: *mut u8,
                name_length: usize,
                size: u64,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                let name = $crate::abi::List::from_raw(name_data, name_length);
                $crate::abi::answered(crate::getxattr(&path, at_flags, &name, size))
            }
        };
    };
    // fn listxattr(path: &[u8], at_flags: u32, size: u64) -> Action
    (listxattr) => {
        const _: () = {
            #[export_name = "listxattr"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                at_flags: u32,
                size: u64,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::listxattr(&path, at_flags, size))
            }
        };
    };
    // fn removexattr(path: &[u8], at_flags: u32, name: &[u8]) -> Action
    (removexattr) => {
        const _: () = {
            #[export_name = "removexattr"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                at_flags: u32,
                name_data: *mut u8,
                name_length: usize,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                let name = $crate::abi::List::from_raw(name_data, name_length);
                $crate::abi::answered(crate::removexattr(&path, at_flags, &name))
            }
        };
    };
    // fn mount(
    //     source: Option<&[u8]>,
    //     target: &[u8],
    //     filesystem_type: Option<&[u8]>,
    //     mount_flags: u64,
    //     data: Option<&[u8]>,
    // ) -> Action
    (mount) => {
        const _: () = {
            #[export_name = "mount"]
            unsafe extern "C" fn answer(
                source_is_some: u32,
                source_data: *mut u8,
                source_length: usize,
                target_data: *mut u8,
                target_length: usize,
                filesystem_type_is_some: u32,
                filesystem_type_data: *mut u8,
                filesystem_type_length: usize,
                mount_flags: u64,
                data_is_some: u32,
                data_data: *mut u8,
                data_length: usize,
            ) -> *const $crate::Action {
                let source = (source_is_some != 0).then(|| $crate::abi::List::from_raw(source_data, source_length));
                let target = $crate::abi::List::from_raw(target_data, target_length);
                let filesystem_type = (filesystem_type_is_some != 0).then(|| $crate::abi::List::from_raw(filesystem_type_data, filesystem_type_length));
                let data = (data_is_some != 0).then(|| $crate::abi::List::from_raw(data_data, data_length));
                $crate::abi::answered(crate::mount(source.as_deref(), &target, filesystem_type.as_deref(), mount_flags, data.as_deref()))
            }
        };
    };
    // fn umount(target: &[u8], flags: u32) -> Action
    (umount) => {
        const _: () = {
            #[export_name = "umount"]
            unsafe extern "C" fn answer(
                target_data: *mut u8,
                target_length: usize,
                flags: u32,
            ) -> *const $crate::Action {
                let target = $crate::abi::List::from_raw(target_data, target_length);
                $crate::abi::answered(crate::umount(&target, flags))
            }
        };
    };
    // fn mountapi(
    //     operation: MountOperation,
    //     path: Option<&[u8]>,
    //     new_path: Option<&[u8]>,
    //     flags: u32,
    // ) -> Action
    (mountapi) => {
        const _: () = {
            #[export_name = "mountapi"]
            unsafe extern "C" fn answer(
                operation: u32,
                path_is_some: u32,
                path_data: *mut u8,
                path_length: usize,
                new_path_is_some: u32,
                new_path_data: *mut u8,
                new_path_length: usize,
                flags: u32,
            ) -> *const $crate::Action {
                let operation = core::mem::transmute::<u8, $crate::MountOperation>(operation as u8);
                let path = (path_is_some != 0).then(|| $crate::abi::List::from_raw(path_data, path_length));
                let new_path = (new_path_is_some != 0).then(|| $crate::abi::List::from_raw(new_path_data, new_path_length));
                $crate::abi::answered(crate::mountapi(operation, path.as_deref(), new_path.as_deref(), flags))
            }
        };
    };
    // fn stat(path: Option<&[u8]>, flags: u32) -> Action
    (stat) => {
        const _: () = {
            #[export_name = "stat"]
            unsafe extern "C" fn answer(
                path_is_some: u32,
                path_data: *mut u8,
                path_length: usize,
                flags: u32,
            ) -> *const $crate::Action {
                let path = (path_is_some != 0).then(|| $crate::abi::List::from_raw(path_data, path_length));
                $crate::abi::answered(crate::stat(path.as_deref(), flags))
            }
        };
    };
    // fn access(path: &[u8], mode: u32, flags: u32) -> Action
    (access) => {
        const _: () = {
            #[export_name = "access"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                mode: u32,
                flags: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::access(&path, mode, flags))
            }
        };
    };
    // fn readlink(path: &[u8], size: u32) -> Action
    (readlink) => {
        const _: () = {
            #[export_name = "readlink"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                size: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::readlink(&path, size))
            }
        };
    };
    // fn chdir(path: Option<&[u8]>) -> Action
    (chdir) => {
        const _: () = {
            #[export_name = "chdir"]
            unsafe extern "C" fn answer(
                path_is_some: u32,
                path_data: *mut u8,
                path_length: usize,
            ) -> *const $crate::Action {
                let path = (path_is_some != 0).then(|| $crate::abi::List::from_raw(path_data, path_length));
                $crate::abi::answered(crate::chdir(path.as_deref()))
            }
        };
    };
    // fn chroot(path: &[u8]) -> Action
    (chroot) => {
        const _: () = {
            #[export_name = "chroot"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::chroot(&path))
            }
        };
    };
    // fn sysinfo() -> Action
    (sysinfo) => {
        const _: () = {
            #[export_name = "sysinfo"]
            unsafe extern "C" fn answer() -> *const $crate::Action {
                $crate::abi::answered(crate::sysinfo())
            }
        };
    };
    // fn execve(path: &[u8], flags: u32) -> Action
    (execve) => {
        const _: () = {
            #[export_name = "execve"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                flags: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::execve(&path, flags))
            }
        };
    };
    // fn swapon(path: &[u8], flags: u32) -> Action
    (swapon) => {
        const _: () = {
            #[export_name = "swapon"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
                flags: u32,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::swapon(&path, flags))
            }
        };
    };
    // fn swapoff(path: &[u8]) -> Action
    (swapoff) => {
        const _: () = {
            #[export_name = "swapoff"]
            unsafe extern "C" fn answer(
                path_data: *mut u8,
                path_length: usize,
            ) -> *const $crate::Action {
                let path = $crate::abi::List::from_raw(path_data, path_length);
                $crate::abi::answered(crate::swapoff(&path))
            }
        };
    };
    // fn any(call: &Call) -> Action
    (any) => {
        const _: () = {
            #[export_name = "any"]
            unsafe extern "C" fn answer(
                call_syscall_data: *mut u8,
                call_syscall_length: usize,
                call_family_data: *mut u8,
                call_family_length: usize,
                call_registers_0: u64,
                call_registers_1: u64,
                call_registers_2: u64,
                call_registers_3: u64,
                call_registers_4: u64,
                call_registers_5: u64,
            ) -> *const $crate::Action {
                let call = $crate::Call { syscall: $crate::abi::Text::from_raw(call_syscall_data, call_syscall_length), family: $crate::abi::Text::from_raw(call_family_data, call_family_length), registers: [call_registers_0, call_registers_1, call_registers_2, call_registers_3, call_registers_4, call_registers_5] };
                $crate::abi::answered(crate::any(&call))
            }
        };
    };
    ($other:ident) => {
        compile_error!(concat!(
            "a handler cannot answer \"", stringify!($other), "\"; it can answer mkdir, mknod, open, chmod, fchmod, chown, fchown, truncate, utimens, rename, link, symlink, unlink, setxattr, getxattr, listxattr, removexattr, mount, umount, mountapi, stat, access, readlink, chdir, chroot, sysinfo, execve, swapon, swapoff, any"
        ));
    };
}
