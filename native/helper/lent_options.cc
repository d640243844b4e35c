// SPDX-License-Identifier: Apache-2.0
#include "helper/lent_options.h"

#include <algorithm>
#include <span>
#include <string_view>

namespace seccompagent {
namespace {

using Keys = std::span<const std::string_view>;

// Of the kernel for all types, and of its security modules.
constexpr std::string_view kOfAll[] = {
    "async",  "context", "defcontext", "dirsync",     "fscontext", "lazytime", "mand", "nolazytime",
    "nomand", "ro",      "rw",         "rootcontext", "seclabel",  "source",   "sync"};

constexpr std::string_view kOfTmpfs[] = {"casefold",
                                         "gid",
                                         "grpquota",
                                         "grpquota_block_hardlimit",
                                         "grpquota_inode_hardlimit",
                                         "huge",
                                         "inode32",
                                         "inode64",
                                         "mode",
                                         "mpol",
                                         "noswap",
                                         "nr_blocks",
                                         "nr_inodes",
                                         "quota",
                                         "size",
                                         "strict_encoding",
                                         "uid",
                                         "usrquota",
                                         "usrquota_block_hardlimit",
                                         "usrquota_inode_hardlimit"};

constexpr std::string_view kOfDevpts[] = {"gid", "max", "mode", "newinstance", "ptmxmode", "uid"};

// Without min_size.
constexpr std::string_view kOfHugetlbfs[] = {"gid", "mode", "nr_inodes", "pagesize", "size", "uid"};

// Without what is looked for in the machine's cache or shared with others: domain_id, fsid,
// inode_share.
constexpr std::string_view kOfErofs[] = {"acl",      "cache_strategy", "dax",
                                         "directio", "fsoffset",       "user_xattr"};

// Without fsc, xprtsec and the certificates for it.
constexpr std::string_view kOfNfs[] = {
    "ac",          "acdirmax",   "acdirmin",     "acl",        "acregmax",
    "acregmin",    "actimeo",    "addr",         "alignwrite", "bg",
    "bsize",       "clientaddr", "cto",          "fg",         "fatal_neterrors",
    "hard",        "intr",       "local_lock",   "lock",       "lookupcache",
    "max_connect", "migration",  "minorversion", "mountaddr",  "mounthost",
    "mountport",   "mountproto", "mountvers",    "namlen",     "nconnect",
    "nfsvers",     "nofsc",      "port",         "posix",      "proto",
    "rdirplus",    "rdma",       "resvport",     "retrans",    "retry",
    "rsize",       "sec",        "sharecache",   "sloppy",     "soft",
    "softerr",     "softreval",  "tcp",          "timeo",      "trunkdiscovery",
    "udp",         "v",          "v2",           "v3",         "v4",
    "v4.0",        "v4.1",       "v4.2",         "vers",       "write",
    "wsize"};

// Without cruid, fsc, upcall_target and witness, and without rdma, which connects in the network of
// the machine.
constexpr std::string_view kOfCifs[] = {"_netdev",
                                        "ac",
                                        "acdirmax",
                                        "acl",
                                        "acregmax",
                                        "actimeo",
                                        "addr",
                                        "auto",
                                        "backupgid",
                                        "backupuid",
                                        "blocksize",
                                        "brl",
                                        "bsize",
                                        "cache",
                                        "cifsacl",
                                        "closetimeo",
                                        "compress",
                                        "cred",
                                        "credentials",
                                        "dev",
                                        "dir_mode",
                                        "dirmode",
                                        "dom",
                                        "domain",
                                        "domainauto",
                                        "dynperm",
                                        "echo_interval",
                                        "esize",
                                        "exec",
                                        "file_mode",
                                        "forcegid",
                                        "forcemand",
                                        "forcemandatorylock",
                                        "forceuid",
                                        "gid",
                                        "guest",
                                        "handlecache",
                                        "handletimeout",
                                        "hard",
                                        "idsfromsid",
                                        "ignore_signature",
                                        "ignorecase",
                                        "intr",
                                        "iocharset",
                                        "ip",
                                        "linux",
                                        "locallease",
                                        "mapchars",
                                        "mapposix",
                                        "max_cached_dirs",
                                        "max_channels",
                                        "max_credits",
                                        "mfsymlinks",
                                        "min_enc_offload",
                                        "modefromsid",
                                        "modesid",
                                        "multichannel",
                                        "multiuser",
                                        "nativesocket",
                                        "netbiosname",
                                        "noatime",
                                        "noautotune",
                                        "noblocksend",
                                        "nocase",
                                        "nodelete",
                                        "nodfs",
                                        "nolease",
                                        "nosharesock",
                                        "nosparse",
                                        "pass",
                                        "pass2",
                                        "password",
                                        "password2",
                                        "perm",
                                        "persistenthandles",
                                        "port",
                                        "posix",
                                        "posixpaths",
                                        "prefixpath",
                                        "rasize",
                                        "relatime",
                                        "reparse",
                                        "resilienthandles",
                                        "retrans",
                                        "rsize",
                                        "rwpidforward",
                                        "seal",
                                        "sec",
                                        "serverino",
                                        "servern",
                                        "setuidfromacl",
                                        "setuids",
                                        "sfu",
                                        "sign",
                                        "signloosely",
                                        "sloppy",
                                        "snapshot",
                                        "soft",
                                        "srcaddr",
                                        "strictsync",
                                        "suid",
                                        "symlink",
                                        "symlinkroot",
                                        "tcpnodelay",
                                        "uid",
                                        "unc",
                                        "unix",
                                        "user",
                                        "user_xattr",
                                        "username",
                                        "ver",
                                        "vers",
                                        "wsize"};

// Without fsc, fsid, and key, which names one of the machine's users.
constexpr std::string_view kOfCeph[] = {"abort_on_full",
                                        "acl",
                                        "asyncreaddir",
                                        "caps_max",
                                        "caps_wanted_delay_max",
                                        "caps_wanted_delay_min",
                                        "cephx_require_signatures",
                                        "cephx_sign_messages",
                                        "congestion_kb",
                                        "copyfrom",
                                        "crc",
                                        "crush_location",
                                        "dcache",
                                        "dirstat",
                                        "ino32",
                                        "ip",
                                        "mds_namespace",
                                        "mon_addr",
                                        "mount_timeout",
                                        "ms_mode",
                                        "name",
                                        "nofsc",
                                        "osd_idle_ttl",
                                        "osd_request_timeout",
                                        "osdkeepalive",
                                        "osdtimeout",
                                        "pagecache",
                                        "poolperm",
                                        "quotadf",
                                        "rasize",
                                        "rbytes",
                                        "read_from_replica",
                                        "readdir_max_bytes",
                                        "readdir_max_entries",
                                        "recover_session",
                                        "require_active_mds",
                                        "rsize",
                                        "rxbounce",
                                        "secret",
                                        "share",
                                        "snapdirname",
                                        "sparseread",
                                        "tcp_nodelay",
                                        "write_congestion_kb",
                                        "wsize",
                                        "wsync"};

constexpr std::string_view kOfLustre[] = {
    "32bitapi",      "acl",        "always_ping", "checksum",       "encrypt",
    "fast_read",     "file_heat",  "flock",       "lazystatfs",     "localflock",
    "lruresize",     "network",    "retry",       "statfs_project", "tiny_write",
    "user_fid2path", "user_xattr", "verbose"};

constexpr std::string_view kOfOrangefs[] = {"acl", "intr", "local_lock"};

struct LentType {
  std::string_view type;
  // Where they have an opposite with "no" before it, that as well.
  Keys options;
};

// ramfs ignores what it does not know. Not afs: it keeps what it reads in the cache without being
// asked, by names that any server can have.
constexpr LentType kLent[] = {{"ceph", kOfCeph},
                              {"cifs", kOfCifs},
                              {"devpts", kOfDevpts},
                              {"erofs", kOfErofs},
                              {"hugetlbfs", kOfHugetlbfs},
                              {"lustre", kOfLustre},
                              {"mqueue", {}},
                              {"nfs", kOfNfs},
                              {"nfs4", kOfNfs},
                              {"orangefs", kOfOrangefs},
                              {"ramfs", kOfTmpfs},
                              {"smb3", kOfCifs},
                              {"tmpfs", kOfTmpfs}};

[[nodiscard]] const LentType* lent_type_of(const NewMount& mount) {
  const auto* const found = std::ranges::find(kLent, mount.type, &LentType::type);
  return found == std::end(kLent) ? nullptr : found;
}

[[nodiscard]] bool is_among(Keys keys, std::string_view key) {
  if (std::ranges::find(keys, key) != keys.end()) return true;
  return key.starts_with("no") && std::ranges::find(keys, key.substr(2)) != keys.end();
}

[[nodiscard]] bool is_lent_option(Keys of_type, const MountOption& option) {
  // some take a list of them
  if (option.key == "sec" && option.value && option.value->contains("krb5")) return false;
  return std::ranges::find(kOfAll, option.key) != std::end(kOfAll) || is_among(of_type, option.key);
}

}  // namespace

bool is_lent(const NewMount& mount) { return lent_type_of(mount) != nullptr; }

bool has_lent_options(const NewMount& mount) {
  const LentType* const type = lent_type_of(mount);
  return type != nullptr && std::ranges::all_of(mount.options, [&](const MountOption& option) {
           return is_lent_option(type->options, option);
         });
}

}  // namespace seccompagent
