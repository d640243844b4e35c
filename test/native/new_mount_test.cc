// SPDX-License-Identifier: Apache-2.0
// Tests new mounts in real containers, and what can be done to their masks from inside.
#include "helper/new_mount.h"

#include <dirent.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <new>
#include <span>

#include "check.h"
#include "container_fixture.h"
#include "maker_fixture.h"

namespace seccompagent::test {
namespace {

const Level kPlainLevel = {.namespaces = kPlain, .set_up = mount_masked_proc};
const Level kUserLevel = {.namespaces = kUser, .set_up = mount_masked_proc};
const Level kNestedLevel = {
    .namespaces = kUser, .first_id = 0, .ids = 1000, .set_up = make_mount_points};

// As a runtime leaves it, in the network namespace of the container.
constexpr auto kHiddenOfSysfs = std::to_array<std::string_view>({"firmware", "power"});
constexpr auto kReadOnlyOfSysfs = std::to_array<std::string_view>({"bus", "kernel"});

void mount_masked_sysfs() {
  mount_masked_proc();
  CHECK_EQUAL(
      mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr), 0);
  for (const std::string_view path : kHiddenOfSysfs) hide("/sys/" + std::string(path));
  for (const std::string_view path : kReadOnlyOfSysfs) make_read_only("/sys/" + std::string(path));
}

const Level kNetworkLevel = {.namespaces = kUser | CLONE_NEWNET, .set_up = mount_masked_sysfs};
const Level kNestedNetworkLevel = {
    .namespaces = kUser | CLONE_NEWNET, .first_id = 0, .ids = 1000, .set_up = make_mount_points};

NewMount new_sysfs() { return {.type = "sysfs", .options = {}, .attributes = kNoSuidDevExec}; }

// --- what the container's processes look at ------------------------------------------------------

constexpr long kAllHidden = 0;

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return names;
  while (const dirent* entry = readdir(folder)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(folder);
  return names;
}

bool is_null(const struct stat& found) {
  return S_ISCHR(found.st_mode) && found.st_rdev == makedev(1, 3);
}

// Paths that a container's own file system of one type hides.
struct Hiding {
  const char* type;
  std::span<const std::string_view> hidden;
  std::span<const std::string_view> read_only;
  // Lies below one of them, or in what is read-only as a whole.
  const char* not_writable;
};

// Of what is mounted there.
Hiding hiding_at(const std::string& place) {
  struct statfs found = {};
  CHECK_EQUAL(statfs(place.c_str(), &found), 0);
  if (found.f_type == SYSFS_MAGIC) {
    // root of the user namespace that owns the network namespace could write it
    return {"sysfs", kHiddenOfSysfs, kReadOnlyOfSysfs, "/class/net/lo/ifalias"};
  }
  CHECK_EQUAL(found.f_type, PROC_SUPER_MAGIC);
  return {"proc", kHidden, kReadOnly, "/sys/kernel/hostname"};
}

// 0, or which of the places can be seen or written.
long first_revealed(const std::string& top) {
  const Hiding hiding = hiding_at(top);
  long place = 0;
  for (const std::string_view name : hiding.hidden) {
    ++place;
    const std::string path = top + '/' + std::string(name);
    struct stat found = {};
    if (stat(path.c_str(), &found) == -1) return place;
    if (S_ISDIR(found.st_mode) ? !names_in(path).empty() : !is_null(found)) return place;
  }
  for (const std::string_view name : hiding.read_only) {
    ++place;
    struct statvfs found = {};
    if (statvfs((top + '/' + std::string(name)).c_str(), &found) == -1) return place;
    if ((found.f_flag & ST_RDONLY) == 0) return place;
  }
  const int file = open((top + hiding.not_writable).c_str(), O_WRONLY | O_CLOEXEC);
  if (file != -1) close(file);
  // root of a user namespace may not write it anyway
  return file == -1 && (errno == EROFS || errno == EACCES) ? kAllHidden : ++place;
}

long first_revealed_in_new() { return first_revealed("/mnt/new"); }

long remove_new() { return error_of_call(umount2("/mnt/new", MNT_DETACH)); }
long first_revealed_in_other() { return first_revealed("/mnt/other"); }

bool is_number(const std::string& text) {
  return text.find_first_not_of("0123456789") == std::string::npos;
}

long count_processes() { return std::ranges::count_if(names_in("/mnt/new"), is_number); }

long is_mounted() {
  struct stat inside = {};
  struct stat outside = {};
  CHECK_EQUAL(stat("/mnt/new", &inside), 0);
  CHECK_EQUAL(stat("/mnt", &outside), 0);
  return inside.st_dev == outside.st_dev ? 0 : 1;
}

// Tells one proc from another.
long device_of_new() {
  struct stat found = {};
  CHECK_EQUAL(stat("/mnt/new", &found), 0);
  return static_cast<long>(found.st_dev);
}

long flags_of_new() {
  struct statvfs found = {};
  CHECK_EQUAL(statvfs("/mnt/new", &found), 0);
  return static_cast<long>(found.f_flag);
}

constexpr unsigned long kShown = ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_RDONLY;

// --- a new proc ----------------------------------------------------------------------------------

using Levels = std::vector<Level>;

const Levels kOne = {kPlainLevel};
const Levels kOneUser = {kUserLevel};
const Levels kNested = {kUserLevel, kNestedLevel};
const Levels kNestedInPlain = {kPlainLevel, {.namespaces = kUser, .set_up = make_mount_points}};
const Levels kOneNetwork = {kNetworkLevel};
const Levels kNestedNetworks = {kNetworkLevel, kNestedNetworkLevel};
const Levels kNetworkInPlain = {{.namespaces = kPlain | CLONE_NEWNET, .set_up = mount_masked_sysfs},
                                {.namespaces = kUser | CLONE_NEWNET, .set_up = make_mount_points}};
// without a mount namespace of its own
const Levels kLodger = {kUserLevel,
                        {.namespaces = CLONE_NEWUSER | CLONE_NEWPID, .first_id = 0, .ids = 1000}};

void mounts_proc(const Levels& levels, bool refuses_pidns) {
  const bool is_lodger = (levels.back().namespaces & CLONE_NEWNS) == 0;
  const Container container(levels);
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  CHECK_EQUAL(masks.proc.masks.size(), kHidden.size() + kReadOnly.size());
  in_helper([&] {
    Maker maker;
    MountPlace place = pinned.place("/mnt/new");
    place.may_use_pidns = !refuses_pidns;
    // made, and kept
    for (int round = 0; round < 2; ++round) {
      const Belongings before = maker.belongings();
      check_done(maker->make_mount(new_proc(), place, masks, kIsThere));
      maker->clean_up();
      Belongings after = maker.belongings();
      // the tree that is kept, and where nothing is mounted
      if (round == 0) after.fds -= refuses_pidns ? 2 : 1;
      CHECK(after == before);
      CHECK_EQUAL(
          container.ask(round == 1 && is_lodger ? first_revealed_in_other : first_revealed_in_new),
          kAllHidden);
      CHECK_EQUAL(static_cast<unsigned long>(container.ask(flags_of_new)) & kShown,
                  static_cast<unsigned long>(ST_NOSUID | ST_NODEV | ST_NOEXEC));
      // a lodger has no power there, and nothing goes on top of a proc that is not its own
      CHECK_EQUAL(container.ask(remove_new), is_lodger ? EPERM : 0);
      if (is_lodger) place.path = "/mnt/other";
    }
    CHECK_EQUAL(maker->kept_trees(), 1U);
  });
}

void mounts_in_a_plain_container() { mounts_proc(kOne, false); }
void mounts_in_a_user_namespace() { mounts_proc(kOneUser, false); }
void mounts_in_a_nested_one() { mounts_proc(kNested, false); }
void mounts_in_one_of_a_plain_container() { mounts_proc(kNestedInPlain, false); }
void mounts_for_a_lodger() { mounts_proc(kLodger, false); }
void mounts_without_pidns() {
  mounts_proc(kOne, true);
  mounts_proc(kNested, true);
}

void shows_inner_processes() {
  const Container container(kNested);
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  for (const bool refuses_pidns : {false, true}) {
    in_helper([&] {
      Maker maker;
      MountPlace place = pinned.place("/mnt/new");
      place.may_use_pidns = !refuses_pidns;
      check_done(maker->make_mount(new_proc(), place, masks, kIsThere));
      CHECK_EQUAL(container.ask(count_processes), 1);
      CHECK_EQUAL(container.ask([] { return static_cast<long>(access("/mnt/new/self/fd", F_OK)); }),
                  0);
      CHECK_EQUAL(container.ask(remove_new), 0);
    });
  }
}

// --- A8: what those with all power in the namespace can do
// ----------------------------------------

// One mount at /mnt/new.
void mount_in(const Container& container, const NewMount& mount) {
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    check_done(maker->make_mount(mount, pinned.place("/mnt/new"), masks, kIsThere));
  });
}

std::string in_new(std::string_view name) { return "/mnt/new/" + std::string(name); }

std::vector<std::string> masked_in_new() {
  const Hiding hiding = hiding_at("/mnt/new");
  std::vector<std::string> paths;
  for (const std::string_view name : hiding.hidden) paths.push_back(in_new(name));
  for (const std::string_view name : hiding.read_only) paths.push_back(in_new(name));
  return paths;
}

// Errno for the first mask that an action changes; 0: it is refused for all.
template <typename Action>
long refused_for_all(Action action) {
  long place = 0;
  for (const std::string& path : masked_in_new()) {
    ++place;
    if (action(path.c_str()) != -1) return place;
    if (errno != EINVAL && errno != EPERM && errno != EBUSY && errno != EAGAIN) return -errno;
  }
  return first_revealed("/mnt/new");
}

long set_attributes(const char* path, unsigned flags, std::uint64_t cleared) {
  mount_attr attributes = {};
  attributes.attr_clr = cleared;
  return syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attributes, sizeof attributes);
}

long tries_umount() {
  return refused_for_all([](const char* path) { return umount2(path, 0); });
}
long tries_lazy_umount() {
  return refused_for_all([](const char* path) { return umount2(path, MNT_DETACH); });
}
long tries_forced_umount() {
  return refused_for_all([](const char* path) { return umount2(path, MNT_FORCE); });
}
long tries_expiry() {
  return refused_for_all([](const char* path) {
    return umount2(path, MNT_EXPIRE) == -1 && errno == EAGAIN ? umount2(path, MNT_EXPIRE) : -1;
  });
}
long tries_remount() {
  return refused_for_all(
      [](const char* path) { return mount_flags(nullptr, path, MS_BIND | MS_REMOUNT); });
}
long tries_attributes() {
  return refused_for_all(
      [](const char* path) { return set_attributes(path, 0, MOUNT_ATTR_RDONLY); });
}
long tries_attributes_of_all() {
  if (set_attributes("/mnt/new", AT_RECURSIVE, MOUNT_ATTR_RDONLY) != -1) return -1;
  return first_revealed("/mnt/new");
}
long tries_move() {
  return refused_for_all([](const char* path) { return mount_flags(path, "/mnt/other", MS_MOVE); });
}
long tries_bind() {
  if (mount_flags("/mnt/new", "/mnt/other", MS_BIND) != -1) return -1;
  return first_revealed("/mnt/new");
}
long tries_open_tree() {
  const int fd = static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, "/mnt/new", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (fd != -1) return -1;
  return first_revealed("/mnt/new");
}

// In a recursive copy, the masks are as fast.
long holds_in_copy(const char* copy) {
  const Hiding hiding = hiding_at(copy);
  for (const std::string_view name : hiding.hidden) {
    if (umount2((std::string(copy) + '/' + std::string(name)).c_str(), MNT_DETACH) != -1) return -1;
  }
  for (const std::string_view name : hiding.read_only) {
    const std::string path = std::string(copy) + '/' + std::string(name);
    if (mount_flags(nullptr, path.c_str(), MS_BIND | MS_REMOUNT) != -1) return -1;
  }
  const long revealed = first_revealed(copy);
  umount2(copy, MNT_DETACH);
  return revealed;
}
long tries_recursive_bind() {
  if (mount_flags("/mnt/new", "/mnt/other", MS_BIND | MS_REC) == -1) return -errno;
  return holds_in_copy("/mnt/other");
}
long tries_recursive_tree() {
  const UniqueFd tree(static_cast<int>(syscall(
      SYS_open_tree, AT_FDCWD, "/mnt/new", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
  if (!tree.is_open()) return -errno;
  for (const std::string_view name : hiding_at("/mnt/new").hidden) {
    // as long as it is nowhere
    struct stat found = {};
    if (fstatat(tree.get(), std::string(name).c_str(), &found, 0) == -1) return -errno;
    if (S_ISREG(found.st_mode)) return -1;
  }
  if (syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, "/mnt/other", MOVE_MOUNT_F_EMPTY_PATH) ==
      -1) {
    return -errno;
  }
  return holds_in_copy("/mnt/other");
}
long tries_propagation() {
  if (mount_flags(nullptr, "/mnt/new", MS_SHARED | MS_REC) == -1) return -errno;
  const long copied = tries_recursive_bind();
  return copied != 0 ? copied : first_revealed("/mnt/new");
}
// Whatever is put on top comes off again, but nothing below it.
long tries_mounts_over_masks() {
  for (const std::string& path : masked_in_new()) {
    struct stat found = {};
    if (stat(path.c_str(), &found) == -1) return -errno;
    if (!S_ISDIR(found.st_mode)) continue;
    if (mount("tmpfs", path.c_str(), "tmpfs", 0, nullptr) == -1) return -errno;
    if (umount2(path.c_str(), 0) == -1) return -errno;
    if (umount2(path.c_str(), 0) != -1) return -1;
  }
  return first_revealed("/mnt/new");
}
// The kernel's own rule: no other one can be made where none can be seen as a whole.
long tries_another() {
  const char* type = hiding_at("/mnt/new").type;
  if (mount(type, "/mnt/other", type, 0, nullptr) != -1) return -1;
  return errno == EPERM ? first_revealed("/mnt/new") : -errno;
}
long tries_a_user_namespace() {
  const pid_t child = fork();
  CHECK(child != -1);
  if (child == 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1) _exit(1);
    _exit(tries_lazy_umount() == 0 && tries_remount() == 0 && tries_bind() == 0 ? 0 : 2);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

void resists(const Levels& levels, const NewMount& mount, Asked asked) {
  const Container container(levels);
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    for (int round = 0; round < 2; ++round) {
      check_done(maker->make_mount(mount, pinned.place("/mnt/new"), masks, kIsThere));
      CHECK_EQUAL(container.ask(first_revealed_in_new), kAllHidden);
      CHECK_EQUAL(container.ask(asked), kAllHidden);
      // all together
      CHECK_EQUAL(container.ask(remove_new), 0);
    }
  });
}

template <Asked asked>
void resists_everywhere() {
  for (const Levels& levels : {kOneUser, kNested, kNestedInPlain})
    resists(levels, new_proc(), asked);
  for (const Levels& levels : {kOneNetwork, kNestedNetworks, kNetworkInPlain})
    resists(levels, new_sysfs(), asked);
}

void resists_another() {
  for (const Levels& levels : {kNested, kNestedInPlain}) resists(levels, new_proc(), tries_another);
  for (const Levels& levels : {kNestedNetworks, kNetworkInPlain})
    resists(levels, new_sysfs(), tries_another);
}

// --- A8: no moment without masks
// ------------------------------------------------------------------

struct Watched {
  std::atomic<bool> is_over;
  std::atomic<long> seen;
  std::atomic<long> revealed;
  std::atomic<pid_t> looked_at;
};

// Shared with the processes of the containers that are made afterwards.
Watched* watched = nullptr;

void share_watched() {
  void* memory =
      mmap(nullptr, sizeof(Watched), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  watched = new (memory) Watched();
}

template <typename Look>
long start_watcher(Look look) {
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (!watched->is_over) look();
  _exit(0);
}

void look_at_masks() {
  struct stat found = {};
  if (stat("/mnt/new/timer_list", &found) == 0) {
    ++watched->seen;
    if (!is_null(found)) ++watched->revealed;
  }
  const int file = open("/mnt/new/sys/kernel/hostname", O_WRONLY | O_CLOEXEC);
  if (file != -1) {
    ++watched->revealed;
    close(file);
  }
}

long wait_for_watcher() {
  int status = -1;
  return wait(&status) == -1 ? -1 : status;
}

// Of a plain container, root of the host can take masks off, and does so with the whole.
void is_never_seen_without_in(const Levels& levels, int rounds, bool is_removed) {
  share_watched();
  const Container container(levels);
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  CHECK(container.ask([] { return start_watcher(look_at_masks); }) > 0);
  in_helper([&] {
    Maker maker;
    for (int round = 0; round < rounds; ++round) {
      NewMount mount = new_proc();
      // every other one is made anew
      if (round % 2 == 0) mount.options.push_back({"gid", "0"});
      check_done(maker->make_mount(mount, pinned.place("/mnt/new"), masks, kIsThere));
      maker->clean_up();
      if (is_removed) CHECK_EQUAL(container.ask(remove_new), 0);
    }
    watched->is_over = true;
    CHECK_EQUAL(container.ask(wait_for_watcher), 0);
  });
  CHECK(watched->seen > 0);
  CHECK_EQUAL(watched->revealed.load(), 0);
}

void is_never_seen_without() {
  is_never_seen_without_in(kNested, 300, true);
  is_never_seen_without_in(kOne, 60, false);
}

// --- what the first process's proc says of itself
// -------------------------------------------------

void shows_processes_without_a_proc() {
  const Container container({{.namespaces = kPlain,
                              .set_up =
                                  [] {
                                    make_mount_points();
                                    CHECK_EQUAL(mount("tmpfs", "/proc", "tmpfs", 0, nullptr), 0);
                                  }},
                             {.namespaces = CLONE_NEWNS | CLONE_NEWPID}});
  mount_in(container, new_proc());
  CHECK_EQUAL(container.ask([] { return error_of_call(access("/mnt/new/uptime", F_OK)); }), ENOENT);
  CHECK_EQUAL(container.ask(count_processes), 1);
}

long sees_more_than_processes() { return access("/mnt/new/uptime", F_OK) == 0 ? 1 : 0; }

// Who owns the pid namespace may change the options of its proc.
long show_all_again() {
  const UniqueFd context(
      static_cast<int>(syscall(SYS_fspick, AT_FDCWD, "/mnt/new", FSPICK_CLOEXEC)));
  if (!context.is_open()) return errno;
  if (syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, "subset", ",", 0) == -1)
    return errno;
  return error_of_call(
      syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0));
}

void hides_under_a_subset() {
  for (const Levels& levels : {kNested, kNestedInPlain}) {
    const Container container(levels);
    NewMount mount = new_proc();
    mount.options.push_back({"subset", "pid"});
    mount_in(container, mount);
    CHECK_EQUAL(container.ask(sees_more_than_processes), 0);
    CHECK_EQUAL(container.ask(show_all_again), 0);
    CHECK_EQUAL(container.ask(sees_more_than_processes), 1);
    CHECK_EQUAL(container.ask(first_revealed_in_new), kAllHidden);
  }
}

void mount_masked_proc_only() {
  unmount_procs();
  mount_masked_proc();
}

// 0 or errno of a whole proc that anybody mounts natively, in a user namespace of their own.
long mount_a_whole_one() {
  const pid_t child = fork();
  CHECK(child != -1);
  if (child == 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) == -1) _exit(errno);
    const pid_t inside = fork();
    if (inside == 0)
      _exit(static_cast<int>(error_of_call(mount("proc", "/mnt/other", "proc", 0, nullptr))));
    int status = -1;
    waitpid(inside, &status, 0);
    _exit(WEXITSTATUS(status));
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

void gives_nobody_a_whole_one() {
  const Level level = {.namespaces = kPlain, .set_up = mount_masked_proc_only};
  NewMount processes = new_proc();
  processes.options.push_back({"subset", "pid"});
  // what the first process sees: all, nothing any more, and nothing at all
  for (const int seen : {2, 1, 0}) {
    const Container container({level});
    CHECK_EQUAL(container.ask(mount_a_whole_one), EPERM);
    Masks masks = container.masks();
    masks.proc.is_whole = seen == 2;
    if (seen == 0) masks.proc.masks.clear();
    const Pinned pinned = container.pin();
    in_helper([&] {
      Maker maker;
      for (const NewMount& mount : {new_proc(), processes}) {
        check_done(maker->make_mount(mount, pinned.place("/mnt/new"), masks, kIsThere));
        CHECK_EQUAL(container.ask(mount_a_whole_one), EPERM);
        if (mount.options == processes.options)
          CHECK_EQUAL(container.ask(sees_more_than_processes), 0);
      }
    });
  }
}

void keeps_hidepid_and_read_only() {
  const Container container(
      {{.namespaces = kPlain,
        .set_up =
            [] {
              mount_proc("hidepid=invisible,gid=77");
              CHECK_EQUAL(mount_flags(nullptr, "/proc", MS_BIND | MS_REMOUNT | MS_RDONLY), 0);
            }},
       {.namespaces = CLONE_NEWNS | CLONE_NEWPID}});
  NewMount weaker = new_proc();
  weaker.options = {{"hidepid", "off"}, {"gid", "0"}};
  mount_in(container, weaker);
  CHECK_EQUAL(container.ask([]() -> long {
    const std::string mountinfo = contents("/mnt/new/self/mountinfo");
    const std::size_t line = mountinfo.find(" /mnt/new ");
    const std::string rest = mountinfo.substr(line, mountinfo.find('\n', line) - line);
    return rest.ends_with("gid=77,hidepid=invisible") ? 0 : 1;
  }),
              0);
  CHECK((static_cast<unsigned long>(container.ask(flags_of_new)) & ST_RDONLY) != 0);
}

// --- trees that are kept
// --------------------------------------------------------------------------

void keeps_a_few_trees() {
  constexpr std::size_t kMax = 8;
  const Container container(kOneUser);
  const Pinned pinned = container.pin();
  Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    const auto device = [&] {
      check_done(maker->make_mount(new_proc(), pinned.place("/mnt/new"), masks, kIsThere));
      maker->clean_up();
      const long found = container.ask(device_of_new);
      CHECK_EQUAL(container.ask(remove_new), 0);
      return found;
    };
    const auto vary = [&](std::size_t number) {
      masks.proc.masks.push_back({"none-" + std::to_string(number), true});
      const long found = device();
      masks.proc.masks.pop_back();
      return found;
    };
    const Belongings before = maker.belongings();
    const long first = device();
    CHECK_EQUAL(device(), first);
    const long varied = vary(0);
    CHECK(varied != first);
    // as long as it is mounted somewhere, no other proc gets its number
    masks.proc.masks.push_back({"none-0", true});
    check_done(maker->make_mount(new_proc(), pinned.place("/mnt/third"), masks, kIsThere));
    masks.proc.masks.pop_back();
    // it is used again before the others come, so that another one goes
    for (std::size_t number = 1; number < kMax; ++number) {
      CHECK_EQUAL(device(), first);
      CHECK(vary(number) != first);
    }
    CHECK_EQUAL(maker->kept_trees(), kMax);
    CHECK_EQUAL(device(), first);
    CHECK(vary(0) != varied);
    CHECK_EQUAL(maker->kept_trees(), kMax);
    Belongings after = maker.belongings();
    after.fds -= kMax;
    CHECK(after == before);
  });
}

void shares_no_options() {
  const Container container(kOneUser);
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    NewMount mount = new_proc();
    mount.options = {{"hidepid", "2"}};
    const Belongings before = maker.belongings();
    long last = 0;
    for (int round = 0; round < 3; ++round) {
      check_done(maker->make_mount(mount, pinned.place("/mnt/new"), masks, kIsThere));
      const long found = container.ask(device_of_new);
      CHECK(found != last);
      last = found;
      // two of them can be there at once
      if (round != 0) CHECK_EQUAL(container.ask(remove_new), 0);
    }
    maker->clean_up();
    CHECK(maker.belongings() == before);
    CHECK_EQUAL(maker->kept_trees(), 0U);
  });
}

void shares_no_namespaces() {
  const Container one(kOneUser);
  const Container other(kOneUser);
  const Pinned pinned_one = one.pin();
  const Pinned pinned_other = other.pin();
  const Masks masks = one.masks();
  in_helper([&] {
    Maker maker;
    check_done(maker->make_mount(new_proc(), pinned_one.place("/mnt/new"), masks, kIsThere));
    check_done(maker->make_mount(new_proc(), pinned_other.place("/mnt/new"), masks, kIsThere));
    CHECK(one.ask(device_of_new) != other.ask(device_of_new));
  });
}

// --- sysfs
// ----------------------------------------------------------------------------------------

long first_revealed_in_sysfs() {
  if (!names_in("/mnt/new/firmware").empty()) return 1;
  // of the network namespace, and of no other
  if (names_in("/mnt/new/class/net") != std::vector<std::string>{"lo"}) return 2;
  if ((static_cast<unsigned long>(flags_of_new()) & ST_RDONLY) == 0) return 3;
  if (mount_flags(nullptr, "/mnt/new", MS_BIND | MS_REMOUNT) != -1) return 4;
  if (umount2("/mnt/new/firmware", MNT_DETACH) != -1) return 5;
  return set_attributes("/mnt/new", AT_RECURSIVE, MOUNT_ATTR_RDONLY) == -1 ? kAllHidden : 6;
}

void mounts_sysfs() {
  const Container container(kNetworkInPlain);
  mount_in(container, new_sysfs());
  CHECK_EQUAL(container.ask(first_revealed_in_sysfs), kAllHidden);
}

void leaves_networks_alone() {
  const Pinned pinned = Container(kNetworkInPlain).pin();
  in_helper([&] {
    Maker maker;
    const std::string before = maker.link("self/ns/net");
    const Outcome outcome = maker->make_mount(new_sysfs(), pinned.place("/mnt/new"), {}, kIsThere);
    CHECK_EQUAL(Errno{outcome.answer}, Errno{EPERM});
    CHECK_EQUAL(maker.link("self/ns/net"), before);
  });
}

void needs_a_sysfs() {
  const Container container({kPlainLevel, kNetworkInPlain.back()});
  const Pinned pinned = container.pin();
  Masks masks = container.masks();
  // the host's is there
  CHECK(masks.sysfs.is_whole);
  masks.sysfs = {};
  in_helper([&] {
    Maker maker;
    const Belongings before = maker.belongings();
    const Outcome outcome =
        maker->make_mount(new_sysfs(), pinned.place("/mnt/new"), masks, kIsThere);
    CHECK_EQUAL(Errno{outcome.answer}, Errno{EPERM});
    maker->clean_up();
    CHECK(maker.belongings() == before);
    CHECK_EQUAL(container.ask(is_mounted), 0);
  });
}

// --- the mount point
// ------------------------------------------------------------------------------

// Folders of the host's root, of ids of the container inside and of one of its groups. In each
// there are some mount points that everybody may write.
void make_folders() {
  mount_proc();
  const struct {
    const char* path;
    uid_t owner;
    gid_t group;
    mode_t mode;
  } folders[] = {{"/mnt/closed", 0, 0, 0700},
                 {"/mnt/theirs", 100005, 100005, 0700},
                 {"/mnt/groups", 0, 100042, 0750}};
  for (const auto& [path, owner, group, mode] : folders) {
    CHECK_EQUAL(mkdir(path, mode), 0);
    for (int number = 0; number < 12; ++number) {
      const std::string point = std::string(path) + '/' + std::to_string(number);
      CHECK_EQUAL(mkdir(point.c_str(), 0777), 0);
      CHECK_EQUAL(chmod(point.c_str(), 0777), 0);
    }
    CHECK_EQUAL(chown(path, owner, group), 0);
  }
}

void judges_as_the_caller(const Levels& levels) {
  const Container container(levels);
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    maker->clean_up();
    int number = 0;
    for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
      MountPlace place = pinned.place("");
      const auto answer_at = [&](const std::string& path) {
        place.path = path;
        return answer_for(maker, place, masks, mount);
      };
      // nothing is mounted there yet
      const auto answer_in = [&](const std::string& folder) {
        return answer_at(folder + '/' + std::to_string(number++));
      };
      // all power over ids of its own, and none over those of the host
      CHECK_EQUAL(answer_in("/mnt/closed"), Errno{EACCES});
      CHECK_EQUAL(answer_in("/mnt/groups"), Errno{EACCES});
      CHECK_EQUAL(answer_in("/mnt/theirs"), Errno{0});
      place.credentials.effective_capabilities = 1ULL << CAP_SYS_ADMIN;
      CHECK_EQUAL(answer_in("/mnt/theirs"), Errno{EACCES});
      place.credentials.groups.assign(1, 100042);
      CHECK_EQUAL(answer_in("/mnt/groups"), Errno{0});
      place.credentials.uid = {100005, 100005, 100005, 100005};
      place.credentials.effective_capabilities = 0;
      CHECK_EQUAL(answer_in("/mnt/theirs"), Errno{0});
      CHECK_EQUAL(answer_at("/mnt/none"), Errno{ENOENT});
      CHECK_EQUAL(answer_at("/dev/null"), Errno{ENOTDIR});
    }
  });
}

const Level kFolders = {.namespaces = kPlain, .set_up = make_folders};

void judges_in_its_own_mount_namespace() {
  judges_as_the_caller({kFolders, {.namespaces = kUser}});
}
void judges_in_the_mount_namespace_of_others() {
  judges_as_the_caller({kFolders, {.namespaces = CLONE_NEWUSER | CLONE_NEWPID}});
}

void judges_without_a_user_namespace() {
  const Container container({kFolders});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    int number = 0;
    for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
      MountPlace place = pinned.place("");
      const auto answer = [&] {
        place.path = "/mnt/closed/" + std::to_string(number++);
        return answer_for(maker, place, masks, mount);
      };
      CHECK_EQUAL(answer(), Errno{0});
      place.credentials.uid = {1000, 1000, 1000, 1000};
      place.credentials.gid = {1000, 1000, 1000, 1000};
      place.credentials.effective_capabilities = 0;
      CHECK_EQUAL(answer(), Errno{EACCES});
      place.credentials.effective_capabilities = 1ULL << CAP_DAC_READ_SEARCH;
      CHECK_EQUAL(answer(), Errno{0});
      // the ids for files decide
      place.credentials.effective_capabilities = 0;
      place.credentials.uid.fs = 0;
      CHECK_EQUAL(answer(), Errno{0});
    }
  });
}

void takes_the_base_itself() {
  const Container container({kPlainLevel, {.namespaces = CLONE_NEWNS, .set_up = [] {
                                             make_mount_points();
                                             CHECK_EQUAL(chdir("/mnt/new"), 0);
                                           }}});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
      for (const char* path : {"", ".", "../new"}) {
        CHECK_EQUAL(answer_for(maker, pinned.place(path), masks, mount), Errno{0});
        CHECK_EQUAL(container.ask(is_mounted), 1);
        CHECK_EQUAL(container.ask(remove_new), 0);
      }
    }
  });
}

// Those of /proc/self would be the helper's.
void follows_no_magic_links() {
  const Container container({{.namespaces = CLONE_NEWNS, .set_up = make_mount_points}});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  const std::string base = "/proc/self/fd/" + std::to_string(pinned.base.get());
  in_helper([&] {
    Maker maker;
    for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
      for (const std::string& path :
           {std::string("/proc/self/cwd"), std::string("/proc/self/root/mnt/new"), base}) {
        CHECK_EQUAL(answer_for(maker, pinned.place(path), masks, mount), Errno{ELOOP});
      }
    }
  });
}

// The root is /mnt/inside; what is outside has the same names.
void make_roots() {
  make_mount_points();
  for (const char* path : {"/mnt/outside", "/mnt/outside/new", "/mnt/inside", "/mnt/inside/mnt",
                           "/mnt/inside/real", "/mnt/inside/real/new"}) {
    CHECK_EQUAL(mkdir(path, 0755), 0);
  }
  CHECK_EQUAL(symlink("real", "/mnt/inside/link"), 0);
}

void flip_link() {
  static unsigned round = 0;
  const char* const targets[] = {"../mnt/outside", "real", "/mnt/outside", "real",
                                 "../../../mnt/outside/."};
  unlink("/next");
  CHECK_EQUAL(symlink(targets[++round % std::size(targets)], "/next"), 0);
  CHECK_EQUAL(rename("/next", "/link"), 0);
}

void stays_in_the_root() {
  share_watched();
  const Container container(
      {{.namespaces = kPlain, .set_up = make_roots}, {.namespaces = 0, .set_up = [] {
                                                        CHECK_EQUAL(chroot("/mnt/inside"), 0);
                                                        CHECK_EQUAL(chdir("/"), 0);
                                                      }}});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  CHECK(container.ask([] { return start_watcher(flip_link); }) > 0);
  in_helper([&] {
    Maker maker;
    int done = 0;
    for (int round = 0; round < 400; ++round) {
      const Errno answer =
          answer_for(maker, pinned.place(round % 2 == 0 ? "/link/new" : "link/new"), masks,
                     round % 4 < 2 ? new_proc() : new_tmpfs());
      if (answer == Errno{0}) {
        ++done;
        CHECK_EQUAL(container.ask([] { return error_of_call(umount2("/real/new", MNT_DETACH)); }),
                    0);
      } else {
        CHECK_EQUAL(answer, Errno{ENOENT});
      }
    }
    CHECK(done > 0);
    watched->is_over = true;
    CHECK_EQUAL(container.ask(wait_for_watcher), 0);
  });
  CHECK_EQUAL(container.mountinfo(0).find(" /mnt/outside"), std::string::npos);
}

// --- what power is lent over
// ----------------------------------------------------------------------

constexpr std::uint32_t kUserId = 1000;
constexpr std::uint32_t kGroupId = 42;

void make_point(const std::string& path, uid_t owner, gid_t group, mode_t mode) {
  CHECK_EQUAL(mkdir(path.c_str(), 0700), 0);
  CHECK_EQUAL(chown(path.c_str(), owner, group), 0);
  CHECK_EQUAL(chmod(path.c_str(), mode), 0);
}

// Mount points of a user, of root, and of the root of a user namespace.
void make_points() {
  mount_masked_proc();
  CHECK_EQUAL(mkdir("/mnt/read-only", 0755), 0);
  CHECK_EQUAL(mount("tmpfs", "/mnt/read-only", "tmpfs", 0, "mode=0755"), 0);
  for (const std::string folder : {"/mnt/", "/mnt/read-only/"}) {
    make_point(folder + "own", kUserId, 0, 0500);
    make_point(folder + "own-sticky", kUserId, 0, 01500);
    make_point(folder + "roots", 0, 0, 0755);
    make_point(folder + "writable", 0, 0, 0777);
    make_point(folder + "sticky", 0, 0, 01777);
    make_point(folder + "of-the-group", 0, kGroupId, 0775);
    make_point(folder + "inner-roots", 100000, 100000, 0755);
  }
  CHECK_EQUAL(
      mount_flags(nullptr, "/mnt/read-only", static_cast<unsigned long>(MS_REMOUNT | MS_RDONLY)),
      0);
}

const Level kPoints = {.namespaces = kPlain, .set_up = make_points};
// Its mounts are those of the level outside, which it has no power over.
const Levels kGuest = {kPoints, {.namespaces = CLONE_NEWUSER | CLONE_NEWPID}};

struct Point {
  const char* path;
  int answer;
};

Credentials user_without_power() {
  constexpr UserIds kIds = {kUserId, kUserId, kUserId, kUserId};
  return {.uid = kIds, .gid = kIds, .groups = {}, .effective_capabilities = 0, .umask = 022};
}

// Each in a new container, whose mount points have nothing on them.
void lends_over(const Levels& levels, const Credentials& credentials,
                std::initializer_list<Point> points) {
  for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    const Masks masks = container.masks();
    const std::string root = "/proc/" + std::to_string(container.pid()) + "/root";
    for (const auto& [path, wanted] : points) {
      const UniqueFd point(open((root + path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      in_helper([&] {
        Maker maker;
        MountPlace place = pinned.place(path);
        place.credentials = credentials;
        CHECK_EQUAL(answer_for(maker, place, masks, mount), Errno{wanted});
        // the same, as a descriptor that the caller has
        if (wanted != 0) {
          place.base = point.get();
          place.path.clear();
          CHECK_EQUAL(answer_for(maker, place, masks, mount), Errno{wanted});
        }
      });
    }
  }
}

void lends_over_what_the_caller_may_write() {
  Credentials user = user_without_power();
  lends_over({kPoints}, user,
             {{"/mnt/own", 0},
              {"/mnt/own-sticky", 0},
              {"/mnt/read-only/own", 0},
              {"/mnt/writable", 0},
              {"/mnt/roots", EPERM},
              {"/mnt/sticky", EPERM},
              {"/mnt/of-the-group", EPERM},
              {"/mnt/read-only/writable", EPERM},
              {"/", EPERM},
              {"/proc", EPERM},
              {"/sys", EPERM}});
  user.groups = {kGroupId};
  lends_over({kPoints}, user, {{"/mnt/of-the-group", 0}, {"/mnt/sticky", EPERM}});
}

void lends_as_the_caller_acts_on_files() {
  // the ids for files decide
  Credentials user = user_without_power();
  user.uid.fs = 0;
  lends_over({kPoints}, user, {{"/mnt/roots", 0}, {"/mnt/sticky", 0}, {"/mnt/own", EPERM}});
  user = user_without_power();
  user.uid.real = 0;
  lends_over({kPoints}, user, {{"/mnt/roots", EPERM}, {"/mnt/own", 0}});
  // and Linux capabilities that are effective
  user = user_without_power();
  user.effective_capabilities = 1ULL << CAP_DAC_OVERRIDE;
  lends_over({kPoints}, user, {{"/mnt/roots", 0}, {"/mnt/sticky", EPERM}});
}

void lends_nothing_in_a_proc() {
  const Container container({kPoints, {.namespaces = 0, .set_up = [] {
                                         CHECK_EQUAL(setresuid(kUserId, kUserId, kUserId), 0);
                                         CHECK_EQUAL(prctl(PR_SET_DUMPABLE, 1), 0);
                                         CHECK_EQUAL(chdir("/proc/self"), 0);
                                       }}});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  struct stat found = {};
  CHECK_EQUAL(fstat(pinned.base.get(), &found), 0);
  CHECK_EQUAL(found.st_uid, kUserId);
  in_helper([&] {
    Maker maker;
    for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
      for (const char* path : {"", "attr", "task"})
        CHECK_EQUAL(answer_for(maker, pinned.place(path), masks, mount), Errno{EPERM});
    }
  });
}

void needs_no_leave_with_own_power() {
  Credentials user = user_without_power();
  user.effective_capabilities = 1ULL << CAP_SYS_ADMIN;
  lends_over({kPoints}, user, {{"/mnt/roots", 0}, {"/mnt/sticky", 0}, {"/sys", 0}});
  // its user namespace owns the mounts
  constexpr std::uint32_t kInner = 100000 + kUserId;
  user.uid = {kInner, kInner, kInner, kInner};
  const Levels inner = {{.namespaces = kUser, .set_up = mount_masked_proc}};
  lends_over(inner, user, {{"/mnt/new", 0}});
  user.effective_capabilities = 0;
  lends_over(inner, user, {{"/mnt/new", EPERM}});
}

void counts_no_power_elsewhere() {
  Credentials root = user_without_power();
  root.uid = {100000, 100000, 100000, 100000};
  root.gid = root.uid;
  root.effective_capabilities = ~0ULL;
  lends_over(kGuest, root,
             {{"/mnt/inner-roots", 0},
              {"/mnt/writable", 0},
              {"/mnt/roots", EPERM},
              {"/mnt/own", EPERM},
              {"/mnt/sticky", EPERM}});
}

// In there, both are shown as the same one.
void takes_no_ids_without_numbers_for_one() {
  Credentials stranger = user_without_power();
  stranger.uid = {200000, 200000, 200000, 200000};
  stranger.gid = stranger.uid;
  lends_over(kGuest, stranger, {{"/mnt/roots", EPERM}, {"/mnt/sticky", EPERM}});
}

void flip_point() {
  static unsigned round = 0;
  const char* const targets[] = {"own", "roots", "sticky"};
  unlink("/mnt/next");
  CHECK_EQUAL(symlink(targets[++round % std::size(targets)], "/mnt/next"), 0);
  CHECK_EQUAL(rename("/mnt/next", "/mnt/link"), 0);
}

void mounts_where_it_has_looked() {
  share_watched();
  const Container container({kPoints});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  CHECK_EQUAL(container.ask([] { return error_of_call(symlink("own", "/mnt/link")); }), 0);
  CHECK(container.ask([] { return start_watcher(flip_point); }) > 0);
  in_helper([&] {
    Maker maker;
    MountPlace place = pinned.place("/mnt/link");
    place.credentials = user_without_power();
    std::array<int, 2> counts = {};
    for (int round = 0; round < 400; ++round) {
      const Errno answer =
          answer_for(maker, place, masks, round % 2 == 0 ? new_proc() : new_tmpfs());
      CHECK(answer == Errno{0} || answer == Errno{EPERM});
      const bool is_done = answer == Errno{0};
      ++counts.at(is_done ? 0 : 1);
      if (is_done) {
        CHECK_EQUAL(container.ask([] { return error_of_call(umount2("/mnt/own", MNT_DETACH)); }),
                    0);
      }
    }
    CHECK(counts[0] > 0);
    CHECK(counts[1] > 0);
    watched->is_over = true;
    CHECK_EQUAL(container.ask(wait_for_watcher), 0);
  });
  for (const char* place : {" /mnt/roots ", " /mnt/sticky "})
    CHECK_EQUAL(container.mountinfo(0).find(place), std::string::npos);
}

// --- other file systems
// ---------------------------------------------------------------------------

long is_small_tmpfs() {
  struct statvfs found = {};
  CHECK_EQUAL(statvfs("/mnt/new", &found), 0);
  return found.f_blocks * found.f_frsize == 64UL * 1024 && (found.f_flag & ST_NOSUID) != 0;
}

void mounts_others() {
  for (const Levels& levels : {kOne, kOneUser, kNested, kLodger}) {
    const Container container(levels);
    mount_in(container, new_tmpfs());
    CHECK_EQUAL(container.ask(is_small_tmpfs), 1);
  }
}

void answers_what_the_file_system_says() {
  const Container container(kOneUser);
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    const Belongings before = maker.belongings();
    const auto answer = [&](NewMount mount) {
      return answer_for(maker, pinned.place("/mnt/new"), masks, mount);
    };
    // what it reaches is not known
    CHECK_EQUAL(answer({.type = "none-such", .options = {}, .attributes = 0}), Errno{EPERM});
    for (const char* type : {"tmpfs", "proc", "sysfs"}) {
      CHECK_EQUAL(answer({.type = type, .options = {{"none-such", "1"}}, .attributes = 0}),
                  Errno{EINVAL});
      CHECK_EQUAL(answer({.type = type, .options = {}, .attributes = 1U << 31}), Errno{EINVAL});
    }
    maker->clean_up();
    CHECK(maker.belongings() == before);
    CHECK_EQUAL(maker->kept_trees(), 0U);
    CHECK_EQUAL(container.ask(is_mounted), 0);
  });
}

NewMount new_overlay(const std::string& lower) {
  return {.type = "overlay", .options = {{"lowerdir", lower + ":/mnt/other"}}, .attributes = 0};
}

// Nobody knows what would have to be hidden then.
void needs_a_whole_proc_for_other_owners() {
  const Container container({{.namespaces = kPlain,
                              .set_up =
                                  [] {
                                    make_mount_points();
                                    CHECK_EQUAL(mount("proc", "/proc", "proc", 0, "subset=pid"), 0);
                                  }},
                             {.namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID}});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    CHECK_EQUAL(answer_for(maker, pinned.place("/mnt/new"), masks, new_proc()), Errno{EPERM});
  });
}

void looks_for_sources_as_the_caller() {
  const Container container({kFolders});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    MountPlace place = pinned.place("/mnt/new");
    place.credentials.uid = {1000, 1000, 1000, 1000};
    place.credentials.gid = {1000, 1000, 1000, 1000};
    place.credentials.effective_capabilities = 0;
    // a union shows what lies under the masks of its layers
    CHECK_EQUAL(answer_for(maker, place, masks, new_overlay("/mnt/third")), Errno{EPERM});
    place.credentials.effective_capabilities = std::uint64_t{1} << CAP_SYS_ADMIN;
    CHECK_EQUAL(answer_for(maker, place, masks, new_overlay("/mnt/closed/new")), Errno{EACCES});
    CHECK_EQUAL(answer_for(maker, place, masks, new_overlay("/mnt/third")), Errno{0});
  });
}

// A source that is named by /proc/self is looked for in the process that makes the mount, which has
// folders of the caller open.
void offers_no_descriptors() {
  const Container container({{.namespaces = CLONE_NEWNS, .set_up = [] {
                                make_mount_points();
                                CHECK_EQUAL(chdir("/mnt/third"), 0);
                              }}});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  const UniqueFd secret(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  in_helper([&] {
    Maker maker;
    int found = 0;
    for (int fd = 0; fd < 40; ++fd) {
      const NewMount mount = new_overlay("/proc/self/fd/" + std::to_string(fd));
      if (answer_for(maker, pinned.place("/mnt/new"), masks, mount) != Errno{0}) continue;
      ++found;
      CHECK_EQUAL(container.ask([] { return static_cast<long>(names_in("/mnt/new").size()); }), 0);
      CHECK_EQUAL(container.ask(remove_new), 0);
    }
    CHECK(found > 0);
  });
}

// --- in time
// --------------------------------------------------------------------------------------

void does_nothing_when_it_is_gone() {
  for (const Levels& levels : {kOne, kNested, kLodger}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    const Masks masks = container.masks();
    in_helper([&] {
      Maker maker;
      for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
        int asked = 0;
        const Outcome outcome = maker->make_mount(mount, pinned.place("/mnt/new"), masks, [&asked] {
          ++asked;
          return true;
        });
        CHECK(outcome.is_gone);
        CHECK_EQUAL(asked, 1);
        CHECK_EQUAL(container.ask(is_mounted), 0);
      }
    });
  }
}

void asks_with_the_listener_open() {
  const Container container(kOne);
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    const UniqueFd listener(open("/", O_PATH | O_CLOEXEC));
    MountPlace place = pinned.place("/mnt/new");
    place.listener = listener.get();
    for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
      bool is_open = false;
      check_done(maker->make_mount(mount, place, masks, [&] {
        is_open = fcntl(listener.get(), F_GETFD) != -1;
        return false;
      }));
      CHECK(is_open);
    }
  });
}

// --- A4: from inside, nobody reaches it
// -----------------------------------------------------------

// How many of its files can be opened.
long open_files_of(const std::string& process) {
  long opened = 0;
  for (const char* file : {"/mem", "/exe", "/environ", "/root", "/cwd", "/ns/mnt", "/fd"}) {
    const int fd = open((process + file).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd == -1) continue;
    ++opened;
    close(fd);
  }
  return opened;
}

void look_at_processes() {
  for (const std::string& name : names_in("/proc")) {
    if (!is_number(name) || name == "1" || name == std::to_string(getpid())) continue;
    ++watched->seen;
    watched->revealed += open_files_of("/proc/" + name);
  }
}

void cannot_be_reached() {
  share_watched();
  const Container container(kNested);
  const Container looking({kUserLevel});
  const Pinned pinned = looking.pin();
  const Masks masks = looking.masks();
  CHECK(looking.ask([] { return start_watcher(look_at_processes); }) > 0);
  in_helper([&] {
    Maker maker;
    MountPlace place = pinned.place("/mnt/new");
    place.may_use_pidns = false;
    NewMount mount = new_proc();
    // each one is made inside
    mount.options = {{"gid", "0"}};
    for (int round = 0; round < 300; ++round) {
      check_done(maker->make_mount(mount, place, masks, kIsThere));
      maker->clean_up();
      CHECK_EQUAL(looking.ask(remove_new), 0);
    }
    watched->is_over = true;
    CHECK_EQUAL(looking.ask(wait_for_watcher), 0);
  });
  CHECK(watched->seen > 0);
  CHECK_EQUAL(watched->revealed.load(), 0);
}

// It has the caller's ids then, in the pid namespace of a caller that has none of its own.
void cannot_be_reached_as_the_caller() {
  share_watched();
  const Container container(
      {{.namespaces = CLONE_NEWUSER | CLONE_NEWNS, .set_up = make_mount_points}});
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  in_helper([&] {
    Maker maker;
    MountPlace place = pinned.place("/mnt/new");
    place.listener = container.socket();
    for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
      check_done(maker->make_mount(mount, place, masks, [&] {
        watched->looked_at = getpid();
        const auto look = [] {
          return open_files_of("/proc/" + std::to_string(watched->looked_at));
        };
        CHECK_EQUAL(container.ask(look), 0);
        // it is there, and its files are those of the host's root
        CHECK_EQUAL(container.ask([] {
          struct stat found = {};
          const std::string path = "/proc/" + std::to_string(watched->looked_at) + "/mem";
          return stat(path.c_str(), &found) == 0 ? static_cast<long>(found.st_uid) : -1;
        }),
                    65534);
        return false;
      }));
    }
  });
}

void shows_nothing_of_the_host() {
  const Container container(kNested);
  mount_in(container, new_proc());
  const std::string mountinfo = container.mountinfo(1);
  std::size_t lines = 0;
  for (std::size_t at = mountinfo.find("/mnt/new"); at != std::string::npos;
       at = mountinfo.find("/mnt/new", at + 1)) {
    ++lines;
  }
  // the proc and its masks, and nothing else
  CHECK_EQUAL(lines, 1 + kHidden.size() + kReadOnly.size());
  CHECK_EQUAL(mountinfo.find("/empty"), std::string::npos);
}

void names_masks_as_runtimes_do() {
  const Container container(kNested);
  mount_in(container, new_proc());
  std::istringstream lines(container.mountinfo(1));
  std::size_t masks = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.contains(" /mnt/new/") || line.contains(" - proc ")) continue;
    ++masks;
    CHECK(line.contains(" /null /mnt/new/") || line.contains(" / /mnt/new/"));
    CHECK(line.contains(" - tmpfs tmpfs "));
  }
  CHECK_EQUAL(masks, kHidden.size());
}

// --- the helper's own mount namespace
// --------------------------------------------------------------

void leaves_the_mount_namespace() {
  in_helper([] {
    const Maker maker;
    const std::string mountinfo = maker.text("self/mountinfo");
    CHECK_EQUAL(std::ranges::count(mountinfo, '\n'), 3);
    for (const char* path : {"/proc", "/etc", "/dev", "/usr"}) CHECK_EQUAL(access(path, F_OK), -1);
    CHECK_EQUAL(names_in("/empty").size(), 0U);
    CHECK_EQUAL(mkdir("/empty/x", 0700), -1);
    CHECK_EQUAL(Errno{errno}, Errno{EROFS});
    CHECK_EQUAL(chmod("/null", 0666), -1);
    CHECK_EQUAL(Errno{errno}, Errno{EROFS});
  });
}

constexpr Case kCases[] = {
    {"A8: make_mount: what shows processes only has the masks as well", hides_under_a_subset},
    {"A8: make_mount: what it makes lets nobody mount a whole proc natively",
     gives_nobody_a_whole_one},
    {"A8: make_mount: who owns the pid namespace needs a whole proc in the container",
     needs_a_whole_proc_for_other_owners},
    {"MountMaker: its mount namespace holds what masks are made of only",
     leaves_the_mount_namespace},
    {"A8: make_mount: proc in a plain container", mounts_in_a_plain_container},
    {"A8: make_mount: proc in a user namespace", mounts_in_a_user_namespace},
    {"A8: make_mount: proc in a nested user namespace", mounts_in_a_nested_one},
    {"A8: make_mount: proc in a user namespace of a plain container",
     mounts_in_one_of_a_plain_container},
    {"A8: make_mount: proc in a mount namespace of another user namespace", mounts_for_a_lodger},
    {"A8: make_mount: proc on kernels without its option pidns", mounts_without_pidns},
    {"make_mount: a nested proc shows the processes inside", shows_inner_processes},
    {"A8: masks: umount is refused", resists_everywhere<tries_umount>},
    {"A8: masks: lazy umount is refused", resists_everywhere<tries_lazy_umount>},
    {"A8: masks: forced umount is refused", resists_everywhere<tries_forced_umount>},
    {"A8: masks: they do not expire", resists_everywhere<tries_expiry>},
    {"A8: masks: remount is refused", resists_everywhere<tries_remount>},
    {"A8: masks: mount_setattr is refused", resists_everywhere<tries_attributes>},
    {"A8: masks: mount_setattr of all together is refused",
     resists_everywhere<tries_attributes_of_all>},
    {"A8: masks: move is refused", resists_everywhere<tries_move>},
    {"A8: masks: bind of a proc or sysfs without them is refused", resists_everywhere<tries_bind>},
    {"A8: masks: open_tree of a proc or sysfs without them is refused",
     resists_everywhere<tries_open_tree>},
    {"A8: masks: a recursive bind has them too", resists_everywhere<tries_recursive_bind>},
    {"A8: masks: a recursive open_tree has them too", resists_everywhere<tries_recursive_tree>},
    {"A8: masks: propagation takes none off", resists_everywhere<tries_propagation>},
    {"A8: masks: mounts over them come off alone", resists_everywhere<tries_mounts_over_masks>},
    {"A8: masks: in a further user namespace they hold",
     resists_everywhere<tries_a_user_namespace>},
    {"A8: masks: the kernel lets nobody make another one beside them", resists_another},
    {"A8: make_mount: no moment shows a proc without masks", is_never_seen_without},
    {"A8: make_mount: without a proc outside, there are processes only",
     shows_processes_without_a_proc},
    {"A8: make_mount: hidepid and read-only are kept", keeps_hidepid_and_read_only},
    {"make_mount: some trees are kept, and the longest unused goes", keeps_a_few_trees},
    {"A8: make_mount: options that others may change are not shared", shares_no_options},
    {"make_mount: containers share no proc", shares_no_namespaces},
    {"A8: make_mount: sysfs is read-only with its masks", mounts_sysfs},
    {"make_mount: a sysfs that fails leaves the network namespace alone", leaves_networks_alone},
    {"A8: make_mount: without a sysfs outside, there is none", needs_a_sysfs},
    {"A1: make_mount: the mount point is looked up as the caller",
     judges_in_its_own_mount_namespace},
    {"A1: make_mount: the mount point is looked up as a caller of another user namespace",
     judges_in_the_mount_namespace_of_others},
    {"A1: make_mount: the mount point is looked up with the caller's Linux capabilities",
     judges_without_a_user_namespace},
    {"make_mount: the mount point can be the base itself", takes_the_base_itself},
    {"A3a: make_mount: magic links are not followed", follows_no_magic_links},
    {"A3: make_mount: a flipping symlink never leads out of the root", stays_in_the_root},
    {"A1: make_mount: power is lent over the caller's own directories and what it may write",
     lends_over_what_the_caller_may_write},
    {"A1: make_mount: ids and Linux capabilities for files decide what may be covered",
     lends_as_the_caller_acts_on_files},
    {"A1: make_mount: nothing is lent over what proc shows of the caller's own processes",
     lends_nothing_in_a_proc},
    {"A1: make_mount: who could mount itself covers whatever it likes",
     needs_no_leave_with_own_power},
    {"A2: make_mount: power in a user namespace that owns no mounts covers nobody else's",
     counts_no_power_elsewhere},
    {"A2: make_mount: ids without numbers in a user namespace are not the same",
     takes_no_ids_without_numbers_for_one},
    {"A3: make_mount: a flipping symlink leads to nothing that may not be covered",
     mounts_where_it_has_looked},
    {"make_mount: other file systems", mounts_others},
    {"make_mount: the file system's own error is the answer", answers_what_the_file_system_says},
    {"A1: make_mount: sources are looked up as the caller", looks_for_sources_as_the_caller},
    {"A4: make_mount: sources can't name the helper's descriptors", offers_no_descriptors},
    {"A2: make_mount: nothing is done for a caller that is gone", does_nothing_when_it_is_gone},
    {"make_mount: the listener stays open", asks_with_the_listener_open},
    {"A4: make_mount: who is in the pid namespace reaches nothing of the helper",
     cannot_be_reached},
    {"A4: make_mount: a child that has the caller's ids can't be reached",
     cannot_be_reached_as_the_caller},
    {"A4: make_mount: no mount point of the helper appears inside", shows_nothing_of_the_host},
    {"make_mount: masks are called as those of runtimes", names_masks_as_runtimes_do}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
