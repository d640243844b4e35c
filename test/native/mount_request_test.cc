// SPDX-License-Identifier: Apache-2.0
// Tests how flags and data of mount(2) are translated.
#include "helper/mount_request.h"

#include <linux/mount.h>

#include <string>

#include "check.h"

namespace seccompagent::test {
namespace {

MountArguments with_flags(std::uint64_t flags) {
  return {.source = std::nullopt,
          .target = "/t",
          .type = "tmpfs",
          .flags = flags,
          .data = std::nullopt};
}

MountArguments with_data(const std::string& data) {
  MountArguments arguments = with_flags(0);
  arguments.data = data;
  return arguments;
}

// "key", "key=" or "key=value", each in brackets.
std::string options_of(const MountRequest& request) {
  std::string text;
  for (const MountOption& option : request.options) {
    text += '[' + option.key;
    if (option.value) text += '=' + *option.value;
    text += ']';
  }
  return text;
}

std::string options_of(MountArguments arguments) {
  return options_of(VALUE(parse_mount(std::move(arguments))));
}

std::uint32_t attributes_of(std::uint64_t flags) {
  return VALUE(parse_mount(with_flags(flags))).attributes;
}

void takes_a_plain_mount() {
  const MountRequest request = VALUE(parse_mount(with_flags(0)));
  CHECK_EQUAL(request.type, "tmpfs");
  CHECK_EQUAL(request.target, "/t");
  CHECK_EQUAL(options_of(request), "");
  CHECK_EQUAL(request.attributes, static_cast<std::uint32_t>(MOUNT_ATTR_RELATIME));
}

void takes_flags_of_the_mount() {
  CHECK_EQUAL(attributes_of(MS_NOSUID), static_cast<std::uint32_t>(MOUNT_ATTR_NOSUID));
  CHECK_EQUAL(attributes_of(MS_NODEV), static_cast<std::uint32_t>(MOUNT_ATTR_NODEV));
  CHECK_EQUAL(attributes_of(MS_NOEXEC), static_cast<std::uint32_t>(MOUNT_ATTR_NOEXEC));
  CHECK_EQUAL(attributes_of(MS_RDONLY), static_cast<std::uint32_t>(MOUNT_ATTR_RDONLY));
  CHECK_EQUAL(attributes_of(MS_NODIRATIME), static_cast<std::uint32_t>(MOUNT_ATTR_NODIRATIME));
  CHECK_EQUAL(attributes_of(MS_NOSYMFOLLOW), static_cast<std::uint32_t>(MOUNT_ATTR_NOSYMFOLLOW));
  CHECK_EQUAL(attributes_of(MS_NOSUID | MS_NODEV | MS_NOEXEC),
              static_cast<std::uint32_t>(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
}

void takes_one_of_the_access_times() {
  CHECK_EQUAL(attributes_of(MS_NOATIME), static_cast<std::uint32_t>(MOUNT_ATTR_NOATIME));
  CHECK_EQUAL(attributes_of(MS_RELATIME), static_cast<std::uint32_t>(MOUNT_ATTR_RELATIME));
  CHECK_EQUAL(attributes_of(MS_STRICTATIME), static_cast<std::uint32_t>(MOUNT_ATTR_STRICTATIME));
  CHECK_EQUAL(attributes_of(MS_STRICTATIME | MS_NOATIME),
              static_cast<std::uint32_t>(MOUNT_ATTR_STRICTATIME));
}

void takes_flags_of_the_file_system() {
  CHECK_EQUAL(options_of(with_flags(MS_RDONLY)), "[ro]");
  CHECK_EQUAL(options_of(with_flags(MS_SYNCHRONOUS)), "[sync]");
  CHECK_EQUAL(options_of(with_flags(MS_DIRSYNC)), "[dirsync]");
  CHECK_EQUAL(options_of(with_flags(MS_MANDLOCK)), "[mand]");
  CHECK_EQUAL(options_of(with_flags(MS_LAZYTIME)), "[lazytime]");
  CHECK_EQUAL(options_of(with_flags(MS_NOSUID | MS_SILENT | MS_POSIXACL)), "");
}

void refuses_what_is_no_new_mount() {
  for (const std::uint64_t flag : {MS_REMOUNT, MS_BIND, MS_MOVE, MS_SHARED, MS_PRIVATE, MS_SLAVE,
                                   MS_UNBINDABLE, MS_BIND | MS_REC}) {
    CHECK_EQUAL(ERROR(parse_mount(with_flags(flag))), Errno{EINVAL});
    CHECK_EQUAL(ERROR(parse_mount(with_flags(flag | MS_RDONLY))), Errno{EINVAL});
    CHECK_EQUAL(ERROR(parse_mount(with_flags(flag | 0xffffffff00000000))), Errno{EINVAL});
  }
  // MS_NOUSER is the kernel's own
  CHECK_EQUAL(ERROR(parse_mount(with_flags(1ULL << 31))), Errno{EINVAL});
}

void takes_the_magic_number() {
  CHECK_EQUAL(attributes_of(0xc0ed0000 | MS_NOSUID),
              static_cast<std::uint32_t>(MOUNT_ATTR_NOSUID | MOUNT_ATTR_RELATIME) &
                  attributes_of(MS_NOSUID));
  CHECK_EQUAL(options_of(with_flags(0xc0ed0000 | MS_RDONLY)), "[ro]");
  CHECK_EQUAL(ERROR(parse_mount(with_flags(0xc0ed0000 | MS_BIND))), Errno{EINVAL});
  // another number is none
  CHECK_EQUAL(ERROR(parse_mount(with_flags(0xc0ee0000))), Errno{EINVAL});
}

void refuses_the_upper_half() {
  // as mount(2) does: its MS_NOUSER is an int that widens to all of them
  for (const std::uint64_t bit : {1ULL << 32, 1ULL << 40, 1ULL << 63, 0xdeadbeef00000000ULL})
    CHECK_EQUAL(ERROR(parse_mount(with_flags(bit | MS_NOSUID))), Errno{EINVAL});
}

void splits_data() {
  CHECK_EQUAL(options_of(with_data("")), "");
  CHECK_EQUAL(options_of(with_data("size=4k")), "[size=4k]");
  CHECK_EQUAL(options_of(with_data("size=4k,mode=755,huge")), "[size=4k][mode=755][huge]");
  CHECK_EQUAL(options_of(with_data(",,a,,b=,")), "[a][b=]");
  CHECK_EQUAL(options_of(with_data("a=b=c")), "[a=b=c]");
  CHECK_EQUAL(options_of(with_data("a b=c d")), "[a b=c d]");
  CHECK_EQUAL(options_of(with_data("\xff=\xfe")), "[\xff=\xfe]");
}

void skips_values_without_a_key() {
  // as mount(2) does: generic_parse_monolithic() of the kernel
  CHECK_EQUAL(options_of(with_data("=x")), "");
  CHECK_EQUAL(options_of(with_data("a,=x,b=c")), "[a][b=c]");
}

void puts_the_source_first() {
  MountArguments arguments = with_data("a=b");
  arguments.source = "src";
  arguments.flags = MS_RDONLY;
  CHECK_EQUAL(options_of(std::move(arguments)), "[source=src][ro][a=b]");
  MountArguments empty = with_flags(0);
  empty.source = "";
  CHECK_EQUAL(options_of(std::move(empty)), "[source=]");
}

[[nodiscard]] std::string options_of_overlay(const std::string& data) {
  MountArguments arguments = with_data(data);
  arguments.type = "overlay";
  return options_of(std::move(arguments));
}

// fsconfig(2) takes values of 255 bytes, where mount(2) takes a page.
void splits_long_lists_of_layers() {
  const std::string longest(255, 'a');
  const std::string half(127, 'b');
  CHECK_EQUAL(options_of_overlay("lowerdir=a:b,upperdir=c"), "[lowerdir=a:b][upperdir=c]");
  CHECK_EQUAL(options_of_overlay("lowerdir=" + half + ":" + half),
              "[lowerdir=" + half + ":" + half + "]");
  CHECK_EQUAL(options_of_overlay("lowerdir=" + longest + ":c,upperdir=d"),
              "[lowerdir+=" + longest + "][lowerdir+=c][upperdir=d]");
  CHECK_EQUAL(options_of_overlay("lowerdir=" + longest + ":c::d::e"),
              "[lowerdir+=" + longest + "][lowerdir+=c][datadir+=d][datadir+=e]");
  CHECK_EQUAL(options_of_overlay("lowerdir=" + longest + ":a\\:b\\,c\\\\"),
              "[lowerdir+=" + longest + "][lowerdir+=a:b,c\\]");
  // the kernel refuses these
  for (const std::string& list : {longest + ":", ":" + longest, longest + ":::a", longest + "::"})
    CHECK_EQUAL(options_of_overlay("lowerdir=" + list), "[lowerdir=" + list + "]");
  // and of another type it is another option
  CHECK_EQUAL(options_of(with_data("lowerdir=" + longest + ":c")), "[lowerdir=" + longest + ":c]");
}

constexpr Case kCases[] = {
    {"parse_mount: layers of an overlay that are too many for one value come one by one",
     splits_long_lists_of_layers},
    {"parse_mount: a mount without anything is relatime", takes_a_plain_mount},
    {"parse_mount: flags of the mount become attributes", takes_flags_of_the_mount},
    {"parse_mount: one way of access times is taken", takes_one_of_the_access_times},
    {"parse_mount: flags of the file system become options", takes_flags_of_the_file_system},
    {"parse_mount: bind, remount, move and propagation are refused", refuses_what_is_no_new_mount},
    {"parse_mount: the magic number of old programs means nothing", takes_the_magic_number},
    {"parse_mount: flags in the upper half are refused", refuses_the_upper_half},
    {"parse_mount: data is split at commas and at the first =", splits_data},
    {"parse_mount: a value without a key is skipped", skips_values_without_a_key},
    {"parse_mount: the source comes before flags and data", puts_the_source_first}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
