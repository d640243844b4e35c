// SPDX-License-Identifier: Apache-2.0
// Every export of the addon. What each takes and gives is written down in host/native.ts.
#pragma once

#include <napi.h>

namespace seccompagent {

// socket_exports.cc
Napi::Value listen_socket(const Napi::CallbackInfo& info);
Napi::Value take_wake_fd(const Napi::CallbackInfo& info);
Napi::Value next_socket_event(const Napi::CallbackInfo& info);
Napi::Value close_connection(const Napi::CallbackInfo& info);
Napi::Value close_socket(const Napi::CallbackInfo& info);

// receiver_exports.cc
Napi::Value create_receiver(const Napi::CallbackInfo& info);
Napi::Value stop_receiver(const Napi::CallbackInfo& info);
Napi::Value close_receiver(const Napi::CallbackInfo& info);
Napi::Value listener_count(const Napi::CallbackInfo& info);
Napi::Value adopt_connection_fd(const Napi::CallbackInfo& info);
Napi::Value kill_container(const Napi::CallbackInfo& info);
Napi::Value take_receiver_wake_fd(const Napi::CallbackInfo& info);
Napi::Value next_receiver_event(const Napi::CallbackInfo& info);
Napi::Value receiver_figures(const Napi::CallbackInfo& info);
Napi::Value attach_worker(const Napi::CallbackInfo& info);
Napi::Value detach_worker(const Napi::CallbackInfo& info);
Napi::Value receive_function(const Napi::CallbackInfo& info);
Napi::Value invite(const Napi::CallbackInfo& info);
Napi::Value listener_registry(const Napi::CallbackInfo& info);

// operation_exports.cc
Napi::Value mkdir_as_caller(const Napi::CallbackInfo& info);
Napi::Value mount_as_caller(const Napi::CallbackInfo& info);
Napi::Value refuse_pidns(const Napi::CallbackInfo& info);

// launch_exports.cc
// state_exports.cc
Napi::Value create_state(const Napi::CallbackInfo& info);
Napi::Value close_state(const Napi::CallbackInfo& info);
Napi::Value state_get(const Napi::CallbackInfo& info);
Napi::Value state_set(const Napi::CallbackInfo& info);
Napi::Value state_remove(const Napi::CallbackInfo& info);
Napi::Value state_add(const Napi::CallbackInfo& info);

Napi::Value launch(const Napi::CallbackInfo& info);
Napi::Value filter_bytes(const Napi::CallbackInfo& info);
Napi::Value launch_pid(const Napi::CallbackInfo& info);
Napi::Value adopt_launch(const Napi::CallbackInfo& info);
Napi::Value launch_exit(const Napi::CallbackInfo& info);
Napi::Value launch_kill(const Napi::CallbackInfo& info);
Napi::Value close_launch(const Napi::CallbackInfo& info);

}  // namespace seccompagent
