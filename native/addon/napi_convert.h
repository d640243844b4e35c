// SPDX-License-Identifier: Apache-2.0
// JavaScript values to C++ values and back; the only place that throws JavaScript exceptions.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernel/result.h"

namespace seccompagent {

// An Error with `code` (the errno's name), `errno` and `syscall` (what was tried).
[[nodiscard]] Napi::Error errno_error(Napi::Env env, const char* operation, Errno error);
// Throws it.
Napi::Value throw_errno(Napi::Env env, const char* operation, Errno error);
// The same of a caller's label that the kernel did not let us take on, with the property `label`.
Napi::Value throw_label_refusal(Napi::Env env, const std::string& label, Errno error);
// Throws a TypeError with the code ERR_INVALID_ARG_TYPE.
Napi::Value throw_type(Napi::Env env, const char* what);

// Converts the values that one call was given. After the first wrong one it has thrown, and every
// further one converts to nothing: check `is_ok` once, at the end.
class Conversion {
 public:
  explicit Conversion(Napi::Env env) : env_(env) {}

  [[nodiscard]] std::uint32_t u32(const Napi::Value& value);
  [[nodiscard]] std::int32_t i32(const Napi::Value& value);
  // Of a bigint, which must fit.
  [[nodiscard]] std::uint64_t u64(const Napi::Value& value);
  [[nodiscard]] bool boolean(const Napi::Value& value);
  [[nodiscard]] std::string text(const Napi::Value& value);
  [[nodiscard]] std::vector<std::string> texts(const Napi::Value& value);
  // The bytes of a Uint8Array; valid during this call only.
  [[nodiscard]] std::span<std::byte> bytes(const Napi::Value& value);
  // The numbers of an Int32Array; valid during this call only.
  [[nodiscard]] std::span<std::int32_t> numbers(const Napi::Value& value);
  void refuse(const char* what);
  // An exception of JavaScript is on its way.
  [[nodiscard]] bool has_thrown();
  [[nodiscard]] bool is_ok() const { return is_ok_; }

 private:
  template <typename T>
  [[nodiscard]] T whole(const Napi::Value& value);
  template <typename T>
  [[nodiscard]] std::span<T> typed_array(const Napi::Value& value, napi_typedarray_type wanted,
                                         const char* what);

  Napi::Env env_;
  bool is_ok_ = true;
};

// An argument that is an object: its fields by their names. All of them are read first, since what
// reading one runs could take the bytes of another away.
class Fields {
 public:
  Fields(Conversion& conversion, const Napi::Value& object);

  [[nodiscard]] bool has(const char* name) const { return values_.contains(name); }
  [[nodiscard]] std::uint32_t u32(const char* name) const;
  [[nodiscard]] bool boolean(const char* name) const;
  [[nodiscard]] std::string text(const char* name) const;
  [[nodiscard]] std::vector<std::string> texts(const char* name) const;
  [[nodiscard]] std::span<std::byte> bytes(const char* name) const;

 private:
  [[nodiscard]] Napi::Value at(const char* name) const;

  Conversion& conversion_;
  std::map<std::string, Napi::Value, std::less<>> values_;
};

// Reads the arguments of one call in turn.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info), conversion_(info.Env()) {}

  [[nodiscard]] std::uint32_t u32() { return conversion_.u32(next()); }
  [[nodiscard]] std::int32_t i32() { return conversion_.i32(next()); }
  [[nodiscard]] std::uint64_t u64() { return conversion_.u64(next()); }
  [[nodiscard]] std::string text() { return conversion_.text(next()); }
  [[nodiscard]] std::vector<std::string> texts() { return conversion_.texts(next()); }
  [[nodiscard]] std::span<std::byte> bytes() { return conversion_.bytes(next()); }
  [[nodiscard]] std::span<std::int32_t> numbers() { return conversion_.numbers(next()); }
  // The same as a struct of as many numbers of 32 bits; nullptr after a wrong argument.
  template <typename Struct>
  [[nodiscard]] Struct* numbers_of() {
    const std::span<std::int32_t> all = numbers();
    if (is_ok() && all.size_bytes() != sizeof(Struct))
      conversion_.refuse("expected another count of numbers");
    return is_ok() ? reinterpret_cast<Struct*>(all.data()) : nullptr;
  }
  [[nodiscard]] Fields fields() { return {conversion_, next()}; }
  // Part of some bytes; absent when the length is negative.
  [[nodiscard]] std::optional<std::string> range(std::span<const std::byte> all,
                                                 std::int32_t offset, std::int32_t length);
  // Whether another one was given.
  [[nodiscard]] bool has_more() const { return index_ < info_.Length(); }
  [[nodiscard]] bool is_ok() const { return conversion_.is_ok(); }

 private:
  [[nodiscard]] Napi::Value next() { return info_[index_++]; }

  const Napi::CallbackInfo& info_;
  Conversion conversion_;
  std::size_t index_ = 0;
};

}  // namespace seccompagent
