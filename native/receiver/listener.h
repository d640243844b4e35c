// SPDX-License-Identifier: Apache-2.0
// One seccomp listener: the only owner of its descriptor, and what is pending at it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "acting/container_masks.h"
#include "kernel/clock.h"
#include "kernel/notify.h"
#include "kernel/payer.h"
#include "kernel/unique_fd.h"
#include "receiver/kept_calls.h"
#include "receiver/operation_trust.h"
#include "receiver/sender.h"
#include "receiver/terms.h"
#include "receiver/worker_time.h"

namespace seccompagent {

// A call that was received, and that no handler has seen yet.
struct Pending {
  Notification notification;
  Nanoseconds received;
  // Whether time may have passed since it was received.
  bool was_queued;
};

// Facts known of a listener when it comes.
struct ListenerFacts {
  Terms terms;
  // The container's token: all of its listeners have the same one, and no others, also later. 0:
  // nobody knows of another listener of it.
  std::uint32_t container = 0;
  // The first look at the container's first process, before it can have anything mounted by us.
  FirstProcess first = {};
  // The filter has SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; false: it has not, or nobody knows. The
  // kernel does not tell: a caller that waits so looks like any other until a signal comes.
  bool waits_killable = false;
  // User that sent it.
  uid_t peer_uid = 0;
  // All containers with the same number share turns and workers; 0: it shares them with nobody.
  std::uint32_t sender = 0;
};

struct Listener;

struct OwnedCall {
  std::shared_ptr<Listener> listener;
  Pending pending;
};

// A container's use of workers, and its waiting calls: the same for all of its listeners, as each
// process that is executed in it brings another one.
struct Container {
  // Key of all counts for it alone, here and elsewhere.
  std::uint32_t token;
  Payer payer;
  // Never null.
  std::shared_ptr<Sender> sender;
  // Whether children read its callers' memory, since they can be killed.
  SlowReads slow_reads = {};
  // Number of operations given up since the last one that was quick.
  std::atomic<std::uint32_t> given_up_count = 0;
  // When one last came to its end by itself; 0: none has.
  std::atomic<Nanoseconds> operation_end = 0;
  WorkerTime worker_time = {};
  LostWorkers own_lost_workers = {};
  // Of its payer. Never null.
  std::shared_ptr<KeptCount> kept = std::make_shared<KeptCount>();
  // Received and not yet some worker's own; under the receiver's mutex.
  std::deque<OwnedCall> queue = {};
  // When it was last said that calls of it are refused; 0: never.
  std::atomic<Nanoseconds> refusal_told = 0;

  void note_lost_worker() {
    own_lost_workers.note_lost();
    sender->lost_workers.note_lost();
  }
  void note_worker_back(Nanoseconds time) {
    own_lost_workers.note_back(time);
    sender->lost_workers.note_back(time);
  }
  // Another one of its sender's may have none to do with those that lose some, unless there are
  // many, or the sender is a user, who may have any number of containers.
  [[nodiscard]] bool loses_workers() const {
    if (own_lost_workers.are_known()) return true;
    if (sender->number == 0) return false;
    return is_user(payer) ? sender->lost_workers.are_known() : sender->lost_workers.are_many();
  }
  // Any number of containers may be quick until they all begin to keep workers. So until one is
  // known, it is slow if its user's are; and while there are `too_few` workers, so is one that is
  // known if its sender's are.
  [[nodiscard]] Pace pace(Nanoseconds time, bool too_few) const {
    const Pace own = worker_time.pace(time);
    const bool is_judged_by_others = too_few || (own == Pace::unknown && is_user(payer));
    return is_judged_by_others && sender->worker_time.is_slow(time) ? Pace::slow : own;
  }
  // Whether its own calls keep workers, now and then at least.
  [[nodiscard]] bool keeps_workers(Nanoseconds time) const {
    return worker_time.is_slow(time) || worker_time.is_slow_at_times(time);
  }
};

struct Listener {
  UniqueFd fd;
  unsigned long id_valid_request;
  std::uint32_t token;
  // Never null.
  std::shared_ptr<Container> container;
  // Never null.
  std::unique_ptr<CurrentTerms> terms;
  // A pidfd of the container's first process; closed when nobody knew that process.
  UniqueFd first_process;
  // It is known that only a signal that kills ends a call that was received.
  bool waits_killable = false;
  // The first process's number, as long as it lives.
  pid_t first_pid = 0;
  // User of the runtime that sent the listener: nothing of others is touched for it.
  uid_t peer_uid = 0;
  // Parts of proc and sysfs that it does not see, and paths of settings from before it executed the
  // container's own program. Never null.
  std::shared_ptr<ContainerMasks> masks;
  std::shared_ptr<const HeldPaths> paths;
  // Of the container; null: nobody knows them.
  std::shared_ptr<const ActingCgroups> cgroups;
  // Of the first process; null: nobody knows them.
  std::shared_ptr<const FirstPlaces> places;

  KeptCalls kept = KeptCalls(container->kept);
  // It was frozen, by us, and not thawed by us: calls that are taken back come again only when
  // somebody else has done that.
  std::atomic<bool> is_frozen = false;
  // Somebody else receives from it, too, and has taken what its readiness told us of: RECV, which
  // knows no O_NONBLOCK, has waited.
  std::atomic<bool> is_shared = false;
  // It was held, and has a thread of its own that receives from it.
  std::atomic<bool> is_apart = false;
  // Calls were taken back a moment ago: until then it is worth knowing beforehand whose they are.
  std::atomic<Nanoseconds> restarts_until = 0;

  void note_taken_back() { restarts_until.store(now() + kLostFor, std::memory_order_relaxed); }

  // Until when an answer is kept that has not arrived by now.
  [[nodiscard]] Nanoseconds keeps_lost_until() const {
    return now() + (is_frozen.load() ? kFrozenFor : kLostFor);
  }

  [[nodiscard]] bool is_valid(std::uint64_t id) const {
    return id_valid(fd.get(), id_valid_request, id);
  }
};

}  // namespace seccompagent
