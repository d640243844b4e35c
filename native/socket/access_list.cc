// SPDX-License-Identifier: Apache-2.0
#include "socket/access_list.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace seccompagent {
namespace {

constexpr std::uint16_t kConnect = ACL_READ | ACL_WRITE;
constexpr std::uint32_t kNobody = static_cast<std::uint32_t>(ACL_UNDEFINED_ID);

template <typename Part>
void append(std::vector<std::byte>& bytes, const Part& part) {
  const auto* begin = reinterpret_cast<const std::byte*>(&part);
  bytes.insert(bytes.end(), begin, begin + sizeof part);
}

void append_entry(std::vector<std::byte>& list, std::uint16_t tag, std::uint16_t permissions,
                  std::uint32_t id) {
  append(list, posix_acl_xattr_entry{
                   .e_tag = htole16(tag), .e_perm = htole16(permissions), .e_id = htole32(id)});
}

// As the kernel wants it: sorted by tag, users by their ids, each of them once.
[[nodiscard]] std::vector<std::byte> list_of(std::span<const uid_t> users) {
  std::vector<uid_t> sorted(users.begin(), users.end());
  std::ranges::sort(sorted);
  const auto repeated = std::ranges::unique(sorted);
  sorted.erase(repeated.begin(), repeated.end());
  std::vector<std::byte> list;
  append(list, posix_acl_xattr_header{.a_version = htole32(POSIX_ACL_XATTR_VERSION)});
  append_entry(list, ACL_USER_OBJ, kConnect, kNobody);
  for (const uid_t user : sorted) append_entry(list, ACL_USER, kConnect, user);
  append_entry(list, ACL_GROUP_OBJ, 0, kNobody);
  append_entry(list, ACL_MASK, kConnect, kNobody);
  append_entry(list, ACL_OTHER, 0, kNobody);
  return list;
}

}  // namespace

Result<UniqueFd> hold_socket_file(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found = {};
  if (!file.is_open() || fstat(file.get(), &found) == -1) return fail_errno();
  if (!S_ISSOCK(found.st_mode)) return fail(ENOTSOCK);
  return file;
}

Result<void> allow_users(int file, std::span<const uid_t> users) {
  const std::vector<std::byte> list = list_of(users);
  const std::string opened = "/proc/self/fd/" + std::to_string(file);
  if (setxattr(opened.c_str(), "system.posix_acl_access", list.data(), list.size(), 0) == -1)
    return fail_errno();
  return {};
}

}  // namespace seccompagent
