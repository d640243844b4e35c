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
#include "receiver/inbox.h"
#include "receiver/listener.h"
#include "receiver/operation_trust.h"
#include "receiver/quarantine.h"
#include "receiver/receive_delays.h"
#include "receiver/sender.h"
#include "receiver/shared_texts.h"
#include "receiver/worker_time.h"

namespace seccompagent {

class Worker;

// What a worker does with the call that it has.
enum class Phase : std::uint32_t {
  idle,
  reading,
  // a child reads for it, which has a deadline of its own
  awaiting_read,
  handling,
  operating
};

// What the watcher has seen a call, or one of its handlers, take.
struct Watched {
  // Of the worker's processor time when it was first seen.
  Nanoseconds cpu_start = 0;
  Nanoseconds wall_time = 0;
};

// One worker as others see it: which call it has, since when, and what came for that call's thread
// meanwhile.
struct alignas(64) Place {
  // A CallKey, with flags; 0: it has none.
  std::atomic<std::uint64_t> key = 0;
  // Whose that call is: set before the key, only to be compared, and only while there is a key.
  std::atomic<const Container*> container = nullptr;
  std::atomic<Phase> phase = Phase::idle;
  // Its call takes long; counted in the receiver's blocked_count_.
  std::atomic<bool> is_blocked = false;
  // Counts its calls.
  std::atomic<std::uint32_t> calls = 0;
  // What its call gets when it takes too long, by the terms that it was begun by: an errno,
  // negated; 0: the kernel judges.
  std::atomic<std::int32_t> failure = 0;
  // It waits for memory or a file system whose owner has seen to it that this takes long, and can't
  // be ended; counted in the receiver's held_count_, and once another worker has taken its place in
  // lost_count_.
  enum class Hold : std::uint8_t { none, held, lost };
  std::atomic<Hold> hold = Hold::none;
  // A helper acts for it, or it waits until one may.
  std::atomic<bool> is_awaiting = false;
  // Of that container, and who has sent its listener; set as it is.
  std::atomic<Pace> pace = Pace::unknown;
  std::atomic<uid_t> peer_uid = 0;
  // When the operation began that is to come to its end now; 0: none.
  std::atomic<Nanoseconds> given_up = 0;
  // The token of the listener that is exclusively its own, with kReceiving while it waits there; 0:
  // none. Only then its worker receives from it, and without the reader's role.
  static constexpr std::uint64_t kReceiving = 1ULL << 32;
  std::atomic<std::uint64_t> exclusive = 0;
  // It is to stop waiting at the listener that is exclusively its own.
  std::atomic<bool> is_interrupted = false;
  // Of the notification that an answer goes to.
  std::atomic<std::uint64_t> id = 0;
  // Of what came from the exclusive listeners.
  ReceiveDelays receive_delays;

  // Whose call it gets, before the key.
  void note(const Listener& from, Nanoseconds time) {
    container.store(from.container.get(), std::memory_order_relaxed);
    pace.store(from.container->pace(time), std::memory_order_relaxed);
    peer_uid.store(from.peer_uid, std::memory_order_relaxed);
  }

  // The rest is under the receiver's mutex.
  Worker* worker = nullptr;
  // It sleeps until it is called.
  std::condition_variable wake = {};
  bool is_called = false;
  // While it is lost.
  std::shared_ptr<Container> lost_for = {};
  // A newer notification of the thread whose call this worker has.
  std::optional<Pending> parked;
  // Of the thread that watches: what it saw last, and for how long that has been so.
  std::uint32_t seen_calls = 0;
  std::uint32_t seen_link = 0;
  Watched call;
  Watched handler;
  Nanoseconds seen_cpu = 0;
  // The longest one of its call's handlers until now.
  Nanoseconds longest_deadline = 0;
  // The handler of its call that has computed most.
  std::uint32_t slowest_link = 0;
  Nanoseconds slowest_computed = 0;
  // The handler whose fault it is that the call takes too long.
  std::uint32_t blamed_link = 0;
  bool is_overdue = false;
  Nanoseconds reading_time = 0;
  // For how long the operation that began then has kept it waiting, if no helper acts.
  Nanoseconds own_time = 0;
  Nanoseconds seen_operation = 0;
};

// What workers do at a moment, seen from one container: by that it gets one more, or has to wait.
struct InFlight {
  std::size_t workers = 0;
  // Calls of all containers, those of the slow ones, and those of containers of which nobody knows.
  std::size_t all = 0;
  std::size_t slow = 0;
  std::size_t unknown = 0;
  // Of this one.
  std::size_t own = 0;
  // More workers, which are to end, and in whose places there is nobody yet.
  std::size_t ending = 0;

  // How many workers one container may have at once.
  [[nodiscard]] std::size_t own_share(Pace pace) const;
  [[nodiscard]] bool may_take(Pace pace) const;
  // `key`: of the place, and not 0.
  void count(const Place& place, std::uint64_t key, const Container& container);
};

// Which thread of which container a call is of. Threads outside of our pid namespace all have the
// id 0 and can't be told apart.
struct CallKey {
  static constexpr std::uint64_t kParked = 1U << 31;
  static constexpr std::uint64_t kOverdue = 1U << 30;
  static constexpr std::uint64_t kFlags = kParked | kOverdue;

  [[nodiscard]] static std::uint64_t of(std::uint32_t token, pid_t tid) {
    return std::uint64_t{token} << 32 | static_cast<std::uint32_t>(tid);
  }
};

struct PoolShape {
  // How many workers run at once while none of them is blocked.
  std::uint32_t running;
  // Workers beyond that number end when they have had nothing to do for a while.
  std::uint32_t fewest;
};

// What the main thread is told.
struct ReceiverEvent {
  using Kind = ReceiverEventKind;
  Kind kind;
  // Of the listener or the process.
  std::uint32_t token;
  // Overdue or broken: which worker, and 1 + the place of the handler in its chain.
  std::uint32_t worker;
  std::uint32_t link;
  // For how long that handler is left alone from now on; 0: it is not, or it is so already.
  std::uint32_t quarantine_ms = 0;
};

// Shared by all threads. One thread at a time waits in epoll and receives what is pending there: a
// worker takes the first call for itself and queues the others for whoever is free, then handles
// its own, and whoever is first to have nothing to do waits in epoll next. A lone caller is thus
// served by one worker alone, without a wake-up of another.
//
// While all workers are busy a thread of our own is the fallback reader: nothing is left unreceived
// for long, since each signal that comes before makes the kernel start the call anew.
class Receiver {
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

  // Where handlers are told to be left alone that have used their time up; else nobody is told.
  void share_quarantine(const Quarantine& quarantine);
  // What the terms of its listeners have alike.
  [[nodiscard]] SharedTexts& texts() { return texts_; }
  // Takes the listener over and gives its token. ENOTTY: the descriptor is no listener. EEXIST: it
  // is one that we have.
  [[nodiscard]] Result<std::uint32_t> add_listener(UniqueFd fd, ListenerFacts facts);
  // For the calls to come. ENOENT: the listener is gone. EINVAL: as of add_listener.
  [[nodiscard]] Result<void> replace_terms(std::uint32_t token, Terms terms);
  // Why paths are not held, one by one; see HeldPaths. ENOENT: the listener is gone.
  [[nodiscard]] Result<std::vector<int>> path_errors(std::uint32_t token,
                                                     const std::vector<std::string>& paths);
  // Kills a listener's container. ESRCH: its first process has ended, or nobody knew it. EPERM:
  // only that one was killed.
  [[nodiscard]] Result<void> kill_container(std::uint32_t token);
  // Freezes or thaws the cgroup of a listener's container. ESRCH as above; EPERM: it has none for
  // itself; EOPNOTSUPP: its cgroup can't be frozen.
  // Of a listener's container. ESRCH: nobody knows its first process, or it has ended.
  [[nodiscard]] Result<Resources> container_resources(std::uint32_t token);
  [[nodiscard]] Result<void> freeze_container(std::uint32_t token, bool is_frozen);
  // Reports the end of a process as an event; the descriptor stays the caller's.
  [[nodiscard]] Result<std::uint32_t> watch_process(int pidfd);
  // Every worker gets `stopped` from its next receive, at once if it waits. Late answers are sent
  // now: without us their callers would get ENOSYS.
  void stop();
  [[nodiscard]] std::size_t listener_count();
  // Every worker gets `shortage` from its next receive, at once if it waits for calls, except the
  // one that has found it out.
  void tell_shortage(const Worker* except = nullptr);

  // The read end of a pipe with a byte in it when there may be events.
  [[nodiscard]] UniqueFd take_wake_fd();
  [[nodiscard]] std::optional<ReceiverEvent> next_event();

  [[nodiscard]] ReceiverFigures figures();

 private:
  friend class Worker;
  static constexpr std::uint32_t kStopToken = 0;
  static constexpr std::uint32_t kLateToken = 0xffffffff;

  Receiver(const NotifySizes& sizes, ReadTable table, PoolShape shape);

  // receiver.cc
  [[nodiscard]] std::uint32_t next_token();
  [[nodiscard]] bool has_listener(int fd) const;
  [[nodiscard]] std::shared_ptr<Container> take_container(std::uint32_t token, uid_t peer_uid);
  [[nodiscard]] bool leave_container(const std::shared_ptr<Container>& container);
  void take_earlier(FirstProcess& first, uid_t peer_uid) const;
  [[nodiscard]] Result<void> watch(int fd, std::uint32_t token);
  [[nodiscard]] std::shared_ptr<Listener> find_listener(std::uint32_t token);
  [[nodiscard]] Worker* worker_of_thread(std::uint32_t token);
  // The first processes of other containers.
  [[nodiscard]] std::vector<pid_t> other_firsts(const Listener& listener);
  void note_frozen(pid_t first_pid, bool is_frozen);
  void end_listener(const Listener& listener);
  void tell(const ReceiverEvent& event);
  void tell_crowded();

  // reading.cc: receiving, by whoever has taken the reader's role.
  [[nodiscard]] bool become_reader() { return !has_reader_.exchange(true); }
  void leave_epoll();
  // What a read is done with and for; `place`: whose the first call becomes; nullptr: all are
  // queued.
  struct Reading {
    NotifyBuffers& buffers;
    // Who reads, by its number.
    pid_t thread;
    Place* place;
    int timeout_ms;
    // When the waiting begins.
    Nanoseconds start;
  };
  // True: `listener` and `pending` are the call that has become the place's. Else `listener` is
  // any.
  [[nodiscard]] Result<bool> read_pending(const Reading& reading,
                                          std::shared_ptr<Listener>& listener, Pending& pending);
  // What is known of a thread, and of its container, when a call of it has been received.
  enum class Received { nothing, for_a_worker, for_the_queue };
  [[nodiscard]] Received receive_one(NotifyBuffers& buffers, Listener& listener, Pending& pending,
                                     bool is_readable);
  [[nodiscard]] Result<void> receive_as_reader(NotifyBuffers& buffers, const Listener& listener,
                                               Notification& notification);
  void end_shared(const Listener& listener);
  [[nodiscard]] Received admit(Listener& listener, Pending& pending);
  [[nodiscard]] bool replaces_queued(Listener& listener, const Pending& pending);
  [[nodiscard]] bool parks(const Pending& pending, std::uint64_t key);
  [[nodiscard]] bool enqueue(const std::shared_ptr<Listener>& listener, const Pending& pending);
  void queue(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener,
             const Pending& pending);
  void refuse(NotifyBuffers& buffers, const Listener& listener, const Pending& pending);
  void end_process(std::uint32_t token);
  [[nodiscard]] InFlight in_flight_of(const Container& container) const;
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
  // How many more workers may run: negative when there are too many.
  [[nodiscard]] std::int32_t vacancies() const;
  void call_worker();
  void wake_all();

  // exclusive_listener.cc
  [[nodiscard]] bool take_from_epoll(const Listener& listener, Place& place);
  void end_exclusive(Place& place);
  void interrupt(Place& place);
  void interrupt_exclusive(std::optional<std::uint32_t> token);
  [[nodiscard]] bool watch_exclusive(Place& place);

  // late_answers.cc
  struct LateAnswer {
    Nanoseconds due;
    std::weak_ptr<Listener> listener;
    pid_t tid;
    bool is_second_try;
  };
  void add_late(LateAnswer late);
  void send_late(NotifyBuffers& buffers, Nanoseconds time);
  void arm_late_timer();
  // Whoever waits in epoll looks whether there is something else to do.
  void wake_reader();
  void drop_forgotten_late();

  // guards.cc: the two threads of our own.
  void read_as_fallback();
  void wake_another();
  void mark_blocked(Place& place);
  void watch_workers();
  void set_fallback_priority(Nanoseconds time);
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] bool watch_receiving();
  [[nodiscard]] bool watch_place(std::size_t index, Nanoseconds elapsed);
  void note_worker_time(Place& place, Nanoseconds elapsed, bool is_same);
  [[nodiscard]] bool watch_handling(Place& place, Nanoseconds elapsed);
  [[nodiscard]] bool is_over(const Watched& watched, Nanoseconds computed,
                             Nanoseconds deadline) const;
  [[nodiscard]] bool watch_reading(Place& place, Nanoseconds elapsed);
  [[nodiscard]] bool watch_operation(Place& place, Nanoseconds elapsed);
  void end_overdue(std::size_t index, NotifyBuffers& buffers);
  [[nodiscard]] std::uint32_t leave_alone(const Terms& terms, std::uint32_t link);
  void distrust(const Listener& listener, std::string_view component = {}) const;
  void note_held(Place& place);
  void note_lost(Place& place, const std::shared_ptr<Listener>& listener);
  void end_stale_queued(NotifyBuffers& buffers);
  // An operation of a container that keeps workers waiting.
  struct SlowOperation {
    Place* place;
    Nanoseconds start;
    const Container* container;
    std::uint32_t given_up_before;
    // How many workers its container keeps waiting.
    std::size_t held;
  };
  [[nodiscard]] std::vector<SlowOperation> slow_operations(std::size_t& others,
                                                           std::size_t& ending);
  void give_up_excess();
  void give_turns(std::size_t wanted);
  void wake_watcher();

  const NotifySizes sizes_;
  const ReadTable table_;
  const PoolShape shape_;
  SharedTexts texts_;
  UniqueFd epoll_;
  UniqueFd stop_event_;
  UniqueFd late_timer_;
  UniqueFd wake_read_;
  UniqueFd wake_write_;
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
  // How often it was there: the reader's.
  std::uint32_t receive_count_ = 0;
  // How many events a read asks for.
  std::atomic<int> batch_size_ = 1;
  // Counts down from the last read that found more than one call waiting.
  std::atomic<int> crowd_ = 0;
  // Of what workers do for callers.
  OperationTrust operation_trust_;
  static constexpr int kCrowd = 1000;
  // How often somebody has left epoll.
  std::atomic<std::uint64_t> reads_ = 0;
  // Some handler computes for longer than a tick, or has done so lately.
  std::atomic<bool> is_computing_ = false;
  std::atomic<std::size_t> queued_count_ = 0;
  std::atomic<std::uint32_t> sleeping_count_ = 0;
  std::atomic<std::uint32_t> worker_count_ = 0;
  // Workers whose call takes long: they wait for a file system, or their handler computes.
  std::atomic<std::uint32_t> blocked_count_ = 0;
  std::uint32_t last_token_ = 0;  // under the mutex
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
  bool is_crowded_told_ = false;
  std::map<std::uint32_t, std::shared_ptr<Listener>> listeners_;
  // Containers that had listeners, the last ones last: each program that is executed in one may
  // have the only listener, and begins with what the one before has done.
  std::deque<std::shared_ptr<Container>> ended_;
  std::map<std::uint32_t, int> processes_;
  // Containers with queued calls, the next one first.
  Waiting waiting_;
  std::deque<ReceiverEvent> events_;
  Quarantine quarantine_;
  OverdueComponents overdue_components_;
  Senders senders_;
  // How many of the containers that waited were given a worker.
  std::int64_t turns_ = 0;

  std::mutex late_mutex_;
  // By when they are due.
  std::multimap<Nanoseconds, LateAnswer> late_;
  static constexpr std::size_t kFewLate = 1024;
  // With so many, those that nobody waits for any more are looked for.
  std::size_t late_to_look_ = kFewLate;
  bool is_reader_called_ = false;

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
};

}  // namespace seccompagent
