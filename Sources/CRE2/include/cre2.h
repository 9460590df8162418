#ifndef MARTLET_CRE2_H
#define MARTLET_CRE2_H
// Regular expressions in RE2's syntax, by RE2: whatever the expression and the text, matching takes time that is linear in
// the length of the text. No exception leaves these functions.
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A compiled expression. Immutable; any thread may match with it.
typedef struct martlet_pattern martlet_pattern;

/// Compiles an expression of UTF-8 bytes into a program that, with all it needs to run, is kept within `max_memory` bytes.
/// NULL if it is none, or is too large: then `error` holds why, as a string that ends with a zero byte.
martlet_pattern *martlet_pattern_compile(
    const char *text, size_t length, int64_t max_memory, char *error, size_t error_capacity);
/// Whether the expression matches the whole text: 1 or 0.
int martlet_pattern_matches(const martlet_pattern *pattern, const char *text, size_t length);
void martlet_pattern_free(martlet_pattern *pattern);

#ifdef __cplusplus
}
#endif

#endif
