// SPDX-License-Identifier: Apache-2.0
// Paths are resolved to a directory and a last name, or to the file itself, and the operation is
// done on the descriptor: what a path means can't change in between.
#include "files/file_operation.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <climits>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

#include "caller/callers_proc.h"
#include "files/confinement.h"
#include "files/memory_file_system.h"
#include "files/thread_role.h"

// Not in every libc's headers: Linux 6.6, 6.13.
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

namespace seccompagent {
namespace {

// The kernel's own, see path_resolution(7) and xattr(7).
constexpr std::size_t kMostXattr = 65536;

struct Doing {
  const FileRequest& request;
  const FilePlace& place;
  HeldIds held;
  const Validity& validity;
  // RESOLVE_BENEATH where the places are folders that no path may leave; else 0.
  std::uint64_t confined = 0;
};

[[nodiscard]] FileAnswer refusal(int error) { return {.error = error, .bytes = {}, .fd = {}}; }
[[nodiscard]] FileAnswer gone() { return {.error = 0, .is_gone = true, .bytes = {}, .fd = {}}; }

// Right before the effect; afterwards what the kernel says of it.
template <typename Effect>
[[nodiscard]] FileAnswer have_effect(const Doing& doing, Effect effect) {
  if (doing.validity.is_gone()) return gone();
  const LentCapability lent(doing.request.lent);
  return refusal(effect() == -1 ? errno : 0);
}

// The same of what makes something in a directory, or in a file. What is more than the caller may
// have is not even tried where the name is taken: it may be free by then.
template <typename Effect>
[[nodiscard]] FileAnswer have_made(const Doing& doing, const Making& making, Effect effect) {
  Made made = weigh(making);
  if (made.amount > doing.place.allowance || doing.place.is_full) {
    if (is_there(making)) return refusal(EEXIST);
    made.is_over = true;
    FileAnswer over = refusal(ENOSPC);
    over.made = made;
    return over;
  }
  FileAnswer done = have_effect(doing, effect);
  if (done.error == 0 && !done.is_gone) done.made = made;
  return done;
}

// What an overlay may copy before something is changed.
struct Copying {
  std::uint64_t bytes = 0;
  // Also something that nobody has weighed, as where a name may stand for something else by then.
  bool is_possible = false;

  void add(const Copying& other) {
    bytes += other.bytes;
    is_possible |= other.is_possible;
  }
};

// Whoever may not read a file is told no sizes of its attributes, and of some not that they are
// there.
[[nodiscard]] Copying weigh_for(const Doing& doing, int file, bool has_content) {
  // it is left to others then
  if (doing.held == HeldIds::of_file_systems) return {.is_possible = true};
  const LentCapability lent(1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_SYS_ADMIN);
  return {.bytes = weigh_copy({.file = file,
                               .has_content = has_content,
                               .processes = doing.place.processes,
                               .above_root = doing.place.above_root}),
          .is_possible = true};
}

[[nodiscard]] Copying copying_of(const Doing& doing, int file, bool has_content = true) {
  return is_copied_into_memory(file) ? weigh_for(doing, file, has_content) : Copying{};
}

// Of a directory in which something changes.
[[nodiscard]] Copying copying_in(const Doing& doing, int directory, const struct statfs* system) {
  return is_copied_into_memory(directory, system) ? weigh_for(doing, directory, false) : Copying{};
}

// The same of what changes files: whoever does it has the kernel keep the limit.
template <typename Change>
[[nodiscard]] FileAnswer have_changed(const Doing& doing, const Copying& copying, Change change) {
  if (copying.bytes == 0 && !copying.is_possible) return change();
  if (doing.held == HeldIds::of_file_systems) return refusal(ENOTSUP);
  FileAnswer done = refusal(ENOSPC);
  if (copying.bytes <= doing.place.copy_room) {
    const CopyLimit limit(doing.place.copy_room);
    done = change();
    if (done.error == EFBIG) done.error = ENOSPC;
  }
  done.copied = copying.bytes;
  return done;
}

// The same of what makes something in a directory, which an overlay may have to copy.
template <typename Effect>
[[nodiscard]] FileAnswer have_added(const Doing& doing, Making making, Effect effect) {
  struct statfs asked = {};
  if (making.system == nullptr && fstatfs(making.at, &asked) == 0) making.system = &asked;
  const Copying copying = copying_in(doing, making.at, making.system);
  if (copying.bytes > doing.place.copy_room && is_there(making)) return refusal(EEXIST);
  return have_changed(doing, copying, [&] { return have_made(doing, making, effect); });
}

// The caller's own restrictions of the path come on top of ours. Where they keep it below a folder,
// a rename or mount anywhere in the system makes the kernel give up at "..", and it asks to be
// asked again.
[[nodiscard]] Result<UniqueFd> open_at(int base, const char* path, std::uint64_t flags,
                                       std::uint64_t mode = 0, std::uint64_t resolve = 0) {
  constexpr int kTries = 64;
  open_how how = {
      .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve | RESOLVE_NO_MAGICLINKS};
  for (int tries = kTries;; --tries) {
    UniqueFd fd(static_cast<int>(
        retry_eintr([&] { return syscall(SYS_openat2, base, path, &how, sizeof how); })));
    if (fd.is_open()) return fd;
    const bool is_raced = errno == EAGAIN && (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0;
    if (!is_raced || (resolve & RESOLVE_CACHED) != 0 || tries == 0) return fail_errno();
  }
}

// The magic number of a file system, see statfs(2); 0: it does not say.
[[nodiscard]] std::int64_t file_system_of(int fd) {
  struct statfs found = {};
  return fstatfs(fd, &found) == -1 ? 0 : found.f_type;
}

[[nodiscard]] bool is_of_processes(int fd) { return file_system_of(fd) == PROC_SUPER_MAGIC; }

// Of processes, or of cgroups: what is written there is judged by who has opened it, in which
// cgroup namespace.
[[nodiscard]] bool is_of_kernel(std::int64_t type) {
  return type == PROC_SUPER_MAGIC || type == CGROUP_SUPER_MAGIC || type == CGROUP2_SUPER_MAGIC;
}

// Whether to close a file or directory there asks nobody, as FUSE, network file systems and what
// lies on top of others (overlay) do. What is left is done by the kernel, on local disks.
[[nodiscard]] bool closes_at_once(std::int64_t type) {
  constexpr std::int64_t kXfs = 0x58465342;
  constexpr std::array<std::int64_t, 8> kLocal = {
      EXT4_SUPER_MAGIC, kXfs,        BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
      TMPFS_MAGIC,      RAMFS_MAGIC, SQUASHFS_MAGIC,    EROFS_SUPER_MAGIC_V1};
  return std::ranges::find(kLocal, type) != kLocal.end();
}

// Devices and the like are not closed by the file system that they are in.
[[nodiscard]] bool is_file_or_directory(int fd) {
  struct stat found = {};
  return fstat(fd, &found) == 0 && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode));
}

// Whether a file system of this type takes who has the caller's ids of file systems alone for
// somebody else: mqueue counts its queues for the real user.
[[nodiscard]] bool is_mistaken_on(std::int64_t type) {
  constexpr std::int64_t kMessageQueues = 0x19800202;
  return type == FUSE_SUPER_MAGIC || type == PROC_SUPER_MAGIC || type == kMessageQueues;
}

[[nodiscard]] bool mistakes_us(const Doing& doing, int fd) {
  return doing.held == HeldIds::of_file_systems && is_mistaken_on(file_system_of(fd));
}

// A directory and a name in it. Slashes that follow the name stay with it: the kernel judges them.
struct Entry {
  UniqueFd opened;
  int directory;
  std::string name;
  // Where somebody has asked.
  std::optional<struct statfs> system = std::nullopt;
};

// Most paths stay in one mount. What starts on procfs and stays there, mistakes_us finds.
[[nodiscard]] Result<UniqueFd> open_across(const Doing& doing, int base, const char* path,
                                           open_how how) {
  Crossing* crossing = doing.place.crossing;
  if (crossing == nullptr || crossing->is_entered())
    return open_at(base, path, how.flags, how.mode, how.resolve);
  auto fd = open_at(base, path, how.flags, how.mode, how.resolve | RESOLVE_NO_XDEV);
  // of what procfs has not for us, it may have something for the caller
  if (!fd && is_mistaken_on(file_system_of(base))) return fail(ENOTSUP);
  if (fd || fd.error() != Errno{EXDEV}) return fd;
  if (!crossing->enter()) return fail(ENOTSUP);
  return open_at(base, path, how.flags, how.mode, how.resolve);
}

// What leaves the folder that it has to stay in is not granted.
[[nodiscard]] Result<UniqueFd> open_in_place(const Doing& doing, int base, const char* path,
                                             std::uint64_t flags, std::uint64_t mode = 0,
                                             std::uint64_t resolve = 0) {
  const open_how how = {.flags = flags, .mode = mode, .resolve = resolve | doing.confined};
  auto fd = open_across(doing, base, path, how);
  // the caller's own rule may have the same answer
  const bool is_ours = doing.confined != 0 && (resolve & RESOLVE_NO_XDEV) == 0;
  if (!fd && is_ours && fd.error() == Errno{EXDEV}) return fail(EPERM);
  return fd;
}

[[nodiscard]] Result<Entry> find_entry(const Doing& doing, int base, const std::string& path,
                                       std::uint64_t resolve = 0) {
  const std::size_t end = path.find_last_not_of('/');
  // the base itself, or the root, which no call makes or removes
  if (end == std::string::npos) return Entry{{}, base, path.empty() ? "." : "/"};
  const std::size_t slash = path.find_last_of('/', end);
  if (slash == std::string::npos) return Entry{{}, base, path};
  const std::string parent = path.substr(0, slash + 1);
  // an absolute path starts at the root, which is the base then
  const bool is_base = parent.find_first_not_of('/') == std::string::npos;
  if (is_base && (resolve | doing.confined) == 0) return Entry{{}, base, path.substr(slash + 1)};
  auto directory = open_in_place(doing, base, parent.c_str(), O_PATH | O_DIRECTORY, 0, resolve);
  if (!directory) return std::unexpected(directory.error());
  const int fd = directory->get();
  return Entry{std::move(*directory), fd, path.substr(slash + 1)};
}

[[nodiscard]] Result<Entry> entry_of(const Doing& doing, int base, const std::string& path) {
  auto entry = find_entry(doing, base, path);
  struct statfs found = {};
  if (!entry || fstatfs(entry->directory, &found) == -1) return entry;
  if (doing.held == HeldIds::of_file_systems && is_mistaken_on(found.f_type)) return fail(ENOTSUP);
  entry->system = found;
  return entry;
}

// By the caller, see inode_owner_or_capable of the kernel.
[[nodiscard]] bool is_owned(const Doing& doing, int fd) {
  struct stat found = {};
  return fstat(fd, &found) == 0 &&
         (found.st_uid == doing.request.owner || is_effective(CAP_FOWNER));
}

// The file itself, opened for nothing.
struct Found {
  UniqueFd opened;
  int fd;
};

[[nodiscard]] Result<Found> find_file(const Doing& doing) {
  Found found = {.opened = {}, .fd = doing.place.base};
  if (!doing.request.path.empty()) {
    const std::uint64_t follow = doing.request.is_followed ? 0 : O_NOFOLLOW;
    auto fd = open_in_place(doing, found.fd, doing.request.path.c_str(), O_PATH | follow);
    if (!fd) return std::unexpected(fd.error());
    found = {.opened = std::move(*fd), .fd = -1};
    found.fd = found.opened.get();
  }
  if (mistakes_us(doing, found.fd)) return fail(ENOTSUP);
  // nobody lends power over what is somebody else's
  if (doing.request.lent != 0 && !is_owned(doing, found.fd)) return fail(EPERM);
  return found;
}

[[nodiscard]] bool is_missing(long result) {
  return result == -1 && (errno == ENOSYS || errno == EBADF);
}

// Older kernels lack calls that take such a descriptor: its entry in our own procfs is a path to
// it. The working directory is nobody's here, so it can lead there, and stays: the caller may not
// be allowed to go anywhere else, its own root included.
template <typename Call>
[[nodiscard]] long by_path(const Doing& doing, int fd, Call call) {
  if (fchdir(doing.place.processes) == -1) return -1;
  return call(("self/fd/" + std::to_string(fd)).c_str());
}

[[nodiscard]] const struct statfs* system_of(const Entry& entry) {
  return entry.system ? &*entry.system : nullptr;
}

[[nodiscard]] Copying copying_in(const Doing& doing, const Entry& entry) {
  return copying_in(doing, entry.directory, system_of(entry));
}

// With the directory, which is copied as well.
[[nodiscard]] Copying copying_of(const Doing& doing, const Entry& entry) {
  if (!copies_into_memory(entry.directory, system_of(entry))) return {};
  const UniqueFd file(openat(entry.directory, entry.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  Copying copying = file.is_open() ? copying_of(doing, file.get()) : copying_in(doing, entry);
  // what is not there yet may be then
  copying.is_possible = true;
  return copying;
}

// A name in a directory, and what it stands for; of a symbolic link, the length of its text.
[[nodiscard]] Making making_of(const Entry& entry, std::size_t text = 0) {
  return {
      .at = entry.directory, .name = entry.name.c_str(), .bytes = text, .system = system_of(entry)};
}

// What an overlay makes in memory where a name of a lower layer goes.
[[nodiscard]] Copying hiding_of(const Entry& entry) {
  constexpr std::uint64_t kHidden = 3072;
  const bool is_made =
      copies_into_memory(entry.directory, system_of(entry)) && is_there(making_of(entry));
  return {.bytes = is_made ? kHidden : 0};
}

FileAnswer make_directory(const Doing& doing) {
  const auto entry = entry_of(doing, doing.place.base, doing.request.path);
  if (!entry) return refusal(entry.error().number);
  return have_added(doing, making_of(*entry), [&] {
    return mkdirat(entry->directory, entry->name.c_str(), doing.request.mode);
  });
}

// Opening such a device does nothing, and with power over all modes only the file system refuses
// it.
[[nodiscard]] bool can_be_opened(const Doing& doing, int node) {
  struct statfs system = {};
  if (fstatfs(node, &system) == 0 && (system.f_flags & ST_NODEV) != 0) return false;
  const LentCapability lent(1ULL << CAP_DAC_OVERRIDE);
  return by_path(doing, node, [](const char* path) -> long {
           constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
           const UniqueFd opened(openat(AT_FDCWD, path, kFlags));
           return opened.is_open() || errno != EACCES ? 0 : -1;
         }) == 0;
}

// Adds what is to be covered, and what covers it has to look like.
void add_covered(FileAnswer& made, UniqueFd file, const struct stat& found) {
  const NodeLook look = {.uid = found.st_uid, .gid = found.st_gid, .mode = found.st_mode & 0777};
  made.bytes.assign(reinterpret_cast<const char*>(&look), sizeof look);
  made.fd = std::move(file);
}

// Adds the node that was just made where nobody can open it. All of this asks the file system,
// which may never answer: whoever acts has a deadline.
void add_unopenable(const Doing& doing, const Entry& entry, FileAnswer& made) {
  const FileRequest& request = doing.request;
  auto node = open_at(entry.directory, entry.name.c_str(), O_PATH | O_NOFOLLOW);
  struct stat found = {};
  // whoever has put something else into its place has what it wanted
  if (!node || fstat(node->get(), &found) == -1 || !S_ISCHR(found.st_mode) ||
      found.st_rdev != makedev(request.first, request.second) || can_be_opened(doing, node->get()))
    return;
  add_covered(made, std::move(*node), found);
}

// Removes what was made, unless something else has its name by now; 0, or an errno. The one who
// could put something else into the directory meanwhile could remove it, too.
[[nodiscard]] int remove_made(const Entry& entry, int file) {
  const char* name = entry.name.c_str();
  struct stat made = {};
  struct stat found = {};
  if (fstat(file, &made) == -1 ||
      fstatat(entry.directory, name, &found, AT_SYMLINK_NOFOLLOW) == -1) {
    return errno;
  }
  const bool is_same = made.st_dev == found.st_dev && made.st_ino == found.st_ino;
  if (!is_same) return ENOENT;
  return unlinkat(entry.directory, name, 0) == -1 ? errno : 0;
}

[[nodiscard]] bool can_lend(std::uint64_t capability) {
  const auto permitted = permitted_capabilities();
  return permitted && (*permitted & capability) == capability;
}

// An overlay makes files with the power of who has mounted it, which in a container is too little
// for a node, and others know no nodes at all. There, an empty file is what is covered; its
// descriptor is that of this very file, whatever has its name by now.
[[nodiscard]] FileAnswer make_covered_file(const Doing& doing, const Entry& entry) {
  UniqueFd made_file;
  auto made = have_added(doing, making_of(entry), [&]() -> long {
    constexpr int kFlags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    made_file.reset(openat(entry.directory, entry.name.c_str(), kFlags, doing.request.mode & 0777));
    return made_file.is_open() ? 0 : -1;
  });
  if (made.error != 0 || made.is_gone) return made;
  UniqueFd file;
  // what is opened for reading would be closed by who must not wait for the file system
  const long opened = by_path(doing, made_file.get(), [&file](const char* path) -> long {
    file.reset(openat(AT_FDCWD, path, O_PATH | O_CLOEXEC));
    return file.is_open() ? 0 : -1;
  });
  struct stat found = {};
  if (opened == -1 || fstat(file.get(), &found) == -1) {
    const int error = errno;
    (void)remove_made(entry, made_file.get());
    return refusal(error);
  }
  add_covered(made, std::move(file), found);
  return made;
}

FileAnswer make_node(const Doing& doing) {
  const FileRequest& request = doing.request;
  const auto entry = entry_of(doing, doing.place.base, request.path);
  if (!entry) return refusal(entry.error().number);
  auto made = have_added(doing, making_of(*entry), [&] {
    return mknodat(entry->directory, entry->name.c_str(), request.mode,
                   makedev(request.first, request.second));
  });
  if (request.lent == 0 || made.is_gone) return made;
  // whoever has nothing to lend could not make the node that covers it either
  if (made.error == EPERM && can_lend(request.lent)) return make_covered_file(doing, *entry);
  if (made.error == 0) add_unopenable(doing, *entry, made);
  return made;
}

// Devices are opened with our own cgroup's permission, where the caller's would be asked for. These
// are in everybody's.
[[nodiscard]] bool is_forbidden_device(const struct stat& found) {
  constexpr unsigned kMemory = 1;
  constexpr std::array kHarmless = {3U, 5U, 7U, 8U, 9U};  // null, zero, full, random, urandom
  if (S_ISBLK(found.st_mode)) return true;
  if (!S_ISCHR(found.st_mode)) return false;
  return major(found.st_rdev) != kMemory ||
         std::ranges::find(kHarmless, minor(found.st_rdev)) == kHarmless.end();
}

// Of a file that was found: 0, or why it is not opened for others.
[[nodiscard]] int opening_error(int file) {
  struct stat found = {};
  if (fstat(file, &found) == -1) return errno;
  // with O_NOFOLLOW, and as the kernel has it
  if (S_ISLNK(found.st_mode)) return ELOOP;
  return is_of_kernel(file_system_of(file)) || is_forbidden_device(found) ? EOPNOTSUPP : 0;
}

// As many as the kernel follows, see path_resolution(7).
constexpr int kMostLinks = 40;

// Where a symbolic link leads: its text, behind where the link is. One that starts at the root is
// written so that nobody takes it for a name in the base, see find_entry.
[[nodiscard]] std::string target_of(std::string folder, std::string_view text) {
  if (text.starts_with('/')) folder = "/.";
  return folder.append(text);
}

// The calling thread's.
[[nodiscard]] uid_t own_fs_uid() {
  constexpr auto kAsk = static_cast<std::uint32_t>(-1);
  return static_cast<uid_t>(syscall(SYS_setfsuid, kAsk));
}

// The directory in which a path ends, behind all symbolic links.
struct LastDirectory {
  struct stat directory;
  // What has the name in there.
  struct stat file;
};

[[nodiscard]] Result<LastDirectory> find_last_directory(const Doing& doing) {
  std::string path = doing.request.path;
  for (int links = 0; links <= kMostLinks; ++links) {
    const auto entry = find_entry(doing, doing.place.base, path, doing.request.resolve);
    if (!entry) return std::unexpected(entry.error());
    LastDirectory found = {};
    if (fstat(entry->directory, &found.directory) == -1 ||
        fstatat(entry->directory, entry->name.c_str(), &found.file, AT_SYMLINK_NOFOLLOW) == -1) {
      return fail_errno();
    }
    const bool is_followed = (doing.request.flags & O_NOFOLLOW) == 0;
    if (!S_ISLNK(found.file.st_mode) || !is_followed) return found;
    std::array<char, PATH_MAX> target = {};
    const ssize_t length =
        readlinkat(entry->directory, entry->name.c_str(), target.data(), target.size());
    if (length == -1) return fail_errno();
    path = target_of(path.substr(0, path.size() - entry->name.size()),
                     {target.data(), static_cast<std::size_t>(length)});
  }
  return fail(ELOOP);
}

// The system's protection of directories such as /tmp, which comes with O_CREAT alone, see
// protected_regular and protected_fifos in proc_sys_fs(5), and so is whatever is neither: what is
// opened by its descriptor passes it by. 0, or what the kernel would say.
[[nodiscard]] int protection_error(const Doing& doing, const struct stat& found) {
  const FileRequest& request = doing.request;
  const std::uint32_t level = S_ISREG(found.st_mode)    ? request.first
                              : S_ISFIFO(found.st_mode) ? request.second
                                                        : 1;
  if (level == 0 || found.st_uid == own_fs_uid()) return 0;
  const auto last = find_last_directory(doing);
  if (!last) return last.error().number;
  const struct stat& directory = last->directory;
  // somebody exchanges what has the name
  if (last->file.st_dev != found.st_dev || last->file.st_ino != found.st_ino) return EACCES;
  if ((directory.st_mode & S_ISVTX) == 0 || found.st_uid == directory.st_uid) return 0;
  constexpr std::uint32_t kGroupsToo = 2;
  const bool is_protected = (directory.st_mode & S_IWOTH) != 0 ||
                            ((directory.st_mode & S_IWGRP) != 0 && level >= kGroupsToo);
  return is_protected ? EACCES : 0;
}

// What the kernel says with O_CREAT of a file that is there: 0, or an errno.
[[nodiscard]] int taking_error(const Doing& doing, int file) {
  if ((doing.request.flags & O_EXCL) != 0) return EEXIST;
  struct stat found = {};
  if (fstat(file, &found) == -1) return errno;
  if (S_ISDIR(found.st_mode)) return EISDIR;
  return doing.request.path.empty() ? 0 : protection_error(doing, found);
}

// What was found is opened, whatever its name leads to by now.
[[nodiscard]] Result<UniqueFd> open_found(const Doing& doing, int file, std::uint64_t flags) {
  if ((flags & O_CREAT) != 0) {
    if (const int error = taking_error(doing, file); error != 0) return fail(error);
  }
  if (const int error = opening_error(file); error != 0) return fail(error);
  constexpr std::uint64_t kOfNames = O_CREAT | O_EXCL | O_NOFOLLOW;
  const int own = static_cast<int>((flags & ~kOfNames) | O_CLOEXEC);
  const long fd = by_path(doing, file, [&](const char* path) -> long { return open(path, own); });
  if (fd == -1) return fail_errno();
  return UniqueFd(static_cast<int>(fd));
}

constexpr std::uint64_t kTmpfile = O_TMPFILE & ~O_DIRECTORY;

// O_TMPFILE, in the directory that was found: whether it may be searched is asked by its file
// system alone, as the kernel has it.
[[nodiscard]] FileAnswer open_unnamed(const Doing& doing, std::uint64_t flags) {
  const FileRequest& request = doing.request;
  UniqueFd found;
  // without a path, what the base is: the kernel says what is no directory
  if (!request.path.empty()) {
    auto opened = open_in_place(doing, doing.place.base, request.path.c_str(),
                                O_PATH | O_DIRECTORY | (flags & O_NOFOLLOW), 0, request.resolve);
    if (!opened) return refusal(opened.error().number);
    found = std::move(*opened);
  }
  const int directory = found.is_open() ? found.get() : doing.place.base;
  const int own = static_cast<int>((flags & ~std::uint64_t{O_NOFOLLOW}) | O_CLOEXEC);
  UniqueFd opened;
  auto made = have_added(doing, {.at = directory, .name = nullptr}, [&]() -> long {
    return by_path(doing, directory, [&](const char* path) -> long {
      opened.reset(open(path, own, static_cast<mode_t>(request.mode & 07777)));
      return opened.is_open() ? 0 : -1;
    });
  });
  made.fd = std::move(opened);
  return made;
}

// A name that nothing had.
[[nodiscard]] FileAnswer open_new(const Doing& doing, const std::string& path,
                                  std::uint64_t flags) {
  const FileRequest& request = doing.request;
  const auto entry = find_entry(doing, doing.place.base, path, request.resolve);
  if (!entry) return refusal(entry.error().number);
  const Making making = making_of(*entry);
  const std::uint64_t only_new = (flags & O_CREAT) != 0 ? O_EXCL : 0;
  UniqueFd opened;
  auto made = have_added(doing, making, [&]() -> long {
    auto fd = open_in_place(doing, entry->directory, entry->name.c_str(), flags | only_new,
                            request.mode & 07777, request.resolve);
    if (fd) opened = std::move(*fd);
    if (!fd) errno = fd.error().number;
    return fd ? 0 : -1;
  });
  made.fd = std::move(opened);
  return made;
}

// Whether the caller may follow a symbolic link in this directory: 0, or what the kernel would say.
// It was there to be followed before, but somebody may have exchanged it since.
[[nodiscard]] int following_error(const Doing& doing, int directory, int link) {
  struct statvfs system = {};
  struct stat folder = {};
  struct stat found = {};
  if (fstatvfs(directory, &system) == -1 || fstat(directory, &folder) == -1 ||
      fstat(link, &found) == -1) {
    return errno;
  }
  constexpr unsigned long kNoSymlinks = 0x2000;  // ST_NOSYMFOLLOW of <linux/statfs.h>
  const bool is_forbidden = (doing.request.resolve & RESOLVE_NO_SYMLINKS) != 0;
  if (is_forbidden || (system.f_flag & kNoSymlinks) != 0) return ELOOP;
  // see protected_symlinks in proc_sys_fs(5)
  constexpr mode_t kShared = S_ISVTX | S_IWOTH;
  const bool is_free = !doing.request.protects_links || found.st_uid == own_fs_uid() ||
                       (folder.st_mode & kShared) != kShared || found.st_uid == folder.st_uid;
  return is_free ? 0 : EACCES;
}

// The path with the text of the symbolic link in place of the last name; the path itself where that
// is none.
[[nodiscard]] Result<std::string> behind_link(const Doing& doing, const std::string& path) {
  const auto entry = find_entry(doing, doing.place.base, path, doing.request.resolve);
  if (!entry) return std::unexpected(entry.error());
  const auto link = open_at(entry->directory, entry->name.c_str(), O_PATH | O_NOFOLLOW);
  if (!link && link.error() == Errno{ENOENT}) return path;
  if (!link) return std::unexpected(link.error());
  std::array<char, PATH_MAX> text = {};
  const ssize_t length = readlinkat(link->get(), "", text.data(), text.size());
  // it is none
  if (length == -1 && errno == ENOENT) return path;
  if (length == -1) return fail_errno();
  if (const int error = following_error(doing, entry->directory, link->get()); error != 0)
    return fail(error);
  return target_of(path.substr(0, path.size() - entry->name.size()),
                   {text.data(), static_cast<std::size_t>(length)});
}

// Whether the last name of a path has a slash behind it, and is one that could be made.
[[nodiscard]] bool is_name_of_directory(const std::string& path) {
  if (!path.ends_with('/')) return false;
  const std::size_t end = path.find_last_not_of('/') + 1;
  const std::string_view rest = std::string_view(path).substr(0, end);
  const std::string_view name = rest.substr(rest.rfind('/') + 1);
  return !name.empty() && name != "." && name != "..";
}

// Such a name, with O_CREAT.
[[nodiscard]] FileAnswer refuse_directory(const Doing& doing, const std::string& path) {
  const auto entry = find_entry(doing, doing.place.base, path, doing.request.resolve);
  if (!entry) return refusal(entry.error().number);
  // who may not search it hears nothing of names in it
  const auto searched = open_at(entry->directory, ".", O_PATH);
  return refusal(searched ? EISDIR : searched.error().number);
}

[[nodiscard]] FileAnswer answer_with(Result<UniqueFd> fd) {
  if (!fd) return refusal(fd.error().number);
  return {.error = 0, .is_gone = false, .bytes = {}, .fd = std::move(*fd)};
}

[[nodiscard]] FileAnswer open_existing(const Doing& doing, int file, std::uint64_t flags) {
  const auto open_it = [&] { return answer_with(open_found(doing, file, flags)); };
  const std::uint64_t access = flags & O_ACCMODE;
  const bool is_emptied = (flags & O_TRUNC) != 0;
  if (!is_emptied && access != O_WRONLY && access != O_RDWR) return open_it();
  return have_changed(doing, copying_of(doing, file, !is_emptied), open_it);
}

[[nodiscard]] FileAnswer open_any(const Doing& doing, std::uint64_t flags) {
  std::string path = doing.request.path;
  // as Linux has it since 6.4: before, it made a file
  if ((flags & O_CREAT) != 0 && (flags & O_DIRECTORY) != 0) return refusal(EINVAL);
  const std::uint64_t resolve = doing.request.resolve;
  // as the kernel has it: what has to be made is not in any cache
  const bool is_cached = (resolve & RESOLVE_CACHED) != 0;
  if (is_cached && (flags & (O_CREAT | O_TRUNC | kTmpfile)) != 0) return refusal(EAGAIN);
  if ((flags & kTmpfile) != 0) return open_unnamed(doing, flags);
  if (path.empty()) return open_existing(doing, doing.place.base, flags);
  const bool may_make = (flags & O_CREAT) != 0;
  const bool is_exclusive = may_make && (flags & O_EXCL) != 0;
  const std::uint64_t finding =
      O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY)) | (is_exclusive ? O_NOFOLLOW : 0);
  for (int links = 0; links <= kMostLinks; ++links) {
    if (may_make && is_name_of_directory(path)) return refuse_directory(doing, path);
    const auto found = open_in_place(doing, doing.place.base, path.c_str(), finding, 0, resolve);
    if (found) return open_existing(doing, found->get(), flags);
    if (found.error() != Errno{ENOENT} || !may_make) return refusal(found.error().number);
    auto made = open_new(doing, path, flags);
    if (made.error != EEXIST || is_exclusive) return made;
    // somebody else has made it, or it is a link that leads nowhere: the file is made there
    if ((flags & O_NOFOLLOW) != 0) continue;
    auto next = behind_link(doing, path);
    if (!next) return refusal(next.error().number);
    path = std::move(*next);
  }
  return refusal(ELOOP);
}

FileAnswer open_file(const Doing& doing) {
  if (doing.validity.is_gone()) return gone();
  // the flags that the kernel's open(2) would ignore, openat2(2) refuses
  constexpr std::uint64_t kKnown = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                                   O_NONBLOCK | O_DSYNC | O_ASYNC | O_DIRECT | O_LARGEFILE |
                                   O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_SYNC | O_PATH | O_TMPFILE;
  std::uint64_t flags = doing.request.flags & kKnown;
  // of a path alone nothing else counts; and a terminal must not become ours
  if ((flags & O_PATH) != 0) {
    flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  } else {
    flags |= O_NOCTTY;
  }
  FileAnswer opened = open_any(doing, flags);
  opened.is_closed_at_once = opened.fd.is_open() &&
                             closes_at_once(file_system_of(opened.fd.get())) &&
                             is_file_or_directory(opened.fd.get());
  return opened;
}

FileAnswer change_mode(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  const std::uint32_t mode = doing.request.mode;
  return have_changed(doing, copying_of(doing, file->fd), [&] {
    return have_effect(doing, [&] {
      const long changed = syscall(SYS_fchmodat2, file->fd, "", mode, AT_EMPTY_PATH);
      if (!is_missing(changed)) return changed;
      return by_path(doing, file->fd, [&](const char* path) { return chmod(path, mode); });
    });
  });
}

FileAnswer change_owner(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  return have_changed(doing, copying_of(doing, file->fd), [&] {
    return have_effect(doing, [&] {
      return fchownat(file->fd, "", doing.request.first, doing.request.second, AT_EMPTY_PATH);
    });
  });
}

FileAnswer rename_file(const Doing& doing) {
  const FileRequest& request = doing.request;
  const auto from = entry_of(doing, doing.place.base, request.path);
  if (!from) return refusal(from.error().number);
  const auto to = entry_of(doing, doing.place.second_base, request.second_path);
  if (!to) return refusal(to.error().number);
  const auto effect = [&] {
    return syscall(SYS_renameat2, from->directory, from->name.c_str(), to->directory,
                   to->name.c_str(), request.flags);
  };
  Making making = making_of(*to);
  // what has the new name is no obstacle otherwise
  if ((request.flags & RENAME_NOREPLACE) == 0) making.name = nullptr;
  Copying copying = copying_of(doing, *from);
  const bool is_exchange = (request.flags & RENAME_EXCHANGE) != 0;
  copying.add(is_exchange ? copying_of(doing, *to) : copying_in(doing, *to));
  if (!is_exchange) copying.add(hiding_of(*from));
  return have_changed(doing, copying, [&] {
    return makes_something(request) ? have_made(doing, making, effect) : have_effect(doing, effect);
  });
}

// What the caller has open. Of a file that has no name yet, or none that can be reached, the kernel
// asks who has opened it, which nobody is but the caller; but whoever has a procfs may have it by
// its entry there, see linkat(2).
[[nodiscard]] long link_opened(const Doing& doing, const Entry& to) {
  const long linked = linkat(doing.place.base, "", to.directory, to.name.c_str(), AT_EMPTY_PATH);
  if (linked == 0 || errno != ENOENT) return linked;
  if (!has_callers_proc()) {
    errno = ENOENT;
    return -1;
  }
  return by_path(doing, doing.place.base, [&](const char* path) {
    return linkat(AT_FDCWD, path, to.directory, to.name.c_str(), AT_SYMLINK_FOLLOW);
  });
}

FileAnswer link_file(const Doing& doing) {
  const FileRequest& request = doing.request;
  const auto to = entry_of(doing, doing.place.second_base, request.second_path);
  if (!to) return refusal(to.error().number);
  const bool is_opened = request.path.empty() && request.proc_path.empty();
  const auto have_link = [&](Copying copying, auto link) {
    copying.add(copying_in(doing, *to));
    return have_changed(doing, copying, [&] { return have_made(doing, making_of(*to), link); });
  };
  if (is_opened) {
    return have_link(copying_of(doing, doing.place.base), [&] { return link_opened(doing, *to); });
  }
  if (request.is_followed) {
    const auto from = find_file(doing);
    if (!from) return refusal(from.error().number);
    return have_link(copying_of(doing, from->fd), [&] {
      return by_path(doing, from->fd, [&](const char* path) {
        return linkat(AT_FDCWD, path, to->directory, to->name.c_str(), AT_SYMLINK_FOLLOW);
      });
    });
  }
  const auto from = entry_of(doing, doing.place.base, request.path);
  if (!from) return refusal(from.error().number);
  return have_link(copying_of(doing, *from), [&] {
    return linkat(from->directory, from->name.c_str(), to->directory, to->name.c_str(), 0);
  });
}

FileAnswer make_symlink(const Doing& doing) {
  const auto entry = entry_of(doing, doing.place.base, doing.request.path);
  if (!entry) return refusal(entry.error().number);
  return have_added(doing, making_of(*entry, doing.request.second_path.size()), [&] {
    return symlinkat(doing.request.second_path.c_str(), entry->directory, entry->name.c_str());
  });
}

FileAnswer remove_file(const Doing& doing) {
  const auto entry = entry_of(doing, doing.place.base, doing.request.path);
  if (!entry) return refusal(entry.error().number);
  Copying copying = copying_in(doing, *entry);
  copying.add(hiding_of(*entry));
  return have_changed(doing, copying, [&] {
    return have_effect(doing, [&] {
      return unlinkat(entry->directory, entry->name.c_str(),
                      static_cast<int>(doing.request.flags & AT_REMOVEDIR));
    });
  });
}

FileAnswer undo_mknod(const Doing& doing) {
  const auto entry = entry_of(doing, doing.place.base, doing.request.path);
  return refusal(entry ? remove_made(*entry, doing.place.second_base) : entry.error().number);
}

FileAnswer describe(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  struct stat found = {};
  struct statfs system = {};
  if (fstatat(file->fd, "", &found, AT_EMPTY_PATH) == -1 || fstatfs(file->fd, &system) == -1)
    return refusal(errno);
  constexpr std::uint64_t kBillion = 1'000'000'000;
  const auto time = [](const timespec& at) {
    return static_cast<std::uint64_t>(at.tv_sec) * kBillion +
           static_cast<std::uint64_t>(at.tv_nsec);
  };
  const std::array<std::uint64_t, kStatNumbers> numbers = {
      major(found.st_dev),
      minor(found.st_dev),
      found.st_ino,
      found.st_mode,
      found.st_nlink,
      found.st_uid,
      found.st_gid,
      major(found.st_rdev),
      minor(found.st_rdev),
      static_cast<std::uint64_t>(found.st_size),
      static_cast<std::uint64_t>(found.st_blocks),
      time(found.st_atim),
      time(found.st_mtim),
      time(found.st_ctim),
      static_cast<std::uint64_t>(system.f_flags)};
  FileAnswer answer;
  answer.bytes.assign(reinterpret_cast<const char*>(numbers.data()), sizeof numbers);
  return answer;
}

// What the kernel gives into a buffer of at most so many bytes; 0 asks for the size alone.
template <typename Get>
[[nodiscard]] FileAnswer have_bytes(const Doing& doing, Get get) {
  std::string bytes(std::min<std::size_t>(doing.request.room, kMostXattr), '\0');
  const LentCapability lent(doing.request.lent);
  const long got = get(bytes.data(), bytes.size());
  if (got == -1) return refusal(errno);
  FileAnswer answer;
  if (!bytes.empty()) bytes.resize(static_cast<std::size_t>(got));
  answer.bytes = std::move(bytes);
  return answer;
}

FileAnswer read_link(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  if (is_of_processes(file->fd)) return refusal(EOPNOTSUPP);
  return have_bytes(doing, [&](char* out, std::size_t size) -> long {
    return readlinkat(file->fd, "", out, size);
  });
}

struct XattrArguments {
  std::uint64_t value;
  std::uint32_t size;
  std::uint32_t flags;
};

FileAnswer get_xattr(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  const char* name = doing.request.name.c_str();
  return have_bytes(doing, [&](char* out, std::size_t size) {
    XattrArguments arguments = {.value = std::bit_cast<std::uint64_t>(out),
                                .size = static_cast<std::uint32_t>(size),
                                .flags = 0};
    const long got =
        syscall(SYS_getxattrat, file->fd, "", AT_EMPTY_PATH, name, &arguments, sizeof arguments);
    if (!is_missing(got)) return got;
    return by_path(doing, file->fd,
                   [&](const char* path) { return getxattr(path, name, out, size); });
  });
}

FileAnswer list_xattr(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  return have_bytes(doing, [&](char* out, std::size_t size) {
    const long got = syscall(SYS_listxattrat, file->fd, "", AT_EMPTY_PATH, out, size);
    if (!is_missing(got)) return got;
    return by_path(doing, file->fd, [&](const char* path) { return listxattr(path, out, size); });
  });
}

FileAnswer set_xattr(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  const FileRequest& request = doing.request;
  // no overlay has a layer elsewhere, and the kernel may keep for ever what is set there
  if (request.lent != 0 && !is_of_layer(file->fd)) return refusal(EOPNOTSUPP);
  const char* name = request.name.c_str();
  const Making making = {.at = file->fd,
                         .name = nullptr,
                         .bytes = request.name.size() + request.data.size(),
                         .is_attribute = true};
  const auto set_value = [&]() -> long {
    XattrArguments arguments = {.value = std::bit_cast<std::uint64_t>(request.data.data()),
                                .size = static_cast<std::uint32_t>(request.data.size()),
                                .flags = request.flags};
    const long set =
        syscall(SYS_setxattrat, file->fd, "", AT_EMPTY_PATH, name, &arguments, sizeof arguments);
    if (!is_missing(set)) return set;
    return by_path(doing, file->fd, [&](const char* path) {
      return setxattr(path, name, request.data.data(), request.data.size(),
                      static_cast<int>(request.flags));
    });
  };
  return have_changed(doing, copying_of(doing, file->fd),
                      [&] { return have_made(doing, making, set_value); });
}

FileAnswer remove_xattr(const Doing& doing) {
  const auto file = find_file(doing);
  if (!file) return refusal(file.error().number);
  const char* name = doing.request.name.c_str();
  const auto remove = [&]() -> long {
    const long removed = syscall(SYS_removexattrat, file->fd, "", AT_EMPTY_PATH, name);
    if (!is_missing(removed)) return removed;
    return by_path(doing, file->fd, [&](const char* path) { return removexattr(path, name); });
  };
  return have_changed(doing, copying_of(doing, file->fd),
                      [&] { return have_effect(doing, remove); });
}

FileAnswer operate(const Doing& doing) {
  switch (doing.request.operation) {
    case FileOperation::mkdir:
      return make_directory(doing);
    case FileOperation::mknod:
      return make_node(doing);
    case FileOperation::open:
      return open_file(doing);
    case FileOperation::chmod:
      return change_mode(doing);
    case FileOperation::chown:
      return change_owner(doing);
    case FileOperation::rename:
      return rename_file(doing);
    case FileOperation::link:
      return link_file(doing);
    case FileOperation::symlink:
      return make_symlink(doing);
    case FileOperation::undo_mknod:
      return undo_mknod(doing);
    case FileOperation::unlink:
      return remove_file(doing);
    case FileOperation::stat:
      return describe(doing);
    case FileOperation::get_xattr:
      return get_xattr(doing);
    case FileOperation::set_xattr:
      return set_xattr(doing);
    case FileOperation::list_xattr:
      return list_xattr(doing);
    case FileOperation::remove_xattr:
      return remove_xattr(doing);
    case FileOperation::read_link:
      return read_link(doing);
  }
  return refusal(ENOSYS);
}

// Whether a directory is not made because it is there, also outside of the granted folders.
// Programs make all directories of a path, and have to hear of those that they can see.
[[nodiscard]] bool has_directory(const Doing& doing) {
  const char* const path = doing.request.path.c_str();
  const open_how how = {.flags = O_PATH | O_DIRECTORY, .mode = 0, .resolve = 0};
  return doing.request.operation == FileOperation::mkdir &&
         open_across(doing, doing.place.base, path, how).has_value();
}

// In the granted folders only: the same, with paths that start there.
FileAnswer operate_inside(const Doing& doing) {
  FileRequest request = doing.request;
  FilePlace place = doing.place;
  const Confinement confinement = {
      .folders = doing.request.within, .resolve = request.resolve, .processes = place.processes};
  const auto first = confine(confinement, place.base, request.path);
  if (!first) return refusal(first.error().number);
  request.path = first->path;
  place.base = first->base;
  Result<ConfinedPath> second;
  if (request.operation == FileOperation::rename || request.operation == FileOperation::link) {
    second = confine(confinement, place.second_base, request.second_path);
    if (!second) return refusal(second.error().number);
    request.second_path = second->path;
    place.second_base = second->base;
  }
  const bool is_kept_below = (request.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0;
  return operate({.request = request,
                  .place = place,
                  .held = doing.held,
                  .validity = doing.validity,
                  .confined = is_kept_below ? 0 : std::uint64_t{RESOLVE_BENEATH}});
}

FileAnswer operate_within(const Doing& doing) {
  FileAnswer answer = operate_inside(doing);
  if (answer.error == EPERM && has_directory(doing)) answer.error = EEXIST;
  return answer;
}

}  // namespace

bool makes_something(const FileRequest& request) {
  // longer names than that are kept outside of the directory entry
  constexpr std::size_t kShortName = 32;
  switch (request.operation) {
    case FileOperation::mkdir:
    case FileOperation::mknod:
    case FileOperation::link:
    case FileOperation::symlink:
    case FileOperation::set_xattr:
      return true;
    case FileOperation::open:
      return (request.flags & (O_CREAT | kTmpfile)) != 0;
    case FileOperation::rename:
      return (request.flags & RENAME_WHITEOUT) != 0 ||
             ((request.flags & RENAME_EXCHANGE) == 0 && request.second_path.size() > kShortName);
    default:
      return false;
  }
}

namespace {

// What the caller's own look-up of a path finds there: 0, or an errno.
[[nodiscard]] int resolve_self(const std::string& all, int entry_error, std::string& path) {
  if (all.empty()) return 0;
  if (leads_to_own(all)) return entry_error;
  path = all;
  return 0;
}

}  // namespace

FileAnswer operate_on_file(const FileRequest& asked, const FilePlace& place, HeldIds held,
                           const Validity& validity) {
  FileRequest request = asked;
  for (const int error :
       {resolve_self(asked.proc_path, asked.entry_error, request.path),
        resolve_self(asked.second_proc_path, asked.second_entry_error, request.second_path)}) {
    if (error != 0) return refusal(error);
  }
  const Doing doing = {request, place, held, validity};
  return request.within.empty() ? operate(doing) : operate_within(doing);
}

}  // namespace seccompagent
