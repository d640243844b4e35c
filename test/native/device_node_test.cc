// SPDX-License-Identifier: Apache-2.0
#include "acting/device_node.h"

#include "check.h"
#include "hanging_children.h"

namespace seccompagent::test {
namespace {

void makes_none_where_too_many_hang() {
  constexpr Payer kPayer = 3;
  let_too_many_hang(kPayer);
  const Target target = {};
  FileRequest request = {};
  request.operation = FileOperation::mknod;
  const Patience patience = {.max = kSecond};

  const FileOutcome made = make_device_node({.target = target,
                                             .request = request,
                                             .patience = patience,
                                             .owner = {.container = 0, .payer = kPayer},
                                             .cgroups = nullptr});

  CHECK(made.outcome.failed_step != nullptr);
  CHECK_EQUAL(made.outcome.failure, EBUSY);
  CHECK(!made.fd.is_open());
}

constexpr Case kCases[] = {
    {"A5: devices: of a container too many of whose children hang, no node is made",
     makes_none_where_too_many_hang}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
