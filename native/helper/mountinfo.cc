// SPDX-License-Identifier: Apache-2.0
// See proc_pid_mountinfo(5).
#include "helper/mountinfo.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace seccompagent {
namespace {

// poll(2) tells whether anything was mounted, moved or taken away since it was asked last, or the
// file was opened, see proc_pid_mountinfo(5).
[[nodiscard]] bool has_changed(const UniqueFd& mountinfo) {
  pollfd change = {.fd = mountinfo.get(), .events = POLLPRI, .revents = 0};
  return retry_eintr([&] { return poll(&change, 1, 0); }) != 0;
}

[[nodiscard]] std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view taken = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return taken;
}

[[nodiscard]] bool is_hiding_type(std::string_view type) {
  return type == "proc" || type == "sysfs";
}

// A line without what was mounted and, but for file systems that have masks, without its options:
// nobody looks at them, and an overlay's take kilobytes.
void append_needed(std::string& text, std::string_view line) {
  constexpr std::string_view kSeparator = " - ";
  const std::size_t separator = line.find(kSeparator);
  std::string_view rest =
      separator == std::string_view::npos ? "" : line.substr(separator + kSeparator.size());
  const std::string_view type = take_until(rest, ' ');
  (void)take_until(rest, ' ');
  const bool is_line = !rest.empty();
  text.append(is_line ? line.substr(0, separator + kSeparator.size()) : line);
  if (is_line) text.append(type).append(kSeparator).append(is_hiding_type(type) ? rest : "-");
  text += '\n';
}

// `left`: number of bytes that may still be read.
[[nodiscard]] Result<std::string> read_once(const UniqueFd& file, std::size_t& left) {
  std::string text;
  // up to the last newline, its lines are in the text
  std::string read_text;
  char chunk[16384];
  if (lseek(file.get(), 0, SEEK_SET) == -1) return fail_errno();
  for (;;) {
    const ssize_t got = retry_eintr([&] { return read(file.get(), chunk, sizeof chunk); });
    if (got == -1) return fail_errno();
    if (got == 0) return text + read_text;
    const std::string_view next(chunk, static_cast<std::size_t>(got));
    if (next.size() > left) return fail(E2BIG);
    left -= next.size();
    read_text.append(next);
    if (next.contains('\n')) {
      std::string_view rest = read_text;
      while (rest.contains('\n')) append_needed(text, take_until(rest, '\n'));
      read_text.erase(0, read_text.size() - rest.size());
    }
    if (text.size() + read_text.size() > kMaxMountinfo) return fail(E2BIG);
  }
}

[[nodiscard]] bool parse_number(std::string_view text, int base, int& number) {
  const auto [stop, error] = std::from_chars(text.begin(), text.end(), number, base);
  return error == std::errc() && stop == text.end();
}

// Blanks, newlines and backslashes come as a backslash and three octal digits.
[[nodiscard]] std::string unescaped(std::string_view text) {
  constexpr std::size_t kDigits = 3;
  std::string plain;
  while (!text.empty()) {
    int byte = 0;
    if (text.front() == '\\' && text.size() > kDigits &&
        parse_number(text.substr(1, kDigits), 8, byte)) {
      plain += static_cast<char>(byte);
      text.remove_prefix(kDigits + 1);
    } else {
      plain += text.front();
      text.remove_prefix(1);
    }
  }
  return plain;
}

[[nodiscard]] Result<MountLine> parse_line(std::string_view line) {
  MountLine mount = {};
  if (!parse_number(take_until(line, ' '), 10, mount.id) ||
      !parse_number(take_until(line, ' '), 10, mount.parent)) {
    return fail(EINVAL);
  }
  mount.device = take_until(line, ' ');
  mount.root = unescaped(take_until(line, ' '));
  mount.point = unescaped(take_until(line, ' '));
  mount.mount_options = take_until(line, ' ');
  // any number of optional fields, such as shared:1
  std::string_view field;
  do {
    if (line.empty()) return fail(EINVAL);
    field = take_until(line, ' ');
    mount.is_shared = mount.is_shared || field.starts_with("shared:");
  } while (field != "-");
  mount.type = take_until(line, ' ');
  (void)take_until(line, ' ');
  mount.file_system_options = line;
  if (!mount.point.starts_with('/') || mount.type.empty() || line.empty()) return fail(EINVAL);
  return mount;
}

}  // namespace

Result<std::string> read_mountinfo(const UniqueFd& file) {
  constexpr int kTries = 5;
  std::size_t left = kMaxReadMountinfo;
  for (int tries = kTries; tries > 0; --tries) {
    auto text = read_once(file, left);
    if (!text || !has_changed(file)) return text;
  }
  return fail(EAGAIN);
}

Result<Mounts> parse_mounts(std::string_view text) {
  // a text that was cut may lack the mask that matters
  if (!text.ends_with('\n')) return fail(EINVAL);
  Mounts mounts;
  while (!text.empty()) {
    auto mount = parse_line(take_until(text, '\n'));
    if (!mount) return std::unexpected(mount.error());
    const int id = mount->id;
    mounts.emplace(id, std::move(*mount));
  }
  return mounts;
}

std::optional<std::string_view> option(std::string_view options, std::string_view key) {
  while (!options.empty()) {
    std::string_view value = take_until(options, ',');
    if (take_until(value, '=') == key) return value;
  }
  return std::nullopt;
}

const MountLine* find_top(const Mounts& mounts, std::string_view point) {
  const MountLine* bottom = nullptr;
  std::unordered_map<int, const MountLine*> above;
  for (const auto& [id, mount] : mounts) {
    if (mount.point != point) continue;
    const auto parent = mounts.find(mount.parent);
    if (parent != mounts.end() && parent->second.point == point) {
      if (!above.emplace(mount.parent, &mount).second) return nullptr;
    } else if (std::exchange(bottom, &mount) != nullptr) {
      return nullptr;
    }
  }
  const MountLine* top = bottom;
  while (top != nullptr && above.contains(top->id)) top = above[top->id];
  return top;
}

std::vector<const MountLine*> find_below(const Mounts& mounts, const MountLine& top) {
  std::unordered_multimap<int, const MountLine*> children;
  for (const auto& [id, mount] : mounts) {
    if (id != top.id) children.emplace(mount.parent, &mount);
  }
  std::vector<const MountLine*> below = {&top};
  for (std::size_t at = 0; at < below.size(); ++at) {
    const auto [first, last] = children.equal_range(below[at]->id);
    for (auto child = first; child != last; ++child) below.push_back(child->second);
  }
  below.erase(below.begin());
  return below;
}

Result<bool> has_mounts_below(std::string_view mountinfo, int id, std::string_view directory) {
  const auto mounts = parse_mounts(mountinfo);
  if (!mounts) return std::unexpected(mounts.error());
  if (directory == "/") directory = {};
  return std::ranges::any_of(*mounts, [&](const auto& each) {
    const MountLine& mount = each.second;
    return mount.parent == id && mount.id != id && is_at_or_below(mount.point, directory);
  });
}

bool is_hiding(const MountLine& mount) { return is_hiding_type(mount.type); }

bool lies_on_hiding(const Mounts& mounts, const MountLine& mount) {
  const MountLine* at = &mount;
  // no way up is longer than there are mounts
  for (std::size_t step = 0; step < mounts.size(); ++step) {
    if (is_hiding(*at)) return true;
    const auto above = mounts.find(at->parent);
    // only what is the root of all has none above it
    if (above == mounts.end()) return at->point != "/";
    at = &above->second;
  }
  return false;
}

bool is_at_or_below(std::string_view path, std::string_view top) {
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

}  // namespace seccompagent
