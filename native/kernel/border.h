// SPDX-License-Identifier: Apache-2.0
// The tables that the addon and the host share; host/border/ says what they mean. Generated:
// `npm run generate`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// clang-format off
namespace seccompagent {

// host/border/calls.ts
enum class EventKind : std::int32_t {
  notification = 1,
  ended = 2,
  stopped = 3,
  shortage = 4,
  performed = 5,
};

enum class Arch : std::uint32_t {
  x86_64 = 0,
  i386 = 1,
  x32 = 2,
  arm64 = 3,
  unknown = 4,
};

inline constexpr std::size_t kArches = 4;

inline constexpr std::size_t kNumbers = 1024;

inline constexpr std::size_t kArguments = 6;

enum class ReadKind : std::uint8_t {
  nothing = 0,
  path = 1,
  source = 2,
  mount_data = 3,
  xattr_name = 4,
  xattr_value = 5,
  xattr_args = 6,
  xattr_room = 7,
  open_how = 8,
  timespecs = 9,
  timespecs64 = 10,
  timevals = 11,
  utimbuf = 12,
};

inline constexpr std::size_t kReadKinds = 13;

enum class AnswerKind : std::uint32_t {
  none = 0,
  value = 1,
  error = 2,
  carry_on = 3,
  descriptor = 4,
  handed = 5,
};

enum class HelperFailure : std::uint32_t {
  none = 0,
  ended = 1,
  could_not_act = 2,
  not_served = 3,
};

struct Inbox {
  struct Pointer {
    std::int32_t length;
    std::uint32_t offset;
  };
  struct Answer {
    std::int64_t value;
    std::int32_t error;
    AnswerKind kind;
    std::uint32_t delay;
    std::uint32_t slot;
    std::uint32_t failed;
    HelperFailure helper_failure;
  };
  std::uint32_t token;
  std::uint32_t tid;
  std::uint32_t arch;
  std::uint32_t number;
  std::array<std::uint64_t, 6> registers;
  std::array<Pointer, 6> pointers;
  std::uint64_t id;
  std::uint32_t audit_arch;
  std::uint32_t was_gone;
  Answer answer;
  std::uint32_t link;
  std::uint32_t deadline;
  std::uint32_t took;
  std::uint32_t terms;
};
static_assert(std::is_standard_layout_v<Inbox>);
static_assert(offsetof(Inbox, terms) == 172);

struct XattrHeader {
  std::uint32_t flags;
  std::uint32_t size;
};
static_assert(std::is_standard_layout_v<XattrHeader>);
static_assert(offsetof(XattrHeader, size) == 4);

enum class TimeChange : std::uint32_t {
  set = 0,
  now = 1,
  omit = 2,
};

struct NewTime {
  TimeChange change;
  std::uint32_t nanoseconds;
  std::int64_t seconds;
};
static_assert(std::is_standard_layout_v<NewTime>);
static_assert(offsetof(NewTime, seconds) == 8);

inline constexpr std::size_t kInboxData = 73728;

inline constexpr std::int32_t kNotRead = -65536;

inline constexpr std::int32_t kNull = -65537;

// host/border/operations.ts
enum class FileOperation : std::uint32_t {
  mkdir = 1,
  mknod = 2,
  open = 3,
  chmod = 4,
  chown = 5,
  rename = 6,
  link = 7,
  symlink = 8,
  unlink = 9,
  stat = 10,
  get_xattr = 11,
  set_xattr = 12,
  list_xattr = 13,
  remove_xattr = 14,
  read_link = 15,
  truncate = 16,
  set_times = 17,
  locate_name = 18,
  locate_file = 19,
  locate_opened = 20,
  undo_mknod = 21,
};

inline constexpr std::uint32_t kAskedOperations = 20;

inline constexpr std::uint32_t kFileOperations = 21;

enum class MountOperation : std::uint32_t {
  unmount = 30,
  set_mount_attributes = 31,
};

inline constexpr std::uint32_t kOfDescriptor = 1073741824;

struct OperationNumbers {
  std::int32_t dirfd;
  std::int32_t path;
  std::int32_t path_length;
  std::int32_t second_dirfd;
  std::int32_t second_path;
  std::int32_t second_path_length;
  std::int32_t value;
  std::int32_t value_length;
  std::int32_t name;
  std::int32_t name_length;
  std::uint32_t flags;
  std::uint32_t mode;
  std::uint32_t first;
  std::uint32_t second;
  std::uint32_t low;
  std::uint32_t high;
  std::uint32_t result_length;
  std::int32_t descriptor;
  std::uint32_t is_strict;
  std::uint32_t is_lent;
  std::uint32_t is_given;
  std::int32_t given;
  std::uint32_t is_final;
  std::uint32_t is_handed;
};
static_assert(std::is_standard_layout_v<OperationNumbers>);
static_assert(offsetof(OperationNumbers, is_handed) == 92);

struct MountNumbers {
  std::int32_t source;
  std::int32_t source_length;
  std::int32_t target;
  std::int32_t target_length;
  std::int32_t type;
  std::int32_t type_length;
  std::int32_t data;
  std::int32_t data_length;
  std::uint32_t flags_low;
  std::uint32_t flags_high;
};
static_assert(std::is_standard_layout_v<MountNumbers>);
static_assert(offsetof(MountNumbers, flags_high) == 36);

struct FileStatus {
  std::uint64_t holder_major;
  std::uint64_t holder_minor;
  std::uint64_t inode;
  std::uint64_t mode;
  std::uint64_t links;
  std::uint64_t uid;
  std::uint64_t gid;
  std::uint64_t device_major;
  std::uint64_t device_minor;
  std::uint64_t size;
  std::uint64_t blocks;
  std::uint64_t accessed;
  std::uint64_t modified;
  std::uint64_t changed;
  std::uint64_t mount_flags;
};
static_assert(std::is_standard_layout_v<FileStatus>);
static_assert(offsetof(FileStatus, mount_flags) == 112);

struct FileLocation {
  std::uint64_t mount;
  std::uint64_t is_there;
  std::uint64_t is_mount_point;
  std::uint64_t is_granted;
  std::uint64_t as;
  std::uint64_t path_length;
  std::uint64_t name_length;
};
static_assert(std::is_standard_layout_v<FileLocation>);
static_assert(offsetof(FileLocation, name_length) == 48);

enum class LookedUp : std::uint32_t {
  first = 0,
  second = 1,
  neither = 2,
};

enum class LocatedAs : std::uint32_t {
  nothing = 0,
  file = 1,
  owners_file = 2,
  name = 3,
};

// host/border/caller.ts
struct CallerCredentials {
  std::array<std::uint32_t, 4> uid;
  std::array<std::uint32_t, 4> gid;
  std::uint32_t umask;
  std::uint32_t no_new_privileges;
  std::array<std::uint64_t, 5> capabilities;
  std::uint32_t comm_length;
  std::array<std::uint8_t, 16> comm;
  std::uint32_t group_count;
};
static_assert(std::is_standard_layout_v<CallerCredentials>);
static_assert(offsetof(CallerCredentials, group_count) == 100);

struct CallerProcess {
  std::uint64_t age;
  std::uint32_t is_first;
};
static_assert(std::is_standard_layout_v<CallerProcess>);
static_assert(offsetof(CallerProcess, is_first) == 8);

inline constexpr std::size_t kCallerProcessSize = 12;

enum class CapabilityIn : std::uint32_t {
  of_caller = 0,
  of_mounts = 1,
  of_host = 2,
  of_container = 3,
};

struct Resources {
  std::uint64_t uptime;
  std::uint64_t load1;
  std::uint64_t load5;
  std::uint64_t load15;
  std::uint64_t memory;
  std::uint64_t memory_free;
  std::uint64_t memory_shared;
  std::uint64_t swap;
  std::uint64_t swap_free;
  std::uint64_t processes;
};
static_assert(std::is_standard_layout_v<Resources>);
static_assert(offsetof(Resources, processes) == 72);

// host/border/receiver.ts
enum class ReceiverEventKind : std::uint32_t {
  ended = 1,
  exited = 2,
  overdue = 3,
  crowded = 4,
  broken = 5,
  shared = 6,
  refused = 7,
};

inline constexpr std::uint32_t kActingLink = 4294967295;

enum class RegistryPart : std::uint32_t {
  own = 0,
  handlers = 1,
  annotations = 2,
};

inline constexpr std::size_t kComponentDigest = 32;

// host/border/counters.ts
inline constexpr std::array<std::int64_t, 20> kBucketMicroseconds = {
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

enum class Counted : std::size_t {
  value = 0,
  error = 1,
  carry_on = 2,
  gone = 3,
  failed = 4,
};

struct CounterSlot {
  std::array<std::uint64_t, 5> ends;
  std::uint64_t duration_sum_ns;
  std::array<std::uint64_t, 21> buckets;
  std::array<std::uint64_t, 4> unused;
  std::uint64_t is_given_back;
};
static_assert(std::is_standard_layout_v<CounterSlot>);
static_assert(offsetof(CounterSlot, is_given_back) == 248);

inline constexpr std::size_t kCounterSlots = 4096;

struct ReceiverFigures {
  std::uint64_t received;
  std::uint64_t queued;
  std::uint64_t queue_refused;
  std::uint64_t restarted;
  std::uint64_t late_answers;
  std::uint64_t workers;
  std::uint64_t busy_workers;
  std::uint64_t listeners;
  std::uint64_t fallback_received;
  std::array<std::uint64_t, 21> receive_delay_buckets;
  std::uint64_t receive_delay_sum_ns;
  std::uint64_t receive_delay_count;
  std::uint64_t withdrawn;
};
static_assert(std::is_standard_layout_v<ReceiverFigures>);
static_assert(offsetof(ReceiverFigures, withdrawn) == 256);

// host/border/quarantine.ts
struct QuarantineState {
  std::int32_t level;
  std::int32_t back_off_ms;
  std::int32_t is_tried;
  std::int32_t unused;
};
static_assert(std::is_standard_layout_v<QuarantineState>);
static_assert(offsetof(QuarantineState, unused) == 12);

inline constexpr std::int32_t kFailureWeight = 4;

inline constexpr std::int32_t kQuarantineLevel = 20;

inline constexpr std::int32_t kFirstBackOffMs = 1000;

inline constexpr std::int32_t kMaxBackOffMs = 60000;

}  // namespace seccompagent
