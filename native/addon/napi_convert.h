// SPDX-License-Identifier: Apache-2.0
// JavaScript values to C++ values and back; the only place that throws JavaScript exceptions.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
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

// Reads the arguments of one call in turn. After the first wrong one it has thrown, and every
// further one reads as empty: check `is_ok` once, at the end.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info) {}

  [[nodiscard]] std::uint32_t u32();
  [[nodiscard]] std::int32_t i32();
  // Of a bigint, which must fit.
  [[nodiscard]] std::uint64_t u64();
  [[nodiscard]] std::string text();
  [[nodiscard]] std::vector<std::string> texts();
  // The bytes of a Uint8Array; valid during this call only.
  [[nodiscard]] std::span<std::byte> bytes();
  // The numbers of an Int32Array; valid during this call only.
  [[nodiscard]] std::span<std::int32_t> numbers();
  // The same as a struct of as many numbers of 32 bits; nullptr after a wrong argument.
  template <typename Struct>
  [[nodiscard]] Struct* numbers_of() {
    const std::span<std::int32_t> all = numbers();
    if (is_ok_ && all.size_bytes() != sizeof(Struct)) refuse("expected another count of numbers");
    return is_ok_ ? reinterpret_cast<Struct*>(all.data()) : nullptr;
  }
  // Part of some bytes; absent when the length is negative.
  [[nodiscard]] std::optional<std::string> range(std::span<const std::byte> all,
                                                 std::int32_t offset, std::int32_t length);
  // Whether another one was given.
  [[nodiscard]] bool has_more() const { return index_ < info_.Length(); }
  [[nodiscard]] bool is_ok() const { return is_ok_; }

 private:
  [[nodiscard]] Napi::Value next(const char* what, bool (Napi::Value::*is)() const);
  template <typename T>
  [[nodiscard]] T whole(const char* what);
  template <typename T>
  [[nodiscard]] std::span<T> typed_array(napi_typedarray_type wanted, const char* what);
  void refuse(const char* what);

  const Napi::CallbackInfo& info_;
  std::size_t index_ = 0;
  bool is_ok_ = true;
};

}  // namespace seccompagent
