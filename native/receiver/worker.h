// SPDX-License-Identifier: Apache-2.0
// One thread's place at the receiver.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "acting/acting.h"
#include "acting/handing_over.h"
#include "caller/memory_use.h"
#include "caller/target.h"
#include "container/caller_faults.h"
#include "helper/masks.h"
#include "kernel/border.h"
#include "kernel/result.h"
#include "process/child.h"
#include "receiver/call_memory.h"
#include "receiver/counters.h"
#include "receiver/found_path.h"
#include "receiver/inbox.h"
#include "receiver/receiver.h"

namespace seccompagent {

// At most one notification at a time is a worker's own, and that one is answered at most once.
class Worker : private MemoryUse::Watcher {
 public:
  // The inbox must hold kInboxSize bytes, aligned to 8; both must outlive the worker. `id` names
  // the worker in events. ENOSPC: there are too many workers.
  [[nodiscard]] static Result<std::unique_ptr<Worker>> attach(std::shared_ptr<Receiver> receiver,
                                                              std::byte* inbox,
                                                              CounterBlock counters,
                                                              std::uint32_t id);
  // A call that was not answered fails as its listener says.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Sends the answer that is in the inbox, then waits for the next event. A call whose answer is
  // missing fails as its listener says: it must not hang.
  [[nodiscard]] Result<EventKind> receive();
  // The notification being handled, by its newest id. ENOENT: there is none.
  [[nodiscard]] Result<CallId> current();
  // By which the current call is handled. ENOENT: there is none of this listener.
  [[nodiscard]] Result<std::shared_ptr<const Terms>> terms(std::uint32_t token);
  // Notes whose the current call is, before a signal or a freezer takes it back.
  void know_program() { (void)note_program(); }

  // Something slow begins: others receive meanwhile.
  void wake_another();
  // All others are told that memory is short, at once if they have nothing to do but sleep.
  void tell_shortage() { receiver_->tell_shortage(&place_); }
  // For what the host does at once. EDQUOT: a call has had as many as it may have.
  [[nodiscard]] Result<void> count_operation();
  // Around what may wait for a container's file system: others take over meanwhile. EDQUOT as
  // count_operation. ETIME: they took too long together.
  [[nodiscard]] Result<void> begin_operation();
  // For what is done in an operation.
  [[nodiscard]] Patience patience() const;
  // Of what is done for the container whose call this worker has.
  [[nodiscard]] Owner owner() const {
    return listener_ ? Owner{listener_->container->token, listener_->container->payer} : Owner{};
  }
  [[nodiscard]] const ActingCgroups* cgroups() const {
    return listener_ ? listener_->cgroups.get() : nullptr;
  }
  // Of the current call, or the last one.
  [[nodiscard]] pid_t tid() const { return pending_.notification.tid; }
  // Of the container whose call this worker has, which it must have.
  [[nodiscard]] const UniqueFd& first_process() const { return listener_->first_process; }
  // Parts of proc and sysfs that its container's first process does not see. ESRCH: it has ended,
  // or nobody knew it; others as masks_of_process.
  [[nodiscard]] Result<Masks> container_masks() const;
  // Null: nobody knows them, or the first process has ended.
  [[nodiscard]] const FirstPlaces* first_places() const;
  // Mounts that an unmount for its container spares; none: one of these paths is not held.
  [[nodiscard]] std::shared_ptr<const Spared> spared(std::string_view paths) const;
  // Of the call's container. Null: nobody knows them.
  [[nodiscard]] std::shared_ptr<const FirstMounts> first_mounts() const;
  // Whether the caller sees the mounts that the container's first process sees now: whoever leaves
  // a mount namespace leaves others there. False, too: nobody can tell.
  [[nodiscard]] bool has_mounts_of_first() const;
  // Whether the caller's root, which is pinned for that, was the first process's when it came.
  // False, too: that is not known, or has ended. ESRCH: the call is gone.
  [[nodiscard]] Result<bool> has_root_of_first(Target& target) const;
  // Whether power is lent to the caller of the current call. A user's containers have mounts of
  // their own, in a mount namespace of their user namespace: what has none is the user itself.
  [[nodiscard]] bool may_lend(const Target& target) const;
  // Waits until the container may have one more child that closes a file; an operation if it has to
  // wait. False: too many hang.
  [[nodiscard]] bool await_room();
  // Descriptors of the current call, by their places; they are closed with it.
  [[nodiscard]] Result<std::uint32_t> keep(CallersFd fd);
  // Of the caller's memory; see memory.h. ETIMEDOUT: the caller keeps it from us.
  [[nodiscard]] Result<std::size_t> read_caller(std::uint64_t address, std::span<std::byte> out);
  // See string_list.h: all its reads have one deadline.
  [[nodiscard]] Result<std::size_t> read_caller_strings(std::uint64_t address, bool is_narrow,
                                                        std::span<std::byte> out);
  // EOPNOTSUPP: a signal could take the call back in between, and the caller use the memory anew.
  [[nodiscard]] Result<std::size_t> write_caller(std::uint64_t address,
                                                 std::span<const std::byte> bytes);
  // -1: there is none.
  [[nodiscard]] int kept(std::uint32_t place) const;
  // Of the current call. The last look-up of a path counts. EMFILE: there are too many.
  [[nodiscard]] Result<void> note_found(FoundPath found);
  // It is over before the call is answered.
  void note_letting_go(LettingGo letting_go);
  // nullptr: nobody has had it looked up.
  [[nodiscard]] const FoundPath* found_path(std::string_view path, bool is_second) const;
  // One took as long as it may: there are no more for this call.
  void lose_patience();
  enum class Effect {
    // With any result: it must not be done twice.
    done,
    // The notification went away before: the handler has to be asked again when the call comes
    // back.
    none,
    // It failed on our side.
    unknown,
  };
  void end_operation(Effect effect);
  // Starts of an operation's paths.
  struct Paths {
    const Start& start;
    // nullptr: there is none.
    const Start* second;
    // The first one is about an open file, not about a path alone.
    bool needs_open_file;
  };
  // Whether the current call may be left to a helper.
  [[nodiscard]] bool may_leave() const;
  // Whether a call that is gone may be made again by its program; else only the end of its thread
  // takes it back, so that a helper may answer it.
  [[nodiscard]] bool may_come_again() const;
  // Gets everything ready; the answer `handed` hands it over. False: it has to be done in another
  // way. `start_at_found`: puts what was found in place of the bases; 0 or an errno of ours.
  [[nodiscard]] bool prepare_hand_over(FileRequest& request, const Paths& paths,
                                       const std::function<int(Target&)>& start_at_found);
  // The same for what waits for another process already.
  void prepare_hand_over(std::unique_ptr<Helper> waiting, bool is_close_on_exec) {
    ready_ = HandOver{.helper = std::move(waiting),
                      .message = {},
                      .fds = {},
                      .is_close_on_exec = is_close_on_exec};
  }
  // The current notification is gone: waits a little for the call to be made again. False: it was
  // not.
  [[nodiscard]] bool await_restart();

 private:
  // Of all operations of one call.
  static constexpr Nanoseconds kMaxOperationTime = 10 * kSecond;
  Worker(std::shared_ptr<Receiver> receiver, std::byte* inbox, CounterBlock counters,
         std::uint32_t id, Place& place);

  [[nodiscard]] bool read_memory(const Notification& notification, Reader reader,
                                 Pointers& pointers, std::span<std::byte> data);
  // memory_access.cc
  void end_being_held();
  // As long as the caller's memory is read or written to: others see that it may keep us waiting,
  // and whether it does is found out.
  class MemoryAccess {
   public:
    MemoryAccess(Worker& worker, Reader reader);
    MemoryAccess(const MemoryAccess&) = delete;
    MemoryAccess& operator=(const MemoryAccess&) = delete;
    ~MemoryAccess();
    [[nodiscard]] const Reader& reader() const { return reader_; }

   private:
    Worker& worker_;
    Reader reader_;
    Phase before_;
    // Of children that read.
    std::optional<TimeTaken> taken_;
    FaultWatch faults_;
  };
  [[nodiscard]] Reader reader() const;
  [[nodiscard]] Reader begin_use() override;
  void end_use() override;
  template <typename Access>
  [[nodiscard]] Result<std::size_t> with_caller_memory(Access access);
  void wait_among_slow();
  // Next turn of a worker without a call: to read, or to take a call that another one has queued.
  enum class Turn { none, reader, queued };
  [[nodiscard]] Turn await_turn();
  void sleep();
  [[nodiscard]] bool take_ended();
  [[nodiscard]] bool take_shortage();
  // exclusive_listener.cc
  void consider_exclusive();
  void end_exclusive();
  [[nodiscard]] bool receive_exclusively(Nanoseconds start);
  [[nodiscard]] bool admit_exclusive(Nanoseconds start);

  [[nodiscard]] bool take_next();
  [[nodiscard]] bool take_queued();
  [[nodiscard]] bool begin();
  [[nodiscard]] bool answer_kept();
  [[nodiscard]] bool is_more_pending();

  void note_broken();
  [[nodiscard]] Nanoseconds send_answer();
  [[nodiscard]] int given_fd() const;
  [[nodiscard]] Response answer_in_inbox(Counted& counted) const;
  void send_now(const Response& response, Counted counted, Nanoseconds time);
  void send_later(const Response& response, Counted counted, Nanoseconds time);
  [[nodiscard]] std::shared_ptr<GivenFd> take_given();
  void keep_lost(const Response& response, const std::shared_ptr<GivenFd>& given);
  [[nodiscard]] bool respond(const Response& response, GivenFd* given);
  [[nodiscard]] Result<void> give(GivenFd& given);
  // Whether an answer has reached its caller; perhaps: it is kept for the call that comes again.
  enum class Sent : std::uint8_t { no, yes, perhaps };
  // For what must not be done again.
  [[nodiscard]] Sent respond_once(const Response& response, GivenFd* given);
  [[nodiscard]] Sent respond_carefully(const Response& response, GivenFd* given);
  void count(Counted counted, Nanoseconds duration);
  // handing_over.cc
  [[nodiscard]] Result<Target> pin_for_files(const CallId& call, const Paths& paths);
  [[nodiscard]] bool hand_over(HandOver ready, Nanoseconds time);
  [[nodiscard]] bool take_performed();
  void forget_handed(std::uint32_t token);
  [[nodiscard]] Nanoseconds wait_for_handed() const;
  [[nodiscard]] bool await_handed();

  // Before the call is answered: by this helper, or by us.
  void let_go_of_found(const Helper* answering);
  void close_and_follow();
  [[nodiscard]] std::optional<Pending> take_parked();
  [[nodiscard]] bool adopt(const Pending& parked);
  // By what is known of the program, or by what is read anew, which what was noted is held against.
  enum class Look : std::uint8_t { known, anew };
  [[nodiscard]] Result<std::string> program_of(const Notification& notification, Look look);
  bool note_program(Look look = Look::known);
  [[nodiscard]] CallContent content() const;
  [[nodiscard]] CallContent content_of(const Notification& notification);

  const std::shared_ptr<Receiver> receiver_;
  Inbox* const inbox_;
  const std::span<std::byte> data_;
  const CounterBlock counters_;
  Place& place_;
  NotifyBuffers buffers_;
  // Calls in a row with nothing pending behind them.
  std::uint32_t quiet_calls_ = 0;
  // Reads in a row of one thread's calls.
  std::uint32_t steady_reads_ = 0;
  std::uint64_t steady_key_ = 0;
  int operation_count_ = 0;
  Nanoseconds operation_time_ = 0;

  // The current call, or the last one: most calls come from where the one before came from.
  std::shared_ptr<Listener> listener_;
  Pending pending_ = {};
  // As they were when the call was begun.
  std::shared_ptr<const Terms> terms_;
  bool has_call_ = false;
  bool has_acted_ = false;
  // Program of the current call; empty: nobody has looked while it was valid.
  std::string program_;
  // The handler was told that the notification is gone: its answer is for nobody.
  std::vector<CallersFd> descriptors_;
  std::vector<FoundPath> found_paths_;
  std::vector<LettingGo> letting_go_;
  bool is_void_ = false;
  // Of the current call.
  std::optional<HandOver> ready_;
  // Calls that helpers answer, until they are counted.
  struct Handed {
    std::shared_ptr<HandedCall> call;
    std::uint32_t token;
    // Their key in JavaScript.
    std::int64_t cookie;
    Nanoseconds received;
    Nanoseconds handed;
  };
  std::vector<Handed> handed_;
  // The one that JavaScript was just told of, to say which counters count it.
  std::optional<std::pair<Counted, Nanoseconds>> told_;
  // A call that follows it, of the same thread: this worker's own already.
  std::optional<OwnedCall> next_;
  // Its deadline has passed: it was answered, and this worker is to end.
  bool is_condemned_ = false;
  // Of what takes the caller's memory along.
  std::optional<MemoryAccess> use_;

  // Buffer for memory of other calls than the current one.
  std::vector<std::byte> scratch_;
};

}  // namespace seccompagent
