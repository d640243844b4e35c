// SPDX-License-Identifier: Apache-2.0
// Tests unmounts and changes of attributes for callers without power of their own, in real
// containers: what proc and sysfs hide stays hidden.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <functional>

#include "check.h"
#include "container_fixture.h"
#include "helper/mountinfo.h"
#include "helper/new_mount.h"

namespace seccompagent::test {
namespace {

constexpr int kPlain = CLONE_NEWNS | CLONE_NEWPID;
constexpr int kUser = kPlain | CLONE_NEWUSER;
constexpr std::uint64_t kSysAdmin = 1ULL << CAP_SYS_ADMIN;

const IsGone kIsThere = [] { return false; };

// A tmpfs at /mnt/new, in reach of everybody.
void mount_new() { CHECK_EQUAL(mount("tmpfs", "/mnt/new", "tmpfs", 0, "mode=0755"), 0); }

void set_up_masks() {
  mount_masked_proc();
  CHECK_EQUAL(mount(nullptr, "/sys", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  hide("/sys/firmware");
}

void set_up() {
  set_up_masks();
  mount_new();
}

using Levels = std::vector<Level>;

const Levels kPlainContainer = {{.namespaces = kPlain, .set_up = set_up}};
// As runc makes it: its masks are of a mount namespace that is the user namespace's own already
const Levels kUserContainer = {{.namespaces = kUser, .set_up = set_up}};
// Who is in a user namespace, but has no mount namespace of its own.
const Levels kLodger = {{.namespaces = kPlain, .set_up = set_up},
                        {.namespaces = CLONE_NEWUSER | CLONE_NEWPID}};
// Existing mounts were copied, so that the kernel holds them together.
const Levels kNested = {{.namespaces = kUser, .set_up = set_up_masks},
                        {.namespaces = kUser, .first_id = 0, .ids = 1000, .set_up = mount_new}};

// Runs a test where it may become the helper.
void in_helper(const std::function<void(MountMaker&)>& test, int locks = -1) {
  const pid_t child = fork();
  CHECK(child != -1);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    MountMaker maker = VALUE(MountMaker::start(-1, locks));
    test(maker);
    _exit(0);
  }
  int status = -1;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  if (status != 0) _exit(1);
}

Errno answer_of(const Outcome& outcome) {
  if (outcome.failed_step != nullptr) {
    fail_check(__FILE__, __LINE__,
               std::string(outcome.failed_step) + ": " + shown(Errno{outcome.failure}));
  }
  CHECK(!outcome.is_gone);
  return Errno{outcome.answer};
}

// The container's first user, without any Linux capability.
MountPlace powerless(const Pinned& pinned, const std::string& path) {
  MountPlace place = pinned.place(path);
  place.credentials.effective_capabilities = 0;
  return place;
}

constexpr MountChange kToWritable = {
    .set = 0, .clear = MOUNT_ATTR_RDONLY, .is_recursive = false, .user_namespace = -1};
constexpr MountChange kToReadOnly = {
    .set = MOUNT_ATTR_RDONLY, .clear = 0, .is_recursive = false, .user_namespace = -1};

[[nodiscard]] MountChange recursive(MountChange change) {
  change.is_recursive = true;
  return change;
}

long is_read_only(const char* path) {
  struct statvfs found = {};
  CHECK_EQUAL(statvfs(path, &found), 0);
  return (found.f_flag & ST_RDONLY) != 0 ? 1 : 0;
}
long is_new_read_only() { return is_read_only("/mnt/new"); }

long is_mounted(const char* path) {
  struct stat inside = {};
  struct stat outside = {};
  CHECK_EQUAL(stat(path, &inside), 0);
  CHECK_EQUAL(stat("/mnt", &outside), 0);
  return inside.st_dev == outside.st_dev ? 0 : 1;
}
long is_new_mounted() { return is_mounted("/mnt/new"); }

// 0, or the number of the first place that can be seen or written.
long first_revealed() {
  long place = 0;
  for (const std::string_view name : kHidden) {
    ++place;
    struct stat found = {};
    const std::string path = "/proc/" + std::string(name);
    if (stat(path.c_str(), &found) == -1) return place;
    if (S_ISREG(found.st_mode) || access((path + "/cpu").c_str(), F_OK) == 0) return place;
  }
  for (const std::string_view name : kReadOnly) {
    ++place;
    if (is_read_only(("/proc/" + std::string(name)).c_str()) == 0) return place;
  }
  ++place;
  if (access("/sys/firmware/acpi", F_OK) == 0 || access("/sys/firmware/memmap", F_OK) == 0)
    return place;
  return is_read_only("/sys") != 0 ? 0 : ++place;
}

// --- what is lent --------------------------------------------------------------------------------

void unmounts_for_who_may_not() {
  for (const Levels& levels : {kPlainContainer, kUserContainer, kLodger, kNested}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    in_helper([&](MountMaker& maker) {
      CHECK_EQUAL(container.ask(is_new_mounted), 1);
      CHECK_EQUAL(answer_of(maker.unmount(powerless(pinned, "/mnt/new"), 0, kIsThere)), Errno{0});
      CHECK_EQUAL(container.ask(is_new_mounted), 0);
      // nothing is mounted there
      CHECK_EQUAL(answer_of(maker.unmount(powerless(pinned, "/mnt/new"), 0, kIsThere)),
                  Errno{EINVAL});
    });
  }
}

long id_of_new() {
  struct statx found = {};
  CHECK_EQUAL(statx(AT_FDCWD, "/mnt/new", 0, STATX_MNT_ID, &found), 0);
  return static_cast<long>(found.stx_mnt_id);
}

void unmounts_nothing_of_the_first() {
  for (const Levels& levels : {kPlainContainer, kUserContainer, kLodger, kNested}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    in_helper([&](MountMaker& maker) {
      const FirstMounts first = {.root = mount_at(pinned.root),
                                 .ids = {static_cast<int>(container.ask(id_of_new))}};
      MountPlace lent = powerless(pinned, "/mnt/new");
      for (const FirstMounts& known : {first, FirstMounts()}) {
        lent.first_mounts = known;
        for (const unsigned flags : {0U, unsigned{MNT_DETACH}, unsigned{MNT_EXPIRE}})
          CHECK_EQUAL(answer_of(maker.unmount(lent, flags, kIsThere)), Errno{EPERM});
      }
      CHECK_EQUAL(container.ask(is_new_mounted), 1);
    });
  }
}

void leaves_the_first_to_who_may() {
  for (const Levels& levels : {kPlainContainer, kUserContainer}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    in_helper([&](MountMaker& maker) {
      MountPlace own = pinned.place("/mnt/new");
      own.first_mounts.ids = {static_cast<int>(container.ask(id_of_new))};
      CHECK_EQUAL(answer_of(maker.unmount(own, 0, kIsThere)), Errno{0});
      CHECK_EQUAL(container.ask(is_new_mounted), 0);
    });
  }
}

long enter_new() { return chdir("/mnt/new") == 0 ? open("held", O_CREAT | O_RDWR, 0600) : -1; }

void unmounts_lazily() {
  for (const Levels& levels : {kPlainContainer, kUserContainer, kNested}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    CHECK(container.ask(enter_new) >= 0);
    in_helper([&](MountMaker& maker) {
      CHECK_EQUAL(answer_of(maker.unmount(powerless(pinned, "/mnt/new"), 0, kIsThere)),
                  Errno{EBUSY});
      CHECK_EQUAL(answer_of(maker.unmount(powerless(pinned, "/mnt/new"), MNT_DETACH, kIsThere)),
                  Errno{0});
      CHECK_EQUAL(container.ask(is_new_mounted), 0);
    });
  }
}

void finds_the_mount_as_the_caller() {
  const Container container({{.namespaces = CLONE_NEWNS, .set_up = [] {
                                set_up();
                                CHECK_EQUAL(symlink("new", "/mnt/link"), 0);
                                CHECK_EQUAL(mkdir("/mnt/closed", 0700), 0);
                                CHECK_EQUAL(mkdir("/mnt/closed/new", 0755), 0);
                                CHECK_EQUAL(mount("tmpfs", "/mnt/closed/new", "tmpfs", 0, nullptr),
                                            0);
                              }}});
  const Pinned pinned = container.pin();
  in_helper([&](MountMaker& maker) {
    MountPlace place = powerless(pinned, "/mnt/closed/new");
    place.credentials.uid = {1000, 1000, 1000, 1000};
    const auto answer = [&](const char* path, unsigned flags) {
      place.path = path;
      return answer_of(maker.unmount(place, flags, kIsThere));
    };
    CHECK_EQUAL(answer("/mnt/closed/new", 0), Errno{EACCES});
    CHECK_EQUAL(answer("/mnt/none", 0), Errno{ENOENT});
    CHECK_EQUAL(answer("/mnt/link", UMOUNT_NOFOLLOW), Errno{EINVAL});
    CHECK_EQUAL(answer("/mnt/link", 1U << 30), Errno{EINVAL});
    CHECK_EQUAL(answer("/proc/self/root/mnt/new", 0), Errno{ELOOP});
    CHECK_EQUAL(container.ask(is_new_mounted), 1);
    CHECK_EQUAL(answer("/mnt/../mnt/./link/", 0), Errno{0});
    CHECK_EQUAL(container.ask(is_new_mounted), 0);
  });
}

void changes_attributes() {
  for (const Levels& levels : {kPlainContainer, kUserContainer, kLodger, kNested}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    in_helper([&](MountMaker& maker) {
      const MountPlace place = powerless(pinned, "/mnt/new");
      CHECK_EQUAL(answer_of(maker.set_attributes(place, kToReadOnly, kIsThere)), Errno{0});
      CHECK_EQUAL(container.ask(is_new_read_only), 1);
      // somebody with more power may have wanted that
      CHECK_EQUAL(answer_of(maker.set_attributes(place, recursive(kToWritable), kIsThere)),
                  Errno{EPERM});
      CHECK_EQUAL(container.ask(is_new_read_only), 1);
      // no mount point
      CHECK_EQUAL(
          answer_of(maker.set_attributes(powerless(pinned, "/mnt/other"), kToReadOnly, kIsThere)),
          Errno{EINVAL});
    });
  }
}

// Whoever wrote what is in there must not become others by it.
void keeps_what_protects_from_contents() {
  constexpr MountChange kTame = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                                 .clear = 0,
                                 .is_recursive = false,
                                 .user_namespace = -1};
  constexpr MountChange kToSetUid = {
      .set = 0, .clear = MOUNT_ATTR_NOSUID, .is_recursive = false, .user_namespace = -1};
  constexpr MountChange kToDevices = {
      .set = 0, .clear = MOUNT_ATTR_NODEV, .is_recursive = false, .user_namespace = -1};
  const auto changed = [](MountMaker& maker, const MountPlace& place, const MountChange& change) {
    return answer_of(maker.set_attributes(place, change, kIsThere));
  };
  const Container plain(kPlainContainer);
  const Container user(kUserContainer);
  const Pinned of_plain = plain.pin();
  const Pinned of_user = user.pin();
  in_helper([&](MountMaker& maker) {
    for (const Pinned* pinned : {&of_plain, &of_user}) {
      const MountPlace place = powerless(*pinned, "/mnt/new");
      CHECK_EQUAL(changed(maker, place, kTame), Errno{0});
      CHECK_EQUAL(changed(maker, place, kToSetUid), Errno{EPERM});
      CHECK_EQUAL(changed(maker, place, recursive(kToSetUid)), Errno{EPERM});
      CHECK_EQUAL(changed(maker, place, kToDevices), Errno{EPERM});
    }
    // root of a user namespace has set-uid files anyway, and root of the host devices as well
    CHECK_EQUAL(changed(maker, of_user.place("/mnt/new"), kToSetUid), Errno{0});
    CHECK_EQUAL(changed(maker, of_user.place("/mnt/new"), kToDevices), Errno{EPERM});
    CHECK_EQUAL(changed(maker, of_plain.place("/mnt/new"), kToSetUid), Errno{0});
    CHECK_EQUAL(changed(maker, of_plain.place("/mnt/new"), kToDevices), Errno{0});
  });
}

// A caller's copy of a mount that is nowhere yet, as its descriptor is opened for it.
void maps_ids() {
  const Container container(kUserContainer);
  const Pinned pinned = container.pin();
  const Container host({{.namespaces = CLONE_NEWNS, .set_up = [] {
                           make_mount_points();
                           mount_new();
                         }}});
  const std::string source = "/proc/" + std::to_string(host.pid()) + "/root/mnt/new";
  const Pinned outside = host.pin();
  const UniqueFd space(
      open(("/proc/" + std::to_string(host.pid()) + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
  in_helper([&](MountMaker& maker) {
    // in the place of who made the copy
    const pid_t child = fork();
    CHECK(child != -1);
    if (child != 0) {
      int status = -1;
      CHECK_EQUAL(waitpid(child, &status, 0), child);
      CHECK_EQUAL(status, 0);
      return;
    }
    CHECK_EQUAL(setns(space.get(), CLONE_NEWNS), 0);
    const UniqueFd tree(static_cast<int>(
        syscall(SYS_open_tree, AT_FDCWD, "/mnt/new", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    CHECK(tree.is_open());
    const auto owner_at = [&](const char* path) {
      MountPlace place = powerless(outside, path);
      place.credentials.effective_capabilities =
          1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER;
      return place;
    };
    MountPlace place = owner_at("");
    place.base = tree.get();
    MountPlace of_user = powerless(pinned, "");
    of_user.base = tree.get();
    MountPlace of_nobody = powerless(outside, "");
    of_nobody.base = tree.get();
    MountChange change = {
        .set = 0, .clear = 0, .is_recursive = false, .user_namespace = pinned.user.get()};
    struct stat found = {};
    CHECK_EQUAL(fstat(tree.get(), &found), 0);
    CHECK_EQUAL(answer_of(maker.set_attributes(of_user, change, kIsThere)), Errno{EPERM});
    CHECK_EQUAL(answer_of(maker.set_attributes(of_nobody, change, kIsThere)), Errno{EPERM});
    CHECK_EQUAL(fstat(tree.get(), &found), 0);
    CHECK_EQUAL(found.st_uid, 0U);
    CHECK_EQUAL(answer_of(maker.set_attributes(place, change, kIsThere)), Errno{0});
    CHECK_EQUAL(fstat(tree.get(), &found), 0);
    CHECK_EQUAL(found.st_uid, 100000U);
    // a mount that is somewhere has its ids for good
    CHECK_EQUAL(answer_of(maker.set_attributes(owner_at("/mnt/new"), change, kIsThere)),
                Errno{EINVAL});
    change.user_namespace = space.get();
    CHECK_EQUAL(answer_of(maker.set_attributes(place, change, kIsThere)), Errno{EINVAL});
    change = {.set = MOUNT_ATTR_IDMAP, .clear = 0, .is_recursive = false, .user_namespace = -1};
    CHECK_EQUAL(answer_of(maker.set_attributes(place, change, kIsThere)), Errno{EINVAL});
    _exit(0);
  });
}

// --- what answers no more ------------------------------------------------------------------------

// For everybody, in a folder of the test's own.
class FuseDevice {
 public:
  FuseDevice() {
    CHECK(mkdtemp(folder) != nullptr);
    CHECK_EQUAL(chmod(folder, 0711), 0);
    path = std::string(folder) + "/fuse";
    CHECK_EQUAL(mknod(path.c_str(), S_IFCHR, makedev(10, 229)), 0);
    CHECK_EQUAL(chmod(path.c_str(), 0666), 0);
  }
  FuseDevice(const FuseDevice&) = delete;
  FuseDevice& operator=(const FuseDevice&) = delete;
  ~FuseDevice() {
    unlink(path.c_str());
    rmdir(folder);
  }
  static inline char folder[] = "/tmp/fuse-device-XXXXXX";
  static inline std::string path;
};

// A FUSE at /mnt/new whose server never answers, or is gone.
long mount_fuse(bool is_served) {
  const int device = open(FuseDevice::path.c_str(), O_RDWR | O_CLOEXEC);
  if (device == -1) return errno;
  const std::string options =
      "fd=" + std::to_string(device) + ",rootmode=40000,user_id=0,group_id=0";
  const long error = error_of_call(mount("fuse", "/mnt/new", "fuse", 0, options.c_str()));
  if (!is_served) close(device);
  return error;
}
long mount_silent() { return mount_fuse(true); }
long mount_dead() { return mount_fuse(false); }
// As somebody's working directory would.
long hold_new() { return open("/mnt/new", O_PATH | O_CLOEXEC) == -1 ? errno : 0; }
long count_fuse() { return contents("/proc/self/mountinfo").contains(" - fuse ") ? 1 : 0; }

// The kernel asks nobody either.
void unmounts_lazily_what_answers_no_more() {
  const FuseDevice device;
  for (const Asked mount : {mount_silent, mount_dead}) {
    const Container container(kUserContainer);
    const Pinned pinned = container.pin();
    const Spared spared = Spared();
    CHECK_EQUAL(container.ask(mount), 0);
    CHECK_EQUAL(container.ask(hold_new), 0);
    CHECK_EQUAL(container.ask(count_fuse), 1);
    in_helper([&](MountMaker& maker) {
      CHECK_EQUAL(answer_of(maker.unmount(powerless(pinned, "/mnt/new"), MNT_DETACH, kIsThere)),
                  Errno{0});
      CHECK_EQUAL(container.ask(count_fuse), 0);
      CHECK_EQUAL(container.ask(mount), 0);
      CHECK_EQUAL(answer_of(maker.unmount(pinned.place("/mnt/new"), MNT_DETACH, kIsThere, &spared)),
                  Errno{0});
      CHECK_EQUAL(container.ask(count_fuse), 0);
      CHECK_EQUAL(container.ask(mount), 0);
      // its root lets nobody in
      CHECK_EQUAL(answer_of(maker.unmount(pinned.place("/mnt/new"), MNT_EXPIRE, kIsThere)),
                  Errno{EAGAIN});
      CHECK_EQUAL(answer_of(maker.unmount(pinned.place("/mnt/new"), 0, kIsThere)), Errno{0});
      CHECK_EQUAL(container.ask(count_fuse), 0);
    });
  }
}

long mount_files() {
  for (const char* file : {"/mnt/file", "/mnt/closed"}) {
    const int made = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (made == -1 || close(made) == -1) return errno;
  }
  return mount("/mnt/closed", "/mnt/file", nullptr, MS_BIND, nullptr) == -1 ? errno : 0;
}
long hold_file() { return open("/mnt/file", O_RDWR | O_CLOEXEC) == -1 ? errno : 0; }

// Neither has to be entered.
void unmounts_lazily_files_and_closed_folders() {
  const Container container(kPlainContainer);
  const Pinned pinned = container.pin();
  CHECK_EQUAL(container.ask(mount_files), 0);
  CHECK_EQUAL(container.ask(hold_file), 0);
  CHECK_EQUAL(container.ask([] { return error_of_call(chmod("/mnt/new", 0)); }), 0);
  in_helper([&](MountMaker& maker) {
    for (const char* path : {"/mnt/file", "/mnt/new"}) {
      MountPlace place = powerless(pinned, path);
      place.credentials.uid = {1000, 1000, 1000, 1000};
      CHECK_EQUAL(answer_of(maker.unmount(place, MNT_DETACH, kIsThere)), Errno{0});
      CHECK_EQUAL(answer_of(maker.unmount(place, MNT_DETACH, kIsThere)), Errno{EINVAL});
    }
    CHECK_EQUAL(container.ask(is_new_mounted), 0);
  });
}

// --- A8: what is not -----------------------------------------------------------------------------

std::vector<std::string> hiding_places() {
  std::vector<std::string> places = {"/proc", "/sys", "/sys/firmware"};
  for (const std::string_view name : kHidden) places.push_back("/proc/" + std::string(name));
  for (const std::string_view name : kReadOnly) places.push_back("/proc/" + std::string(name));
  return places;
}

void lends_nothing_for_proc_and_sysfs() {
  for (const Levels& levels : {kPlainContainer, kUserContainer, kLodger, kNested}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    CHECK_EQUAL(container.ask(first_revealed), 0);
    in_helper([&](MountMaker& maker) {
      for (const std::string& path : hiding_places()) {
        const MountPlace place = powerless(pinned, path);
        for (const unsigned flags : {0U, unsigned{MNT_DETACH}, unsigned{MNT_FORCE},
                                     unsigned{MNT_EXPIRE}, unsigned{UMOUNT_NOFOLLOW}})
          CHECK_EQUAL(answer_of(maker.unmount(place, flags, kIsThere)), Errno{EPERM});
        for (const MountChange& change : {kToWritable, recursive(kToWritable), kToReadOnly})
          CHECK_EQUAL(answer_of(maker.set_attributes(place, change, kIsThere)), Errno{EPERM});
      }
    });
    CHECK_EQUAL(container.ask(first_revealed), 0);
  }
}

// A folder with a proc below it.
void set_up_folder() {
  set_up();
  CHECK_EQUAL(mkdir("/mnt/new/proc", 0755), 0);
  CHECK_EQUAL(mount("/proc", "/mnt/new/proc", nullptr, MS_BIND | MS_REC, nullptr), 0);
}

void lends_nothing_above_them() {
  for (const int namespaces : {kPlain, kUser}) {
    const Container container({{.namespaces = namespaces, .set_up = set_up_folder}});
    const Pinned pinned = container.pin();
    in_helper([&](MountMaker& maker) {
      const MountPlace place = powerless(pinned, "/mnt/new");
      CHECK_EQUAL(answer_of(maker.unmount(place, MNT_DETACH, kIsThere)), Errno{EPERM});
      CHECK_EQUAL(answer_of(maker.unmount(place, 0, kIsThere)), Errno{EBUSY});
      CHECK_EQUAL(answer_of(maker.set_attributes(place, recursive(kToWritable), kIsThere)),
                  Errno{EPERM});
      CHECK_EQUAL(answer_of(maker.set_attributes(place, kToReadOnly, kIsThere)), Errno{0});
      CHECK_EQUAL(answer_of(maker.unmount(powerless(pinned, "/mnt"), MNT_DETACH, kIsThere)),
                  Errno{EPERM});
    });
    CHECK_EQUAL(container.ask(first_revealed), 0);
  }
}

long cover_root() { return mount("tmpfs", "/", "tmpfs", 0, "mode=0755") == -1 ? errno : 0; }

// Mounts that another root covers are in no list of mounts.
void lends_nothing_for_what_is_covered() {
  for (const Levels& levels : {kPlainContainer, kUserContainer}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    in_helper([&](MountMaker& maker) {
      CHECK_EQUAL(container.ask(cover_root), 0);
      for (const char* path : {"/proc/keys", "/proc/sys", "/proc"}) {
        const MountPlace place = powerless(pinned, path);
        CHECK_EQUAL(answer_of(maker.unmount(place, 0, kIsThere)), Errno{EPERM});
        CHECK_EQUAL(answer_of(maker.unmount(place, MNT_DETACH, kIsThere)), Errno{EPERM});
      }
      CHECK_EQUAL(
          answer_of(maker.set_attributes(powerless(pinned, "/proc/sys"), kToWritable, kIsThere)),
          Errno{EPERM});
    });
    CHECK_EQUAL(container.ask(first_revealed), 0);
  }
}

// It ends connections of file systems for all who use them.
void does_not_lend_force() {
  for (const Levels& levels : {kPlainContainer, kUserContainer}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    in_helper([&](MountMaker& maker) {
      const MountPlace place = powerless(pinned, "/mnt/new");
      CHECK_EQUAL(answer_of(maker.unmount(place, MNT_FORCE, kIsThere)), Errno{EPERM});
      CHECK_EQUAL(answer_of(maker.unmount(place, MNT_FORCE | MNT_DETACH, kIsThere)), Errno{EPERM});
      CHECK_EQUAL(container.ask(is_new_mounted), 1);
    });
  }
}

// With power of its own a caller needs no other, and the kernel judges it.
void leaves_own_power_alone() {
  const Container nested(kNested);
  const Container plain(kPlainContainer);
  const Pinned pinned_nested = nested.pin();
  const Pinned pinned_plain = plain.pin();
  in_helper([&](MountMaker& maker) {
    MountPlace place = pinned_nested.place("/proc/keys");
    CHECK((place.credentials.effective_capabilities & kSysAdmin) != 0);
    // what was copied from outside is held by the kernel
    CHECK_EQUAL(answer_of(maker.unmount(place, 0, kIsThere)), Errno{EINVAL});
    CHECK_EQUAL(answer_of(maker.unmount(place, MNT_DETACH, kIsThere)), Errno{EINVAL});
    place.path = "/proc/sys";
    CHECK_EQUAL(answer_of(maker.set_attributes(place, kToWritable, kIsThere)), Errno{EPERM});
    // root of the host
    CHECK_EQUAL(answer_of(maker.unmount(pinned_plain.place("/proc/keys"), 0, kIsThere)), Errno{0});
  });
  CHECK_EQUAL(nested.ask(first_revealed), 0);
}

void spares_the_root() {
  const Container container(kPlainContainer);
  const Pinned pinned = container.pin();
  in_helper([&](MountMaker& maker) {
    for (const unsigned flags : {0U, unsigned{MNT_DETACH}, unsigned{MNT_FORCE}})
      CHECK_EQUAL(answer_of(maker.unmount(powerless(pinned, "/"), flags, kIsThere)), Errno{EPERM});
  });
  // of the host's file system
  CHECK_EQUAL(is_read_only("/"), 0);
}

// --- what is spared, whoever asks ----------------------------------------------------------------

[[nodiscard]] Spared spared_in(const Container& container) {
  const std::string text = container.mountinfo(0);
  const auto mounts = VALUE(parse_mounts(text));
  Spared spared;
  for (const auto& [id, mount] : mounts) {
    if (is_hiding(mount)) spared.hiding.push_back(id);
  }
  const MountLine* root = find_top(mounts, "/");
  CHECK(root != nullptr);
  spared.root = root->id;
  return spared;
}

[[nodiscard]] long is_other_mounted() { return is_mounted("/mnt/other"); }

void unmounts_own_procs() {
  const NewMount proc = {.type = "proc", .options = {}, .attributes = 0};
  const Container container(kUserContainer);
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  const Spared spared = spared_in(container);
  in_helper([&](MountMaker& maker) {
    const MountPlace place = pinned.place("/mnt/other");
    for (const unsigned flags : {0U, unsigned{MNT_DETACH}}) {
      CHECK_EQUAL(answer_of(maker.make_mount(proc, place, masks, kIsThere)), Errno{0});
      CHECK_EQUAL(container.ask(is_other_mounted), 1);
      for (const char* mask : {"/mnt/other/keys", "/mnt/other/sys"})
        CHECK_EQUAL(answer_of(maker.unmount(pinned.place(mask), flags, kIsThere, &spared)),
                    Errno{EPERM});
      CHECK_EQUAL(
          answer_of(maker.unmount(powerless(pinned, "/mnt/other"), flags, kIsThere, &spared)),
          Errno{EPERM});
      CHECK_EQUAL(answer_of(maker.unmount(place, flags, kIsThere, &spared)), Errno{0});
      CHECK_EQUAL(container.ask(is_other_mounted), 0);
      // those that were there at the start
      for (const char* path : {"/proc", "/proc/keys", "/sys", "/sys/firmware"})
        CHECK_EQUAL(answer_of(maker.unmount(pinned.place(path), flags, kIsThere, &spared)),
                    Errno{EPERM});
    }
  });
  CHECK_EQUAL(container.ask(first_revealed), 0);
}

long copy_proc() {
  return error_of_call(mount("/proc", "/mnt/other", nullptr, MS_BIND | MS_REC, nullptr));
}

// The kernel would part it from its masks, for who has a file of it open.
void spares_procs_whose_masks_could_come_off() {
  for (const Levels& levels : {kPlainContainer, kUserContainer}) {
    const Container container(levels);
    const Pinned pinned = container.pin();
    const Spared spared = spared_in(container);
    CHECK_EQUAL(container.ask(copy_proc), 0);
    in_helper([&](MountMaker& maker) {
      for (const unsigned flags : {0U, unsigned{MNT_DETACH}})
        CHECK_EQUAL(answer_of(maker.unmount(pinned.place("/mnt/other"), flags, kIsThere, &spared)),
                    Errno{EPERM});
    });
    CHECK_EQUAL(container.ask(is_other_mounted), 1);
  }
}

// --- A8: somebody changes what is meant ----------------------------------------------------------

constexpr const char* kOne = "/mnt/other/one";
constexpr const char* kTwo = "/mnt/other/two";

void set_up_pair() {
  set_up();
  for (const char* path : {kOne, kTwo}) CHECK_EQUAL(mkdir(path, 0755), 0);
}

// In a mount namespace where nothing is mounted on them, the two change their names all the time.
long start_exchanges() {
  std::array<int, 2> ready = {};
  CHECK_EQUAL(pipe2(ready.data(), O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child != 0) {
    char byte = 0;
    close(ready[1]);
    return read(ready[0], &byte, 1);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  CHECK_EQUAL(unshare(CLONE_NEWNS), 0);
  CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  CHECK_EQUAL(write(ready[1], "x", 1), 1);
  for (;;) {
    constexpr unsigned kExchange = 2;
    if (syscall(SYS_renameat2, AT_FDCWD, kOne, AT_FDCWD, kTwo, kExchange) == -1) _exit(1);
  }
}

long mount_proc_on_two() {
  if (mount("/proc", kTwo, nullptr, MS_BIND | MS_REC, nullptr) == -1) return errno;
  return mount("tmpfs", kOne, "tmpfs", 0, nullptr) == -1 ? errno : 0;
}
long mount_on_one_again() {
  // whichever has none
  struct stat one = {};
  struct stat outside = {};
  if (stat(kOne, &one) == -1 || stat("/mnt/other", &outside) == -1) return errno;
  const char* place = one.st_dev == outside.st_dev ? kOne : kTwo;
  return mount("tmpfs", place, "tmpfs", 0, nullptr) == -1 ? errno : 0;
}
// Whether the proc is there and has all that hides.
long count_masks() {
  const std::string mountinfo = contents("/proc/self/mountinfo");
  long count = 0;
  for (std::size_t at = mountinfo.find(" /mnt/other/"); at != std::string::npos;
       at = mountinfo.find(" /mnt/other/", at + 1)) {
    ++count;
  }
  return count;
}

void unmounts_what_it_has_looked_at() {
  const Container container({{.namespaces = kPlain, .set_up = set_up_pair}});
  const Pinned pinned = container.pin();
  CHECK_EQUAL(container.ask(start_exchanges), 1);
  CHECK_EQUAL(container.ask(mount_proc_on_two), 0);
  const long proc_alone = 1 + static_cast<long>(kHidden.size() + kReadOnly.size());
  CHECK_EQUAL(container.ask(count_masks), proc_alone + 1);
  in_helper([&](MountMaker& maker) {
    int done = 0;
    for (int round = 0; round < 2000; ++round) {
      const unsigned flags = round % 2 == 0 ? MNT_DETACH : 0;
      const Errno answer = answer_of(maker.unmount(powerless(pinned, kOne), flags, kIsThere));
      if (answer != Errno{0}) {
        CHECK(answer == Errno{EPERM} || answer == Errno{EBUSY} || answer == Errno{ENOENT} ||
              answer == Errno{EINVAL});
        continue;
      }
      ++done;
      CHECK_EQUAL(container.ask(count_masks), proc_alone);
      // it may look at the wrong one just then
      while (container.ask(count_masks) == proc_alone)
        CHECK_EQUAL(container.ask(mount_on_one_again), 0);
      if (container.ask(count_masks) != proc_alone + 1) break;
    }
    CHECK(done > 0);
  });
  CHECK(container.ask(count_masks) >= proc_alone);
}

// --- the same on a volume, where a protected path is a mount, too

void set_up_volume() {
  set_up();
  CHECK_EQUAL(mount("volume", "/mnt/other", "tmpfs", 0, "mode=0755"), 0);
  for (const char* path : {kOne, kTwo}) CHECK_EQUAL(mkdir(path, 0755), 0);
}
long mount_kept_on_two() { return error_of_call(mount("kept", kTwo, "tmpfs", 0, "mode=0755")); }
// In use, so that an unmount of it by its name may be tried again and again.
long mount_other_on_one() {
  if (mount("other", kOne, "tmpfs", 0, "mode=0755") == -1) return errno;
  static const UniqueFd used(open(kOne, O_PATH | O_DIRECTORY | O_CLOEXEC));
  return used.is_open() ? 0 : errno;
}
[[nodiscard]] bool is_listed(std::string_view type_and_source) {
  return contents("/proc/self/mountinfo").find(type_and_source) != std::string::npos;
}
long is_kept_there() { return is_listed(" - tmpfs kept ") ? 1 : 0; }
void spares_what_changes_places_on_a_volume() {
  const Container container({{.namespaces = kPlain, .set_up = set_up_volume}});
  const Pinned pinned = container.pin();
  CHECK_EQUAL(container.ask(mount_kept_on_two), 0);
  CHECK_EQUAL(container.ask(mount_other_on_one), 0);
  Spared spared = spared_in(container);
  const std::string text = container.mountinfo(0);
  const auto mounts = VALUE(parse_mounts(text));
  const MountLine* kept = find_top(mounts, kTwo);
  CHECK(kept != nullptr);
  spared.paths = {kTwo};
  spared.places = {{kept->id, ""}};
  CHECK_EQUAL(container.ask(start_exchanges), 1);
  in_helper([&](MountMaker& maker) {
    int done = 0;
    for (int round = 0; round < 2000; ++round) {
      const Errno answer = answer_of(maker.unmount(pinned.place(kOne), 0, kIsThere, &spared));
      if (answer == Errno{0}) ++done;
      CHECK_EQUAL(container.ask(is_kept_there), 1);
    }
    CHECK(done <= 1);
  });
}

void keeps_new_procs_away() {
  const Container container(kPlainContainer);
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  const NewMount proc = {.type = "proc", .options = {}, .attributes = 0};
  struct stat space = {};
  CHECK_EQUAL(stat(("/proc/" + std::to_string(container.pid()) + "/ns/mnt").c_str(), &space), 0);
  const UniqueFd locks(memfd_create("locks", MFD_CLOEXEC));
  const std::string link = "/proc/self/fd/" + std::to_string(locks.get());
  const UniqueFd other(open(link.c_str(), O_RDWR | O_CLOEXEC));
  const auto lock = [&](short type) {
    struct flock wanted = {};
    wanted.l_type = type;
    wanted.l_start = static_cast<off_t>(space.st_ino);
    wanted.l_len = 1;
    return fcntl(other.get(), F_OFD_SETLK, &wanted);
  };
  const auto test = [&](MountMaker& maker) {
    const MountPlace place = powerless(pinned, "/mnt/new");
    // another helper makes a proc just now
    CHECK_EQUAL(lock(F_RDLCK), 0);
    CHECK_EQUAL(answer_of(maker.unmount(place, MNT_DETACH, kIsThere)), Errno{EBUSY});
    CHECK_EQUAL(answer_of(maker.set_attributes(place, recursive(kToReadOnly), kIsThere)),
                Errno{EBUSY});
    CHECK_EQUAL(answer_of(maker.make_mount(proc, powerless(pinned, "/mnt/other"), masks, kIsThere)),
                Errno{0});
    // another one takes mounts away
    CHECK_EQUAL(lock(F_WRLCK), 0);
    CHECK_EQUAL(answer_of(maker.make_mount(proc, powerless(pinned, "/mnt/third"), masks, kIsThere)),
                Errno{EBUSY});
    CHECK_EQUAL(lock(F_UNLCK), 0);
    CHECK_EQUAL(answer_of(maker.make_mount(proc, powerless(pinned, "/mnt/third"), masks, kIsThere)),
                Errno{0});
    CHECK_EQUAL(answer_of(maker.unmount(place, MNT_DETACH, kIsThere)), Errno{0});
    // nothing is held by now
    CHECK_EQUAL(lock(F_WRLCK), 0);
  };
  in_helper(test, locks.get());
}

void does_nothing_when_it_is_gone() {
  const Container container(kPlainContainer);
  const Pinned pinned = container.pin();
  in_helper([&](MountMaker& maker) {
    const IsGone is_gone = [] { return true; };
    const MountPlace place = powerless(pinned, "/mnt/new");
    CHECK(maker.unmount(place, 0, is_gone).is_gone);
    CHECK(maker.unmount(place, MNT_DETACH, is_gone).is_gone);
    CHECK(maker.set_attributes(place, kToReadOnly, is_gone).is_gone);
    CHECK_EQUAL(container.ask(is_new_mounted), 1);
    CHECK_EQUAL(container.ask(is_new_read_only), 0);
  });
}

constexpr Case kCases[] = {
    {"unmount: it is done for who may not", unmounts_for_who_may_not},
    {"unmount: nothing is lent for what was there at first, nor where nobody knows",
     unmounts_nothing_of_the_first},
    {"unmount: what was there at first goes for who may himself", leaves_the_first_to_who_may},
    {"unmount: what is in use goes lazily", unmounts_lazily},
    {"unmount: what answers no more goes lazily", unmounts_lazily_what_answers_no_more},
    {"unmount: what can't be entered goes lazily", unmounts_lazily_files_and_closed_folders},
    {"A1: unmount: the mount is found as the caller", finds_the_mount_as_the_caller},
    {"set_attributes: they are changed for who may not", changes_attributes},
    {"A7: set_attributes: nosuid and nodev stay where power is lent",
     keeps_what_protects_from_contents},
    {"set_attributes: ids are mapped by a user namespace", maps_ids},
    {"A8: unmount, set_attributes: nothing is lent for proc, sysfs and masks on them",
     lends_nothing_for_proc_and_sysfs},
    {"A8: unmount, set_attributes: nor for what has them below", lends_nothing_above_them},
    {"A8: unmount, set_attributes: nor for what another root covers",
     lends_nothing_for_what_is_covered},
    {"unmount: force is not lent", does_not_lend_force},
    {"A8: unmount, set_attributes: the kernel judges who has the power", leaves_own_power_alone},
    {"A8: unmount: the root stays, and stays writable", spares_the_root},
    {"A8: unmount: what was looked at is what goes, whatever has its name",
     unmounts_what_it_has_looked_at},
    {"unmount: a container's own proc goes with its masks", unmounts_own_procs},
    {"A8: unmount: a proc stays that the kernel would part from its masks",
     spares_procs_whose_masks_could_come_off},
    {"A15: unmount: on a volume, a name is not exchanged with that of a mount which stays",
     spares_what_changes_places_on_a_volume},
    {"A8: unmount: no new proc comes in between", keeps_new_procs_away},
    {"A2: unmount, set_attributes: nothing is done for a caller that is gone",
     does_nothing_when_it_is_gone}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
