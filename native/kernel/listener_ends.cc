// SPDX-License-Identifier: Apache-2.0
#include "kernel/listener_ends.h"

#include <mutex>
#include <set>

namespace seccompagent {
namespace {

struct Ends {
  std::mutex mutex;
  std::set<int> all;
};

[[nodiscard]] Ends& ends() {
  static Ends& only = *new Ends;
  return only;
}

}  // namespace

void note_listener(int listener) {
  const std::lock_guard lock(ends().mutex);
  ends().all.erase(listener);
}

void note_end_of_listener(int listener) {
  const std::lock_guard lock(ends().mutex);
  ends().all.insert(listener);
}

bool has_listener_ended(int listener) {
  const std::lock_guard lock(ends().mutex);
  return ends().all.contains(listener);
}

}  // namespace seccompagent
