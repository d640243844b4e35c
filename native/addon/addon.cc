// SPDX-License-Identifier: Apache-2.0
// The addon's exports: plain functions that take numbers and bytes and never call JavaScript.
// host/native.ts has the arguments and results of each.
#include <fcntl.h>
#include <napi.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "addon/addon_state.h"
#include "addon/exports.h"
#include "kernel/drawn_user.h"
#include "kernel/session_keyring.h"
#include "kernel/unique_fd.h"
#include "process/watch_user.h"

namespace seccompagent {
namespace {

Napi::Value harden(const Napi::CallbackInfo& info) {
  // no ptrace, no core dump, /proc/self closed: children that act in containers share this memory
  if (prctl(PR_SET_DUMPABLE, 0) == -1) return throw_errno(info.Env(), "prctl", Errno{errno});
  return info.Env().Undefined();
}

// Opened once, so that memory is looked at also where descriptors have run out.
Napi::Value resident_bytes(const Napi::CallbackInfo& info) {
  static const UniqueFd sizes(open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  std::array<char, 128> text = {};
  const ssize_t length = pread(sizes.get(), text.data(), text.size() - 1, 0);
  const int error = length < 0 ? errno : EIO;
  long total = 0;
  long resident = 0;
  if (length <= 0 || std::sscanf(text.data(), "%ld %ld", &total, &resident) != 2)
    return throw_errno(info.Env(), "read /proc/self/statm", Errno{error});
  return Napi::Number::New(info.Env(), static_cast<double>(resident * sysconf(_SC_PAGESIZE)));
}

Napi::Value leave_keyring(const Napi::CallbackInfo& info) {
  const auto left = leave_session_keyring();
  if (!left) return throw_errno(info.Env(), "leave the session keyring", left.error());
  return info.Env().Undefined();
}

Napi::Value exit_process(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::int32_t code = arguments.i32();
  if (arguments.is_ok()) _exit(code);
  return {};
}

Napi::Value be_watch_user(const Napi::CallbackInfo& info) {
  become_watch_user();
  return info.Env().Undefined();
}

Napi::Value be_own_user(const Napi::CallbackInfo& info) {
  leave_watch_user();
  return info.Env().Undefined();
}

Napi::Value draw_user_number(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), draw_user());
}

Napi::Value own_watches(const Napi::CallbackInfo& info) {
  if (const auto owned = own_epolls(); !owned)
    return throw_errno(info.Env(), "own the epoll watches", owned.error());
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  // whoever has started this thread may have been another user
  leave_watch_user();
  env.SetInstanceData(new State());
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("harden", harden);
  add("residentBytes", resident_bytes);
  add("leaveSessionKeyring", leave_keyring);
  add("ownWatches", own_watches);
  add("becomeWatchUser", be_watch_user);
  add("leaveWatchUser", be_own_user);
  add("drawUser", draw_user_number);
  add("exitProcess", exit_process);
  add("listenSocket", listen_socket);
  add("takeWakeFd", take_wake_fd);
  add("nextSocketEvent", next_socket_event);
  add("socketHasPending", socket_has_pending);
  add("holdConnection", hold_connection);
  add("connectionIsOver", connection_is_over);
  add("keepAsked", keep_asked);
  add("findFirstProcess", find_first_process_of);
  add("findPaths", find_paths);
  add("lookAtFirstProcess", look_at_first_process);
  add("pathErrors", path_errors);
  add("closeConnection", close_connection);
  add("closeSocket", close_socket);
  add("createReceiver", create_receiver);
  add("shareQuarantine", share_quarantine);
  add("stopReceiver", stop_receiver);
  add("closeReceiver", close_receiver);
  add("listenerCount", listener_count);
  add("adoptConnectionFd", adopt_connection_fd);
  add("processIdentity", process_identity);
  add("muteConnection", mute_connection);
  add("readRuntimeFile", read_runtime_file_bytes);
  add("killContainer", kill_container);
  add("killFirstProcess", kill_first_process);
  add("stopContainer", stop_container);
  add("takeReceiverWakeFd", take_receiver_wake_fd);
  add("nextReceiverEvent", next_receiver_event);
  add("receiverFigures", receiver_figures);
  add("attachWorker", attach_worker);
  add("detachWorker", detach_worker);
  add("receiveFunction", receive_function);
  add("wakeAnother", wake_another);
  add("tellShortage", tell_shortage);
  add("tellAllOfShortage", tell_all_of_shortage);
  add("listenerRegistry", listener_registry);
  add("replaceTerms", replace_terms);
  add("operate", operate);
  add("countOperation", count_operation);
  add("mountAsCaller", mount_as_caller);
  add("refusePidnsOption", refuse_pidns);
  add("takeCallerFd", take_caller_fd);
  add("installFd", install_fd);
  add("replaceFd", replace_fd);
  add("readArgument", read_argument);
  add("readStrings", read_strings);
  add("writeArgument", write_argument);
  add("callerCredentials", caller_credentials);
  add("callerProcess", caller_process);
  add("hasCapability", has_capability);
  add("freezeContainer", freeze_container);
  add("containerResources", container_resources);
  add("probe", probe);
  add("createState", create_state);
  add("closeState", close_state);
  add("stateGet", state_get);
  add("stateSet", state_set);
  add("stateRemove", state_remove);
  add("stateAdd", state_add);
  add("runProgram", run_program_now);
  add("startProgram", start_program);
  add("launch", launch);
  add("filterBytes", filter_bytes);
  add("launchPid", launch_pid);
  add("launchWaitsKillable", launch_waits_killable);
  add("adoptLaunch", adopt_launch);
  add("launchExit", launch_exit);
  add("launchKill", launch_kill);
  add("closeLaunch", close_launch);
  return exports;
}

}  // namespace

NODE_API_MODULE(seccompagent, init)

}  // namespace seccompagent
