// SPDX-License-Identifier: Apache-2.0
// The words of seccomp profiles: actions, operators, architectures and flags, as the OCI runtime
// specification has them.

export const notify = 'SCMP_ACT_NOTIFY';

export const actions: readonly string[] = [
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_LOG',
  notify,
  'SCMP_ACT_TRACE',
  'SCMP_ACT_TRAP',
];

/** With these the kernel does the call. */
const passing: readonly string[] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'];

export function letsPass(action: string): boolean {
  return passing.includes(action);
}

export function kills(action: string): boolean {
  return action.startsWith('SCMP_ACT_KILL') || action === 'SCMP_ACT_TRAP';
}

export const operators: readonly string[] = [
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_LE',
  'SCMP_CMP_LT',
  'SCMP_CMP_MASKED_EQ',
  'SCMP_CMP_NE',
];

/**
 * All that the agent decodes calls of, and 32-bit ARM, whose programs run on arm64. A runtime adds
 * those that its machine lacks without complaint.
 */
export const trappedArchitectures: readonly string[] = [
  'SCMP_ARCH_X86_64',
  'SCMP_ARCH_X86',
  'SCMP_ARCH_X32',
  'SCMP_ARCH_AARCH64',
  'SCMP_ARCH_ARM',
];

/** Other architectures whose programs a machine runs. */
export const companions: Readonly<Record<string, readonly string[]>> = {
  SCMP_ARCH_X86_64: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  SCMP_ARCH_AARCH64: ['SCMP_ARCH_ARM'],
};

/** Those that runc and crun both know. */
export const architectures: readonly string[] = [
  ...trappedArchitectures,
  'SCMP_ARCH_LOONGARCH64',
  'SCMP_ARCH_MIPS',
  'SCMP_ARCH_MIPS64',
  'SCMP_ARCH_MIPS64N32',
  'SCMP_ARCH_MIPSEL',
  'SCMP_ARCH_MIPSEL64',
  'SCMP_ARCH_MIPSEL64N32',
  'SCMP_ARCH_PPC',
  'SCMP_ARCH_PPC64',
  'SCMP_ARCH_PPC64LE',
  'SCMP_ARCH_RISCV64',
  'SCMP_ARCH_S390',
  'SCMP_ARCH_S390X',
];

/** No filter has architectures of both kinds: libseccomp refuses that. */
export const bigEndian: readonly string[] = [
  'SCMP_ARCH_MIPS',
  'SCMP_ARCH_MIPS64',
  'SCMP_ARCH_MIPS64N32',
  'SCMP_ARCH_PPC',
  'SCMP_ARCH_PPC64',
  'SCMP_ARCH_S390',
  'SCMP_ARCH_S390X',
];

export const flags: readonly string[] = [
  'SECCOMP_FILTER_FLAG_LOG',
  'SECCOMP_FILTER_FLAG_SPEC_ALLOW',
  'SECCOMP_FILTER_FLAG_TSYNC',
  'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
];

/** System calls of architectures that the agent's own table lacks: profiles of others name them. */
export const callsElsewhere: readonly string[] = [
  'arm_fadvise64_64',
  'arm_sync_file_range',
  'breakpoint',
  'cacheflush',
  'get_tls',
  'multiplexer',
  'pciconfig_iobase',
  'pciconfig_read',
  'pciconfig_write',
  'recv',
  'riscv_flush_icache',
  'riscv_hwprobe',
  'rtas',
  's390_guarded_storage',
  's390_pci_mmio_read',
  's390_pci_mmio_write',
  's390_runtime_instr',
  's390_sthyi',
  'send',
  'set_tls',
  'spu_create',
  'spu_run',
  'subpage_prot',
  'swapcontext',
  'switch_endian',
  'sync_file_range2',
  'sys_debug_setcontext',
  'syscall',
  'sysmips',
  'usr26',
  'usr32',
];
