{
  "variables": { "sanitize%": 0, "werror%": 0 },
  "target_defaults": {
    "cflags!": ["-Wno-unused-parameter"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-frtti", "-fexceptions"],
    "cflags_cc": [
      "-std=c++23", "-fno-exceptions", "-fno-rtti", "-O2", "-fvisibility=hidden",
      "-Wall", "-Wextra", "-Wconversion", "-Wshadow"
    ],
    "include_dirs": ["native"],
    "conditions": [["werror==1", { "cflags_cc": ["-Werror"] }]]
  },
  "targets": [
    {
      "target_name": "seccompagent",
      "sources": ["<!@(node native/build.mjs --sources=addon)"],
      "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "cflags_cc": [
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
      "sources": ["<!@(node native/build.mjs --sources=helper)"],
      "ldflags!": ["-rdynamic"],
      "ldflags": ["-static"]
    }
  ]
}
