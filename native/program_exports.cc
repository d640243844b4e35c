// SPDX-License-Identifier: Apache-2.0
// The exports that run programs to their end.
#include <optional>
#include <utility>

#include "exports.h"
#include "napi_convert.h"
#include "program.h"

namespace seccompagent {
namespace {

constexpr const char* kStep = "run a program";

[[nodiscard]] std::optional<ProgramRequest> request_of(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  ProgramRequest request = {};
  request.arguments = arguments.texts();
  request.environment = arguments.texts();
  request.candidates = arguments.texts();
  request.folder = arguments.text();
  const std::span<std::byte> input = arguments.bytes();
  request.input.assign(reinterpret_cast<const char*>(input.data()), input.size());
  request.most_output = arguments.u32();
  request.most_time = arguments.u32() * kMillisecond;
  if (!arguments.is_ok()) return std::nullopt;
  return request;
}

[[nodiscard]] const char* name_of(ProgramEnd end) {
  switch (end) {
    case ProgramEnd::not_executed:
      return "not-executed";
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
  object.Set("stdout", bytes_of(result.output));
  object.Set("stderr", bytes_of(result.error_output));
  return object;
}

// In a thread of Node's pool.
class Running : public Napi::AsyncWorker {
 public:
  Running(Napi::Env env, ProgramRequest request)
      : AsyncWorker(env), deferred_(env), request_(std::move(request)) {}
  [[nodiscard]] Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { result_ = run_program(std::move(request_)); }
  void OnOK() override {
    if (result_) {
      deferred_.Resolve(object_of(Env(), *result_));
    } else {
      deferred_.Reject(errno_error(Env(), kStep, result_.error()).Value());
    }
  }

 private:
  Napi::Promise::Deferred deferred_;
  ProgramRequest request_;
  Result<ProgramResult> result_ = fail(ECANCELED);
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
  // freed when it is done
  auto* running = new Running(info.Env(), std::move(*request));
  running->Queue();
  return running->promise();
}

}  // namespace seccompagent
