// SPDX-License-Identifier: Apache-2.0
// The export that tries what the agent needs of the kernel.
#include "addon/addon_state.h"
#include "addon/exports.h"
#include "probe/probe.h"

namespace seccompagent {

Napi::Value probe(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string name = arguments.text();
  if (!arguments.is_ok()) return {};
  const ProbeOutcome outcome = run_probe(name);
  const Napi::Env env = info.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("works", Napi::Boolean::New(env, outcome.works));
  object.Set("step", Napi::String::New(env, outcome.step));
  object.Set("errno", number(env, outcome.error));
  object.Set("signal", number(env, outcome.signal));
  return object;
}

}  // namespace seccompagent
