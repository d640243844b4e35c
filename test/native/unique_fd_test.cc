// SPDX-License-Identifier: Apache-2.0
// Tests the owner of a descriptor.
#include "kernel/unique_fd.h"

#include <fcntl.h>

#include <utility>
#include <vector>

#include "check.h"

namespace seccompagent::test {
namespace {

int opened() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

void closes_at_its_end() {
  const int fd = opened();
  {
    const UniqueFd owner(fd);
  }
  CHECK(!is_open(fd));
}

void starts_closed() {
  const UniqueFd owner;
  CHECK(!owner.is_open());
  CHECK_EQUAL(owner.get(), -1);
}

void moves_ownership() {
  const int fd = opened();
  UniqueFd first(fd);
  UniqueFd second(std::move(first));
  CHECK(!first.is_open());  // NOLINT(bugprone-use-after-move): what a move leaves is the point
  CHECK_EQUAL(second.get(), fd);
  CHECK(is_open(fd));
}

void closes_what_a_move_replaces() {
  const int replaced = opened();
  const int kept = opened();
  UniqueFd owner(replaced);
  owner = UniqueFd(kept);
  CHECK(!is_open(replaced));
  CHECK(is_open(kept));
  CHECK_EQUAL(owner.get(), kept);
}

void survives_a_move_onto_itself() {
  const int fd = opened();
  UniqueFd owner(fd);
  UniqueFd& same = owner;
  owner = std::move(same);
  CHECK_EQUAL(owner.get(), fd);
  CHECK(is_open(fd));
}

void gives_away() {
  const int fd = opened();
  {
    UniqueFd owner(fd);
    CHECK_EQUAL(owner.release(), fd);
    CHECK(!owner.is_open());
    CHECK_EQUAL(owner.release(), -1);
  }
  CHECK(is_open(fd));
  close(fd);
}

void resets() {
  const int first = opened();
  const int second = opened();
  UniqueFd owner(first);
  owner.reset(second);
  CHECK(!is_open(first));
  CHECK_EQUAL(owner.get(), second);
  owner.reset();
  CHECK(!is_open(second));
  owner.reset();
}

void moves_within_a_vector() {
  std::vector<UniqueFd> owners;
  for (int index = 0; index < 100; ++index) owners.emplace_back(opened());
  owners.erase(owners.begin());
  for (const UniqueFd& owner : owners) CHECK(is_open(owner.get()));
  const int last = owners.back().get();
  owners.clear();
  CHECK(!is_open(last));
}

constexpr Case kCases[] = {
    {"UniqueFd: its descriptor is closed with it", closes_at_its_end},
    {"UniqueFd: it starts without one", starts_closed},
    {"UniqueFd: a move takes the descriptor along", moves_ownership},
    {"UniqueFd: a move closes what it replaces", closes_what_a_move_replaces},
    {"UniqueFd: a move onto itself changes nothing", survives_a_move_onto_itself},
    {"UniqueFd: what is given away stays open", gives_away},
    {"UniqueFd: a reset closes the one before", resets},
    {"UniqueFd: a vector moves them", moves_within_a_vector}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
