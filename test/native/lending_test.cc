// SPDX-License-Identifier: Apache-2.0
// Tests for which operations a Linux capability is lent, whatever a handler asks for.
#include "acting/lending.h"

#include <linux/capability.h>
#include <sys/stat.h>

#include <string>
#include <string_view>

#include "check.h"

namespace seccompagent::test {
namespace {

using namespace std::literals;

FileRequest request_for(FileOperation operation) {
  FileRequest request = {};
  request.operation = operation;
  return request;
}

// The lent capability, or 0.
std::uint64_t lent(const FileRequest& request) { return lent_capability(request).value_or(0); }

std::uint64_t lent_node(std::uint32_t mode, std::uint32_t major, std::uint32_t minor) {
  FileRequest request = request_for(FileOperation::mknod);
  request.mode = mode;
  request.first = major;
  request.second = minor;
  return lent(request);
}

std::uint64_t lent_attribute(FileOperation operation, const char* name) {
  FileRequest request = request_for(operation);
  request.name = name;
  return lent(request);
}

void lends_for_harmless_devices() {
  constexpr std::uint64_t kMknod = 1ULL << CAP_MKNOD;
  for (const std::uint32_t minor : {3U, 5U, 7U, 8U, 9U})
    CHECK_EQUAL(lent_node(S_IFCHR | 0666, 1, minor), kMknod);
  CHECK_EQUAL(lent_node(S_IFCHR, 5, 0), kMknod);
  CHECK_EQUAL(lent_node(S_IFCHR, 5, 1), kMknod);
  CHECK_EQUAL(lent_node(S_IFCHR, 10, 200), kMknod);
  CHECK_EQUAL(lent_node(S_IFCHR, 10, 229), kMknod);
}

void lends_for_no_other_device() {
  for (std::uint32_t minor = 0; minor < 300; ++minor) {
    const bool is_harmless = minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9;
    if (!is_harmless) CHECK_EQUAL(lent_node(S_IFCHR | 0666, 1, minor), 0U);
  }
  for (const std::uint32_t mode : {S_IFBLK, S_IFREG, S_IFIFO, S_IFSOCK, S_IFDIR, 0})
    CHECK_EQUAL(lent_node(mode | 0666, 1, 3), 0U);
  CHECK_EQUAL(lent_node(S_IFCHR, 257, 3), 0U);
  CHECK_EQUAL(lent_node(S_IFCHR, 5, 2), 0U);
  CHECK_EQUAL(lent_node(S_IFCHR, 0, 0), 0U);
}

void lends_for_attributes_of_overlays() {
  constexpr std::uint64_t kAdmin = 1ULL << CAP_SYS_ADMIN;
  for (const auto operation :
       {FileOperation::get_xattr, FileOperation::set_xattr, FileOperation::remove_xattr}) {
    CHECK_EQUAL(lent_attribute(operation, "trusted.overlay.opaque"), kAdmin);
    for (const char* name :
         {"trusted.overlay.", "trusted.overlay", "trusted.overlays.opaque", "trusted.other",
          "trusted.", "user.overlay.opaque", "security.capability", "Trusted.overlay.opaque",
          " trusted.overlay.opaque", ""}) {
      CHECK_EQUAL(lent_attribute(operation, name), 0U);
    }
  }
  CHECK_EQUAL(lent_attribute(FileOperation::list_xattr, ""), kAdmin);
}

void lends_for_look_ups_of_policies_files() {
  CHECK_EQUAL(lent(request_for(FileOperation::locate_file)), 1ULL << CAP_DAC_READ_SEARCH);
  CHECK_EQUAL(lent(request_for(FileOperation::locate_name)), 0U);
  CHECK_EQUAL(lent(request_for(FileOperation::locate_opened)), 0U);
}

void lends_for_no_other_operation() {
  for (std::uint32_t operation = 1; operation <= kAskedOperations; ++operation) {
    const auto kind = static_cast<FileOperation>(operation);
    if (kind == FileOperation::mknod || kind == FileOperation::locate_file ||
        (kind >= FileOperation::get_xattr && kind <= FileOperation::remove_xattr)) {
      continue;
    }
    FileRequest request = request_for(kind);
    request.name = "trusted.overlay.opaque";
    request.mode = S_IFCHR;
    request.first = 1;
    request.second = 3;
    CHECK_EQUAL(lent(request), 0U);
  }
}

void shows_no_other_trusted_names() {
  const std::string names =
      "user.a\0trusted.b\0trusted.overlay.opaque\0security.c\0trusted.overlays\0"s;
  CHECK_EQUAL(shown_names(names), "user.a\0trusted.overlay.opaque\0security.c\0"s);
  CHECK_EQUAL(shown_names(""), ""s);
  CHECK_EQUAL(shown_names("trusted.unended"), ""s);
  CHECK_EQUAL(shown_names("user.unended"), "user.unended"s);
}

constexpr Case kCases[] = {
    {"A7: lending: CAP_MKNOD is lent for harmless devices", lends_for_harmless_devices},
    {"A7: lending: CAP_MKNOD is lent for no other device", lends_for_no_other_device},
    {"A1: lending: CAP_SYS_ADMIN is lent for trusted.overlay.*", lends_for_attributes_of_overlays},
    {"A16: lending: CAP_DAC_READ_SEARCH is lent to look up a policy's own files, and no caller's",
     lends_for_look_ups_of_policies_files},
    {"A1: lending: nothing is lent for other operations", lends_for_no_other_operation},
    {"A1: lending: other trusted names are not shown", shows_no_other_trusted_names},
};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
