#include "include/cre2.h"

#include <cstring>
#include <new>

#include <re2/re2.h>

struct martlet_pattern {
    re2::RE2 expression;

    martlet_pattern(const re2::StringPiece &text, const re2::RE2::Options &options) : expression(text, options) {}
};

namespace {

void explain(const char *reason, size_t length, char *error, size_t capacity) {
    if (capacity == 0) return;
    size_t count = length < capacity - 1 ? length : capacity - 1;
    std::memcpy(error, reason, count);
    error[count] = '\0';
}

}  // namespace

martlet_pattern *martlet_pattern_compile(
    const char *text, size_t length, int64_t max_memory, char *error, size_t error_capacity) {
    martlet_pattern *pattern = nullptr;
    try {
        re2::RE2::Options options;
        options.set_log_errors(false);
        options.set_never_capture(true);
        options.set_max_mem(max_memory);
        pattern = new martlet_pattern(re2::StringPiece(text, length), options);
        if (pattern->expression.ok()) return pattern;
        const std::string &reason = pattern->expression.error();
        explain(reason.data(), reason.size(), error, error_capacity);
    } catch (...) {
        const char reason[] = "there is no memory for it";
        explain(reason, sizeof reason - 1, error, error_capacity);
    }
    delete pattern;
    return nullptr;
}

int martlet_pattern_matches(const martlet_pattern *pattern, const char *text, size_t length) {
    try {
        return re2::RE2::FullMatch(re2::StringPiece(text, length), pattern->expression) ? 1 : 0;
    } catch (...) {
        return 0;
    }
}

void martlet_pattern_free(martlet_pattern *pattern) { delete pattern; }
