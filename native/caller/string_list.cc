// SPDX-License-Identifier: Apache-2.0
// Pointers are read some at a time, strings one by one.
#include "caller/string_list.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace seccompagent {
namespace {

constexpr std::size_t kHead = sizeof(std::uint32_t);

class StringListReading {
 public:
  StringListReading(const StringList& list, std::span<std::byte> out) : list_(list), out_(out) {}

  Result<std::size_t> all() {
    if (out_.size() < kHead) return fail(E2BIG);
    used_ = kHead;
    while (!is_cut_short_) {
      const auto pointer = next_pointer();
      if (!pointer) return std::unexpected(pointer.error());
      if (*pointer == 0) break;
      if (const auto taken = take(*pointer); !taken) return std::unexpected(taken.error());
    }
    put(0, is_missing_ ? 1 : 0);
    return used_;
  }

 private:
  [[nodiscard]] std::size_t pointer_size() const {
    return list_.is_narrow ? sizeof(std::uint32_t) : sizeof(std::uint64_t);
  }

  Result<std::uint64_t> next_pointer() {
    if (list_.address == 0) return 0;
    const std::size_t size = pointer_size();
    if (next_ + size > read_) {
      const std::uint64_t from = list_.address + count_ * size;
      if (from < list_.address) return fail(EFAULT);
      const auto got = read_some(list_.tid, from, pointers_, list_.reader);
      if (!got) return std::unexpected(got.error());
      if (*got < size) return fail(EFAULT);
      next_ = 0;
      read_ = *got;
    }
    // little-endian: the upper half stays 0
    std::uint64_t pointer = 0;
    std::memcpy(&pointer, &pointers_[next_], size);
    next_ += size;
    return pointer;
  }

  Result<void> take(std::uint64_t pointer) {
    const std::size_t room = out_.size() - used_;
    if (count_ == kMaxStrings || room <= kHead) {
      cut_short();
      return {};
    }
    const std::size_t limit = std::min(room - kHead, kMaxStringBytes);
    constexpr Errno kTooLong{ENAMETOOLONG};
    const auto read =
        read_string(list_.tid, pointer, out_.subspan(used_ + kHead, limit), kTooLong, list_.reader);
    if (!read && read.error() != kTooLong) return std::unexpected(read.error());
    const std::size_t length = read ? *read : limit;
    put(used_, static_cast<std::uint32_t>(length));
    used_ += kHead + length;
    ++count_;
    if (!read) is_missing_ = true;
    if (!read && limit < kMaxStringBytes) cut_short();
    return {};
  }

  void cut_short() { is_cut_short_ = is_missing_ = true; }

  void put(std::size_t at, std::uint32_t number) { std::memcpy(&out_[at], &number, sizeof number); }

  const StringList& list_;
  const std::span<std::byte> out_;
  // What was read and not used yet.
  std::array<std::byte, 256> pointers_ = {};
  std::size_t next_ = 0;
  std::size_t read_ = 0;
  std::size_t used_ = 0;
  std::size_t count_ = 0;
  bool is_missing_ = false;
  bool is_cut_short_ = false;
};

}  // namespace

Result<std::size_t> read_string_list(const StringList& list, std::span<std::byte> out) {
  return StringListReading(list, out).all();
}

}  // namespace seccompagent
