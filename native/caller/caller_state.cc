// SPDX-License-Identifier: Apache-2.0
// The state of a thread by its stat, status, schedstat, wchan and pagemap.
#include "caller/caller_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>

#include "caller/long_statuses.h"
#include "caller/memory_use.h"
#include "caller/proc_text.h"
#include "kernel/clock.h"
#include "kernel/root_mount.h"

namespace seccompagent {
namespace {

// Those of all threads.
struct KeptStates {
  std::mutex mutex;
  std::vector<CallerState*> states;
};

KeptStates& kept_states() {
  // threads may end after everything else has
  static KeptStates& all = *new KeptStates;
  return all;
}

struct KeptState {
  KeptState() {
    KeptStates& all = kept_states();
    const std::lock_guard lock(all.mutex);
    all.states.push_back(&state);
  }
  KeptState(const KeptState&) = delete;
  KeptState& operator=(const KeptState&) = delete;
  ~KeptState() {
    KeptStates& all = kept_states();
    const std::lock_guard lock(all.mutex);
    std::erase(all.states, &state);
  }

  CallerState state{0};
};

}  // namespace

CallerState& CallerState::of(pid_t tid) {
  static thread_local KeptState kept;
  CallerState& state = kept.state;
  if (state.entry_.tid() != tid) {
    state.slept_at_.reset();
    state.status_of_ = 0;
    state.entry_.turn_to(tid);
  }
  return state;
}

void CallerState::close_kept() {
  KeptStates& all = kept_states();
  const std::lock_guard lock(all.mutex);
  for (CallerState* state : all.states) state->entry_.close_if_unused();
}

Result<UniqueFd> CallerState::open(const char* what, int flags) {
  return entry_.with([&](int) { return entry_.open(what, flags); });
}

Result<std::string_view> CallerState::read_link(const char* what) {
  constexpr std::size_t kMax = 64;
  text_.resize(std::max(text_.size(), kMax));
  return entry_.with([&](int entry) -> Result<std::string_view> {
    const ssize_t length = readlinkat(entry, what, text_.data(), kMax);
    if (length == -1) return fail_errno();
    return std::string_view(text_.data(), static_cast<std::size_t>(length));
  });
}

std::uint64_t CallerState::mount_of_root() {
  return entry_.with([](int entry) -> Result<std::uint64_t> { return root_mount(entry, "root"); })
      .value_or(0);
}

std::optional<Places> CallerState::lasting_places() {
  const ThreadEntry::Use in_use(entry_);
  return places_of_ == entry_.generation() ? places_ : std::nullopt;
}

void CallerState::keep_places(const Places& places) {
  const ThreadEntry::Use in_use(entry_);
  places_ = places;
  places_of_ = entry_.generation();
}

Result<mode_t> CallerState::link_mode(const char* what) {
  return entry_.with([&](int entry) -> Result<mode_t> {
    struct stat link = {};
    if (fstatat(entry, what, &link, AT_SYMLINK_NOFOLLOW) == -1) return fail_errno();
    return link.st_mode;
  });
}

Result<const char*> CallerState::read_status_for(std::uint64_t notification, bool notes_sleep) {
  if (notification != 0 && status_of_ == notification) return status_text_.data();
  // A group takes up to 11 characters, and there can be 65,536.
  constexpr std::size_t kMax = 32UL * 1024;
  status_of_ = 0;
  slept_at_.reset();
  LongStatuses& long_ones = LongStatuses::of_process();
  if (long_ones.has(entry_.tid())) return fail(ETOOMANYREFS);
  status_text_.resize(kMax);
  const Nanoseconds start = now();
  return entry_.with([&](int) -> Result<const char*> {
    const auto file = entry_.kept(File::status, "status");
    if (!file) return std::unexpected(file.error());
    const auto turns_before = notes_sleep ? turns() : std::nullopt;
    // the kernel makes the text anew for each read, so it has to fit in one
    const auto length = MemoryUse().read(*file, std::span(status_text_).first(kMax - 1));
    if (!length) return std::unexpected(length.error());
    const std::size_t end = *length;
    if (end + 1 == kMax) {
      // with it the kernel keeps the whole text
      entry_.file(File::status).reset();
      long_ones.note(entry_.tid(), now() - start);
      return fail(ETOOMANYREFS);
    }
    status_text_[end] = '\0';
    if (turns_before) note_sleep({status_text_.data(), end}, *turns_before);
    status_of_ = notification;
    return status_text_.data();
  });
}

Result<const char*> CallerState::read_status() { return read_status_for(0, true); }

Result<const char*> CallerState::status_during(std::uint64_t notification) {
  return read_status_for(notification, false);
}

Result<std::string_view> CallerState::read_label(const char* what) {
  // longer than any that a thread can take on
  constexpr std::size_t kMax = 8UL * 1024;
  text_.resize(std::max(text_.size(), kMax));
  return entry_.with([&](int) -> Result<std::string_view> {
    const auto file = entry_.kept(File::label, what);
    if (!file) return std::unexpected(file.error());
    const ssize_t length = retry_eintr([&] { return pread(*file, text_.data(), kMax, 0); });
    if (length == -1) return fail_errno();
    return std::string_view(text_.data(), static_cast<std::size_t>(length));
  });
}

// The kernel checks what is asked of the memory's pages only where the memory still is some
// process's, see pagemap_read in fs/proc/task_mmu.c. Nothing is read, so nothing is locked.
bool CallerState::is_memory_known() const {
  char nothing = 0;
  const UniqueFd& pages = entry_.file(File::pagemap);
  return pages.is_open() && pread(pages.get(), &nothing, 1, 1) == -1 && errno == EINVAL;
}

Result<void> CallerState::know_memory(int entry) {
  // before its places are read: what is known is never of an older memory. Kernels without pagemap
  // are asked each time.
  entry_.file(File::pagemap) = entry_.open("pagemap", O_RDONLY).value_or(UniqueFd());
  FileText text;
  // the other stat has sums of all threads of the process
  const std::string own_stat = "task/" + std::to_string(entry_.tid()) + "/stat";
  const auto file = entry_.kept(File::stat, own_stat.c_str());
  if (!file) return std::unexpected(file.error());
  const auto stat = text_of(entry_.file(File::stat), text);
  if (!stat) return std::unexpected(stat.error());
  // 0: its memory is gone, or we may not see where it is
  if (fields(*stat, kStartOfStack, kStartOfStack + 1) == "0 ") return fail(EPERM);
  // a file system that never answers is not asked
  struct statx executed = {};
  if (statx(entry, "exe", AT_STATX_DONT_SYNC, STATX_INO, &executed) == -1) return fail_errno();
  memory_ = fields(*stat, kStartTime, kStartTime + 1);
  memory_ += fields(*stat, kStartOfCode, kStartOfStack + 1);
  memory_ += fields(*stat, kStartOfData, kExitCode);
  memory_ += std::to_string(executed.stx_dev_major) + ':' + std::to_string(executed.stx_dev_minor) +
             ':' + std::to_string(executed.stx_ino);
  return {};
}

// The memory, and the rights by its status.
Result<std::string> CallerState::program_of(const char* status) const {
  std::string program = memory_;
  const std::string_view all = status;
  for (const auto& [from, to] :
       {std::pair("\nUid:", "\nFDSize:"), std::pair("\nGroups:", "\nNStgid:"),
        std::pair("\nCapInh:", "\nSeccomp:")}) {
    const std::size_t begin = std::min(all.find(from), all.size());
    const std::size_t end = std::min(all.find(to, begin), all.size());
    program += all.substr(begin, end - begin);
  }
  return program;
}

Result<std::string> CallerState::read_program(std::uint64_t notification) {
  const auto status = read_status_for(notification, true);
  if (!status) return std::unexpected(status.error());
  const auto known = entry_.with([&](int entry) {
    auto result = know_memory(entry);
    if (!result) entry_.file(File::pagemap).reset();
    return result;
  });
  if (!known) return std::unexpected(known.error());
  return program_of(*status);
}

Result<std::string> CallerState::known_program(std::uint64_t notification) {
  const auto status = read_status_for(notification, true);
  if (!status) return std::unexpected(status.error());
  // not closed meanwhile: who does that leaves alone what is in use
  const bool is_known = entry_
                            .with([&](int) -> Result<void> {
                              return is_memory_known() ? Result<void>() : fail(EAGAIN);
                            })
                            .has_value();
  if (!is_known) return read_program(notification);
  return program_of(*status);
}

bool CallerState::is_awake() {
  FileText text;
  const auto channel = entry_.with([&](int) -> Result<std::string_view> {
    const auto file = entry_.kept(File::wchan, "wchan");
    if (!file) return std::unexpected(file.error());
    return text_of(entry_.file(File::wchan), text);
  });
  // the name of a function of the kernel, or 0 for a thread that waits in none
  return channel ? *channel == "0" : has_pending_signal();
}

bool CallerState::has_pending_signal() {
  const auto text = read_status();
  if (!text) return false;
  const std::string_view status = *text;
  const std::uint64_t pending = mask_of(status, "\nSigPnd:") | mask_of(status, "\nShdPnd:");
  return pending != 0 && (pending & ~mask_of(status, "\nSigBlk:")) != 0;
}

Result<std::uint64_t> CallerState::limit(std::string_view name) {
  FileText text;
  const auto limits = entry_.with([&](int) -> Result<std::string_view> {
    const auto file = entry_.kept(File::limits, "limits");
    if (!file) return std::unexpected(file.error());
    return text_of(entry_.file(File::limits), text);
  });
  if (!limits) return std::unexpected(limits.error());
  const auto max = count_of(*limits, name);
  return max ? Result<std::uint64_t>(*max) : fail(EINVAL);
}

bool CallerState::has_descriptor(std::uint64_t number) {
  const std::string what = "fd/" + std::to_string(number);
  // that there is none is no error, which would have the entry opened anew
  return entry_
      .with([&](int entry) -> Result<bool> {
        struct stat link = {};
        return fstatat(entry, what.c_str(), &link, AT_SYMLINK_NOFOLLOW) == 0;
      })
      .value_or(false);
}

Result<std::uint64_t> CallerState::max_file_size() {
  const auto max = limit("\nMax file size");
  // a word in place of a number
  if (!max && max.error() == Errno{EINVAL}) return std::numeric_limits<std::uint64_t>::max();
  return max;
}

// The kernel gives the lowest number that is free, so the last one is mostly the last to be taken.
// With that one taken, what counts is how many there are, and those of them that are beyond the
// limit, which was higher once, leave some of the first ones free.
bool CallerState::has_all_descriptors() {
  constexpr std::uint64_t kFirstOnes = 256;
  const auto max = limit("\nMax open files");
  if (!max) return false;
  if (*max == 0) return true;
  if (!has_descriptor(*max - 1)) return false;
  const auto folder = entry_.with([&](int entry) -> Result<struct stat> {
    struct stat found = {};
    if (fstatat(entry, "fd", &found, 0) == -1) return fail_errno();
    return found;
  });
  // before Linux 6.2 it is 0
  if (!folder || static_cast<std::uint64_t>(folder->st_size) < *max) return false;
  for (std::uint64_t number = 0; number < std::min(*max, kFirstOnes); ++number) {
    if (!has_descriptor(number)) return false;
  }
  return true;
}

std::optional<std::uint64_t> CallerState::turns() {
  const auto file = entry_.kept(File::schedstat, "schedstat");
  if (!file) return std::nullopt;
  FileText text;
  const auto numbers = text_of(entry_.file(File::schedstat), text);
  return numbers ? turns_in(*numbers) : std::nullopt;
}

// A thread that sleeps has left a processor as often as it got one. If it had got one as often
// before its state was read as it has left one after that, it was asleep all the while.
void CallerState::note_sleep(std::string_view status, std::uint64_t turns_before) {
  if (!behind(status, "\nState:").starts_with("S ")) return;
  // they are the last lines
  constexpr std::size_t kCounts = 128;
  const std::string_view end = status.substr(status.size() - std::min(kCounts, status.size()));
  const auto voluntary = count_of(end, "\nvoluntary_ctxt_switches:");
  const auto forced = count_of(end, "\nnonvoluntary_ctxt_switches:");
  if (!voluntary || !forced) return;
  if (turns_before == *voluntary + *forced) slept_at_ = turns_before;
}

void CallerState::note_turn() {
  if (slept_at_) ++*slept_at_;
}

bool CallerState::has_slept_on() {
  if (!slept_at_) return false;
  const ThreadEntry::Use in_use(entry_);
  return entry_.file(File::schedstat).is_open() && turns() == slept_at_;
}

}  // namespace seccompagent
