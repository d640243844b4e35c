// SPDX-License-Identifier: Apache-2.0
// Tests what of a container's mounts counts as a mask.
#include "helper/masks.h"

#include <string>

#include "check.h"

namespace seccompagent::test {
namespace {

constexpr const char* kRoot = "20 1 0:30 / / rw,relatime - overlay overlay rw\n";
constexpr const char* kProc = "21 20 0:21 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n";
constexpr const char* kSysfs = "22 20 0:22 / /sys ro,nosuid - sysfs sysfs rw\n";

Masks masks_of(const std::string& lines) { return VALUE(find_masks(kRoot + lines)); }

// "-path" for what is hidden, "path" for what is read-only, each in brackets.
std::string shown_masks(const Cover& cover) {
  std::string text;
  for (const Mask& mask : cover.masks) text += (mask.is_hidden ? "[-" : "[") + mask.path + ']';
  return text;
}

std::string proc_masks(const std::string& lines) {
  return shown_masks(masks_of(kProc + lines).proc);
}

void finds_a_plain_proc() {
  const Masks found = masks_of(std::string(kProc) + kSysfs);
  CHECK(found.proc.is_whole);
  CHECK(!found.proc.is_read_only);
  CHECK(!found.proc.has_processes_only);
  CHECK_EQUAL(found.proc.hidepid, 0);
  CHECK(!found.proc.hidepid_group);
  CHECK_EQUAL(shown_masks(found.proc), "");
  CHECK(found.sysfs.is_whole);
  CHECK(found.sysfs.is_read_only);
}

void finds_files_and_directories() {
  CHECK_EQUAL(proc_masks("31 21 0:5 /null /proc/kcore rw - devtmpfs devtmpfs rw\n"
                         "32 21 0:40 / /proc/acpi ro,relatime - tmpfs tmpfs ro\n"),
              "[-acpi][-kcore]");
}

void finds_read_only_paths() {
  CHECK_EQUAL(proc_masks("31 21 0:21 /sys /proc/sys ro,nosuid - proc proc rw\n"
                         "32 21 0:21 /bus /proc/bus rw,nosuid - proc proc rw\n"),
              "[sys]");
}

void hides_what_it_does_not_know() {
  CHECK_EQUAL(proc_masks("31 21 0:50 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw\n"
                         // other files, another proc, and another place of the same
                         "32 21 0:51 / /proc/fs rw - ext4 /dev/sda rw\n"
                         "33 21 0:52 /sys /proc/sys ro - proc proc rw\n"
                         "34 21 0:21 /self /proc/irq ro - proc proc rw\n"),
              "[-fs][-irq][-meminfo][-sys]");
}

void hides_more_where_mounts_are_stacked() {
  CHECK_EQUAL(proc_masks("31 21 0:40 / /proc/acpi ro - tmpfs tmpfs ro\n"
                         "32 31 0:21 /acpi /proc/acpi ro - proc proc rw\n"
                         "33 32 0:21 /acpi /proc/acpi rw - proc proc rw\n"),
              "[-acpi]");
}

void finds_masks_below_masks() {
  CHECK_EQUAL(proc_masks("41 31 0:5 /null /proc/sys/kernel/core_pattern rw - devtmpfs d rw\n"
                         "31 21 0:21 /sys /proc/sys ro - proc proc rw\n"),
              "[sys][-sys/kernel/core_pattern]");
}

void leaves_out_what_is_below_hidden_ones() {
  CHECK_EQUAL(proc_masks("31 21 0:40 / /proc/acpi rw - tmpfs tmpfs rw\n"
                         "32 31 0:5 /null /proc/acpi/1/root/etc rw - devtmpfs d rw\n"
                         "33 21 0:5 /null /proc/acpi-x rw - devtmpfs d rw\n"),
              "[-acpi][-acpi-x]");
}

void reads_escapes() {
  CHECK_EQUAL(proc_masks("31 21 0:5 /null /proc/a\\040b\\134c\\011\\012 rw - devtmpfs d rw\n"),
              "[-a b\\c\t\n]");
  CHECK_EQUAL(proc_masks("31 21 0:5 /null /proc/a\\04 rw - devtmpfs d rw\n"), "[-a\\04]");
}

void reads_optional_fields() {
  CHECK_EQUAL(
      proc_masks("31 21 0:5 /null /proc/a rw shared:1 master:2 unbindable - devtmpfs  rw\n"),
      "[-a]");
}

void reads_options() {
  const Cover cover =
      masks_of("21 20 0:21 / /proc rw - proc proc ro,gid=5,hidepid=invisible,subset=pid\n").proc;
  CHECK(cover.is_whole);
  CHECK(cover.is_read_only);
  CHECK(cover.has_processes_only);
  CHECK_EQUAL(cover.hidepid, 2);
  CHECK_EQUAL(cover.hidepid_group.value_or(""), "5");
  CHECK_EQUAL(masks_of("21 20 0:21 / /proc rw - proc proc rw,hidepid=1\n").proc.hidepid, 1);
  CHECK_EQUAL(masks_of("21 20 0:21 / /proc rw - proc proc rw,hidepid=ptraceable\n").proc.hidepid,
              4);
}

void knows_when_there_is_none() {
  CHECK(!masks_of("").proc.is_whole);
  CHECK(!masks_of("").sysfs.is_whole);
  // another type, a part, and a place below
  CHECK(!masks_of("21 20 0:40 / /proc rw - tmpfs tmpfs rw\n").proc.is_whole);
  CHECK(!masks_of("21 20 0:21 /sys /proc rw - proc proc rw\n").proc.is_whole);
  CHECK(!masks_of("21 20 0:21 / /other/proc rw - proc proc rw\n").proc.is_whole);
  CHECK(!masks_of("22 20 0:22 /fs /sys rw - sysfs sysfs rw\n").sysfs.is_whole);
}

void takes_the_last_of_a_stack() {
  const std::string second = "31 21 0:23 / /proc ro - proc proc rw\n";
  CHECK(masks_of(kProc + second).proc.is_read_only);
  CHECK(masks_of(second + kProc).proc.is_read_only);
  CHECK(!masks_of(std::string(kProc) + "31 21 0:23 / /proc rw - tmpfs tmpfs rw\n").proc.is_whole);
  // not those that it covers
  CHECK_EQUAL(
      shown_masks(
          masks_of(kProc + second + "32 21 0:5 /null /proc/kcore rw - devtmpfs d rw\n").proc),
      "");
  CHECK_EQUAL(
      shown_masks(
          masks_of(kProc + second + "32 31 0:5 /null /proc/kcore rw - devtmpfs d rw\n").proc),
      "[-kcore]");
}

void is_not_sure_of_two() {
  CHECK(!masks_of(std::string(kProc) + "31 20 0:23 / /proc rw - proc proc rw\n").proc.is_whole);
}

void takes_a_root_that_is_no_mount() { CHECK(VALUE(find_masks(kProc)).proc.is_whole); }

void ends_where_parents_go_in_circles() {
  CHECK_EQUAL(proc_masks("31 32 0:5 /null /proc/a rw - devtmpfs d rw\n"
                         "32 31 0:5 /null /proc/b rw - devtmpfs d rw\n"),
              "");
}

void refuses_what_is_no_mountinfo() {
  const std::string whole = std::string(kRoot) + kProc;
  // cut anywhere but at the end of a line
  for (std::size_t length = 0; length < whole.size(); ++length) {
    if (length == std::strlen(kRoot)) continue;
    CHECK_EQUAL(ERROR(find_masks(whole.substr(0, length))), Errno{EINVAL});
  }
  for (const char* line :
       {"\n", "a 20 0:21 / /proc rw - proc proc rw\n", "21 b 0:21 / /proc rw - proc proc rw\n",
        "21 20 0:21 / /proc rw proc proc rw\n", "21 20 0:21 / proc rw - proc proc rw\n",
        "21 20 0:21 / /proc rw -\n", "21 20 0:21 / /proc rw - proc proc rw,hidepid=new\n"}) {
    CHECK_EQUAL(ERROR(find_masks(kRoot + std::string(line))), Errno{EINVAL});
  }
}

void refuses_what_was_renamed_meanwhile() {
  // the proc was named /proc by then, and its masks have another way
  CHECK_EQUAL(ERROR(find_masks(std::string(kRoot) + kProc +
                               "31 21 0:5 /null /other/kcore rw - devtmpfs d rw\n")),
              Errno{EINVAL});
}

void refuses_too_many() {
  std::string lines;
  for (std::size_t number = 0; number <= kMaxMasks; ++number) {
    const std::string text = std::to_string(100 + number);
    lines += text + " 21 0:5 /null /proc/" + text + " rw - devtmpfs d rw\n";
    if (number + 1 == kMaxMasks) CHECK_EQUAL(masks_of(kProc + lines).proc.masks.size(), kMaxMasks);
  }
  CHECK_EQUAL(ERROR(find_masks(std::string(kRoot) + kProc + lines)), Errno{E2BIG});
}

Cover stricter_proc(const Cover& one, const Cover& other) {
  const Cover both = stricter({.proc = one, .sysfs = {}}, {.proc = other, .sysfs = {}}).proc;
  CHECK(both == stricter({.proc = other, .sysfs = {}}, {.proc = one, .sysfs = {}}).proc);
  return both;
}

void hides_what_either_hides() {
  const Cover one = {.is_whole = true, .masks = {{"a", true}, {"b", false}, {"c/d", true}}};
  const Cover other = {
      .is_whole = true, .is_read_only = true, .masks = {{"b", true}, {"c", true}, {"e", false}}};
  const Cover both = stricter_proc(one, other);
  CHECK_EQUAL(shown_masks(both), "[-a][-b][-c][e]");
  CHECK(both.is_whole);
  CHECK(both.is_read_only);
  CHECK(!both.has_processes_only);
  CHECK(!stricter_proc(one, {}).is_whole);
  CHECK(stricter_proc(one, {.is_whole = true, .has_processes_only = true}).has_processes_only);
}

void takes_the_stronger_hidepid() {
  const Cover strong = {.is_whole = true, .hidepid = 2, .hidepid_group = "5"};
  CHECK(stricter_proc(strong, {.is_whole = true}) == strong);
  CHECK(stricter_proc(strong, strong) == strong);
  Cover other_group = strong;
  other_group.hidepid_group = "6";
  const Cover both = stricter_proc(strong, other_group);
  CHECK_EQUAL(both.hidepid, 2);
  CHECK(!both.hidepid_group);
}

std::string narrowed(std::vector<MountOption> options, const Cover& cover) {
  narrow_proc_options(options, cover);
  std::string text;
  for (const MountOption& option : options) {
    text += '[' + option.key;
    if (option.value) text += '=' + *option.value;
    text += ']';
  }
  return text;
}

void leaves_options_alone() {
  const Cover cover = {.is_whole = true};
  CHECK_EQUAL(narrowed({{"hidepid", "0"}, {"gid", "7"}, {"ro", std::nullopt}}, cover),
              "[hidepid=0][gid=7][ro]");
}

void shows_processes_only() {
  CHECK_EQUAL(narrowed({}, {}), "[subset=pid]");
  CHECK_EQUAL(narrowed({}, {.is_whole = true, .has_processes_only = true}), "[subset=pid]");
}

void hides_one_more_where_nothing_is_known() {
  const auto shown = [](std::vector<Mask> masks) {
    return shown_masks({.masks = std::move(masks)});
  };
  const std::vector<Mask> some = {{"keys", true}, {"sys", false}};
  CHECK_EQUAL(shown(masks_of_new_proc({.is_whole = true, .masks = some})), "[-keys][sys]");
  CHECK_EQUAL(shown(masks_of_new_proc({.is_whole = true})), "");
  CHECK_EQUAL(shown(masks_of_new_proc({.masks = some})), "[-keys][sys][-version]");
  CHECK_EQUAL(shown(masks_of_new_proc({})), "[-version]");
  CHECK_EQUAL(shown(masks_of_new_proc({.is_whole = true, .has_processes_only = true})),
              "[-version]");
}

Cover all_in(const std::string& lines) { return VALUE(cover_in_all(kRoot + lines, "proc")); }
std::string hidden_in(const std::string& lines) { return shown_masks(all_in(lines)); }

void finds_what_is_hidden_everywhere() {
  const std::string keys = "31 21 0:5 /null /proc/keys rw - devtmpfs devtmpfs rw\n";
  const std::string other = "41 20 0:41 / /other rw - proc proc rw\n";
  const std::string sys = "51 41 0:41 /sys /other/sys ro - proc proc rw\n";
  CHECK(!all_in("").is_whole);
  CHECK(!all_in("41 20 0:41 /sys /other rw - proc proc rw\n").is_whole);
  CHECK(all_in(kProc) == (Cover{.is_whole = true}));
  CHECK_EQUAL(hidden_in(kProc + keys), "[-keys]");
  CHECK(all_in(kProc + keys + other) == (Cover{.is_whole = true}));
  CHECK_EQUAL(hidden_in(kProc + keys + other + sys), "[-keys][sys]");
  // what is on top counts
  CHECK_EQUAL(hidden_in(kProc + std::string("41 21 0:41 / /proc rw - proc proc rw\n") +
                        "51 41 0:5 /null /proc/keys rw - devtmpfs devtmpfs rw\n"),
              "[-keys]");
  CHECK(!all_in(kProc + std::string("41 21 0:41 / /proc rw - tmpfs tmpfs rw\n")).is_whole);
  // a part of one is none
  CHECK_EQUAL(hidden_in(kProc + keys + "41 20 0:41 /sys /other rw - proc proc rw\n"), "[-keys]");
  const Cover strict =
      all_in("21 20 0:21 / /proc ro - proc proc rw,hidepid=invisible,subset=pid\n" + keys);
  CHECK(strict.is_whole && strict.is_read_only && strict.has_processes_only);
  CHECK_EQUAL(strict.hidepid, 2);
  CHECK_EQUAL(shown_masks(strict), "[-keys]");
  CHECK_EQUAL(shown_masks(VALUE(cover_in_all("21 1 0:21 / / rw - proc proc rw\n"
                                             "31 21 0:5 /null /keys rw - devtmpfs devtmpfs rw\n",
                                             "proc"))),
              "[-keys]");
  CHECK_EQUAL(ERROR(cover_in_all("", "proc")), Errno{EINVAL});
}

void hides_all_of_a_namespace() {
  const auto shown = [](std::vector<Mask> masks) {
    return shown_masks({.masks = masks_of_new_proc({.is_whole = true, .masks = std::move(masks)})});
  };
  CHECK_EQUAL(shown({{"sys/net/core/somaxconn", true}, {"sys/net/x", false}}), "[-sys/net]");
  CHECK_EQUAL(shown({{"sys/net/x", false}, {"sys/network", false}}), "[sys/net][sys/network]");
  CHECK_EQUAL(shown({{"sys/user/max_net_namespaces", false}, {"sys", false}}), "[sys][sys/user]");
}

void hides_processes_of_others() {
  const Cover cover = {.is_whole = true, .hidepid = 2, .hidepid_group = "5"};
  CHECK_EQUAL(narrowed({}, cover), "[hidepid=2][gid=5]");
  CHECK_EQUAL(narrowed({{"hidepid", "off"}, {"gid", "7"}, {"hidepid", "1"}}, cover),
              "[hidepid=2][gid=5]");
  CHECK_EQUAL(narrowed({{"hidepid", "ptraceable"}, {"hidepid", "0"}}, cover), "[hidepid=4][gid=5]");
  CHECK_EQUAL(narrowed({{"hidepid", "new"}, {"ro", std::nullopt}}, cover),
              "[hidepid=new][ro][hidepid=2][gid=5]");
}

constexpr Case kCases[] = {
    {"find_masks: a proc and a sysfs without masks are whole", finds_a_plain_proc},
    {"A8: find_masks: files and directories are covered", finds_files_and_directories},
    {"A8: find_masks: paths that are mounted over themselves are read-only", finds_read_only_paths},
    {"A8: find_masks: whatever else is mounted there hides", hides_what_it_does_not_know},
    {"A8: find_masks: of a stack of mounts, the one that hides counts",
     hides_more_where_mounts_are_stacked},
    {"A8: find_masks: a place comes before those below it", finds_masks_below_masks},
    {"A8: find_masks: places below hidden ones are left out", leaves_out_what_is_below_hidden_ones},
    {"find_masks: escapes are read", reads_escapes},
    {"find_masks: optional fields and an empty source are skipped", reads_optional_fields},
    {"A8: find_masks: options of proc are read", reads_options},
    {"A8: find_masks: a part or another file system is none", knows_when_there_is_none},
    {"A8: find_masks: the proc that can be seen is the last of a stack", takes_the_last_of_a_stack},
    {"A8: find_masks: two procs in one place are none", is_not_sure_of_two},
    {"find_masks: a root that is no mount is not listed", takes_a_root_that_is_no_mount},
    {"find_masks: parents in a circle are no way up", ends_where_parents_go_in_circles},
    {"A8: find_masks: a text that was cut is refused", refuses_what_is_no_mountinfo},
    {"A8: find_masks: a text that changed while it was read is refused",
     refuses_what_was_renamed_meanwhile},
    {"A8: find_masks: more masks than can be put are refused", refuses_too_many},
    {"A8: stricter: what either of two hides is hidden", hides_what_either_hides},
    {"A8: stricter: the stronger hidepid counts", takes_the_stronger_hidepid},
    {"narrow_proc_options: a whole proc changes nothing", leaves_options_alone},
    {"A8: narrow_proc_options: without a whole proc, there are processes only",
     shows_processes_only},
    {"A8: masks_of_new_proc: one place more is hidden where nothing is known",
     hides_one_more_where_nothing_is_known},
    {"A8: cover_in_all: what hides nothing shows all", finds_what_is_hidden_everywhere},
    {"A8: masks_of_new_proc: files of a namespace are hidden with their folder",
     hides_all_of_a_namespace},
    {"A8: narrow_proc_options: hidepid is never weaker", hides_processes_of_others}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
