// SPDX-License-Identifier: Apache-2.0
// The epoll set of all listeners, and who receives from it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "container/resources.h"
#include "kernel/clock.h"
#include "kernel/notify.h"
#include "kernel/result.h"
#include "kernel/syscall_number.h"
#include "kernel/unique_fd.h"
#include "receiver/counters.h"
#include "receiver/events.h"
#include "receiver/inbox.h"
#include "receiver/late_answers.h"
#include "receiver/listener.h"
#include "receiver/listeners.h"
#include "receiver/operation_trust.h"
#include "receiver/place.h"
#include "receiver/quarantine.h"
#include "receiver/receive_delays.h"
#include "receiver/sender.h"
#include "receiver/shared_texts.h"
#include "receiver/worker_time.h"

namespace seccompagent {

class Worker;

struct PoolShape {
  // Number of workers that run at once while none of them is blocked.
  std::uint32_t running;
  // Workers beyond that number end when they have had nothing to do for a while.
  std::uint32_t fewest;
};

// Shared by all threads. One thread at a time waits in epoll and receives what is pending there: a
// worker takes the first call for itself and queues the others for whoever is free, then handles
// its own, and whoever is first to have nothing to do waits in epoll next. A lone caller is thus
// served by one worker alone, without a wake-up of another.
//
// While all workers are busy a thread of our own is the fallback reader: nothing is left unreceived
// for long, since each signal that comes before makes the kernel start the call anew.
//
// The order of locks; a thread that has one takes only later ones:
// 1. the receiver's mutex: the rest of each Place, queues, waiting containers, sleepers, turns
// 2. Listeners: listeners, processes, containers that have ended, senders, quarantine
// 3. EventQueue and CurrentTerms, which take no other, and KeptCalls (one per listener), which may
//    take that of EndingChildren
// LateAnswers, which nobody takes with 1 or 2 held, comes before KeptCalls, too.
//
// A call of a lone caller takes no lock: the reader's role, and with it all that only the reader
// writes, goes from thread to thread by `has_reader_` (released on leaving), and a call from place
// to place by one atomic step of its key.
class Receiver : public std::enable_shared_from_this<Receiver> {
 public:
  static constexpr std::size_t kMaxWorkers = 64;
  // Events of one read: the others of them wait until it is over.
  static constexpr int kMaxBatch = 4;
  // Workers that may be held before none reads memory or acts itself any more: no more than run at
  // once, since it takes a second to know that they are lost, and others have to start.
  static constexpr std::uint32_t kMaxHeld = 4;
  // Those that are lost, which others have replaced, have places as well.
  static constexpr std::uint32_t kMaxLost = kMaxWorkers / 4;
  // Calls of one container that wait for a worker; more of them fail.
  static constexpr std::size_t kMaxQueued = 1024;

  // ENOSYS or EINVAL: the kernel has no user notification.
  [[nodiscard]] static Result<std::shared_ptr<Receiver>> make(ReadTable table, PoolShape shape);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // Quarantine for handlers that exceed their deadlines; else there is none.
  void share_quarantine(const Quarantine& quarantine) { listeners_.share_quarantine(quarantine); }
  // Texts that the terms of its listeners share.
  [[nodiscard]] SharedTexts& texts() { return texts_; }
  // Takes the listener over and gives its token. ENOTTY: the descriptor is no listener. EEXIST: it
  // is one that we have.
  [[nodiscard]] Result<std::uint32_t> add_listener(UniqueFd fd, ListenerFacts facts);
  // For the calls to come. ENOENT: the listener is gone. EINVAL: as of add_listener.
  [[nodiscard]] Result<void> replace_terms(std::uint32_t token, Terms terms);
  // Why paths are not held, one by one; see HeldPaths. ENOENT: the listener is gone.
  [[nodiscard]] Result<std::vector<int>> path_errors(std::uint32_t token,
                                                     const std::vector<std::string>& paths);
  // Has what is kept for a call that comes again looked at then, when it is of no use any more.
  void close_lost(const std::shared_ptr<Listener>& listener, pid_t tid, Nanoseconds until) {
    (void)late_answers_.add(
        {.due = until, .listener = listener, .tid = tid, .is_second_try = true});
  }
  // A container may have thousands of processes. In a thread that does nothing else, which others
  // need not wait for.
  enum class Urgency : std::uint8_t { at_once, after_others };
  // Kills a listener's container. ESRCH: its first process has ended, or nobody knew it. EPERM:
  // only that one was killed.
  [[nodiscard]] Result<void> kill_container(std::uint32_t token,
                                            Urgency urgency = Urgency::at_once);
  // Kills its first process alone, and waits for nobody. Errors as above.
  [[nodiscard]] Result<void> kill_first_process(std::uint32_t token);
  // Of a listener's container. ESRCH: nobody knows its first process, or it has ended.
  [[nodiscard]] Result<Resources> container_resources(std::uint32_t token);
  // Freezes or thaws the cgroup of a listener's container. ESRCH as above; EPERM: it has none for
  // itself; EOPNOTSUPP: its cgroup can't be frozen.
  [[nodiscard]] Result<void> freeze_container(std::uint32_t token, bool is_frozen,
                                              Urgency urgency = Urgency::at_once);
  // Reports the end of a process as an event; the descriptor stays the caller's.
  [[nodiscard]] Result<std::uint32_t> watch_process(int pidfd);
  // Every worker gets `stopped` from its next receive, at once if it waits. Late answers are sent
  // now: without us their callers would get ENOSYS.
  void stop();
  [[nodiscard]] std::size_t listener_count() { return listeners_.size(); }
  // Every worker gets `shortage` from its next receive, at once if it waits for calls, except the
  // one that has found it out.
  void tell_shortage(const Place* except = nullptr);

  // The read end of a pipe with a byte in it when there may be events.
  [[nodiscard]] UniqueFd take_wake_fd() { return events_.take_wake_fd(); }
  [[nodiscard]] std::optional<ReceiverEvent> next_event() { return events_.next(); }

  [[nodiscard]] ReceiverFigures figures();

 private:
  friend class Worker;
  Receiver(const NotifySizes& sizes, ReadTable table, PoolShape shape);

  // receiver.cc
  [[nodiscard]] static Result<void> watch(const UniqueFd& epoll, int fd, std::uint32_t token);
  [[nodiscard]] Worker* worker_of_thread(std::uint32_t token);
  void tell_crowded();
  // A thread of our own.
  void send_late();

  // ended_listeners.cc: a thread of our own.
  [[nodiscard]] Result<void> watch_end(const Listener& listener, int operation);
  void await_ends();
  void stop_receiving(const Listener& listener);
  void end_listener(const Listener& listener);

  // reading.cc: receiving, by whoever has taken the reader's role.
  [[nodiscard]] bool become_reader() { return !has_reader_.exchange(true); }
  void wake_reader();
  void leave_epoll();
  // Means of a read; `place`: gets the first call; nullptr: all are queued.
  struct Reading {
    NotifyBuffers& buffers;
    // Number of the reading thread.
    pid_t thread;
    Place* place;
    int timeout_ms;
    // When the waiting begins.
    Nanoseconds start;
    // False afterwards: somebody else has become the reader meanwhile.
    bool has_role = true;
  };
  // True: `listener` and `pending` are the call that has become the place's. Else `listener` is
  // any.
  [[nodiscard]] Result<bool> read_pending(Reading& reading, std::shared_ptr<Listener>& listener,
                                          Pending& pending);
  // Destination of a call that has been received.
  enum class Received { nothing, for_a_worker, for_the_queue };
  [[nodiscard]] Received receive_one(Reading& reading, const std::shared_ptr<Listener>& listener,
                                     Pending& pending, std::uint32_t events);
  [[nodiscard]] Result<void> receive_as_reader(Reading& reading, const Listener& listener,
                                               Notification& notification);
  void end_shared(const Listener& listener);

  // listener_apart.cc
  void set_apart(const std::shared_ptr<Listener>& listener);
  void read_apart(const std::shared_ptr<Listener>& listener);
  void receive_apart(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener);
  void queue_apart(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener,
                   const Pending& pending);
  void replace_reader(std::uint64_t receiving);

  [[nodiscard]] Received admit(Listener& listener, Pending& pending);
  [[nodiscard]] bool replaces_queued(Listener& listener, const Pending& pending);
  [[nodiscard]] bool parks(const Pending& pending, std::uint64_t key);
  [[nodiscard]] bool enqueue(const std::shared_ptr<Listener>& listener, const Pending& pending);
  void queue(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener,
             const Pending& pending);
  void refuse(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener,
              const Pending& pending);
  static void answer_soon(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener,
                          std::uint64_t id, const Response& response);
  void end_process(std::uint32_t token);
  [[nodiscard]] InFlight in_flight_of(const Container& container) const;
  // Of a container whose calls wait; with the mutex held.
  [[nodiscard]] Claim claim_of(const Container& container, Nanoseconds time) const;
  using Waiting = std::deque<std::shared_ptr<Container>>;
  [[nodiscard]] Waiting::iterator next_queued();
  [[nodiscard]] std::span<const Place> used_places() const;
  [[nodiscard]] bool has_eligible_queued() { return next_queued() != waiting_.end(); }
  [[nodiscard]] std::optional<OwnedCall> take_queued(Place& place);
  void wake_workers(std::size_t count);
  [[nodiscard]] bool too_many_are_held() const {
    return held_count_.load(std::memory_order_relaxed) >= std::min(kMaxHeld, shape_.running) ||
           lost_count_.load(std::memory_order_relaxed) >= kMaxLost;
  }
  // Some were ended and not replaced yet, or wait for callers' memory or file systems.
  [[nodiscard]] bool has_too_few() const {
    return worker_count_.load(std::memory_order_relaxed) < shape_.fewest ||
           held_count_.load(std::memory_order_relaxed) > 0;
  }
  // Number of further workers that may run: negative when there are too many.
  [[nodiscard]] std::int32_t vacancies() const;
  void call_worker();
  void wake_all();

  // exclusive_listener.cc
  [[nodiscard]] bool take_from_epoll(const Listener& listener, Place& place);
  void end_exclusive(Place& place);
  void interrupt(Place& place);
  void interrupt_exclusive(std::optional<std::uint32_t> token);
  [[nodiscard]] bool watch_exclusive(Place& place);

  // fallback_reader.cc: a thread of our own.
  void read_as_fallback();
  void wake_another();
  void set_fallback_priority(Nanoseconds time);

  // watchdog.cc: the other thread of our own.
  void watch_workers();
  void wake_watcher();
  void mark_blocked(Place& place);
  void unmark_blocked(Place& place) {
    if (place.is_blocked.load(std::memory_order_relaxed) && place.is_blocked.exchange(false))
      blocked_count_.fetch_sub(1);
  }
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] bool watch_receiving();
  [[nodiscard]] bool watch_place(std::size_t index, Nanoseconds elapsed);
  void note_worker_time(Place& place, Nanoseconds elapsed, bool is_same);
  [[nodiscard]] bool watch_handling(Place& place, Nanoseconds elapsed);
  [[nodiscard]] bool watch_reading(Place& place, Nanoseconds elapsed);
  [[nodiscard]] bool watch_operation(Place& place, Nanoseconds elapsed);
  void end_overdue(std::size_t index, NotifyBuffers& buffers);
  void note_held(Place& place);
  void note_lost(Place& place, const std::shared_ptr<Listener>& listener);

  // crowding.cc
  void end_stale_queued(NotifyBuffers& buffers);
  // An operation of a container that keeps workers waiting.
  struct SlowOperation {
    Place* place;
    Nanoseconds start;
    const Container* container;
    std::uint32_t given_up_before;
    // Number of workers that its container keeps waiting.
    std::size_t held;
  };
  [[nodiscard]] std::vector<SlowOperation> slow_operations(std::size_t& others,
                                                           std::size_t& ending);
  void give_up_excess();
  void give_turns(std::size_t wanted);

  const NotifySizes sizes_;
  const ReadTable table_;
  const PoolShape shape_;
  SharedTexts texts_;
  EventQueue events_;
  Listeners listeners_{events_};
  LateAnswers late_answers_;
  UniqueFd epoll_;
  // Has the listeners for their ends.
  UniqueFd ends_;
  UniqueFd stop_event_;
  // Of the reader.
  UniqueFd wake_event_;
  std::atomic<bool> is_stopping_ = false;
  // Deadlines hold while workers finish what they have.
  std::atomic<bool> is_closing_ = false;

  // Whether a thread waits in epoll or receives from there. No listener has two readers at a time:
  // RECV would block the second.
  alignas(64) std::atomic<bool> has_reader_ = false;
  std::atomic<bool> is_watcher_asleep_ = false;
  // While the reader is in RECV: another number each time, and the token of the listener. Else 0.
  std::atomic<std::uint64_t> receiving_ = 0;
  std::atomic<pid_t> receiving_thread_ = 0;
  // Number of times it was there: the reader's.
  std::uint32_t receive_count_ = 0;
  // Number of events that a read asks for.
  std::atomic<int> batch_size_ = 1;
  // Counts down from the last read that found more than one call waiting.
  std::atomic<int> crowd_ = 0;
  // Of what workers do for callers.
  OperationTrust operation_trust_;
  static constexpr int kCrowd = 1000;
  // Number of times that somebody has left epoll.
  std::atomic<std::uint64_t> reads_ = 0;
  // Some handler computes for longer than a tick, or has done so lately.
  std::atomic<bool> is_computing_ = false;
  std::atomic<std::size_t> queued_count_ = 0;
  std::atomic<std::uint32_t> apart_count_ = 0;
  std::atomic<std::uint32_t> sleeping_count_ = 0;
  std::atomic<std::uint32_t> worker_count_ = 0;
  // Workers whose call takes long: they wait for a file system, or their handler computes.
  std::atomic<std::uint32_t> blocked_count_ = 0;
  // Workers that wait for what a container keeps from them: they can't be ended.
  std::atomic<std::uint32_t> held_count_ = 0;
  std::atomic<std::uint32_t> lost_count_ = 0;
  // Calls wait, and there is nobody left to take them.
  std::atomic<bool> is_starved_ = false;
  std::atomic<std::size_t> places_used_ = 0;
  std::array<Place, kMaxWorkers> places_;

  std::mutex mutex_;
  // Workers that sleep; the last one was busy last, and its memory is still in the caches.
  std::vector<Place*> sleepers_;
  // Something was parked.
  std::condition_variable parked_;
  // Containers with queued calls, the next one first.
  Waiting waiting_;
  // Number of waiting containers that were given a worker.
  std::int64_t turns_ = 0;

  // Of what came through epoll.
  ReceiveDelays receive_delays_;
  std::atomic<std::uint64_t> received_count_ = 0;
  std::atomic<std::uint64_t> fallback_read_count_ = 0;
  std::atomic<std::uint64_t> refused_count_ = 0;
  std::atomic<std::uint64_t> restarted_count_ = 0;
  // Notifications that were gone before anybody handled them.
  std::atomic<std::uint64_t> withdrawn_count_ = 0;

  std::counting_semaphore<> fallback_wake_{0};
  std::counting_semaphore<> watcher_wake_{0};
  // 0: it has not begun.
  std::atomic<pid_t> fallback_thread_ = 0;
  // When a handler was last seen to compute; the watcher's. 0: not lately.
  Nanoseconds computed_at_ = 0;
  std::thread fallback_;
  std::thread watcher_;
  std::thread ender_;
  std::thread late_sender_;
};

}  // namespace seccompagent
