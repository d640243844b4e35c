// SPDX-License-Identifier: Apache-2.0
// The addon's exports: plain functions that take numbers and bytes and never call JavaScript.
// What each takes and gives is written down in host/native.ts.
#include <napi.h>
#include <sys/prctl.h>

#include "addon_state.h"
#include "exports.h"

namespace seccompagent {
namespace {

Napi::Value harden(const Napi::CallbackInfo& info) {
  // no ptrace, no core dump, /proc/self closed: children that act in containers share this memory
  if (prctl(PR_SET_DUMPABLE, 0) == -1) return throw_errno(info.Env(), "prctl", Errno{errno});
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new State());
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("harden", harden);
  add("listenSocket", listen_socket);
  add("takeWakeFd", take_wake_fd);
  add("nextSocketEvent", next_socket_event);
  add("closeConnection", close_connection);
  add("closeSocket", close_socket);
  add("createReceiver", create_receiver);
  add("stopReceiver", stop_receiver);
  add("closeReceiver", close_receiver);
  add("listenerCount", listener_count);
  add("adoptConnectionFd", adopt_connection_fd);
  add("attachWorker", attach_worker);
  add("detachWorker", detach_worker);
  add("receive", receive);
  add("listenerRegistry", listener_registry);
  add("mkdirAsCaller", mkdir_as_caller);
  add("mountAsCaller", mount_as_caller);
  add("refusePidnsOption", refuse_pidns);
  add("launch", launch);
  add("filterBytes", filter_bytes);
  add("launchPid", launch_pid);
  add("adoptLaunch", adopt_launch);
  add("launchExit", launch_exit);
  add("launchKill", launch_kill);
  add("closeLaunch", close_launch);
  return exports;
}

}  // namespace

NODE_API_MODULE(seccompagent, init)

}  // namespace seccompagent
