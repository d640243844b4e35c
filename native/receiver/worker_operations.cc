// SPDX-License-Identifier: Apache-2.0
// Operations of a worker's handler for the caller: they may wait for a container's file system or
// memory, so others take over meanwhile.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "caller/caller_state.h"
#include "caller/namespaces.h"
#include "caller/string_list.h"
#include "helper/mountinfo.h"
#include "kernel/root_mount.h"
#include "process/ending_children.h"
#include "receiver/worker.h"

namespace seccompagent {
namespace {

// Of one call: their time is not the handler's own, so they are counted.
constexpr int kMaxOperations = 1000;
// An operation that takes less shows that its container's are quick.
constexpr Nanoseconds kQuickOperation = 20 * kMillisecond;

}  // namespace

void Worker::wake_another() {
  end_exclusive();
  receiver_->mark_blocked(place_);
  receiver_->wake_another();
}

Result<void> Worker::count_operation() {
  if (operation_count_ >= kMaxOperations) return fail(EDQUOT);
  ++operation_count_;
  return {};
}

Result<void> Worker::begin_operation() {
  if (operation_time_ >= kMaxOperationTime) return fail(ETIME);
  if (const auto counted = count_operation(); !counted) return counted;
  // what comes of it is for this program alone
  if (has_call_ && may_come_again()) note_program();
  const Nanoseconds time = now();
  place_.operation_start.store(time);
  // A worker that takes over from one that is back at once costs more than it gains, unless many
  // call; if it is not back, the watcher sees it.
  const bool is_back_soon = receiver_->operation_trust_.is_trusted(time) &&
                            receiver_->crowd_.load(std::memory_order_relaxed) == 0;
  if (!is_back_soon) {
    end_exclusive();
    receiver_->mark_blocked(place_);
  }
  place_.phase.store(Phase::operating);
  if (!is_back_soon) receiver_->wake_another();
  return {};
}

Patience Worker::patience() const {
  // a file system that is only slow is to have its time where nobody else needs it
  constexpr Nanoseconds kMaxIfNeeded = 3 * kSecond;
  const Nanoseconds left = kMaxOperationTime - operation_time_ - place_.operation_age();
  return {.max = std::max(left, kMillisecond),
          .is_needed = &receiver_->is_starved_,
          .max_if_needed = kMaxIfNeeded,
          .given_up = &place_.given_up,
          .begun = place_.operation_start.load(),
          .is_awaiting = &place_.is_awaiting};
}

// While a caller can keep us waiting; what was read counts only if the call is still there.
template <typename Access>
Result<std::size_t> Worker::with_caller_memory(Access access) {
  const auto call = current();
  if (!call) return std::unexpected(call.error());
  auto result = [&] {
    const MemoryAccess memory(*this, reader());
    return access(*call, memory.reader());
  }();
  if (!listener_->is_valid(pending_.notification.id)) return fail(ESRCH);
  return result;
}

Result<std::size_t> Worker::read_caller(std::uint64_t address, std::span<std::byte> out) {
  return with_caller_memory([&](const CallId& call, const Reader& reader) {
    return read_some(call.tid, address, out, reader);
  });
}

Result<std::size_t> Worker::read_caller_strings(std::uint64_t address, bool is_narrow,
                                                std::span<std::byte> out) {
  return with_caller_memory([&](const CallId& call, const Reader& reader) {
    const StringList list = {
        .tid = call.tid, .address = address, .is_narrow = is_narrow, .reader = reader};
    return read_string_list(list, out);
  });
}

Result<std::size_t> Worker::write_caller(std::uint64_t address, std::span<const std::byte> bytes) {
  const auto write = [&](const CallId& call, const Reader& reader) -> Result<std::size_t> {
    // a signal could end the call between the question and the write
    if (!listener_->waits_killable) return fail(EOPNOTSUPP);
    const auto written = write_bytes(call, address, bytes, reader);
    if (!written) return std::unexpected(written.error());
    return bytes.size();
  };
  return with_caller_memory(write);
}

Result<Masks> Worker::container_masks() const {
  if (!listener_) return fail(ESRCH);
  return listener_->masks->strictest(listener_->first_pid, listener_->first_process);
}

std::shared_ptr<const Spared> Worker::spared(std::string_view paths) const {
  return listener_ ? listener_->paths->spared(paths) : nullptr;
}

std::shared_ptr<const FirstMounts> Worker::first_mounts() const {
  return listener_ ? listener_->paths->first_mounts() : nullptr;
}

const FirstPlaces* Worker::first_places() const {
  if (!listener_ || !listener_->places) return nullptr;
  // somebody else may get the numbers of what it had
  pollfd ended = {.fd = listener_->first_process.get(), .events = POLLIN, .revents = 0};
  return poll(&ended, 1, 0) == 0 ? listener_->places.get() : nullptr;
}

// Numbers of mounts tell which namespace they are of: whoever asks for that itself may have to
// wait.
bool Worker::has_mounts_of_first() const {
  if (!has_call_) return false;
  const pid_t tid = pending_.notification.tid;
  const auto first = mountinfo_of(listener_->first_process);
  const auto file = CallerState::of(tid).open("mountinfo", O_RDONLY);
  const auto theirs = file ? read_mountinfo(*file) : fail(file.error().number);
  return first && theirs && !first->empty() && *first == *theirs &&
         listener_->is_valid(pending_.notification.id);
}

Result<bool> Worker::has_root_of_first(Target& target) const {
  const FirstPlaces* const first = first_places();
  if (first == nullptr) return false;
  // no other directory is the root of that mount
  if (first->rooted_mount != 0 && target.root_mount != 0)
    return target.root_mount == first->rooted_mount;
  constexpr unsigned kWanted = kUniqueMount | STATX_MNT_ID | STATX_INO;
  if (!target.root.is_open()) {
    auto root = CallerState::of(target.call.tid).open("root", O_PATH | O_DIRECTORY);
    if (root) target.root = std::move(*root);
  }
  struct statx theirs = {};
  constexpr int kOpened = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  const bool is_known = statx(target.root.get(), "", kOpened, kWanted, &theirs) == 0;
  if (!listener_->is_valid(target.call.id)) return fail(ESRCH);
  const bool is_acted_in = target.root_mount == 0 || target.root_mount == first->root_mount;
  return is_known && is_acted_in && theirs.stx_mnt_id == first->root_mount &&
         theirs.stx_ino == first->root_inode;
}

bool Worker::may_lend(const Target& target) const {
  if (!listener_) return false;
  if (listener_->peer_uid == 0) return true;
  const auto are_ours = has_mounts_of_ours(target.call.tid);
  return are_ours && !*are_ours;
}

bool Worker::await_room() {
  EndingChildren& ending = EndingChildren::of_process();
  constexpr Patience kNone = {.max = 0};
  if (ending.await_room(owner().payer, kNone)) return true;
  if (!begin_operation()) return false;
  const bool has_room = ending.await_room(owner().payer, patience());
  end_operation(Effect::unknown);
  return has_room;
}

Result<std::uint32_t> Worker::keep(CallersFd fd) {
  constexpr std::size_t kMax = 64;
  if (descriptors_.size() >= kMax) return fail(EMFILE);
  descriptors_.push_back(std::move(fd));
  return static_cast<std::uint32_t>(descriptors_.size() - 1);
}

int Worker::kept(std::uint32_t place) const {
  return place < descriptors_.size() ? descriptors_[place].get() : -1;
}

Result<void> Worker::note_found(FoundPath found) {
  constexpr std::size_t kMax = 64;
  std::erase_if(found_paths_, [&found](const FoundPath& other) {
    return other.is_second == found.is_second && other.path == found.path;
  });
  if (found_paths_.size() >= kMax) return fail(EMFILE);
  found_paths_.push_back(std::move(found));
  return {};
}

void Worker::note_letting_go(LettingGo letting_go) {
  std::erase_if(letting_go_, [&](const LettingGo& other) { return other.by == letting_go.by; });
  letting_go_.push_back(std::move(letting_go));
}

// The caller may unmount what is there as soon as it goes on.
void Worker::let_go_of_found(const Helper* answering) {
  // whoever keeps its helper from running has what it looked up busy itself
  constexpr Nanoseconds kMost = 100 * kMillisecond;
  constexpr Nanoseconds kStep = 50 * kMicrosecond;
  constexpr int kYields = 3;
  found_paths_.clear();
  if (letting_go_.empty()) return;
  const auto left = std::exchange(letting_go_, {});
  const auto is_over = [answering](const LettingGo& each) {
    // it does one thing after the other
    return each.is_over() || (answering != nullptr && answering->letting_go().by == each.by);
  };
  if (is_void_ || std::ranges::all_of(left, is_over) || !begin_operation()) return;
  const Nanoseconds until = now() + kMost;
  for (int looks = 0; !std::ranges::all_of(left, is_over) && now() < until; ++looks) {
    if (looks < kYields) {
      sched_yield();
    } else {
      pause_for(kStep);
    }
  }
  end_operation(Effect::unknown);
}

const FoundPath* Worker::found_path(std::string_view path, bool is_second) const {
  const auto found = std::ranges::find_if(found_paths_, [&](const FoundPath& each) {
    return each.is_second == is_second && each.path == path;
  });
  return found == found_paths_.end() ? nullptr : &*found;
}

void Worker::lose_patience() {
  operation_time_ = kMaxOperationTime;
  if (listener_) listener_->container->given_up_count.fetch_add(1, std::memory_order_relaxed);
}

void Worker::end_operation(Effect effect) {
  end_being_held();
  const Nanoseconds end = now();
  const Nanoseconds time = end - place_.operation_start.load();
  const bool is_given_up = operation_time_ >= kMaxOperationTime;
  if (listener_ && !is_given_up)
    listener_->container->operation_end.store(end, std::memory_order_relaxed);
  operation_time_ += time;
  receiver_->operation_trust_.note(operation_time_, end);
  if (listener_ && time < kQuickOperation)
    listener_->container->given_up_count.store(0, std::memory_order_relaxed);
  place_.phase.store(Phase::handling);
  has_acted_ = has_acted_ || effect == Effect::done;
  is_void_ = effect == Effect::none && !has_acted_;
}

}  // namespace seccompagent
