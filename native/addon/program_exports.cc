// SPDX-License-Identifier: Apache-2.0
// The exports that run programs to their end.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "addon/exports.h"
#include "addon/napi_convert.h"
#include "kernel/blocked_signals_thread.h"
#include "process/program.h"

namespace seccompagent {
namespace {

constexpr const char* kStep = "run a program";

[[nodiscard]] bool has_nul(const std::string& text) { return text.contains('\0'); }

[[nodiscard]] std::optional<ProgramRequest> request_of(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  ProgramRequest request = {};
  const Fields fields = arguments.fields();
  request.arguments = fields.texts("command");
  request.environment = fields.texts("environment");
  request.candidates = fields.texts("candidates");
  request.folder = fields.text("folder");
  request.max_output = fields.u32("maxOutputBytes");
  request.max_time = fields.u32("maxMs") * kMillisecond;
  // one without the other is refused, and not taken for no confinement
  if (fields.has("readable") || fields.has("writable")) {
    request.files.emplace();
    request.files->readable = fields.texts("readable");
    request.files->writable = fields.texts("writable");
  }
  // last: reading the texts could take the bytes away
  const std::span<std::byte> input = fields.bytes("input");
  request.input.assign(reinterpret_cast<const char*>(input.data()), input.size());
  if (!arguments.is_ok()) return std::nullopt;
  for (const auto* texts : {&request.arguments, &request.environment, &request.candidates}) {
    if (std::ranges::any_of(*texts, has_nul)) {
      throw_errno(info.Env(), kStep, Errno{EINVAL});
      return std::nullopt;
    }
  }
  return request;
}

[[nodiscard]] const char* name_of(ProgramEnd end) {
  switch (end) {
    case ProgramEnd::not_executed:
      return "not-executed";
    case ProgramEnd::not_prepared:
      return "not-prepared";
    case ProgramEnd::took_too_long:
      return "took-too-long";
    case ProgramEnd::said_too_much:
      return "said-too-much";
    case ProgramEnd::itself:
      break;
  }
  return "itself";
}

[[nodiscard]] Napi::Value object_of(Napi::Env env, const ProgramResult& result) {
  const auto bytes_of = [env](const std::string& text) {
    return Napi::Buffer<char>::Copy(env, text.data(), text.size());
  };
  Napi::Object object = Napi::Object::New(env);
  object.Set("end", Napi::String::New(env, name_of(result.end)));
  object.Set("code", Napi::Number::New(env, result.code));
  object.Set("signal", Napi::Number::New(env, result.signal));
  object.Set("processorMs", Napi::Number::New(env, static_cast<double>(result.processor_time) /
                                                       static_cast<double>(kMillisecond)));
  object.Set("stdout", bytes_of(result.output));
  object.Set("stderr", bytes_of(result.error_output));
  return object;
}

// One that runs in a thread of its own: those of Node's pool are few, and others write files there.
struct Running {
  Running(Napi::Env env, ProgramRequest wanted)
      : promised(env), request(std::move(wanted)), call(Call::New(env, kStep, 0, 1, this)) {}

  // In the thread of JavaScript; without an environment, that ends, and so does the process.
  static void finish(Napi::Env env, Napi::Function /*none*/, Running* self, void* /*none*/) {
    if (static_cast<napi_env>(env) == nullptr) return;
    const Napi::HandleScope scope(env);
    if (self->result) {
      self->promised.Resolve(object_of(env, *self->result));
    } else {
      self->promised.Reject(errno_error(env, kStep, self->result.error()).Value());
    }
    delete self;
  }

  static void* run(void* argument) {
    auto* self = static_cast<Running*>(argument);
    self->result = run_program(std::move(self->request));
    // which ends `self`
    const Call finishing = self->call;
    // where the environment has ended, nothing of it is there any more
    if (finishing.BlockingCall() == napi_ok) (void)finishing.Release();
    return nullptr;
  }

  using Call = Napi::TypedThreadSafeFunction<Running, void, finish>;
  Napi::Promise::Deferred promised;
  ProgramRequest request;
  Result<ProgramResult> result = fail(ECANCELED);
  Call call;
};

}  // namespace

Napi::Value run_program_now(const Napi::CallbackInfo& info) {
  auto request = request_of(info);
  if (!request) return {};
  const auto result = run_program(std::move(*request));
  return result ? object_of(info.Env(), *result) : throw_errno(info.Env(), kStep, result.error());
}

Napi::Value start_program(const Napi::CallbackInfo& info) {
  auto request = request_of(info);
  if (!request) return {};
  // freed when it has finished
  auto* running = new Running(info.Env(), std::move(*request));
  const Napi::Promise promise = running->promised.Promise();
  if (const auto started = start_blocked_signals_thread(Running::run, running); !started) {
    running->result = std::unexpected(started.error());
    (void)running->call.Release();
    Running::finish(info.Env(), {}, running, nullptr);
  }
  return promise;
}

}  // namespace seccompagent
