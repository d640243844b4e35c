// SPDX-License-Identifier: Apache-2.0
// Library of every handler in C: its memory, its settings, its answer.
#include "seccompagent.h"

// Memory: from the end of what the linker has laid out, upwards. A call's part is taken back at
// once.

static const size_t page_size = 65536;

extern uint8_t __heap_base;

/** Where the next allocation begins; 0 before the first one. */
static size_t top;
/** Where calls begin: behind what `configure` has allocated. */
static size_t base;

__attribute__((noreturn)) void sca_trap(void) { __builtin_trap(); }

void *sca_allocate(size_t size, size_t alignment) {
  if (top == 0) top = (size_t)&__heap_base;
  const size_t start = (top + alignment - 1) & ~(alignment - 1);
  const size_t available = __builtin_wasm_memory_size(0) * page_size;
  if (start < top || size > SIZE_MAX - start) sca_trap();
  const size_t end = start + size;
  if (end > available) {
    const size_t pages = (end - available + page_size - 1) / page_size;
    if (__builtin_wasm_memory_grow(0, pages) == SIZE_MAX) sca_trap();
  }
  top = end;
  return (void *)start;
}

void sca_end_of_call(void) { top = base; }

void *sca_reallocate(void *old, size_t old_size, size_t alignment, size_t size);
__attribute__((export_name("cabi_realloc"))) void *sca_reallocate(void *old, size_t old_size,
                                                                  size_t alignment, size_t size) {
  void *moved = sca_allocate(size, alignment);
  if (old != NULL) __builtin_memcpy(moved, old, old_size < size ? old_size : size);
  return moved;
}

// With bulk memory the compiler makes instructions of these: they are no calls of themselves.

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  return __builtin_memcpy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size) { return __builtin_memmove(to, from, size); }

void *memset(void *to, int value, size_t size) { return __builtin_memset(to, value, size); }

int memcmp(const void *left, const void *right, size_t size) {
  const uint8_t *a = left;
  const uint8_t *b = right;
  for (size_t i = 0; i < size; i++) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != '\0') length++;
  return length;
}

// Texts and paths

sca_text sca_text_of(const char *string) { return (sca_text){string, strlen(string)}; }

sca_bytes sca_bytes_of(sca_text text) {
  return (sca_bytes){(const uint8_t *)text.data, text.length};
}

sca_text sca_concat(sca_text left, sca_text right) {
  char *data = sca_allocate(left.length + right.length, 1);
  memcpy(data, left.data, left.length);
  memcpy(data + left.length, right.data, right.length);
  return (sca_text){data, left.length + right.length};
}

bool sca_bytes_equal(sca_bytes left, sca_bytes right) {
  return left.length == right.length && memcmp(left.data, right.data, left.length) == 0;
}

bool sca_text_equals(sca_text left, sca_text right) {
  return sca_bytes_equal(sca_bytes_of(left), sca_bytes_of(right));
}

bool sca_starts_with(sca_bytes bytes, sca_bytes prefix) {
  return bytes.length >= prefix.length && memcmp(bytes.data, prefix.data, prefix.length) == 0;
}

sca_path sca_path_with_suffix(sca_path path, sca_text suffix) {
  size_t end = path.length;
  while (end > 0 && path.data[end - 1] == '/') end--;
  if (end == 0) return path;
  uint8_t *data = sca_allocate(path.length + suffix.length, 1);
  memcpy(data, path.data, end);
  memcpy(data + end, suffix.data, suffix.length);
  memcpy(data + end + suffix.length, path.data + end, path.length - end);
  return (sca_path){data, path.length + suffix.length};
}

/** How many bytes the well-formed character has that begins here; 0: there is none. */
static size_t character_length(sca_bytes bytes, size_t place) {
  const uint8_t first = bytes.data[place];
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || length > bytes.length - place) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((bytes.data[place + i] & 0xc0) != 0x80) return 0;
  }
  const uint8_t second = bytes.data[place + 1];
  // too long for what they say, surrogates, and what is beyond Unicode
  const bool is_wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return is_wrong ? 0 : length;
}

sca_text sca_lossy_text(sca_bytes bytes) {
  static const char replacement[] = "\xef\xbf\xbd";
  char *data = sca_allocate(bytes.length * 3, 1);
  size_t used = 0;
  for (size_t place = 0; place < bytes.length;) {
    const size_t length = character_length(bytes, place);
    if (length == 0) {
      memcpy(data + used, replacement, 3);
      used += 3;
      place++;
    } else {
      memcpy(data + used, bytes.data + place, length);
      used += length;
      place += length;
    }
  }
  return (sca_text){data, used};
}

// Settings

typedef struct {
  sca_text key;
  sca_text value;
} setting;

static const setting *settings;
static size_t setting_count;

static const setting *find(const char *key) {
  const sca_text wanted = sca_text_of(key);
  for (size_t i = 0; i < setting_count; i++) {
    if (sca_text_equals(settings[i].key, wanted)) return &settings[i];
  }
  return NULL;
}

bool sca_has_setting(const char *key) { return find(key) != NULL; }

sca_text sca_setting_or(const char *key, sca_text fallback) {
  const setting *found = find(key);
  return found == NULL ? fallback : found->value;
}

sca_text sca_setting(const char *key) {
  const setting *found = find(key);
  if (found == NULL) sca_trap();
  return found->value;
}

sca_refusal sca_require_setting(const char *key) {
  if (sca_has_setting(key)) return (sca_refusal){0};
  const sca_text start = sca_concat(sca_literal("the setting \""), sca_text_of(key));
  return sca_concat(start, sca_literal("\" is missing"));
}

/** For handlers that have no `SCA_EXPORT_CONFIGURE`. */
sca_refusal sca_configured(void);
__attribute__((weak)) sca_refusal sca_configured(void) { return (sca_refusal){0}; }

typedef struct {
  bool is_refused;
  sca_refusal reason;
} configuration;

const configuration *sca_export_configure(const setting *given, size_t count);
__attribute__((export_name("configure"))) const configuration *sca_export_configure(
    const setting *given, size_t count) {
  static configuration result;
  settings = given;
  setting_count = count;
  result.reason = sca_configured();
  result.is_refused = result.reason.length > 0;
  base = top;
  return &result;
}

// Answers

const sca_action *sca_answered(sca_action action) {
  static sca_action answer;
  answer = action;
  return &answer;
}

sca_action sca_after(sca_action action, uint64_t milliseconds) {
  if (action.kind == SCA_ACTION_KIND_DELAY) {
    action.delay.milliseconds += milliseconds;
    if (action.delay.milliseconds < milliseconds) sca_trap();
    return action;
  }
  sca_action late = {.kind = SCA_ACTION_KIND_DELAY, .delay = {.milliseconds = milliseconds}};
  switch (action.kind) {
    case SCA_ACTION_KIND_VALUE:
      late.delay.answer = (sca_answer){.kind = SCA_ANSWER_KIND_VALUE, .value = action.value};
      return late;
    case SCA_ACTION_KIND_FAIL:
      late.delay.answer = (sca_answer){.kind = SCA_ANSWER_KIND_FAIL, .fail = action.fail};
      return late;
    case SCA_ACTION_KIND_CONTINUE:
      late.delay.answer = (sca_answer){.kind = SCA_ANSWER_KIND_CONTINUE};
      return late;
    default:
      sca_trap();
  }
}
