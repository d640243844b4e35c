// SPDX-License-Identifier: Apache-2.0
#include "acting/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "acting/handed_calls.h"
#include "acting/helper_start.h"
#include "kernel/message.h"
#include "kernel/process_files.h"
#include "kernel/scheduling.h"
#include "process/ending_children.h"

namespace seccompagent {

namespace {

// Nothing: it can't be read.
[[nodiscard]] std::optional<std::vector<pid_t>> read_children(pid_t helper) {
  const std::string name = std::to_string(helper);
  const auto text = read_file("/proc/" + name + "/task/" + name + "/children");
  if (!text) return std::nullopt;
  std::vector<pid_t> children;
  std::istringstream list(*text);
  for (pid_t child = 0; list >> child;) children.push_back(child);
  return children;
}

}  // namespace

std::vector<pid_t> children_of(pid_t helper) {
  return read_children(helper).value_or(std::vector<pid_t>());
}

HelperWork work_of(pid_t helper) {
  bool is_working = is_runnable(helper);
  Nanoseconds computed = computed_by(helper);
  const auto children = read_children(helper);
  if (!children && !is_working) return {.is_working = std::nullopt, .computed = computed};
  for (const pid_t child : children.value_or(std::vector<pid_t>())) {
    is_working = is_working || is_runnable(child);
    computed += computed_by(child);
  }
  return {.is_working = is_working, .computed = computed};
}

void end_now(HelperProcess process, Payer payer) {
  syscall(SYS_pidfd_send_signal, process.child.pidfd.get(), SIGKILL, nullptr, 0);
  EndingChildren::of_process().add({.process = std::move(process.child),
                                    .payer = payer,
                                    .since = now(),
                                    .lifeline = std::move(process.lifeline),
                                    .used = std::move(process.cgroups)});
}

Result<std::shared_ptr<CompletionMemory>> CompletionMemory::make() {
  UniqueFd memory(memfd_create("seccompagent-completion", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.is_open()) return fail_errno();
  // whoever maps it finds it whole
  if (ftruncate(memory.get(), sizeof(Completion)) == -1 ||
      fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1) {
    return fail_errno();
  }
  void* const mapped =
      mmap(nullptr, sizeof(Completion), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno();
  return std::make_shared<CompletionMemory>(static_cast<Completion*>(mapped), std::move(memory));
}

CompletionMemory::~CompletionMemory() { munmap(completion_, sizeof(Completion)); }

bool LettingGo::is_over() const {
  const std::uint32_t left = number - by->get().let_go.load(std::memory_order_acquire);
  // those after it count on
  return left == 0 || left > ~0U / 2;
}

Helper::Helper(HelperProcess process, UniqueFd socket, HelperIdentity identity,
               std::shared_ptr<CompletionMemory> completion)
    : process_(std::move(process)),
      socket_(std::move(socket)),
      identity_(std::move(identity)),
      completion_(std::move(completion)) {}

Result<HelperAnswer> Helper::ask(std::span<const std::byte> message, std::span<const int> fds,
                                 const Patience& patience, UniqueFd& fd) {
  TimeTaken taken;
  return ask(message, fds, patience, fd, taken);
}

Result<HelperAnswer> Helper::ask(std::span<const std::byte> message, std::span<const int> fds,
                                 const Patience& patience, UniqueFd& fd, TimeTaken& taken) {
  const ChildWait wait(patience);
  HandedCalls::of_process().unwatch(*this);
  if (!message.empty()) {
    if (const auto told = tell(message, fds); !told) return std::unexpected(told.error());
  }
  auto answer = await_answer(patience, taken);
  if (!answer || answer->held < 0) return answer;
  fd.reset(static_cast<int>(syscall(SYS_pidfd_getfd, process_.child.pidfd.get(), answer->held, 0)));
  if (!fd.is_open()) return fail_errno();
  const std::byte has_taken = {};
  if (const auto sent = send_message(socket_.get(), std::span(&has_taken, 1), {}); !sent)
    return std::unexpected(sent.error());
  if (answer->is_let_go_counted && completion_) {
    ++taken_count_;
    return answer;
  }
  answer = await_answer(patience, taken);
  if (answer && answer->held >= 0) return fail(EBADMSG);
  return answer;
}

Result<void> Helper::tell(std::span<const std::byte> message, std::span<const int> fds) {
  return send_message(socket_.get(), message, fds);
}

bool Helper::may_leave() {
  if (!is_started_) return false;
  if (identity_.role == HelperRole::mounts) return true;
  // with a label, its child does not say when it acts on a device
  if (!completion_) return false;
  CgroupStay stay = CgroupStay::free;
  return completion_->get().stay.compare_exchange_strong(stay, CgroupStay::left) ||
         stay == CgroupStay::left;
}

// Again at each look: it may have started others meanwhile.
void Helper::leave_pause() {
  if (process_.cgroups->are_paused() && may_leave()) process_.cgroups->leave(process_.child.pid);
}

bool Helper::has_left() const { return process_.cgroups->is_left(); }

bool Helper::is_lost() const {
  pollfd socket = {.fd = socket_.get(), .events = POLLIN | POLLRDHUP, .revents = 0};
  return poll(&socket, 1, 0) != 0;
}

Result<HelperAnswer> Helper::await_answer(const Patience& patience, TimeTaken& taken) {
  static thread_local std::vector<std::byte> buffer(kMaxMessage);
  int looks_without_work = 0;
  std::optional<Nanoseconds> first_computed;
  Nanoseconds first_look = 0;
  for (;;) {
    const auto received = receive_message(socket_.get(), buffer);
    if (received) return decode_answer(std::span(buffer).first(received->length));
    if (received.error() != Errno{EAGAIN}) return std::unexpected(received.error());
    if (is_killed_.load()) become_fair(process_.child.pid);
    leave_pause();
    // where the machine is busy, helpers may be slow without anybody's doing
    const HelperWork work = work_of(process_.child.pid);
    taken.note(work.is_working.value_or(false), TimeTaken::kMaxSeen, work.computed);
    if (taken.left(patience) == 0) return fail(ETIMEDOUT);
    if (!first_computed) {
      first_computed = work.computed;
      first_look = now();
    }
    // by its container's own limit of processor time, it may wait for that for as long as it likes
    constexpr Nanoseconds kPart = 10;
    const bool is_throttled = (work.computed - *first_computed) * kPart < now() - first_look;
    const bool has_to_end =
        patience.is_given_up() && (is_throttled || !work.is_working.value_or(true));
    looks_without_work = has_to_end ? looks_without_work + 1 : 0;
    if (looks_without_work == 2) return fail(ETIMEDOUT);
  }
}

bool Helper::drain() {
  static thread_local std::vector<std::byte> buffer(kMaxMessage);
  pollfd readable = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
  while (poll(&readable, 1, 0) > 0) {
    const auto received = receive_message(socket_.get(), buffer);
    if (!received) return false;
    const auto said = decode_answer(std::span(buffer).first(received->length));
    if (!said || !said->is_waiting) return false;
  }
  return true;
}

}  // namespace seccompagent
