// SPDX-License-Identifier: Apache-2.0
#include "caller/path_start.h"

#include <fcntl.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace seccompagent {

Start start_of(std::string path, int dirfd) {
  if (!path.starts_with('/')) return {dirfd, "", false, std::move(path)};
  Start start = {AT_FDCWD, "", false, std::move(path), true};
  const std::string& path_asked = start.rest;
  std::string_view rest = start.rest;
  const auto take = [&rest](std::string_view name) {
    std::string_view after = rest;
    if (!after.starts_with('/')) return false;
    after.remove_prefix(std::min(after.find_first_not_of('/'), after.size()));
    if (!after.starts_with(name)) return false;
    after.remove_prefix(name.size());
    if (!after.empty() && !after.starts_with('/')) return false;
    rest = after;
    return true;
  };
  if (!take("proc")) return start;
  const bool is_of_thread = take("thread-self");
  if (!is_of_thread && !take("self")) return start;
  std::string entry;
  if (take("cwd")) {
    entry = "cwd";
  } else if (take("root")) {
    entry = "root";
  } else if (take("fd")) {
    const std::size_t from = std::min(rest.find_first_not_of('/'), rest.size());
    const std::size_t until = std::min(rest.find('/', from), rest.size());
    const std::string_view number = rest.substr(from, until - from);
    if (number.empty() || number.size() > 10 ||
        number.find_first_not_of("0123456789") != std::string_view::npos) {
      return start;
    }
    entry = "fd/" + std::string(number);
    rest.remove_prefix(until);
  } else {
    return start;
  }
  const bool has_slash = !rest.empty();
  rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
  // behind a slash it has to be a directory
  if (has_slash && rest.empty()) rest = ".";
  return {AT_FDCWD, std::move(entry), is_of_thread, std::string(rest), false, path_asked};
}

}  // namespace seccompagent
