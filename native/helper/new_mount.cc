// SPDX-License-Identifier: Apache-2.0
// New mounts, see fsopen(2), fsmount(2), open_tree(2), move_mount(2) and mount_namespaces(7).
#include "helper/new_mount.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <map>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>

#include "helper/mount_child.h"

namespace seccompagent {

// One mount that is being made.
struct MountJob : CallerJob {
  NewMount mount;
  // Of a type that hides something.
  bool has_cover = false;
  // The pid namespace belongs to another user namespace than ours.
  bool has_foreign_processes = false;
  // What it is to hide, once that is known.
  std::vector<Mask> masks = {};
  // Of the caller's mount namespace, where that is to be looked at.
  UniqueFd mountinfo = {};
  // Our own mount namespace, to come back.
  UniqueFd own_mounts = {};
  // Of a file system that the kernel would open a file for.
  UniqueFd source = {};
  const ProcOpener* proc_opener = nullptr;
  // Where nothing is mounted; closed until it is needed.
  UniqueFd* empty_mounts = nullptr;
};

namespace {

constexpr std::size_t kMostKept = 8;
// Where a new mount gets its masks.
constexpr const char* kWorkPlace = "/new";
constexpr MaskSources kMaskSources = {.file = "/null", .directory = "/empty"};
// Of what covers places, in mountinfo; runtimes call it so, too.
constexpr const char* kMaskName = "tmpfs";

// Linux 6.11 gives it without a look-up in proc, where a new child is not known yet.
[[nodiscard]] UniqueFd open_own_mount_namespace(int own_proc) {
  // PIDFD_GET_MNT_NAMESPACE of linux/pidfd.h
  constexpr unsigned long kGetMountNamespace = _IO(0xff, 3);
  const UniqueFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  const int found = ioctl(self.get(), kGetMountNamespace, 0);
  if (found >= 0) return UniqueFd(found);
  return UniqueFd(openat(own_proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC));
}

[[nodiscard]] UniqueFd open_tree_at(const char* path) {
  return UniqueFd(static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
}

[[nodiscard]] long move_to_path(const UniqueFd& tree, const char* path) {
  return syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

// --- the file system -----------------------------------------------------------------------------

[[nodiscard]] bool configure(Outcome& outcome, const UniqueFd& context, const MountOption& option) {
  const unsigned command = option.value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
  const char* value = option.value ? option.value->c_str() : nullptr;
  return !refused(outcome,
                  syscall(SYS_fsconfig, context.get(), command, option.key.c_str(), value, 0));
}

// A mount that is nowhere yet.
[[nodiscard]] UniqueFd make_detached(Outcome& outcome, const UniqueFd& context,
                                     const NewMount& mount) {
  for (const MountOption& option : mount.options) {
    if (!configure(outcome, context, option)) return {};
  }
  if (refused(outcome,
              syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)))
    return {};
  const long made = syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, mount.attributes);
  return refused(outcome, made) ? UniqueFd() : UniqueFd(static_cast<int>(made));
}

[[nodiscard]] UniqueFd open_context(Outcome& outcome, const NewMount& mount) {
  const long context = syscall(SYS_fsopen, mount.type.c_str(), FSOPEN_CLOEXEC);
  return refused(outcome, context) ? UniqueFd() : UniqueFd(static_cast<int>(context));
}

[[nodiscard]] UniqueFd make_detached(Outcome& outcome, const NewMount& mount) {
  const UniqueFd context = open_context(outcome, mount);
  return context.is_open() ? make_detached(outcome, context, mount) : UniqueFd();
}

[[nodiscard]] Result<UniqueFd> make_own(const NewMount& mount) {
  Outcome outcome;
  UniqueFd made = make_detached(outcome, mount);
  if (!made.is_open()) return fail(outcome.answer);
  return made;
}

[[nodiscard]] Result<UniqueFd> make_directory_mask() {
  return make_own(
      {.type = "tmpfs",
       .options = {{"source", kMaskName}, {"ro", std::nullopt}, {"mode", "0555"}},
       .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC});
}

// Makes the mount the root, and lets go of all that was there.
[[nodiscard]] Result<void> pivot_to(const UniqueFd& root) {
  if (unshare(CLONE_NEWNS) == -1 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
      move_to_path(root, "/") == -1 || fchdir(root.get()) == -1 ||
      syscall(SYS_pivot_root, ".", ".") == -1 || umount2(".", MNT_DETACH) == -1 ||
      fchdir(root.get()) == -1) {
    return fail_errno();
  }
  return {};
}

[[nodiscard]] bool is_proc(const NewMount& mount) { return mount.type == "proc"; }

// --- ids in options ------------------------------------------------------------------------------

// What file systems call users and groups.
[[nodiscard]] bool is_of_user(const MountOption& option) { return option.key.ends_with("uid"); }

[[nodiscard]] bool is_id(const MountOption& option) {
  constexpr auto kKeys = std::to_array<std::string_view>({"backupgid", "backupuid", "gid", "uid"});
  return option.value && std::ranges::find(kKeys, option.key) != kKeys.end();
}

// As the kernel reads it: decimal, octal or hexadecimal.
[[nodiscard]] std::optional<std::uint32_t> read_id(const std::string& text) {
  constexpr std::uint32_t kNobody = ~0U;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  char* end = nullptr;
  constexpr int kAnyBase = 0;
  errno = 0;
  const unsigned long id = std::strtoul(text.c_str(), &end, kAnyBase);
  if (errno != 0 || end != text.c_str() + text.size() || id >= kNobody) return std::nullopt;
  return static_cast<std::uint32_t>(id);
}

// Files of those whom the options name, by their keys: of two options with one key, the last
// counts.
using IdFiles = std::map<std::string, UniqueFd>;

// In the caller's user namespace, where we have all power.
[[nodiscard]] bool take_id(MountJob& job, const MountOption& option) {
  const pid_t parent = getppid();
  const auto id = read_id(option.value.value_or(""));
  if (!id) {
    job.outcome.answer = EINVAL;
    return false;
  }
  const long call = is_of_user(option) ? SYS_setresuid : SYS_setresgid;
  // EINVAL: it has no such id
  if (refused(job.outcome, syscall(call, *id, *id, *id))) return false;
  rearm(parent);
  return true;
}

void make_id_files(MountJob& job, IdFiles& made) {
  const pid_t parent = getppid();
  if (!enter(job.outcome, job.place.user_namespace, CLONE_NEWUSER)) return;
  rearm(parent);
  if (broke(job.outcome, "prctl of the securebits",
            prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP))) {
    return;
  }
  for (const MountOption& option : job.mount.options | std::views::filter(is_id)) {
    if (!take_id(job, option)) return;
    UniqueFd& file = made[option.key];
    file.reset(memfd_create("seccompagent-id", MFD_CLOEXEC));
    if (broke(job.outcome, "memfd_create", file.get())) return;
  }
}

// The caller says them as it knows them, and who makes the file system knows them otherwise.
[[nodiscard]] bool translate_ids(MountJob& job) {
  if (job.user_namespace_id == 0 || std::ranges::none_of(job.mount.options, is_id)) return true;
  IdFiles files;
  const auto ended =
      run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] { make_id_files(job, files); });
  if (!ended) job.outcome = our_failure("child in the user namespace", ended.error());
  if (job.has_ended()) return false;
  for (MountOption& option : job.mount.options | std::views::filter(is_id)) {
    struct stat found = {};
    if (broke(job.outcome, "fstat of a file", fstat(files[option.key].get(), &found))) return false;
    option.value = std::to_string(is_of_user(option) ? found.st_uid : found.st_gid);
  }
  return true;
}

// --- trees of mounts with masks ------------------------------------------------------------------

// The namespaces of a mount's options. Linux 6.18 takes the pid namespace as one of them; before,
// only a process inside it could make its proc.
[[nodiscard]] bool set_pid_namespace(const MountJob& job, const UniqueFd& context) {
  return job.place.may_use_pidns && syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_FD, "pidns",
                                            nullptr, job.place.pid_namespace) == 0;
}

[[nodiscard]] bool attach(MountJob& job, const UniqueFd& mount) {
  return mount.is_open() && !broke(job.outcome, "move_mount", move_to_path(mount, kWorkPlace));
}

// A mount namespace with nothing but a read-only directory: nobody could put anything into it.
[[nodiscard]] bool make_empty_mounts(MountJob& job) {
  if (job.empty_mounts->is_open()) return true;
  const auto ended = run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] {
    const auto root = make_directory_mask();
    const auto left = root ? pivot_to(*root) : fail(root.error().number);
    if (!left)
      job.outcome = our_failure("an empty mount namespace", left.error());
    else
      *job.empty_mounts = open_own_mount_namespace(job.own_proc);
  });
  if (!ended) job.outcome = our_failure("child in an empty mount namespace", ended.error());
  if (job.has_ended()) return false;
  return !broke(job.outcome, "open of the empty mount namespace", job.empty_mounts->get());
}

[[nodiscard]] bool attach_proc_from_inside(MountJob& job) {
  if (!make_empty_mounts(job)) return false;
  const auto ended = run_in_child(job.inner_stack_top, 0, getpid(), [&] {
    const auto context =
        job.proc_opener->open_inside(job.place.pid_namespace, job.empty_mounts->get());
    if (context)
      (void)attach(job, make_detached(job.outcome, *context, job.mount));
    else
      job.outcome = our_failure("fsopen in the pid namespace", context.error());
  });
  if (!ended) job.outcome = our_failure("child that makes a proc", ended.error());
  return !job.has_ended();
}

[[nodiscard]] bool attach_proc(MountJob& job) {
  if (job.place.pid_namespace < 0) return attach(job, make_detached(job.outcome, job.mount));
  UniqueFd context = open_context(job.outcome, job.mount);
  if (!context.is_open()) return false;
  if (set_pid_namespace(job, context))
    return attach(job, make_detached(job.outcome, context, job.mount));
  context.reset();
  return attach_proc_from_inside(job);
}

[[nodiscard]] bool attach_sysfs(MountJob& job) {
  return enter(job.outcome, job.place.net_namespace, CLONE_NEWNET) &&
         attach(job, make_detached(job.outcome, job.mount));
}

// Whether the caller may have power over the proc itself, and with it over the options of all its
// mounts, see pid_namespaces(7): that of who owns the pid namespace.
[[nodiscard]] bool has_foreign_processes(MountJob& job, ino_t own_user_namespace) {
  if (!is_proc(job.mount) || job.place.pid_namespace < 0) return false;
  const UniqueFd owner(ioctl(job.place.pid_namespace, NS_GET_USERNS));
  if (broke(job.outcome, "owner of the pid namespace", owner.get())) return true;
  const auto id = id_of(owner.get());
  if (!id) job.outcome = our_failure("fstat of the pid namespace's owner", id.error());
  return !id || *id != own_user_namespace;
}

constexpr std::string_view kSubset = "subset";

// What shows processes only could be made to show all again, and then there have to be masks. The
// kernel asks for masks only, too, when somebody mounts a whole proc beside it. So it shows all at
// first.
[[nodiscard]] std::vector<MountOption> take_subset(MountJob& job) {
  std::vector<MountOption> taken;
  if (!is_proc(job.mount)) return taken;
  std::erase_if(job.mount.options, [&taken](const MountOption& option) {
    if (option.key != kSubset) return false;
    taken.push_back(option);
    return true;
  });
  return taken;
}

[[nodiscard]] bool reconfigure(MountJob& job, const UniqueFd& mount,
                               const std::vector<MountOption>& options) {
  if (options.empty()) return true;
  const UniqueFd context(
      static_cast<int>(syscall(SYS_fspick, mount.get(), "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH)));
  if (broke(job.outcome, "fspick", context.get())) return false;
  for (const MountOption& option : options) {
    if (!configure(job.outcome, context, option)) return false;
  }
  return !refused(job.outcome, syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_RECONFIGURE,
                                       nullptr, nullptr, 0));
}

[[nodiscard]] bool mount_with_masks(MountJob& job) {
  const std::vector<MountOption> later = take_subset(job);
  if (!(is_proc(job.mount) ? attach_proc(job) : attach_sysfs(job))) return false;
  const UniqueFd mount(open(kWorkPlace, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (broke(job.outcome, "open of the mount", mount.get())) return false;
  const auto put = put_masks(mount.get(), job.masks, kMaskSources);
  if (!put) job.outcome = our_failure("masks", put.error());
  return put.has_value() && reconfigure(job, mount, later);
}

// A copy of a mount namespace for another user namespace holds all mounts together: whoever has all
// power in that one can neither take off a mask nor make it writable, see mount_namespaces(7).
[[nodiscard]] bool lock_masks(MountJob& job, UniqueFd& left_behind) {
  if (!job.owner.is_open()) return true;
  left_behind = open_own_mount_namespace(job.own_proc);
  const pid_t parent = getppid();
  if (!enter(job.outcome, job.owner.get(), CLONE_NEWUSER)) return false;
  rearm(parent);
  return !broke(job.outcome, "unshare", unshare(CLONE_NEWNS));
}

void build_tree(MountJob& job, UniqueFd& tree_namespace, UniqueFd& left_behind) {
  if (broke(job.outcome, "unshare", unshare(CLONE_NEWNS)) || !mount_with_masks(job) ||
      !lock_masks(job, left_behind)) {
    return;
  }
  tree_namespace = open_own_mount_namespace(job.own_proc);
  (void)broke(job.outcome, "open of the mount namespace", tree_namespace.get());
}

// --- putting it in its place ---------------------------------------------------------------------

// As the caller, who we are then. What is looked at is what is mounted on, whatever has its name by
// then.
[[nodiscard]] UniqueFd find_mount_point(MountJob& job) {
  UniqueFd found = open_mount_point(job, O_DIRECTORY);
  if (job.has_ended()) return {};
  if (!may_cover(job, found.get())) job.outcome.answer = EPERM;
  return found;
}

[[nodiscard]] bool move_to(MountJob& job, const UniqueFd& mount, const UniqueFd& mount_point,
                           const IsGone& is_gone) {
  job.outcome.is_gone = is_gone();
  if (job.outcome.is_gone) return false;
  return !refused(job.outcome, syscall(SYS_move_mount, mount.get(), "", mount_point.get(), "",
                                       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

// Numbers of namespaces that are never used again, since Linux 6.11; before, that of the inode.
[[nodiscard]] std::uint64_t number_of_mounts(const MountJob& job) {
  constexpr unsigned long kGetNumber = _IOR(NSIO, 0x5, std::uint64_t);
  std::uint64_t number = 0;
  return ioctl(job.mount_namespace(), kGetNumber, &number) == 0 ? number : job.mount_namespace_id;
}

[[nodiscard]] bool is_overlay(const NewMount& mount) { return mount.type == "overlay"; }

// Of a union: each takes as much as a mount, since the kernel makes one of it that nobody sees.
[[nodiscard]] std::uint64_t layers_of(const NewMount& mount) {
  constexpr auto kOne =
      std::to_array<std::string_view>({"datadir+", "lowerdir+", "upperdir", "workdir"});
  std::uint64_t layers = 0;
  for (const auto& [key, value] : mount.options) {
    if (std::ranges::find(kOne, key) != kOne.end()) ++layers;
    if (key == "lowerdir" && value)
      layers += 1 + static_cast<std::uint64_t>(std::ranges::count(*value, ':'));
  }
  return layers;
}

// As many as the container may have more, masks and layers included.
void count_mounts(MountJob& job, std::uint64_t existing) {
  Made& made = job.outcome.made;
  made = {.place = number_of_mounts(job),
          .amount = 1 + job.masks.size(),
          .existing = existing,
          .largest = 1};
  if (is_overlay(job.mount)) {
    made.place |= Made::kOverlays;
    made.amount += layers_of(job.mount);
    made.existing = Made::kNotAsked;
    made.largest = made.amount;
  }
  made.is_over = made.amount > job.place.allowance;
  if (made.is_over) job.outcome.answer = ENOSPC;
}

// How the place is called in all of the caller's mount namespace, whatever root the caller has, and
// with it mountinfo.
[[nodiscard]] Result<std::string> name_in_namespace(MountJob& job, const UniqueFd& place) {
  constexpr std::uint64_t kPower = kSysAdmin | 1ULL << CAP_SYS_CHROOT;
  Result<std::string> name = fail(ENAMETOOLONG);
  const auto ended = run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] {
    if (!set_effective(job, kPower) || !enter(job.outcome, job.mount_namespace(), CLONE_NEWNS))
      return;
    const std::string link = "self/fd/" + std::to_string(place.get());
    std::array<char, PATH_MAX> text = {};
    const ssize_t length = readlinkat(job.own_proc, link.c_str(), text.data(), text.size());
    if (length == -1) name = fail_errno();
    // what was cut is no name
    if (length > 0 && static_cast<std::size_t>(length) < text.size())
      name = std::string(text.data(), static_cast<std::size_t>(length));
  });
  if (!ended) return std::unexpected(ended.error());
  return name;
}

// Whether a mount would hide others, which the caller could neither take away nor change: a file of
// root's that a runtime has mounted into its directory. Nobody knows who has mounted them. Who may
// rename the directory, and so have it called otherwise just now, could get rid of them anyway.
[[nodiscard]] bool would_hide_others(MountJob& job, const UniqueFd& mount_point,
                                     const std::string& mountinfo, int id) {
  const auto name = name_in_namespace(job, mount_point);
  if (job.has_ended()) return true;
  const auto covers = name ? has_mounts_below(mountinfo, id, *name) : fail(name.error().number);
  if (!covers) job.outcome = our_failure("look at the mounts below", covers.error());
  return !covers || *covers;
}

// A caller without own power over it must mount nothing where the mount would be elsewhere as well,
// as on the host, or where it would be another one's later: a tree that is nowhere yet. And nobody
// may mount without end.
[[nodiscard]] bool may_use_place(MountJob& job, const UniqueFd& mount_point) {
  if (job.has_ended()) return false;
  if (job.has_own_power()) {
    count_mounts(job, Made::kNotAsked);
    return !job.has_ended();
  }
  const auto id = mount_id_of(mount_point.get());
  const auto text = id ? read_mountinfo(job.mountinfo) : fail(id.error().number);
  const auto standing = text ? find_standing(*text, *id) : fail(text.error().number);
  if (!standing) {
    job.outcome = our_failure("look at the mount below", standing.error());
  } else if (!standing->is_listed || standing->is_shared ||
             would_hide_others(job, mount_point, *text, *id)) {
    if (!job.has_ended()) job.outcome.answer = EPERM;
  } else {
    // where others have power over the mounts, they could cover all of them, and none is listed
    // then
    const auto lines = static_cast<std::uint64_t>(std::ranges::count(*text, '\n'));
    count_mounts(job, job.owner.is_open() ? Made::kNotAsked : lines);
  }
  return !job.has_ended();
}

[[nodiscard]] bool enter_place(MountJob& job) {
  if (!enter_namespaces_of_paths(job)) return false;
  if (!job.has_own_power()) {
    job.mountinfo.reset(openat(job.own_proc, "self/mountinfo", O_RDONLY | O_CLOEXEC));
    if (broke(job.outcome, "open of mountinfo", job.mountinfo.get())) return false;
  }
  return enter_root(job);
}

// Puts a copy of a tree with masks into the container.
void put_tree(MountJob& job, int tree_namespace, const IsGone& is_gone) {
  if (!enter(job.outcome, tree_namespace, CLONE_NEWNS)) return;
  const UniqueFd tree = open_tree_at(kWorkPlace);
  if (broke(job.outcome, "open_tree", tree.get()) || !enter_place(job)) return;
  UniqueFd mount_point;
  const auto find = [&] { mount_point = find_mount_point(job); };
  const bool is_labelled = job.place.label.is_foreign();
  if (!job.is_of_owner() || is_labelled) run_as_caller(job, find);
  // with power in the caller's user namespace we have it where the mount goes, or we have not
  if (job.is_of_owner() && !job.has_ended() && become_caller(job) && !is_labelled) find();
  if (!may_use_place(job, mount_point) || !set_effective(job, kSysAdmin)) return;
  (void)move_to(job, tree, mount_point, is_gone);
}

// Before Linux 6.15 only what is attached somewhere can be taken from a mount, so the file system
// gets a place in a mount namespace that nobody else is in.
[[nodiscard]] UniqueFd take_node(MountJob& job, int file_system) {
  if (broke(job.outcome, "unshare", unshare(CLONE_NEWNS)) ||
      broke(job.outcome, "attaching a file system",
            syscall(SYS_move_mount, file_system, "", AT_FDCWD, kWorkPlace,
                    MOVE_MOUNT_F_EMPTY_PATH))) {
    return {};
  }
  UniqueFd node(static_cast<int>(
      syscall(SYS_open_tree, file_system, kNodeName, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  return broke(job.outcome, "taking a node", node.get()) ? UniqueFd() : std::move(node);
}

// Whatever has the name by now, what the caller has made is covered.
void put_cover(MountJob& job, int file_system) {
  const UniqueFd node = take_node(job, file_system);
  if (!node.is_open() || !enter_place(job)) return;
  const UniqueFd mount_point(fcntl(job.place.base, F_DUPFD_CLOEXEC, 0));
  if (broke(job.outcome, "dup of the base", mount_point.get()) ||
      !may_use_place(job, mount_point)) {
    return;
  }
  const long moved = syscall(SYS_move_mount, node.get(), "", mount_point.get(), "",
                             MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  // the container has as many mounts as it may
  if (moved == -1 && errno == ENOSPC)
    job.outcome.answer = ENOSPC;
  else
    (void)broke(job.outcome, "mounting a node", moved);
}

// Some file systems show the network, queues or cgroups of their maker.
[[nodiscard]] bool enter_shown_namespaces(MountJob& job) {
  return enter(job.outcome, job.place.net_namespace, CLONE_NEWNET) &&
         enter(job.outcome, job.place.ipc_namespace, CLONE_NEWIPC) &&
         enter(job.outcome, job.place.cgroup_namespace, CLONE_NEWCGROUP);
}

// Leaves open only what is still needed and what the caller has anyway.
[[nodiscard]] bool close_others(MountJob& job, const UniqueFd& mount_point) {
  std::array kept = {job.place.base, job.place.user_namespace, job.place.listener, job.lifeline,
                     mount_point.get(), job.source.get(),
                     // to lock what is made, and come back
                     job.own_mounts.get(), job.owner.get(),
                     job.owner.is_open() ? job.mount_namespace() : -1};
  std::ranges::sort(kept);
  unsigned from = 0;
  for (const int fd : kept) {
    if (fd < 0) continue;
    const auto until = static_cast<unsigned>(fd);
    if (until > from && broke(job.outcome, "close_range", close_range(from, until - 1, 0)))
      return false;
    from = until + 1;
  }
  return !broke(job.outcome, "close_range", close_range(from, ~0U, 0));
}

// Whether all that there is in a new one comes from the kernel.
[[nodiscard]] bool has_own_contents(const NewMount& mount) {
  constexpr auto kTypes =
      std::to_array<std::string_view>({"tmpfs", "ramfs", "mqueue", "devpts", "cgroup", "cgroup2"});
  return std::ranges::find(kTypes, mount.type) != kTypes.end();
}

// Devices are for whom the caller's cgroup lets them, and the kernel would ask ours.
[[nodiscard]] bool is_of_device(const NewMount& mount) {
  return std::ranges::any_of(mount.options, [](const MountOption& option) {
    struct stat found = {};
    return option.key == "source" && option.value && stat(option.value->c_str(), &found) == 0 &&
           S_ISBLK(found.st_mode);
  });
}

// What a file system has besides its source is opened by the kernel, with the permission of our own
// cgroup; and these have all of their devices so, and no number that says it.
[[nodiscard]] bool opens_devices(const NewMount& mount) {
  constexpr auto kTypes = std::to_array<std::string_view>({"bcachefs", "btrfs"});
  constexpr auto kKeys =
      std::to_array<std::string_view>({"device", "journal_dev", "journal_path", "logdev", "rtdev"});
  return std::ranges::find(kTypes, mount.type) != kTypes.end() ||
         std::ranges::any_of(mount.options, [&](const MountOption& option) {
           return std::ranges::find(kKeys, option.key) != kKeys.end();
         });
}

// The same of what was made, whatever has the name of its source by now.
[[nodiscard]] bool is_of_device(const UniqueFd& mount) {
  const auto found = look_at(mount.get());
  return !found || found->stx_dev_major != 0;
}

// Those that are made anew for who asks, or show what is elsewhere. All others may be one for the
// whole machine, where options, or what is written, reach its other containers and its root: so do
// those of cgroup, cgroup2, binfmt_misc, debugfs and virtual disks.
constexpr auto kLent = std::to_array<std::string_view>(
    {"afs", "ceph", "cifs", "devpts", "erofs", "hugetlbfs", "lustre", "mqueue", "nfs", "nfs4",
     "orangefs", "ramfs", "smb3", "tmpfs"});

[[nodiscard]] bool is_lent(const NewMount& mount) {
  return std::ranges::find(kLent, mount.type) != kLent.end();
}

// Keys of the machine's users, its certificates, huge pages that are kept from others, and the
// machine's cache of network file systems.
[[nodiscard]] bool reaches_beyond(const MountOption& option) {
  constexpr auto kKeys =
      std::to_array<std::string_view>({"cert_serial", "cruid", "domain_id", "fsid", "key",
                                       "min_size", "privkey_serial", "xprtsec"});
  if (std::ranges::find(kKeys, option.key) != kKeys.end()) return true;
  // some take a list of them
  return option.key == "sec" && option.value && option.value->contains("krb5");
}

[[nodiscard]] bool is_of_nfs(const NewMount& mount) {
  return mount.type == "nfs" || mount.type == "nfs4";
}

// Without a word it would try the keys by itself.
void choose_security(NewMount& mount) {
  const bool has_chosen = std::ranges::any_of(
      mount.options, [](const MountOption& option) { return option.key == "sec"; });
  if (is_of_nfs(mount) && !has_chosen) mount.options.push_back({"sec", "sys"});
}

// With power over the whole machine.
[[nodiscard]] bool needs_nobody(const MountJob& job) {
  return job.has_own_power() && job.user_namespace_id == 0;
}

[[nodiscard]] bool is_lendable(const MountJob& job) {
  if (needs_nobody(job)) return true;
  // a union shows what lies under the masks of its layers
  if (is_overlay(job.mount)) return job.has_own_power();
  return is_lent(job.mount) && std::ranges::none_of(job.mount.options, reaches_beyond);
}

// What the mount keeps, see kept_attributes. Where the kernel makes the contents, nobody has
// written them, but devices can be made there: none that opens, in another user namespace than
// ours, if it is no file system of devices itself.
[[nodiscard]] std::uint64_t attributes_kept(const MountJob& job) {
  if (!has_own_contents(job.mount)) return job.kept_attributes();
  return job.owner.is_open() && job.mount.type != "devpts" ? MOUNT_ATTR_NODEV : 0;
}

// As with masks: of a copy that belongs to the user namespace of the caller's mounts, nobody who
// has all power in there can take off what the mount has to keep. We are in there afterwards.
[[nodiscard]] UniqueFd lock_attributes(MountJob& job, const UniqueFd& mount) {
  constexpr std::uint64_t kPower = kSysAdmin | 1ULL << CAP_SYS_CHROOT;
  const pid_t parent = getppid();
  if (!set_effective(job, kPower) || !enter(job.outcome, job.own_mounts.get(), CLONE_NEWNS) ||
      broke(job.outcome, "unshare", unshare(CLONE_NEWNS)) ||
      broke(job.outcome, "move_mount", move_to_path(mount, kWorkPlace)) ||
      !enter(job.outcome, job.owner.get(), CLONE_NEWUSER)) {
    return {};
  }
  rearm(parent);
  if (broke(job.outcome, "unshare", unshare(CLONE_NEWNS))) return {};
  UniqueFd locked = open_tree_at(kWorkPlace);
  if (broke(job.outcome, "open_tree", locked.get()) ||
      !enter(job.outcome, job.mount_namespace(), CLONE_NEWNS)) {
    return {};
  }
  return locked;
}

constexpr std::uint32_t kTimes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

// What the caller asked for, and may take off again.
[[nodiscard]] bool set_attributes(MountJob& job, const UniqueFd& mount, std::uint32_t attributes) {
  mount_attr change = {};
  change.attr_set = attributes;
  return attributes == 0 || !refused(job.outcome, syscall(SYS_mount_setattr, mount.get(), "",
                                                          AT_EMPTY_PATH, &change, sizeof change));
}

// Of these the kernel opens the source itself, whatever it is: a device with the permission of our
// own cgroup, and a FIFO until somebody opens its other end.
[[nodiscard]] MountOption* source_file_of(NewMount& mount) {
  if (mount.type != "erofs") return nullptr;
  const auto found = std::ranges::find(mount.options, "source", &MountOption::key);
  return found == mount.options.end() || !found->value ? nullptr : &*found;
}

// As the caller, who we are then. It is opened for nothing first, so that nothing but a regular
// file is ever opened.
[[nodiscard]] UniqueFd open_source(MountJob& job, const std::string& path) {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  // such links lead to what we have, and not to what the caller has
  how.resolve = RESOLVE_NO_MAGICLINKS;
  const UniqueFd found(
      static_cast<int>(syscall(SYS_openat2, job.place.base, path.c_str(), &how, sizeof how)));
  struct stat seen = {};
  if (refused(job.outcome, found.get()) || refused(job.outcome, fstat(found.get(), &seen)))
    return {};
  if (!S_ISREG(seen.st_mode)) {
    job.outcome.answer = S_ISBLK(seen.st_mode) ? EPERM : ENOTBLK;
    return {};
  }
  const std::string link = "self/fd/" + std::to_string(found.get());
  UniqueFd file(openat(job.own_proc, link.c_str(), O_RDONLY | O_CLOEXEC));
  return refused(job.outcome, file.get()) ? UniqueFd() : std::move(file);
}

// Where the kernel starts to look for sources: that of a file which is open already is a name in
// our own procfs.
[[nodiscard]] bool go_to_source(MountJob& job) {
  MountOption* const file = source_file_of(job.mount);
  if (file == nullptr) return !broke(job.outcome, "fchdir to the base", fchdir(job.place.base));
  file->value = "self/fd/" + std::to_string(job.source.get());
  return !broke(job.outcome, "fchdir to our procfs", fchdir(job.own_proc));
}

// In the caller's user namespace, where ids are its own: the kernel lets whoever has the power in
// there make some types, which keep devices and foreign ids out by themselves. Closed, and the job
// goes on: not this one.
[[nodiscard]] UniqueFd make_by_own_power(MountJob& job) {
  UniqueFd made;
  const auto ended = run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] {
    if (become_caller(job)) made = make_detached(job.outcome, job.mount);
  });
  if (!ended) job.outcome = our_failure("child that makes the mount", ended.error());
  if (job.outcome.answer == EPERM) job.outcome.answer = 0;
  return made;
}

// In our user namespace, as somebody with the caller's ids and CAP_SYS_ADMIN, who we are then.
[[nodiscard]] UniqueFd make_lent(MountJob& job) {
  // to the others it is a name, which nobody looks for
  if (!is_lent(job.mount) && is_of_device(job.mount)) {
    job.outcome.answer = EPERM;
    return {};
  }
  if (!needs_nobody(job)) choose_security(job.mount);
  const auto kept = static_cast<std::uint32_t>(attributes_kept(job));
  const std::uint32_t wanted = job.mount.attributes;
  // those of its times can't be set one by one
  job.mount.attributes = job.owner.is_open() ? kept | (wanted & kTimes) : kept | wanted;
  UniqueFd mount = make_detached(job.outcome, job.mount);
  if (!mount.is_open()) return {};
  if (is_of_device(mount)) {
    job.outcome.answer = EPERM;
    return {};
  }
  if (!job.owner.is_open()) return mount;
  UniqueFd locked = lock_attributes(job, mount);
  if (!locked.is_open() || !set_attributes(job, locked, wanted & ~kTimes)) return {};
  return locked;
}

// A file system that is made inside the container, where it looks for its source.
void put_other(MountJob& job, const IsGone& is_gone) {
  if (job.owner.is_open()) {
    job.own_mounts = open_own_mount_namespace(job.own_proc);
    if (broke(job.outcome, "open of our mount namespace", job.own_mounts.get())) return;
  }
  if (!enter_shown_namespaces(job) || !enter_place(job)) return;
  UniqueFd mount_point;
  const MountOption* const file = source_file_of(job.mount);
  run_as_caller(job, [&] {
    mount_point = find_mount_point(job);
    if (!job.has_ended() && file != nullptr) job.source = open_source(job, *file->value);
  });
  if (!may_use_place(job, mount_point) || !go_to_source(job) || !close_others(job, mount_point))
    return;
  if (opens_devices(job.mount) || !is_lendable(job)) {
    job.outcome.answer = EPERM;
    return;
  }
  UniqueFd mount;
  if (job.has_own_power() && !needs_nobody(job)) mount = make_by_own_power(job);
  if (job.has_ended() || (!mount.is_open() && !translate_ids(job)) || !lend_sys_admin(job)) return;
  if (!mount.is_open()) mount = make_lent(job);
  if (mount.is_open()) (void)move_to(job, mount, mount_point, is_gone);
}

// --- what it may show ----------------------------------------------------------------------------

// Makes the mount show no more than the container's first process sees.
[[nodiscard]] bool narrow(MountJob& job, const Cover& cover) {
  if (cover.is_read_only) job.mount.attributes |= MOUNT_ATTR_RDONLY;
  if (is_proc(job.mount)) {
    narrow_proc_options(job.mount.options, cover);
    job.masks = masks_of_new_proc(cover);
    // nobody knows what had to be hidden once it shows more than processes
    if (job.has_foreign_processes && shows_processes_only(cover)) job.outcome.answer = EPERM;
    return !job.has_ended();
  }
  job.masks = cover.masks;
  // of sysfs, there is no part to show
  if (!cover.is_whole) job.outcome.answer = EPERM;
  return cover.is_whole;
}

// A container inside the container may hide more from its processes, and they see no other proc.
[[nodiscard]] bool narrow_to_own(MountJob& job, Cover& cover) {
  Result<std::string> text;
  const auto ended = run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] {
    // of all of the namespace, whatever root the caller has
    if (!enter(job.outcome, job.mount_namespace(), CLONE_NEWNS)) return;
    const UniqueFd mountinfo(openat(job.own_proc, "self/mountinfo", O_RDONLY | O_CLOEXEC));
    text = mountinfo.is_open() ? read_mountinfo(mountinfo) : fail_errno();
  });
  if (job.has_ended()) return false;
  const auto own = !ended ? fail(ended.error().number)
                   : text ? cover_in_all(*text, job.mount.type)
                          : fail(text.error().number);
  if (!own) {
    job.outcome = our_failure("look at what the caller does not see", own.error());
  } else if (!own->is_whole) {
    // the kernel gives it none either
    job.outcome.answer = EPERM;
  } else {
    cover = stricter(cover, *own);
  }
  return !job.has_ended();
}

// Whether callers may share one. Two mounts of one proc have their options in common, and whoever
// has power in its pid namespace may change these.
[[nodiscard]] bool can_be_kept(const NewMount& mount) {
  // sysfs would keep a network alive, and its devices with it
  return is_proc(mount) && std::ranges::none_of(mount.options, [](const MountOption& option) {
           return option.key == "hidepid" || option.key == "gid";
         });
}

[[nodiscard]] std::optional<Cover> cover_of(const NewMount& mount, const Masks& masks) {
  if (is_proc(mount)) return masks.proc;
  return mount.type == "sysfs" ? std::optional(masks.sysfs) : std::nullopt;
}

// --- our own mount namespace ---------------------------------------------------------------------

// What the new root holds: places for the masks' sources, and the one for new mounts.
[[nodiscard]] Result<UniqueFd> make_root() {
  // whoever plays a caller in here still finds the places
  auto root = make_own(
      {.type = "tmpfs", .options = {{"source", kMaskName}, {"mode", "0711"}}, .attributes = 0});
  if (!root) return root;
  for (const char* place : {kWorkPlace, kMaskSources.directory}) {
    if (mkdirat(root->get(), place + 1, 0700) == -1) return fail_errno();
  }
  const UniqueFd file(
      openat(root->get(), kMaskSources.file + 1, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.is_open()) return fail_errno();
  return root;
}

// Read-only, so that nobody changes the mode or the times of a device by a mask.
[[nodiscard]] Result<UniqueFd> make_file_mask(const char* path) {
  UniqueFd device = open_tree_at(path);
  if (!device.is_open()) return fail_errno();
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  attributes.propagation = MS_PRIVATE;
  if (syscall(SYS_mount_setattr, device.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) ==
      -1) {
    return fail_errno();
  }
  return device;
}

// A node of our own in the new root: that of the host would tell who uses it, by inotify(7), and be
// locked by flock(2). EPERM: our cgroup or our Linux capabilities do not let us make one.
[[nodiscard]] Result<UniqueFd> make_device() {
  constexpr const char* kDevice = "/device";
  constexpr mode_t kMode = 0666;
  // called as a runtime's in mountinfo, where it covers itself
  if (mknod(kDevice, S_IFCHR | kMode, makedev(1, 3)) == -1 || chmod(kDevice, kMode) == -1 ||
      rename(kDevice, kMaskSources.file) == -1) {
    return fail_errno();
  }
  return make_file_mask(kMaskSources.file);
}

}  // namespace

Result<MountMaker> MountMaker::start(int lifeline, int locks) {
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  auto inner_stack = ChildStack::make();
  if (!inner_stack) return std::unexpected(inner_stack.error());
  auto proc_opener = ProcOpener::make();
  if (!proc_opener) return std::unexpected(proc_opener.error());
  MountMaker maker(std::move(*stack), std::move(*inner_stack), std::move(*proc_opener));
  maker.lifeline_ = lifeline;
  maker.locks_ = locks;
  if (locks < 0) {
    maker.own_locks_.reset(memfd_create("seccompagent-locks", MFD_CLOEXEC));
    if (!maker.own_locks_.is_open()) return fail_errno();
    maker.locks_ = maker.own_locks_.get();
  }
  auto own_proc = make_own({.type = "proc", .options = {{"subset", "pid"}}, .attributes = 0});
  if (!own_proc) return std::unexpected(own_proc.error());
  maker.own_proc_ = std::move(*own_proc);
  maker.first_mount_namespace_ = open_own_mount_namespace(maker.own_proc_.get());
  const UniqueFd own(openat(maker.own_proc_.get(), "self/ns/user", O_RDONLY | O_CLOEXEC));
  if (!maker.first_mount_namespace_.is_open() || !own.is_open()) return fail_errno();
  const auto own_id = id_of(own.get());
  if (!own_id) return std::unexpected(own_id.error());
  maker.own_user_namespace_ = *own_id;
  if (const auto left = maker.leave_mount_namespace(); !left) return std::unexpected(left.error());
  return maker;
}

Result<void> MountMaker::leave_mount_namespace() {
  const auto hosts_device = make_file_mask("/dev/null");
  if (!hosts_device) return std::unexpected(hosts_device.error());
  const auto directory_mask = make_directory_mask();
  if (!directory_mask) return std::unexpected(directory_mask.error());
  const auto root = make_root();
  if (!root) return std::unexpected(root.error());
  if (const auto done = pivot_to(*root); !done) return done;
  const auto own_device = make_device();
  const UniqueFd& file_mask = own_device ? *own_device : *hosts_device;
  if (move_to_path(file_mask, kMaskSources.file) == -1 ||
      move_to_path(*directory_mask, kMaskSources.directory) == -1) {
    return fail_errno();
  }
  return {};
}

int MountMaker::tree_for(MountJob& job) {
  const bool is_kept = can_be_kept(job.mount);
  const auto pid_namespace =
      job.place.pid_namespace < 0 ? Result<ino_t>(0) : id_of(job.place.pid_namespace);
  if (!pid_namespace) {
    job.outcome = our_failure("fstat of the pid namespace", pid_namespace.error());
    return -1;
  }
  Key key = {job.mount.options, job.mount.attributes, job.masks, *pid_namespace, job.owner_id};
  if (is_kept) {
    const auto found = std::ranges::find(kept_, key, &Kept::key);
    if (found != kept_.end()) {
      std::ranges::rotate(found, found + 1, kept_.end());
      return kept_.back().tree_namespace.get();
    }
  }
  UniqueFd made;
  UniqueFd left_behind;
  const auto ended = run_in_child(stack_.top(), CLONE_FILES, getpid(),
                                  [&] { build_tree(job, made, left_behind); });
  if (left_behind.is_open()) left_behind_.push_back(std::move(left_behind));
  if (!ended) job.outcome = our_failure("child that makes the mount", ended.error());
  if (job.has_ended()) return -1;
  const int tree_namespace = made.get();
  if (!is_kept) {
    left_behind_.push_back(std::move(made));
    return tree_namespace;
  }
  if (kept_.size() == kMostKept) {
    left_behind_.push_back(std::move(kept_.front().tree_namespace));
    kept_.erase(kept_.begin());
  }
  kept_.push_back({std::move(key), std::move(made)});
  return tree_namespace;
}

CallerJob MountMaker::job_for(const MountPlace& place) const {
  CallerJob job = {.place = place,
                   .inner_stack_top = inner_stack_.top(),
                   .lifeline = lifeline_,
                   .own_proc = own_proc_.get(),
                   .first_mount_namespace = first_mount_namespace_.get(),
                   .locks = locks_};
  find_owner(job, own_user_namespace_);
  return job;
}

Outcome MountMaker::make_mount(const NewMount& mount, const MountPlace& place, const Masks& masks,
                               const IsGone& is_gone) {
  MountJob job = {job_for(place), mount, cover_of(mount, masks).has_value()};
  job.proc_opener = &proc_opener_;
  job.empty_mounts = &empty_mounts_;
  // whoever never has time for it pays here
  if (left_behind_.size() >= kMostKept) clean_up();
  if (job.has_ended()) return job.outcome;
  job.has_foreign_processes = has_foreign_processes(job, own_user_namespace_);
  if (job.has_ended()) return job.outcome;
  if (auto cover = cover_of(mount, masks)) {
    if (!translate_ids(job) || (place.has_own_mounts && !narrow_to_own(job, *cover)) ||
        !narrow(job, *cover)) {
      return job.outcome;
    }
  }
  const int tree_namespace = !job.has_cover ? -1 : tree_for(job);
  if (job.has_ended()) return job.outcome;
  std::optional<MountLock> lock;
  if (job.has_cover) {
    lock.emplace(job.locks, job.mount_namespace_id, MountLock::Kind::shared);
    if (!lock->is_held()) return {.answer = EBUSY};
  }
  const auto ended = run_in_child(stack_.top(), 0, getpid(), [&] {
    if (!job.has_cover) {
      put_other(job, is_gone);
    } else {
      put_tree(job, tree_namespace, is_gone);
    }
  });
  if (!ended) return our_failure("child that puts the mount", ended.error());
  return job.outcome;
}

Outcome MountMaker::cover(const MountPlace& place, int file_system) {
  MountJob job = {job_for(place), {}};
  if (job.has_ended()) return job.outcome;
  const auto ended = run_in_child(stack_.top(), 0, getpid(), [&] { put_cover(job, file_system); });
  if (!ended) return our_failure("child that covers a node", ended.error());
  return job.outcome;
}

}  // namespace seccompagent
