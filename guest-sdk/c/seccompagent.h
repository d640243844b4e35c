// SPDX-License-Identifier: Apache-2.0
// Handlers of Seccomp Agent in C: what they can use (contract.h), and what makes that short.
#pragma once

#include "constants.h"
#include "contract.h"

/** The text of a literal: `sca_literal("/proc")`. */
#define sca_literal(text) ((sca_text){text "", sizeof(text) - 1})

/** Answer of `configure`: no text refuses nothing. */
typedef sca_text sca_refusal;

// Memory. All that a call's handling allocates is given back when the call is answered: keep
// nothing of it. What is allocated in `configure` stays.

/** Traps when there is no more. */
void *sca_allocate(size_t size, size_t alignment);

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);
size_t strlen(const char *text);

/** Ends this instance: the call gets the failure errno of its bundle. */
__attribute__((noreturn)) void sca_trap(void);

// Texts and paths.

/** The text of a string that ends with a NUL. */
sca_text sca_text_of(const char *string);
/** The bytes of a text, for functions that take a path. */
sca_bytes sca_bytes_of(sca_text text);
/** For logs: what is not UTF-8 becomes U+FFFD, so two paths may read the same. */
sca_text sca_lossy_text(sca_bytes bytes);
/** One behind the other. */
sca_text sca_concat(sca_text left, sca_text right);
bool sca_text_equals(sca_text left, sca_text right);
bool sca_bytes_equal(sca_bytes left, sca_bytes right);
bool sca_starts_with(sca_bytes bytes, sca_bytes prefix);
/**
 * Renames what the path names: `/a/b` and `/a/b/` become `/a/b-suffix` and `/a/b-suffix/`.
 * A path without a name, empty or slashes only, stays as it is and meets the kernel's own error.
 */
sca_path sca_path_with_suffix(sca_path path, sca_text suffix);

// Settings: what the bundle or the container's metadata set for this handler.

/** The value of a setting; a key that is not set is a trap: let `configure` refuse that first. */
sca_text sca_setting(const char *key);
/** The value of a setting, or `fallback` if it is not set. */
sca_text sca_setting_or(const char *key, sca_text fallback);
bool sca_has_setting(const char *key);
/** Refuses when this setting is missing. */
sca_refusal sca_require_setting(const char *key);

/** Of `static sca_refusal FUNCTION(void)`, which may refuse the settings. Once, if at all. */
#define SCA_EXPORT_CONFIGURE(function)                    \
  sca_refusal sca_configured(void);                       \
  sca_refusal sca_configured(void) { return function(); } \
  _Static_assert(true, "")

// Answers.

/** The call returns this. -4095 to -1 are errnos: the host refuses them. */
static inline sca_action sca_value(int64_t value) {
  return (sca_action){.kind = SCA_ACTION_KIND_VALUE, .value = value};
}

static inline sca_action sca_fail(sca_errno error) {
  return (sca_action){.kind = SCA_ACTION_KIND_FAIL, .fail = error};
}

/**
 * The kernel judges the call itself, reading the caller's memory again: never the answer of a
 * handler that refuses by what a pointer says.
 */
static inline sca_action sca_continue(void) {
  return (sca_action){.kind = SCA_ACTION_KIND_CONTINUE};
}

/** No opinion: the next handler of the chain is asked. */
static inline sca_action sca_next(void) { return (sca_action){.kind = SCA_ACTION_KIND_NEXT}; }

/** The host does the call as it was decoded, as the caller and with no more power. */
static inline sca_action sca_perform(void) { return (sca_action){.kind = SCA_ACTION_KIND_PERFORM}; }

/** The caller gets a copy of what the host holds, and the call returns its number there. */
static inline sca_action sca_give(sca_descriptor descriptor, bool close_on_exec) {
  return (sca_action){.kind = SCA_ACTION_KIND_DESCRIPTOR,
                      .descriptor = {descriptor, close_on_exec}};
}

/** The same answer, but so much later. Only value, fail and continue can be late: others trap. */
sca_action sca_after(sca_action action, uint64_t milliseconds);

/** Passes on what a capability said: 0, or its errno. */
static inline sca_action sca_result_action(sca_result result) {
  return result.is_error ? sca_fail(result.error) : sca_value(0);
}

// Parts of the exports.

const sca_action *sca_answered(sca_action action);
void sca_end_of_call(void);

#define SCA_EXPORT_ANSWER(name, parameters, answer)                                              \
  const sca_action *sca_export_##name parameters;                                                \
  __attribute__((export_name(#name))) const sca_action *sca_export_##name parameters {           \
    return sca_answered(answer);                                                                 \
  }                                                                                              \
  void sca_post_##name(const sca_action *old);                                                   \
  __attribute__((export_name("cabi_post_" #name))) void sca_post_##name(const sca_action *old) { \
    (void)old;                                                                                   \
    sca_end_of_call();                                                                           \
  }                                                                                              \
  _Static_assert(true, "")
