// SPDX-License-Identifier: Apache-2.0
// Linux's errnos for handlers: what `fail` takes and host calls give.

/**
 * Every errno of Linux by name, as in errno(3). The values are opaque: they are the ordinals of the
 * WIT enum `errno`, not the kernel's numbers.
 */
export enum Errno {
  // begin generated errnos: npm run generate
  /** operation not permitted */
  EPERM = 0,
  /** no such file or directory */
  ENOENT = 1,
  /** no such process */
  ESRCH = 2,
  /** interrupted system call */
  EINTR = 3,
  /** i/o error */
  EIO = 4,
  /** no such device or address */
  ENXIO = 5,
  /** argument list too long */
  E2BIG = 6,
  /** exec format error */
  ENOEXEC = 7,
  /** bad file number */
  EBADF = 8,
  /** no child processes */
  ECHILD = 9,
  /** try again */
  EAGAIN = 10,
  /** out of memory */
  ENOMEM = 11,
  /** permission denied */
  EACCES = 12,
  /** bad address */
  EFAULT = 13,
  /** block device required */
  ENOTBLK = 14,
  /** device or resource busy */
  EBUSY = 15,
  /** file exists */
  EEXIST = 16,
  /** cross-device link */
  EXDEV = 17,
  /** no such device */
  ENODEV = 18,
  /** not a directory */
  ENOTDIR = 19,
  /** is a directory */
  EISDIR = 20,
  /** invalid argument */
  EINVAL = 21,
  /** file table overflow */
  ENFILE = 22,
  /** too many open files */
  EMFILE = 23,
  /** not a typewriter */
  ENOTTY = 24,
  /** text file busy */
  ETXTBSY = 25,
  /** file too large */
  EFBIG = 26,
  /** no space left on device */
  ENOSPC = 27,
  /** illegal seek */
  ESPIPE = 28,
  /** read-only file system */
  EROFS = 29,
  /** too many links */
  EMLINK = 30,
  /** broken pipe */
  EPIPE = 31,
  /** math argument out of domain of func */
  EDOM = 32,
  /** math result not representable */
  ERANGE = 33,
  /** resource deadlock would occur */
  EDEADLK = 34,
  /** file name too long */
  ENAMETOOLONG = 35,
  /** no record locks available */
  ENOLCK = 36,
  /** invalid system call number */
  ENOSYS = 37,
  /** directory not empty */
  ENOTEMPTY = 38,
  /** too many symbolic links encountered */
  ELOOP = 39,
  /** no message of desired type */
  ENOMSG = 40,
  /** identifier removed */
  EIDRM = 41,
  /** channel number out of range */
  ECHRNG = 42,
  /** level 2 not synchronized */
  EL2NSYNC = 43,
  /** level 3 halted */
  EL3HLT = 44,
  /** level 3 reset */
  EL3RST = 45,
  /** link number out of range */
  ELNRNG = 46,
  /** protocol driver not attached */
  EUNATCH = 47,
  /** no csi structure available */
  ENOCSI = 48,
  /** level 2 halted */
  EL2HLT = 49,
  /** invalid exchange */
  EBADE = 50,
  /** invalid request descriptor */
  EBADR = 51,
  /** exchange full */
  EXFULL = 52,
  /** no anode */
  ENOANO = 53,
  /** invalid request code */
  EBADRQC = 54,
  /** invalid slot */
  EBADSLT = 55,
  /** bad font file format */
  EBFONT = 56,
  /** device not a stream */
  ENOSTR = 57,
  /** no data available */
  ENODATA = 58,
  /** timer expired */
  ETIME = 59,
  /** out of streams resources */
  ENOSR = 60,
  /** machine is not on the network */
  ENONET = 61,
  /** package not installed */
  ENOPKG = 62,
  /** object is remote */
  EREMOTE = 63,
  /** link has been severed */
  ENOLINK = 64,
  /** advertise error */
  EADV = 65,
  /** srmount error */
  ESRMNT = 66,
  /** communication error on send */
  ECOMM = 67,
  /** protocol error */
  EPROTO = 68,
  /** multihop attempted */
  EMULTIHOP = 69,
  /** rfs specific error */
  EDOTDOT = 70,
  /** not a data message */
  EBADMSG = 71,
  /** value too large for defined data type */
  EOVERFLOW = 72,
  /** name not unique on network */
  ENOTUNIQ = 73,
  /** file descriptor in bad state */
  EBADFD = 74,
  /** remote address changed */
  EREMCHG = 75,
  /** can not access a needed shared library */
  ELIBACC = 76,
  /** accessing a corrupted shared library */
  ELIBBAD = 77,
  /** .lib section in a.out corrupted */
  ELIBSCN = 78,
  /** attempting to link in too many shared libraries */
  ELIBMAX = 79,
  /** cannot exec a shared library directly */
  ELIBEXEC = 80,
  /** illegal byte sequence */
  EILSEQ = 81,
  /** interrupted system call should be restarted */
  ERESTART = 82,
  /** streams pipe error */
  ESTRPIPE = 83,
  /** too many users */
  EUSERS = 84,
  /** socket operation on non-socket */
  ENOTSOCK = 85,
  /** destination address required */
  EDESTADDRREQ = 86,
  /** message too long */
  EMSGSIZE = 87,
  /** protocol wrong type for socket */
  EPROTOTYPE = 88,
  /** protocol not available */
  ENOPROTOOPT = 89,
  /** protocol not supported */
  EPROTONOSUPPORT = 90,
  /** socket type not supported */
  ESOCKTNOSUPPORT = 91,
  /** operation not supported on transport endpoint */
  EOPNOTSUPP = 92,
  /** protocol family not supported */
  EPFNOSUPPORT = 93,
  /** address family not supported by protocol */
  EAFNOSUPPORT = 94,
  /** address already in use */
  EADDRINUSE = 95,
  /** cannot assign requested address */
  EADDRNOTAVAIL = 96,
  /** network is down */
  ENETDOWN = 97,
  /** network is unreachable */
  ENETUNREACH = 98,
  /** network dropped connection because of reset */
  ENETRESET = 99,
  /** software caused connection abort */
  ECONNABORTED = 100,
  /** connection reset by peer */
  ECONNRESET = 101,
  /** no buffer space available */
  ENOBUFS = 102,
  /** transport endpoint is already connected */
  EISCONN = 103,
  /** transport endpoint is not connected */
  ENOTCONN = 104,
  /** cannot send after transport endpoint shutdown */
  ESHUTDOWN = 105,
  /** too many references: cannot splice */
  ETOOMANYREFS = 106,
  /** connection timed out */
  ETIMEDOUT = 107,
  /** connection refused */
  ECONNREFUSED = 108,
  /** host is down */
  EHOSTDOWN = 109,
  /** no route to host */
  EHOSTUNREACH = 110,
  /** operation already in progress */
  EALREADY = 111,
  /** operation now in progress */
  EINPROGRESS = 112,
  /** stale file handle */
  ESTALE = 113,
  /** structure needs cleaning */
  EUCLEAN = 114,
  /** not a xenix named type file */
  ENOTNAM = 115,
  /** no xenix semaphores available */
  ENAVAIL = 116,
  /** is a named type file */
  EISNAM = 117,
  /** remote i/o error */
  EREMOTEIO = 118,
  /** quota exceeded */
  EDQUOT = 119,
  /** no medium found */
  ENOMEDIUM = 120,
  /** wrong medium type */
  EMEDIUMTYPE = 121,
  /** operation canceled */
  ECANCELED = 122,
  /** required key not available */
  ENOKEY = 123,
  /** key has expired */
  EKEYEXPIRED = 124,
  /** key has been revoked */
  EKEYREVOKED = 125,
  /** key was rejected by service */
  EKEYREJECTED = 126,
  /** owner died */
  EOWNERDEAD = 127,
  /** state not recoverable */
  ENOTRECOVERABLE = 128,
  /** operation not possible due to rf-kill */
  ERFKILL = 129,
  /** memory page has hardware error */
  EHWPOISON = 130,
  // end generated errnos
}

/** The errno that `name` names, be it by an alias such as EWOULDBLOCK; -1 if there is none. */
export function errnoByName(name: string): i32 {
  // Blank space ends the names of an errno, `=` stands before an alias of it. One static string
  // takes less than half of what a comparison with each name takes in the binary.
  // begin generated names: npm run generate
  const names = `EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN=EWOULDBLOCK
ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY
ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK=EDEADLOCK ENAMETOOLONG ENOLCK
ENOSYS ENOTEMPTY ELOOP ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT
EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE
ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG
ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ
EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP=ENOTSUP EPFNOSUPPORT
EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET
ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH
EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE
ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON
`;
  // end generated names
  if (name.length === 0) return -1;
  let ordinal: i32 = 0;
  let matched: i32 = 0;
  for (let at: i32 = 0; at < names.length; at++) {
    const code = names.charCodeAt(at);
    if (code <= 0x20 || code === 0x3d) {
      if (matched === name.length) return ordinal;
      matched = 0;
      if (code !== 0x3d) ordinal++;
    } else if (matched >= 0) {
      matched = matched < name.length && name.charCodeAt(matched) === code ? matched + 1 : -1;
    }
  }
  return -1;
}
