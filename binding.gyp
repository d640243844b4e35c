{
  "variables": { "sanitize%": 0 },
  "targets": [
    {
      "target_name": "seccompagent",
      "sources": [
        "native/acting.cc",
        "native/addon.cc",
        "native/agent_socket.cc",
        "native/answering.cc",
        "native/bpf.cc",
        "native/call_memory.cc",
        "native/caller.cc",
        "native/caller_exports.cc",
        "native/caller_state.cc",
        "native/cgroup.cc",
        "native/cgroup_members.cc",
        "native/cgroup_places.cc",
        "native/child.cc",
        "native/container_masks.cc",
        "native/device_node.cc",
        "native/guards.cc",
        "native/helper/confinement.cc",
        "native/helper/file_operation.cc",
        "native/helper/masks.cc",
        "native/helper/thread_role.cc",
        "native/helper/wire.cc",
        "native/helper_pool.cc",
        "native/holding.cc",
        "native/kept_calls.cc",
        "native/kick_signal.cc",
        "native/late_answers.cc",
        "native/launch.cc",
        "native/lending.cc",
        "native/memory.cc",
        "native/mount_request.cc",
        "native/mounting.cc",
        "native/napi_convert.cc",
        "native/notify.cc",
        "native/probe.cc",
        "native/probe_exports.cc",
        "native/process_files.cc",
        "native/process_owner.cc",
        "native/reading.cc",
        "native/receiver.cc",
        "native/resources.cc",
        "native/runtime_file.cc",
        "native/scm_rights.cc",
        "native/short_turns.cc",
        "native/state_exports.cc",
        "native/state_store.cc",
        "native/syscall_number.cc",
        "native/socket_exports.cc",
        "native/receiver_exports.cc",
        "native/operation_exports.cc",
        "native/launch_exports.cc",
        "native/target.cc",
        "native/worker.cc",
        "native/worker_operations.cc"
      ],
      "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "cflags!": ["-Wno-unused-parameter"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-frtti", "-fexceptions"],
      "cflags_cc": [
        "-std=c++23", "-fno-exceptions", "-fno-rtti", "-O2", "-fvisibility=hidden",
        "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror",
        "-isystem", "<!(node -p \"require('node:path').resolve(require('node-addon-api').include_dir)\")"
      ],
      "conditions": [
        ["sanitize==1", {
          "cflags_cc": ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g"],
          "ldflags": ["-fsanitize=address,undefined"]
        }]
      ]
    },
    {
      "target_name": "seccompagent-helper",
      "type": "executable",
      "sources": [
        "native/child.cc",
        "native/helper/confinement.cc",
        "native/helper/file_operation.cc",
        "native/helper/files_role.cc",
        "native/helper/hardening.cc",
        "native/helper/main.cc",
        "native/helper/masks.cc",
        "native/helper/mount_change.cc",
        "native/helper/mount_child.cc",
        "native/helper/mounts_role.cc",
        "native/helper/new_mount.cc",
        "native/helper/reply.cc",
        "native/helper/thread_role.cc",
        "native/helper/wire.cc"
      ],
      "cflags!": ["-Wno-unused-parameter"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-frtti", "-fexceptions"],
      "cflags_cc": [
        "-std=c++23", "-fno-exceptions", "-fno-rtti", "-O2", "-fvisibility=hidden",
        "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"
      ],
      "ldflags!": ["-rdynamic"],
      "ldflags": ["-static"]
    }
  ]
}
