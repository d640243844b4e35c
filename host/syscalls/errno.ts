// SPDX-License-Identifier: Apache-2.0
// Linux's errnos by name, number and place in the WIT enum `errno`.

/** Name and number; the index is the ordinal of the WIT enum. */
export const errnos = [
  // begin generated errnos: npm run generate
  ['EPERM', 1],
  ['ENOENT', 2],
  ['ESRCH', 3],
  ['EINTR', 4],
  ['EIO', 5],
  ['ENXIO', 6],
  ['E2BIG', 7],
  ['ENOEXEC', 8],
  ['EBADF', 9],
  ['ECHILD', 10],
  ['EAGAIN', 11],
  ['ENOMEM', 12],
  ['EACCES', 13],
  ['EFAULT', 14],
  ['ENOTBLK', 15],
  ['EBUSY', 16],
  ['EEXIST', 17],
  ['EXDEV', 18],
  ['ENODEV', 19],
  ['ENOTDIR', 20],
  ['EISDIR', 21],
  ['EINVAL', 22],
  ['ENFILE', 23],
  ['EMFILE', 24],
  ['ENOTTY', 25],
  ['ETXTBSY', 26],
  ['EFBIG', 27],
  ['ENOSPC', 28],
  ['ESPIPE', 29],
  ['EROFS', 30],
  ['EMLINK', 31],
  ['EPIPE', 32],
  ['EDOM', 33],
  ['ERANGE', 34],
  ['EDEADLK', 35],
  ['ENAMETOOLONG', 36],
  ['ENOLCK', 37],
  ['ENOSYS', 38],
  ['ENOTEMPTY', 39],
  ['ELOOP', 40],
  ['ENOMSG', 42],
  ['EIDRM', 43],
  ['ECHRNG', 44],
  ['EL2NSYNC', 45],
  ['EL3HLT', 46],
  ['EL3RST', 47],
  ['ELNRNG', 48],
  ['EUNATCH', 49],
  ['ENOCSI', 50],
  ['EL2HLT', 51],
  ['EBADE', 52],
  ['EBADR', 53],
  ['EXFULL', 54],
  ['ENOANO', 55],
  ['EBADRQC', 56],
  ['EBADSLT', 57],
  ['EBFONT', 59],
  ['ENOSTR', 60],
  ['ENODATA', 61],
  ['ETIME', 62],
  ['ENOSR', 63],
  ['ENONET', 64],
  ['ENOPKG', 65],
  ['EREMOTE', 66],
  ['ENOLINK', 67],
  ['EADV', 68],
  ['ESRMNT', 69],
  ['ECOMM', 70],
  ['EPROTO', 71],
  ['EMULTIHOP', 72],
  ['EDOTDOT', 73],
  ['EBADMSG', 74],
  ['EOVERFLOW', 75],
  ['ENOTUNIQ', 76],
  ['EBADFD', 77],
  ['EREMCHG', 78],
  ['ELIBACC', 79],
  ['ELIBBAD', 80],
  ['ELIBSCN', 81],
  ['ELIBMAX', 82],
  ['ELIBEXEC', 83],
  ['EILSEQ', 84],
  ['ERESTART', 85],
  ['ESTRPIPE', 86],
  ['EUSERS', 87],
  ['ENOTSOCK', 88],
  ['EDESTADDRREQ', 89],
  ['EMSGSIZE', 90],
  ['EPROTOTYPE', 91],
  ['ENOPROTOOPT', 92],
  ['EPROTONOSUPPORT', 93],
  ['ESOCKTNOSUPPORT', 94],
  ['EOPNOTSUPP', 95],
  ['EPFNOSUPPORT', 96],
  ['EAFNOSUPPORT', 97],
  ['EADDRINUSE', 98],
  ['EADDRNOTAVAIL', 99],
  ['ENETDOWN', 100],
  ['ENETUNREACH', 101],
  ['ENETRESET', 102],
  ['ECONNABORTED', 103],
  ['ECONNRESET', 104],
  ['ENOBUFS', 105],
  ['EISCONN', 106],
  ['ENOTCONN', 107],
  ['ESHUTDOWN', 108],
  ['ETOOMANYREFS', 109],
  ['ETIMEDOUT', 110],
  ['ECONNREFUSED', 111],
  ['EHOSTDOWN', 112],
  ['EHOSTUNREACH', 113],
  ['EALREADY', 114],
  ['EINPROGRESS', 115],
  ['ESTALE', 116],
  ['EUCLEAN', 117],
  ['ENOTNAM', 118],
  ['ENAVAIL', 119],
  ['EISNAM', 120],
  ['EREMOTEIO', 121],
  ['EDQUOT', 122],
  ['ENOMEDIUM', 123],
  ['EMEDIUMTYPE', 124],
  ['ECANCELED', 125],
  ['ENOKEY', 126],
  ['EKEYEXPIRED', 127],
  ['EKEYREVOKED', 128],
  ['EKEYREJECTED', 129],
  ['EOWNERDEAD', 130],
  ['ENOTRECOVERABLE', 131],
  ['ERFKILL', 132],
  ['EHWPOISON', 133],
  // end generated errnos
] as const;

/** The kernel's name of an errno, as in errno(3); aliases have the name that they stand for. */
export type ErrnoName = (typeof errnos)[number][0];

const aliases: readonly (readonly [alias: string, name: ErrnoName])[] = [
  // begin generated aliases: npm run generate
  ['EWOULDBLOCK', 'EAGAIN'],
  ['EDEADLOCK', 'EDEADLK'],
  ['ENOTSUP', 'EOPNOTSUPP'],
  // end generated aliases
];

export function errnoNumber(name: ErrnoName): number {
  for (const [known, number] of errnos) {
    if (known === name) return number;
  }
  throw new RangeError(`cannot find the number of errno '${name}'`);
}

export function errnoByOrdinal(ordinal: number): ErrnoName | undefined {
  return errnos[ordinal]?.[0];
}

/** Whether `text` names an errno; an alias does not. */
export function isErrnoName(text: string): text is ErrnoName {
  return errnos.some(([name]) => name === text);
}

/** The errno that `text` names, be it by an alias: `parseErrno('EWOULDBLOCK')` is `'EAGAIN'`. */
export function parseErrno(text: string): ErrnoName | undefined {
  if (isErrnoName(text)) return text;
  return aliases.find(([alias]) => alias === text)?.[1];
}

/** The name of an errno's number; undefined for numbers that only the kernel's insides use. */
export function errnoNameOf(number: number): ErrnoName | undefined {
  return errnos.find(([, known]) => known === number)?.[0];
}

const maxErrno = 4095;

/** The WIT ordinal for each number; a number without a name becomes EIO. */
export function ordinalsByNumber(): Uint8Array {
  const unnamed = errnos.findIndex(([name]) => name === 'EIO');
  const ordinals = new Uint8Array(maxErrno + 1).fill(unnamed);
  errnos.forEach(([, number], ordinal) => {
    ordinals[number] = ordinal;
  });
  return ordinals;
}
