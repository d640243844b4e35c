// SPDX-License-Identifier: Apache-2.0
#include "files/layer_file_system.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "files/file_system_type.h"

namespace seccompagent {
namespace {

// Disks, servers, programs and memory.
constexpr std::uint32_t kOfLayers[] = {
    TMPFS_MAGIC,
    OVERLAYFS_SUPER_MAGIC,
    EXT4_SUPER_MAGIC,
    BTRFS_SUPER_MAGIC,
    F2FS_SUPER_MAGIC,
    NILFS_SUPER_MAGIC,
    REISERFS_SUPER_MAGIC,
    MSDOS_SUPER_MAGIC,
    ISOFS_SUPER_MAGIC,
    SQUASHFS_MAGIC,
    EROFS_SUPER_MAGIC_V1,
    FUSE_SUPER_MAGIC,
    NFS_SUPER_MAGIC,
    V9FS_MAGIC,
    AFS_SUPER_MAGIC,
    0x58465342,  // xfs
    0xca451a4e,  // bcachefs
    0x2fc12fc1,  // zfs
    0x3153464a,  // jfs
    0x24051905,  // ubifs
    0x7461636f,  // ocfs2
    0x01161970,  // gfs2
    0x2011bab0,  // exfat
    0x5346544e,  // ntfs
    0x7366746e,  // ntfs3
    0x482b,      // hfsplus
    0x15013346,  // udf
    0xff534d42,  // cifs
    0xfe534d42,  // smb3
    0x00c36400,  // ceph
    0x6b414653,  // kafs
    0x20030528,  // orangefs
    0x0bd00bd0,  // lustre
    0x47504653,  // gpfs
    0x19830326,  // beegfs
    0x786f4256,  // vboxsf
};

}  // namespace

bool is_of_layer(int file) {
  struct statfs system = {};
  return fstatfs(file, &system) == 0 &&
         std::ranges::find(kOfLayers, magic_of(system)) != std::end(kOfLayers);
}

}  // namespace seccompagent
