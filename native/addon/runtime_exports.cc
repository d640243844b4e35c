// SPDX-License-Identifier: Apache-2.0
// The exports about runtimes: their files and processes.
#include <string>

#include "acting/promised_work.h"
#include "addon/addon_state.h"
#include "addon/exports.h"
#include "caller/process_identity.h"
#include "process/runtime_file.h"

namespace seccompagent {
namespace {

struct RuntimeFileReading {
  std::string path;
  std::size_t max;
  uid_t owner;
  Result<std::string> text = fail(EAGAIN);

  void run() { text = read_runtime_file(path, max, owner); }

  void settle(const Napi::Promise::Deferred& promised) const {
    const Napi::Env env = promised.Env();
    if (text)
      promised.Resolve(Napi::Buffer<char>::Copy(env, text->data(), text->size()));
    else
      promised.Reject(errno_error(env, "read a file of the runtime", text.error()).Value());
  }
};

}  // namespace

Napi::Value read_runtime_file_bytes(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string path = arguments.text();
  const std::uint32_t max = arguments.u32();
  const std::uint32_t owner = arguments.u32();
  if (!arguments.is_ok()) return {};
  return PromisedWork<RuntimeFileReading>::start(info.Env(),
                                                 {.path = path, .max = max, .owner = owner});
}

Napi::Value process_identity(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t process = arguments.u32();
  if (!arguments.is_ok()) return {};
  const auto identity = identity_of(static_cast<pid_t>(process));
  if (!identity) return info.Env().Null();
  return Napi::String::New(info.Env(), std::to_string(*identity));
}

}  // namespace seccompagent
