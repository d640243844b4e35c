// SPDX-License-Identifier: Apache-2.0
// Work in a thread of its own, for what file systems may keep from coming to an end soon.
#pragma once

#include <napi.h>

#include <utility>

#include "kernel/blocked_signals_thread.h"

namespace seccompagent {

// `Work` has run(), which is called in that thread, and settle(Deferred), in the one of JavaScript:
// without the first, if there is no thread to be had.
template <typename Work>
class PromisedWork {
 public:
  [[nodiscard]] static Napi::Promise start(Napi::Env env, Work work) {
    // freed when it has finished
    auto* self = new PromisedWork(env, std::move(work));
    const Napi::Promise promise = self->promised_.Promise();
    if (!start_blocked_signals_thread(main, self)) {
      (void)self->call_.Release();
      finish(env, {}, self, nullptr);
    }
    return promise;
  }

 private:
  PromisedWork(Napi::Env env, Work work)
      : work_(std::move(work)), promised_(env), call_(Call::New(env, "work", 0, 1, this)) {}

  // Without an environment, that ends, and so does the process.
  static void finish(Napi::Env env, Napi::Function /*none*/, PromisedWork* self, void* /*none*/) {
    if (static_cast<napi_env>(env) == nullptr) return;
    const Napi::HandleScope scope(env);
    self->work_.settle(self->promised_);
    delete self;
  }

  static void* main(void* argument) {
    auto* self = static_cast<PromisedWork*>(argument);
    self->work_.run();
    // which ends `self`
    const Call finishing = self->call_;
    // where the environment has ended, nothing of it is there any more
    if (finishing.BlockingCall() == napi_ok) (void)finishing.Release();
    return nullptr;
  }

  using Call = Napi::TypedThreadSafeFunction<PromisedWork, void, finish>;
  Work work_;
  Napi::Promise::Deferred promised_;
  Call call_;
};

}  // namespace seccompagent
