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

void Conversion::refuse(const char* what) {
  if (is_ok_) throw_type(env_, what);
  is_ok_ = false;
}

bool Conversion::has_thrown() {
  if (env_.IsExceptionPending()) is_ok_ = false;
  return !is_ok_;
}

template <typename T>
T Conversion::whole(const Napi::Value& value) {
  if (!is_ok_) return 0;
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  // a number that is cut to fit would name something else
  if (number >= std::numeric_limits<T>::min() && number <= std::numeric_limits<T>::max() &&
      number == std::trunc(number)) {
    return static_cast<T>(number);
  }
  refuse("expected a whole number");
  return 0;
}

std::uint32_t Conversion::u32(const Napi::Value& value) { return whole<std::uint32_t>(value); }

std::int32_t Conversion::i32(const Napi::Value& value) { return whole<std::int32_t>(value); }

std::uint64_t Conversion::u64(const Napi::Value& value) {
  if (is_ok_ && !value.IsBigInt()) refuse("expected a bigint");
  if (!is_ok_) return 0;
  bool is_whole = false;
  const std::uint64_t number = value.As<Napi::BigInt>().Uint64Value(&is_whole);
  if (!is_whole) refuse("expected a bigint of 64 bits");
  return is_whole ? number : 0;
}

bool Conversion::boolean(const Napi::Value& value) {
  if (is_ok_ && !value.IsBoolean()) refuse("expected a boolean");
  return is_ok_ && value.As<Napi::Boolean>().Value();
}

std::string Conversion::text(const Napi::Value& value) {
  if (is_ok_ && !value.IsString()) refuse("expected a string");
  return is_ok_ ? value.As<Napi::String>().Utf8Value() : std::string();
}

std::vector<std::string> Conversion::texts(const Napi::Value& value) {
  if (is_ok_ && !value.IsArray()) refuse("expected an array of strings");
  std::vector<std::string> texts;
  if (!is_ok_) return texts;
  const auto array = value.As<Napi::Array>();
  for (std::uint32_t index = 0; index < array.Length(); ++index) {
    const Napi::Value item = array.Get(index);
    if (has_thrown()) return {};
    if (!item.IsString()) {
      refuse("expected an array of strings");
      return {};
    }
    texts.push_back(item.As<Napi::String>().Utf8Value());
  }
  return texts;
}

template <typename T>
std::span<T> Conversion::typed_array(const Napi::Value& value, napi_typedarray_type wanted,
                                     const char* what) {
  if (!is_ok_) return {};
  void* data = nullptr;
  std::size_t length = 0;
  napi_typedarray_type type = {};
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(env_, value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != wanted) {
    refuse(what);
    return {};
  }
  return {static_cast<T*>(data), length};
}

std::span<std::byte> Conversion::bytes(const Napi::Value& value) {
  return typed_array<std::byte>(value, napi_uint8_array, "expected a Uint8Array");
}

std::span<std::int32_t> Conversion::numbers(const Napi::Value& value) {
  return typed_array<std::int32_t>(value, napi_int32_array, "expected an Int32Array");
}

Fields::Fields(Conversion& conversion, const Napi::Value& object) : conversion_(conversion) {
  if (!conversion.is_ok()) return;
  if (!object.IsObject()) {
    conversion.refuse("expected an object");
    return;
  }
  const auto given = object.As<Napi::Object>();
  const Napi::Array names = given.GetPropertyNames();
  if (conversion.has_thrown()) return;
  for (std::uint32_t index = 0; index < names.Length(); ++index) {
    const Napi::Value name = names.Get(index);
    const Napi::Value value = given.Get(name);
    if (conversion.has_thrown()) return;
    values_.emplace(name.As<Napi::String>().Utf8Value(), value);
  }
}

// Undefined is wrong for every kind.
Napi::Value Fields::at(const char* name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? Napi::Value() : found->second;
}

std::uint32_t Fields::u32(const char* name) const { return conversion_.u32(at(name)); }

bool Fields::boolean(const char* name) const { return conversion_.boolean(at(name)); }

std::string Fields::text(const char* name) const { return conversion_.text(at(name)); }

std::vector<std::string> Fields::texts(const char* name) const {
  return conversion_.texts(at(name));
}

std::span<std::byte> Fields::bytes(const char* name) const { return conversion_.bytes(at(name)); }

std::optional<std::string> Arguments::range(std::span<const std::byte> all, std::int32_t offset,
                                            std::int32_t length) {
  if (!is_ok() || length < 0) return std::nullopt;
  // an offset of wasm is unsigned
  const auto from = static_cast<std::uint32_t>(offset);
  const auto size = static_cast<std::uint32_t>(length);
  if (from > all.size() || size > all.size() - from) {
    conversion_.refuse("range outside of its array");
    return std::nullopt;
  }
  return std::string(reinterpret_cast<const char*>(all.data()) + from, size);
}

}  // namespace seccompagent
