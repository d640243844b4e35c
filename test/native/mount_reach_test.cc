// SPDX-License-Identifier: Apache-2.0
// Tests that a mount for which power is lent reaches nothing beyond its container, and gives nobody
// more than itself.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <string>
#include <vector>

#include "check.h"
#include "container_fixture.h"
#include "maker_fixture.h"

namespace seccompagent::test {
namespace {

const Level kPlainLevel = {.namespaces = kPlain, .set_up = mount_masked_proc};
const Level kUserLevel = {.namespaces = kUser, .set_up = mount_masked_proc};
constexpr std::uint64_t kSysAdminBit = 1ULL << CAP_SYS_ADMIN;

NewMount of_type(const char* type) { return {.type = type, .options = {}, .attributes = 0}; }

NewMount with_options(const char* type, std::vector<MountOption> options) {
  return {.type = type, .options = std::move(options), .attributes = 0};
}

Errno answer_to(
    const Container& container, const NewMount& mount,
    const std::function<void(MountPlace&)>& change = [](MountPlace&) {}) {
  const Pinned pinned = container.pin();
  const Masks masks = container.masks();
  Errno answer = {-1};
  // a helper is what it becomes, and its answer is its exit code
  const pid_t child = fork();
  CHECK(child != -1);
  if (child == 0) {
    Maker maker;
    MountPlace place = pinned.place("/mnt/new");
    change(place);
    _exit(answer_for(maker, place, masks, mount).number);
  }
  int status = -1;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  answer.number = WEXITSTATUS(status);
  return answer;
}

void drop_power(MountPlace& place) { place.credentials.effective_capabilities = 0; }

void refuses_what_is_of_the_machine() {
  const Container plain({kPlainLevel});
  const Container user({kUserLevel});
  for (const char* type : {"cgroup", "cgroup2", "binfmt_misc", "debugfs", "tracefs", "securityfs",
                           "bpf", "devtmpfs", "pstore", "configfs", "fusectl", "fuse", "9p"}) {
    CHECK_EQUAL(answer_to(plain, of_type(type), drop_power), Errno{EPERM});
    CHECK_EQUAL(answer_to(user, of_type(type), drop_power), Errno{EPERM});
    // power over its own ids is none over the machine
    CHECK_EQUAL(answer_to(user, of_type(type)), Errno{EPERM});
  }
  // who has it already needs nobody
  CHECK_EQUAL(answer_to(plain, of_type("debugfs")), Errno{0});
}

void shares_no_cgroups() {
  const Container container(
      {{.namespaces = kPlain | CLONE_NEWCGROUP, .set_up = mount_masked_proc}});
  for (const char* type : {"cgroup", "cgroup2"})
    CHECK_EQUAL(answer_to(container, of_type(type), drop_power), Errno{EPERM});
}

Errno answer_to_lent(const Container& container, const char* type, const MountOption& option) {
  return answer_to(container, with_options(type, {option}), drop_power);
}

void takes_no_keys_of_others() {
  const Container container({kUserLevel});
  for (const char* type : {"ceph", "cifs", "erofs", "hugetlbfs", "nfs", "nfs4", "smb3", "tmpfs"}) {
    for (const MountOption& option : std::vector<MountOption>{{"sec", "krb5"},
                                                              {"sec", "krb5i"},
                                                              {"sec", "sys:krb5"},
                                                              {"cruid", "0"},
                                                              {"cruid", std::nullopt},
                                                              {"key", "client.admin"},
                                                              {"xprtsec", "mtls"},
                                                              {"cert_serial", "1"},
                                                              {"min_size", "8M"}})
      CHECK_EQUAL(answer_to_lent(container, type, option), Errno{EPERM});
  }
}

// Of all network file systems, and of images. The judgement comes before the kernel is asked, which
// need not know the type.
void shares_no_cache_and_no_network() {
  const Container container({kUserLevel});
  for (const char* type : {"ceph", "cifs", "erofs", "nfs", "nfs4", "smb3"}) {
    for (const MountOption& option : std::vector<MountOption>{{"fsc", std::nullopt},
                                                              {"fsc", "name"},
                                                              {"domain_id", "all"},
                                                              {"fsid", "image"},
                                                              {"inode_share", std::nullopt},
                                                              {"witness", std::nullopt},
                                                              {"upcall_target", "mount"},
                                                              {"unheard_of", std::nullopt}})
      CHECK_EQUAL(answer_to_lent(container, type, option), Errno{EPERM});
  }
  // from the machine's network
  for (const char* type : {"cifs", "smb3"})
    CHECK_EQUAL(answer_to_lent(container, type, {"rdma", std::nullopt}), Errno{EPERM});
  // by itself
  CHECK_EQUAL(answer_to(container, of_type("afs"), drop_power), Errno{EPERM});
}

// The answer of the kernel, by the caller's own power or ours: ENODEV where it has none of them.
void lends_options_that_are_known() {
  const Container container({kUserLevel});
  const MountOption nfs = {"vers", "4.2"};
  for (const char* type : {"nfs", "nfs4", "cifs"})
    CHECK(answer_to_lent(container, type, nfs) != Errno{EPERM});
  for (const char* key : {"ro", "noacl", "noac", "nofsc"})
    CHECK(answer_to_lent(container, "nfs", {key, std::nullopt}) != Errno{EPERM});
  CHECK_EQUAL(answer_to_lent(container, "tmpfs", {"size", "1M"}), Errno{0});
  CHECK_EQUAL(answer_to_lent(container, "tmpfs", {"unheard_of", std::nullopt}), Errno{EPERM});
  CHECK_EQUAL(answer_to(container, with_options("tmpfs", {{"unheard_of", std::nullopt}})),
              Errno{EINVAL});
  CHECK_EQUAL(answer_to(container, with_options("tmpfs", {{"size", "1M"}})), Errno{0});
}

void opens_nothing_but_a_source() {
  const Container plain({kPlainLevel});
  for (const char* key : {"device", "journal_dev", "journal_path", "logdev", "rtdev"}) {
    NewMount mount = new_tmpfs();
    mount.options = {{key, "/dev/null"}};
    // whoever has all power, too: the kernel would ask our own cgroup
    CHECK_EQUAL(answer_to(plain, mount), Errno{EPERM});
  }
  CHECK_EQUAL(answer_to(plain, of_type("btrfs")), Errno{EPERM});
}

long make_block_device() {
  return error_of_call(mknod("/mnt/block", S_IFBLK | 0600, makedev(7, 0)));
}

void looks_for_no_source_that_is_a_name() {
  const Container plain({kPlainLevel});
  CHECK_EQUAL(plain.ask(make_block_device), 0);
  CHECK_EQUAL(answer_to(plain, with_options("ext4", {{"source", "/mnt/block"}})), Errno{EPERM});
  CHECK_EQUAL(answer_to(plain, with_options("tmpfs", {{"source", "/mnt/block"}})), Errno{0});
}

long allow_devices_again() {
  return error_of_call(mount(nullptr, "/mnt/new", nullptr, MS_REMOUNT | MS_BIND, nullptr));
}
// In a copy, with all power over it.
long allow_devices_in_copy() {
  if (mount("/mnt/new", "/mnt/other", nullptr, MS_BIND, nullptr) == -1) return errno;
  const long error =
      error_of_call(mount(nullptr, "/mnt/other", nullptr, MS_REMOUNT | MS_BIND, nullptr));
  umount2("/mnt/other", MNT_DETACH);
  return error;
}
long is_without_devices() {
  const std::string mountinfo = contents("/proc/self/mountinfo");
  const std::size_t line = mountinfo.find(" /mnt/new ");
  if (line == std::string::npos) return -1;
  return mountinfo.substr(line, mountinfo.find(" - ", line) - line).contains("nodev") ? 1 : 0;
}

void keeps_devices_out() {
  for (const bool has_power : {true, false}) {
    const Container container({kUserLevel});
    CHECK_EQUAL(answer_to(container, of_type("hugetlbfs"),
                          [&](MountPlace& place) {
                            if (!has_power) drop_power(place);
                          }),
                Errno{0});
    CHECK_EQUAL(container.ask(is_without_devices), 1);
    CHECK_EQUAL(container.ask(allow_devices_again), EPERM);
    CHECK_EQUAL(container.ask(allow_devices_in_copy), EPERM);
    CHECK_EQUAL(container.ask(is_without_devices), 1);
    CHECK_EQUAL(container.ask([] { return error_of_call(umount2("/mnt/new", 0)); }), 0);
  }
}

void has_terminals_of_its_own() {
  const Container container({kUserLevel});
  CHECK_EQUAL(answer_to(container, of_type("devpts")), Errno{0});
  CHECK_EQUAL(container.ask(is_without_devices), 0);
}

void share_mount_points() {
  mount_masked_proc();
  CHECK_EQUAL(mount(nullptr, "/mnt", nullptr, MS_SHARED, nullptr), 0);
}

void mounts_nowhere_else() {
  const Container container({{.namespaces = kPlain, .set_up = share_mount_points}});
  for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
    CHECK_EQUAL(answer_to(container, mount, drop_power), Errno{EPERM});
    CHECK_EQUAL(answer_to(container, mount), Errno{0});
  }
  const Container user({{.namespaces = kUser, .set_up = share_mount_points}});
  for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
    CHECK_EQUAL(answer_to(user, mount, drop_power), Errno{EPERM});
    CHECK_EQUAL(answer_to(user, mount), Errno{0});
  }
}

// A tree that is nowhere yet, of somebody who may put it where they like.
void mounts_on_no_tree_of_others() {
  const Container container({kPlainLevel});
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  CHECK_EQUAL(syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, "mode", "0777", 0), 0L);
  CHECK_EQUAL(syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), 0L);
  const UniqueFd tree(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  CHECK(tree.is_open());
  CHECK_EQUAL(mkdirat(tree.get(), "point", 0777), 0);
  for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
    CHECK_EQUAL(answer_to(container, mount,
                          [&](MountPlace& place) {
                            drop_power(place);
                            place.base = tree.get();
                            place.path = "point";
                          }),
                Errno{EPERM});
  }
}

void covers_nothing_of_the_kernel() {
  const Container container({kPlainLevel});
  for (const char* path : {"/proc", "/proc/1/fd", "/proc/1/ns", "/sys", "/sys/kernel"}) {
    const Errno answer = answer_to(container, new_tmpfs(), [&](MountPlace& place) {
      // it may pass over modes
      place.credentials.effective_capabilities &= ~kSysAdminBit;
      place.path = path;
    });
    CHECK_EQUAL(answer, Errno{EPERM});
  }
}

long shares_null() {
  struct stat masked = {};
  struct stat device = {};
  if (stat("/mnt/new/keys", &masked) == -1 || stat("/dev/null", &device) == -1) return -1;
  const bool is_null = S_ISCHR(masked.st_mode) && masked.st_rdev == makedev(1, 3);
  if (!is_null) return -2;
  return masked.st_dev == device.st_dev && masked.st_ino == device.st_ino ? 1 : 0;
}

void masks_by_a_device_of_its_own() {
  const Container container({kPlainLevel});
  CHECK_EQUAL(answer_to(container, new_proc()), Errno{0});
  CHECK_EQUAL(container.ask(shares_null), 0);
}

void mask_of_network() {
  mount_masked_proc();
  umount2("/proc/sys", MNT_DETACH);
  hide("/proc/sys/net/core/somaxconn");
}
long sees_somaxconn() {
  struct stat found = {};
  if (stat("/mnt/new/sys/net/core/somaxconn", &found) == -1) return -errno;
  return S_ISREG(found.st_mode) ? 1 : 0;
}

void masks_networks() {
  const Container container({{.namespaces = kPlain | CLONE_NEWNET, .set_up = mask_of_network}});
  CHECK_EQUAL(answer_to(container, new_proc()), Errno{0});
  // that of every network
  CHECK_EQUAL(container.ask(sees_somaxconn), -ENOENT);
}

long sees_keys() {
  struct stat found = {};
  if (stat("/mnt/new/keys", &found) == -1) return -errno;
  return S_ISREG(found.st_mode) ? 1 : 0;
}

void have_own_mounts(MountPlace& place) { place.has_own_mounts = true; }

template <Asked asked>
Level inner_level() {
  return {.namespaces = kPlain, .set_up = [] {
            unmount_procs();
            CHECK_EQUAL(asked(), 0);
          }};
}
constexpr Level kWholeProc = {.namespaces = kPlain, .set_up = [] { mount_proc(); }};

long mount_masked() {
  mount_masked_proc();
  return 0;
}
long mount_some() {
  mount_proc("hidepid=2");
  return error_of_call(mount(nullptr, "/proc", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr));
}
long mount_processes() {
  mount_proc("subset=pid");
  return 0;
}
long mount_none() {
  make_mount_points();
  return 0;
}
std::string options_of_new() {
  const std::string mountinfo = contents("/mnt/new/self/mountinfo");
  const std::size_t line = mountinfo.find(" /mnt/new ");
  return line == std::string::npos ? "" : mountinfo.substr(line, mountinfo.find('\n', line) - line);
}

// A container inside the container that hides more.
void hides_what_the_inner_one_hides() {
  const Container container({kWholeProc, inner_level<mount_masked>()});
  CHECK_EQUAL(answer_to(container, new_proc()), Errno{0});
  CHECK_EQUAL(container.ask(sees_keys), 1);
  CHECK_EQUAL(container.ask([] { return error_of_call(umount2("/mnt/new", 0)); }), 0);
  CHECK_EQUAL(answer_to(container, new_proc(), have_own_mounts), Errno{0});
  CHECK_EQUAL(container.ask(sees_keys), 0);
}

void keeps_options_of_the_inner_one() {
  const Container container({kWholeProc, inner_level<mount_some>()});
  CHECK_EQUAL(answer_to(container, new_proc(), have_own_mounts), Errno{0});
  CHECK_EQUAL(container.ask([]() -> long {
    const std::string options = options_of_new();
    return options.starts_with(" /mnt/new ro,") && options.contains("hidepid=invisible") ? 0 : 1;
  }),
              0);
}

void shows_processes_to_the_inner_one() {
  const Container container({kWholeProc, inner_level<mount_processes>()});
  CHECK_EQUAL(answer_to(container, new_proc(), have_own_mounts), Errno{0});
  CHECK_EQUAL(container.ask(sees_keys), -ENOENT);
}

void gives_none_to_who_has_none() {
  const Container container({kWholeProc, inner_level<mount_none>()});
  CHECK_EQUAL(answer_to(container, new_proc(), have_own_mounts), Errno{EPERM});
}

// Attributes that the caller asked for itself can be taken off again.
void locks_what_has_to_be_kept_only() {
  const Container container({kUserLevel});
  NewMount mount = of_type("hugetlbfs");
  mount.attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID;
  CHECK_EQUAL(answer_to(container, mount), Errno{0});
  CHECK_EQUAL(container.ask([]() -> long {
    const std::string mountinfo = contents("/proc/self/mountinfo");
    return mountinfo.contains(" /mnt/new ro,nosuid,nodev,noexec,") ? 0 : 1;
  }),
              0);
  CHECK_EQUAL(container.ask([] {
    return error_of_call(
        ::mount(nullptr, "/mnt/new", nullptr, MS_REMOUNT | MS_BIND | MS_NODEV, nullptr));
  }),
              0);
  CHECK_EQUAL(container.ask(allow_devices_again), EPERM);
}

constexpr uid_t kUserId = 1000;

void be_a_user(MountPlace& place) {
  constexpr UserIds kIds = {kUserId, kUserId, kUserId, kUserId};
  place.credentials = {
      .uid = kIds, .gid = kIds, .groups = {}, .effective_capabilities = 0, .umask = 022};
}

// A user's folders: one with a file of root's in it, one whose folder has one, and one that was
// covered after the user had gone there. A neighbour has a mount as well.
void mount_into_folders_of_a_user() {
  mount_masked_proc();
  for (const char* folder :
       {"/mnt/new/policy", "/mnt/other/below", "/mnt/other/below/policy", "/mnt/newer"})
    CHECK_EQUAL(mkdir(folder, 0755), 0);
  for (const char* folder : {"/mnt/new", "/mnt/other", "/mnt/third"})
    CHECK_EQUAL(chown(folder, kUserId, kUserId), 0);
  CHECK_EQUAL(chdir("/mnt/third"), 0);
  for (const char* place :
       {"/mnt/new/policy", "/mnt/other/below/policy", "/mnt/third", "/mnt/newer"})
    CHECK_EQUAL(mount("root's", place, "tmpfs", MS_RDONLY, nullptr), 0);
}
long unmount_in_new() { return error_of_call(umount2("/mnt/new/policy", 0)); }

void hides_no_mounts_of_others() {
  const Container container({{.namespaces = kPlain, .set_up = mount_into_folders_of_a_user}});
  const UniqueFd inner_root(open(("/proc/" + std::to_string(container.pid()) + "/root/mnt").c_str(),
                                 O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const NewMount& mount : {new_proc(), new_tmpfs()}) {
    CHECK_EQUAL(answer_to(container, mount, be_a_user), Errno{EPERM});
    for (const char* path : {"/mnt/other", "/mnt/other/below", "."}) {
      CHECK_EQUAL(answer_to(container, mount,
                            [path](MountPlace& place) {
                              be_a_user(place);
                              place.path = path;
                            }),
                  Errno{EPERM});
    }
    // in another root they have other names
    CHECK_EQUAL(answer_to(container, mount,
                          [&](MountPlace& place) {
                            be_a_user(place);
                            place.root = inner_root.get();
                            place.path = "/new";
                          }),
                Errno{EPERM});
  }
  // a neighbour's mount does not matter
  CHECK_EQUAL(container.ask(unmount_in_new), 0);
  CHECK_EQUAL(answer_to(container, new_tmpfs(), be_a_user), Errno{0});
  // and who has the power himself needs nobody's leave
  CHECK_EQUAL(
      answer_to(container, new_tmpfs(), [](MountPlace& place) { place.path = "/mnt/other"; }),
      Errno{0});
}

// --- ids in options ------------------------------------------------------------------------------

// Of a mount point, or of a terminal.
long owner_of(const char* path) {
  struct stat found = {};
  return stat(path, &found) == -1 ? -errno
                                  : static_cast<long>(found.st_uid * 100'000 + found.st_gid);
}
long owner_of_new() { return owner_of("/mnt/new"); }
long owner_of_a_terminal() {
  const UniqueFd terminal(open("/mnt/new/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  return terminal.is_open() ? owner_of("/mnt/new/0") : -errno;
}
// Which everybody is told in the host's ids.
long group_of_proc() {
  const std::string mountinfo = contents("/mnt/new/self/mountinfo");
  const std::size_t group = mountinfo.find("gid=", mountinfo.find(" /mnt/new "));
  return group == std::string::npos ? -1 : std::stol(mountinfo.substr(group + 4));
}

struct OfUser {
  std::vector<Level> levels;
  // The host's.
  std::uint32_t first_id;
};
const std::vector<OfUser> kOfUsers = {
    {{kUserLevel}, 100000},
    // in one of a container
    {{kUserLevel,
      {.namespaces = kUser, .first_id = 2000, .ids = 3000, .set_up = make_mount_points}},
     102000},
    // its mounts are those of the level outside
    {{kUserLevel, {.namespaces = CLONE_NEWUSER, .first_id = 0, .ids = 3000}}, 100000}};

void means_the_callers_ids() {
  constexpr long kOwner = 1000L * 100'000 + 5;
  struct Wanted {
    NewMount mount;
    Asked asked;
    long answer;
  };
  const std::vector<Wanted> wanted = {
      {with_options("tmpfs", {{"uid", "1000"}, {"gid", "5"}}), owner_of_new, kOwner},
      {with_options("tmpfs", {{"uid", "7"}, {"gid", "05"}, {"uid", "0x3e8"}}), owner_of_new,
       kOwner},
      {with_options("tmpfs", {}), owner_of_new, 0},
      {with_options("hugetlbfs", {{"uid", "1000"}, {"gid", "5"}}), owner_of_new, kOwner},
      {with_options("devpts", {{"gid", "5"}, {"uid", "1000"}, {"ptmxmode", "0666"}}),
       owner_of_a_terminal, kOwner}};
  for (const auto& [levels, first_id] : kOfUsers) {
    for (const bool has_power : {true, false}) {
      std::vector<Wanted> all = wanted;
      all.push_back(
          {with_options("proc", {{"hidepid", "2"}, {"gid", "7"}}), group_of_proc, first_id + 7});
      for (const auto& [mount, asked, answer] : all) {
        const Container container(levels);
        CHECK_EQUAL(answer_to(container, mount,
                              [&](MountPlace& place) {
                                if (!has_power) drop_power(place);
                              }),
                    Errno{0});
        CHECK_EQUAL(container.ask(asked), answer);
      }
    }
  }
}

void takes_no_ids_but_the_callers() {
  for (const OfUser& user : kOfUsers) {
    const Container container(user.levels);
    for (const char* id :
         {"70000", "-1", "4294967295", "4294967296", "18446744073709551616", "1x", " 1", ""}) {
      for (const NewMount& mount :
           {with_options("tmpfs", {{"uid", id}}), with_options("tmpfs", {{"gid", id}}),
            with_options("hugetlbfs", {{"uid", id}}), with_options("devpts", {{"gid", id}}),
            with_options("proc", {{"gid", id}})}) {
        CHECK_EQUAL(answer_to(container, mount), Errno{EINVAL});
        CHECK_EQUAL(answer_to(container, mount, drop_power), Errno{EINVAL});
      }
      CHECK_EQUAL(answer_to(container, with_options("cifs", {{"backupuid", id}}), drop_power),
                  Errno{EINVAL});
    }
  }
}

constexpr Case kCases[] = {
    {"make_mount: ids in options are those of the caller", means_the_callers_ids},
    {"A2: make_mount: ids that the caller's user namespace lacks are refused",
     takes_no_ids_but_the_callers},
    {"A1: make_mount: a lent mount hides no mounts that are there", hides_no_mounts_of_others},
    {"A8: make_mount: what a container inside hides is hidden", hides_what_the_inner_one_hides},
    {"A8: make_mount: hidepid and read-only of a container inside are kept",
     keeps_options_of_the_inner_one},
    {"A8: make_mount: where it has processes only, it gets no more",
     shows_processes_to_the_inner_one},
    {"A8: make_mount: where it has no proc, it gets none", gives_none_to_who_has_none},
    {"A2: make_mount: only what has to be kept is locked", locks_what_has_to_be_kept_only},
    {"A1: make_mount: nothing is lent for file systems of the whole machine",
     refuses_what_is_of_the_machine},
    {"A1: make_mount: cgroups are lent to nobody", shares_no_cgroups},
    {"A13: reach: no option opens a device or a file", opens_nothing_but_a_source},
    {"make_mount: a source that is a name only is not looked for",
     looks_for_no_source_that_is_a_name},
    {"A1: make_mount: no key of the machine's users is used", takes_no_keys_of_others},
    {"A13: make_mount: what is lent shares no cache and no network with the machine",
     shares_no_cache_and_no_network},
    {"A1: make_mount: known options are lent, and own power has all", lends_options_that_are_known},
    {"A2: make_mount: whoever has all power in a container gets no devices", keeps_devices_out},
    {"make_mount: terminals are devices that open", has_terminals_of_its_own},
    {"A1: make_mount: a lent mount is in one place only", mounts_nowhere_else},
    {"A1: make_mount: nothing is mounted in what is nowhere yet", mounts_on_no_tree_of_others},
    {"A1: make_mount: what the kernel shows is not covered", covers_nothing_of_the_kernel},
    {"A8: masks: files are covered by a device of our own", masks_by_a_device_of_its_own},
    {"A8: masks: what a network hides of itself is hidden", masks_networks}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
