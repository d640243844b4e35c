// SPDX-License-Identifier: Apache-2.0
// Sizes and times of files are changed with the rights of the caller.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "acting_as.h"
#include "check.h"
#include "files/file_operation.h"
#include "kernel/border.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {
namespace {

constexpr std::uint32_t kOwner = 1000;
constexpr std::uint32_t kOther = 1001;
constexpr std::int64_t kThen = 1'000'000'000;
constexpr NewTime kNow = {.change = TimeChange::now, .nanoseconds = 0, .seconds = 0};
constexpr NewTime kOmit = {.change = TimeChange::omit, .nanoseconds = 0, .seconds = 0};
constexpr NewTime kOld = {.change = TimeChange::set, .nanoseconds = 7, .seconds = kThen};

class There : public Validity {
 public:
  [[nodiscard]] bool is_gone() const override { return false; }
};

// A folder with a file of the owner's, that everybody may write, and a link to it.
UniqueFd stage() {
  CHECK_EQUAL(unshare(CLONE_NEWNS), 0);
  CHECK_EQUAL(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  CHECK_EQUAL(mount("none", "/mnt", "tmpfs", 0, "mode=755"), 0);
  umask(0);
  const UniqueFd file(open("/mnt/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
  CHECK_EQUAL(ftruncate(file.get(), 10), 0);
  CHECK_EQUAL(fchown(file.get(), kOwner, kOwner), 0);
  CHECK_EQUAL(symlink("file", "/mnt/link"), 0);
  CHECK_EQUAL(lchown("/mnt/link", kOwner, kOwner), 0);
  CHECK_EQUAL(mkdir("/mnt/folder", 0777), 0);
  return UniqueFd(open("/mnt", O_PATH | O_CLOEXEC));
}

int operate(const UniqueFd& folder, std::uint32_t uid, const FileRequest& request) {
  const ActingAs caller(uid);
  const FilePlace place = {.base = folder.get(), .second_base = -1, .processes = own_processes()};
  const FileAnswer answer = operate_on_file(request, place, There());
  CHECK(!answer.is_gone);
  return answer.error;
}

FileRequest request_for(FileOperation operation, const char* path) {
  return {.operation = operation, .path = path, .second_path = "", .name = "", .data = ""};
}

int truncated(const UniqueFd& folder, std::uint32_t uid, const char* path, std::uint64_t length,
              std::uint64_t max = RLIM_INFINITY) {
  FileRequest request = request_for(FileOperation::truncate, path);
  request.first = static_cast<std::uint32_t>(length);
  request.second = static_cast<std::uint32_t>(length >> 32);
  request.max_size = max;
  return operate(folder, uid, request);
}

using Times = std::vector<NewTime>;

int timed(const UniqueFd& folder, std::uint32_t uid, const char* path, const Times& times,
          bool is_followed = true) {
  FileRequest request = request_for(FileOperation::set_times, path);
  request.is_followed = is_followed;
  request.data.assign(reinterpret_cast<const char*>(times.data()), times.size() * sizeof(NewTime));
  return operate(folder, uid, request);
}

struct stat status_of(const char* path) {
  struct stat found = {};
  CHECK_EQUAL(lstat(path, &found), 0);
  return found;
}

bool is_recent(const timespec& time) { return std::time(nullptr) - time.tv_sec < 100; }

void truncates_with_the_rights_of_the_caller() {
  const UniqueFd folder = stage();
  CHECK_EQUAL(truncated(folder, kOwner, "file", 5), 0);
  CHECK_EQUAL(status_of("/mnt/file").st_size, 5);
  CHECK_EQUAL(truncated(folder, kOther, "link", 0x1'0000'0001), 0);
  CHECK_EQUAL(status_of("/mnt/file").st_size, 0x1'0000'0001);
  CHECK_EQUAL(chmod("/mnt/file", 0644), 0);
  CHECK_EQUAL(truncated(folder, kOther, "file", 0), EACCES);
  CHECK_EQUAL(truncated(folder, 0, "file", 3), 0);
  CHECK_EQUAL(status_of("/mnt/file").st_size, 3);
  CHECK_EQUAL(truncated(folder, kOwner, "folder", 0), EISDIR);
  CHECK_EQUAL(truncated(folder, kOwner, "none", 0), ENOENT);
}

void keeps_the_callers_limit_of_sizes() {
  const UniqueFd folder = stage();
  // as a helper does
  CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  CHECK_EQUAL(truncated(folder, kOwner, "file", 100, 100), 0);
  CHECK_EQUAL(truncated(folder, kOwner, "file", 101, 100), EFBIG);
  // what gets shorter is not limited
  CHECK_EQUAL(truncated(folder, kOwner, "file", 50, 10), 0);
  CHECK_EQUAL(status_of("/mnt/file").st_size, 50);
  CHECK_EQUAL(chmod("/mnt/file", 0644), 0);
  CHECK_EQUAL(truncated(folder, kOther, "file", 101, 100), EACCES);
  CHECK_EQUAL(truncated(folder, kOwner, "folder", 101, 100), EISDIR);
  rlimit limit = {};
  CHECK_EQUAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
  CHECK_EQUAL(limit.rlim_cur, RLIM_INFINITY);
}

void grows_files_of_overlays() {
  constexpr std::uint64_t kLonger = 1048576;
  (void)stage();
  CHECK_EQUAL(system("cd /mnt && mkdir lower upper work merged && cp -p file lower/file &&"
                     " mount -t overlay none merged"
                     " -o lowerdir=lower,upperdir=upper,workdir=work"),
              0);
  const UniqueFd merged(open("/mnt/merged", O_PATH | O_CLOEXEC));
  CHECK_EQUAL(truncated(merged, kOwner, "file", kLonger), 0);
  CHECK_EQUAL(status_of("/mnt/merged/file").st_size, static_cast<off_t>(kLonger));
  CHECK_EQUAL(status_of("/mnt/lower/file").st_size, 10);
}

void keeps_the_callers_limit_where_an_overlay_copies() {
  (void)stage();
  CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  CHECK_EQUAL(system("cd /mnt && mkdir lower upper work merged && cp -p file lower/file &&"
                     " mount -t overlay none merged"
                     " -o lowerdir=lower,upperdir=upper,workdir=work"),
              0);
  const UniqueFd merged(open("/mnt/merged", O_PATH | O_CLOEXEC));
  CHECK_EQUAL(truncated(merged, kOwner, "file", 101, 100), EFBIG);
  CHECK_EQUAL(status_of("/mnt/merged/file").st_size, 10);
}

void does_not_cut_programs_that_run() {
  const UniqueFd folder = stage();
  CHECK_EQUAL(system("cp /bin/sleep /mnt/program && chmod 777 /mnt/program"), 0);
  const pid_t child = fork();
  if (child == 0) {
    // who is about to write it keeps it from being executed, too
    for (;;) execl("/mnt/program", "sleep", "100", nullptr);
  }
  // until it has begun: a length of the same size changes nothing
  const auto size = static_cast<std::uint64_t>(status_of("/mnt/program").st_size);
  while (truncated(folder, kOther, "program", size) == 0) usleep(1000);
  CHECK_EQUAL(truncated(folder, kOther, "program", 0), ETXTBSY);
  CHECK_EQUAL(kill(child, SIGKILL), 0);
  CHECK_EQUAL(waitpid(child, nullptr, 0), child);
}

void sets_times_as_the_owner() {
  const UniqueFd folder = stage();
  CHECK_EQUAL(timed(folder, kOwner, "file", {kOld, kNow}), 0);
  CHECK_EQUAL(status_of("/mnt/file").st_atim.tv_sec, kThen);
  CHECK_EQUAL(status_of("/mnt/file").st_atim.tv_nsec, 7);
  CHECK(is_recent(status_of("/mnt/file").st_mtim));
  CHECK_EQUAL(timed(folder, kOwner, "file", {kOmit, kOld}), 0);
  CHECK_EQUAL(status_of("/mnt/file").st_atim.tv_sec, kThen);
  CHECK_EQUAL(status_of("/mnt/file").st_mtim.tv_sec, kThen);
  CHECK_EQUAL(timed(folder, kOwner, "file", {}), 0);
  CHECK(is_recent(status_of("/mnt/file").st_atim));
  const NewTime no_time = {.change = TimeChange::set, .nanoseconds = 1'000'000'000, .seconds = 0};
  CHECK_EQUAL(timed(folder, kOwner, "file", {no_time, kOmit}), EINVAL);
  CHECK_EQUAL(timed(folder, kOwner, "none", {no_time, kOmit}), ENOENT);
}

void lets_writers_say_now_alone() {
  const UniqueFd folder = stage();
  CHECK_EQUAL(timed(folder, kOwner, "file", {kOld, kOld}), 0);
  CHECK_EQUAL(timed(folder, kOther, "file", {kOld, kOld}), EPERM);
  CHECK_EQUAL(timed(folder, kOther, "file", {kNow, kOmit}), EPERM);
  CHECK_EQUAL(timed(folder, kOther, "file", {kNow, kNow}), 0);
  CHECK(is_recent(status_of("/mnt/file").st_mtim));
  CHECK_EQUAL(timed(folder, kOther, "file", {}), 0);
  CHECK_EQUAL(chmod("/mnt/file", 0644), 0);
  CHECK_EQUAL(timed(folder, kOther, "file", {}), EACCES);
  CHECK_EQUAL(timed(folder, 0, "file", {kOld, kOld}), 0);
}

void follows_links_where_it_is_asked_to() {
  const UniqueFd folder = stage();
  CHECK_EQUAL(timed(folder, kOwner, "link", {kOld, kOld}, false), 0);
  CHECK_EQUAL(status_of("/mnt/link").st_mtim.tv_sec, kThen);
  CHECK(is_recent(status_of("/mnt/file").st_mtim));
  CHECK_EQUAL(timed(folder, kOwner, "link", {kOmit, kOld}), 0);
  CHECK_EQUAL(status_of("/mnt/file").st_mtim.tv_sec, kThen);
  const UniqueFd file(open("/mnt/file", O_PATH | O_CLOEXEC));
  CHECK_EQUAL(timed(file, kOwner, "", {kNow, kNow}), 0);
  CHECK(is_recent(status_of("/mnt/file").st_mtim));
}

void changes_nothing_on_mounts_that_are_read_only() {
  (void)stage();
  CHECK_EQUAL(mount(nullptr, "/mnt", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  const UniqueFd folder(open("/mnt", O_PATH | O_CLOEXEC));
  CHECK_EQUAL(truncated(folder, kOwner, "file", 0), EROFS);
  CHECK_EQUAL(truncated(folder, kOwner, "file", 101, 100), EROFS);
  CHECK_EQUAL(timed(folder, kOwner, "file", {kOld, kOld}), EROFS);
}

constexpr Case kCases[] = {
    {"size and times: the rights of the caller decide who truncates",
     truncates_with_the_rights_of_the_caller},
    {"size and times: RLIMIT_FSIZE of the caller holds", keeps_the_callers_limit_of_sizes},
    {"size and times: a file of an overlay's lower layer may grow", grows_files_of_overlays},
    {"size and times: RLIMIT_FSIZE of the caller holds where an overlay copies",
     keeps_the_callers_limit_where_an_overlay_copies},
    {"size and times: a program that runs is ETXTBSY", does_not_cut_programs_that_run},
    {"size and times: the owner sets, omits and renews times", sets_times_as_the_owner},
    {"size and times: who may write a file may set both times to now", lets_writers_say_now_alone},
    {"size and times: symbolic links are followed unless the call says otherwise",
     follows_links_where_it_is_asked_to},
    {"size and times: read-only mounts stay as they are",
     changes_nothing_on_mounts_that_are_read_only}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
