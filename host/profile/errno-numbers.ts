// SPDX-License-Identifier: Apache-2.0
// Errnos as the numbers that profiles have: the same on all architectures here, see errno(3).

export const errno = { ENOSYS: 38, EINVAL: 22, EPERM: 1, EOPNOTSUPP: 95 } as const;
