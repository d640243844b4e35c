// SPDX-License-Identifier: Apache-2.0
// JavaScript values to C++ values and back.
#include "addon/napi_convert.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace seccompagent {

Napi::Error errno_error(Napi::Env env, const char* operation, Errno error) {
  const char* name = strerrorname_np(error.number);
  const std::string code = name == nullptr ? "E" + std::to_string(error.number) : name;
  const Napi::Error thrown =
      Napi::Error::New(env, code + ": " + std::strerror(error.number) + ", " + operation);
  thrown.Set("code", Napi::String::New(env, code));
  thrown.Set("errno", Napi::Number::New(env, error.number));
  thrown.Set("syscall", Napi::String::New(env, operation));
  return thrown;
}

Napi::Value throw_errno(Napi::Env env, const char* operation, Errno error) {
  errno_error(env, operation, error).ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value throw_label_refusal(Napi::Env env, const std::string& label, Errno error) {
  const Napi::Error thrown = errno_error(env, "take on a label", error);
  thrown.Set("label", Napi::String::New(env, label));
  thrown.ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value throw_type(Napi::Env env, const char* what) {
  const Napi::TypeError thrown = Napi::TypeError::New(env, what);
  thrown.Set("code", Napi::String::New(env, "ERR_INVALID_ARG_TYPE"));
  thrown.ThrowAsJavaScriptException();
  return env.Undefined();
}

void Arguments::refuse(const char* what) {
  if (is_ok_) throw_type(info_.Env(), what);
  is_ok_ = false;
}

Napi::Value Arguments::next(const char* what, bool (Napi::Value::*is)() const) {
  const Napi::Value value = info_[index_++];
  if (is_ok_ && !(value.*is)()) refuse(what);
  return value;
}

template <typename T>
T Arguments::whole(const char* what) {
  const Napi::Value value = next(what, &Napi::Value::IsNumber);
  if (!is_ok_) return 0;
  const double number = value.As<Napi::Number>().DoubleValue();
  // a number that is cut to fit would name something else
  if (number >= std::numeric_limits<T>::min() && number <= std::numeric_limits<T>::max() &&
      number == std::trunc(number)) {
    return static_cast<T>(number);
  }
  refuse(what);
  return 0;
}

std::uint32_t Arguments::u32() { return whole<std::uint32_t>("expected a whole number"); }

std::int32_t Arguments::i32() { return whole<std::int32_t>("expected a whole number"); }

std::uint64_t Arguments::u64() {
  const Napi::Value value = next("expected a bigint", &Napi::Value::IsBigInt);
  if (!is_ok_) return 0;
  bool is_whole = false;
  const std::uint64_t number = value.As<Napi::BigInt>().Uint64Value(&is_whole);
  if (!is_whole) refuse("expected a bigint of 64 bits");
  return is_whole ? number : 0;
}

std::string Arguments::text() {
  const Napi::Value value = next("expected a string", &Napi::Value::IsString);
  return is_ok_ ? value.As<Napi::String>().Utf8Value() : std::string();
}

std::vector<std::string> Arguments::texts() {
  const Napi::Value value = next("expected an array of strings", &Napi::Value::IsArray);
  std::vector<std::string> texts;
  if (!is_ok_) return texts;
  const auto array = value.As<Napi::Array>();
  for (std::uint32_t index = 0; index < array.Length(); ++index) {
    const Napi::Value item = array.Get(index);
    if (info_.Env().IsExceptionPending()) {
      is_ok_ = false;
      return {};
    }
    if (!item.IsString()) {
      refuse("expected an array of strings");
      return {};
    }
    texts.push_back(item.As<Napi::String>().Utf8Value());
  }
  return texts;
}

template <typename T>
std::span<T> Arguments::typed_array(napi_typedarray_type wanted, const char* what) {
  const Napi::Value value = next(what, &Napi::Value::IsTypedArray);
  if (!is_ok_) return {};
  void* data = nullptr;
  std::size_t length = 0;
  napi_typedarray_type type = {};
  if (napi_get_typedarray_info(info_.Env(), value, &type, &length, &data, nullptr, nullptr) !=
          napi_ok ||
      type != wanted) {
    refuse(what);
    return {};
  }
  return {static_cast<T*>(data), length};
}

std::span<std::byte> Arguments::bytes() {
  return typed_array<std::byte>(napi_uint8_array, "expected a Uint8Array");
}

std::span<std::int32_t> Arguments::numbers() {
  return typed_array<std::int32_t>(napi_int32_array, "expected an Int32Array");
}

std::optional<std::string> Arguments::range(std::span<const std::byte> all, std::int32_t offset,
                                            std::int32_t length) {
  if (!is_ok_ || length < 0) return std::nullopt;
  // an offset of wasm is unsigned
  const auto from = static_cast<std::uint32_t>(offset);
  const auto size = static_cast<std::uint32_t>(length);
  if (from > all.size() || size > all.size() - from) {
    refuse("range outside of its array");
    return std::nullopt;
  }
  return std::string(reinterpret_cast<const char*>(all.data()) + from, size);
}

}  // namespace seccompagent
