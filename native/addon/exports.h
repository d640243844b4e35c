// SPDX-License-Identifier: Apache-2.0
// Every export of the addon. What each takes and gives is written down in host/native.ts.
#pragma once

#include <napi.h>

namespace seccompagent {

// socket_exports.cc
Napi::Value listen_socket(const Napi::CallbackInfo& info);
Napi::Value take_wake_fd(const Napi::CallbackInfo& info);
Napi::Value next_socket_event(const Napi::CallbackInfo& info);
Napi::Value socket_has_pending(const Napi::CallbackInfo& info);
Napi::Value mute_connection(const Napi::CallbackInfo& info);
Napi::Value hold_connection(const Napi::CallbackInfo& info);
Napi::Value connection_is_over(const Napi::CallbackInfo& info);
Napi::Value keep_asked(const Napi::CallbackInfo& info);
Napi::Value find_first_process_of(const Napi::CallbackInfo& info);
Napi::Value find_paths(const Napi::CallbackInfo& info);
Napi::Value look_at_first_process(const Napi::CallbackInfo& info);
Napi::Value close_connection(const Napi::CallbackInfo& info);
Napi::Value close_socket(const Napi::CallbackInfo& info);

// receiver_exports.cc
Napi::Value create_receiver(const Napi::CallbackInfo& info);
Napi::Value share_quarantine(const Napi::CallbackInfo& info);
Napi::Value stop_receiver(const Napi::CallbackInfo& info);
Napi::Value close_receiver(const Napi::CallbackInfo& info);
Napi::Value listener_count(const Napi::CallbackInfo& info);
Napi::Value take_receiver_wake_fd(const Napi::CallbackInfo& info);
Napi::Value next_receiver_event(const Napi::CallbackInfo& info);
Napi::Value receiver_figures(const Napi::CallbackInfo& info);
Napi::Value tell_all_of_shortage(const Napi::CallbackInfo& info);

// listener_exports.cc
Napi::Value adopt_connection_fd(const Napi::CallbackInfo& info);
Napi::Value replace_terms(const Napi::CallbackInfo& info);
Napi::Value path_errors(const Napi::CallbackInfo& info);
Napi::Value kill_container(const Napi::CallbackInfo& info);
Napi::Value kill_first_process(const Napi::CallbackInfo& info);
Napi::Value stop_container(const Napi::CallbackInfo& info);

// runtime_exports.cc
Napi::Value process_identity(const Napi::CallbackInfo& info);
Napi::Value read_runtime_file_bytes(const Napi::CallbackInfo& info);

// worker_exports.cc
Napi::Value attach_worker(const Napi::CallbackInfo& info);
Napi::Value detach_worker(const Napi::CallbackInfo& info);
Napi::Value receive_function(const Napi::CallbackInfo& info);
Napi::Value wake_another(const Napi::CallbackInfo& info);
Napi::Value tell_shortage(const Napi::CallbackInfo& info);
Napi::Value listener_registry(const Napi::CallbackInfo& info);

// mount_exports.cc
Napi::Value mount_as_caller(const Napi::CallbackInfo& info);
Napi::Value refuse_pidns(const Napi::CallbackInfo& info);

// operation_exports.cc
Napi::Value operate(const Napi::CallbackInfo& info);
Napi::Value count_operation(const Napi::CallbackInfo& info);

// probe_exports.cc
Napi::Value probe(const Napi::CallbackInfo& info);

// state_exports.cc
Napi::Value create_state(const Napi::CallbackInfo& info);
Napi::Value close_state(const Napi::CallbackInfo& info);
Napi::Value state_get(const Napi::CallbackInfo& info);
Napi::Value state_set(const Napi::CallbackInfo& info);
Napi::Value state_remove(const Napi::CallbackInfo& info);
Napi::Value state_add(const Napi::CallbackInfo& info);

// caller_exports.cc
Napi::Value take_caller_fd(const Napi::CallbackInfo& info);
Napi::Value install_fd(const Napi::CallbackInfo& info);
Napi::Value replace_fd(const Napi::CallbackInfo& info);
Napi::Value read_argument(const Napi::CallbackInfo& info);
Napi::Value read_strings(const Napi::CallbackInfo& info);
Napi::Value write_argument(const Napi::CallbackInfo& info);
Napi::Value caller_credentials(const Napi::CallbackInfo& info);
Napi::Value caller_process(const Napi::CallbackInfo& info);
Napi::Value has_capability(const Napi::CallbackInfo& info);
Napi::Value freeze_container(const Napi::CallbackInfo& info);
Napi::Value container_resources(const Napi::CallbackInfo& info);

// program_exports.cc
Napi::Value run_program_now(const Napi::CallbackInfo& info);
Napi::Value start_program(const Napi::CallbackInfo& info);

// launch_exports.cc
Napi::Value launch(const Napi::CallbackInfo& info);
Napi::Value filter_bytes(const Napi::CallbackInfo& info);
Napi::Value launch_pid(const Napi::CallbackInfo& info);
Napi::Value launch_waits_killable(const Napi::CallbackInfo& info);
Napi::Value adopt_launch(const Napi::CallbackInfo& info);
Napi::Value launch_exit(const Napi::CallbackInfo& info);
Napi::Value launch_kill(const Napi::CallbackInfo& info);
Napi::Value close_launch(const Napi::CallbackInfo& info);

}  // namespace seccompagent
