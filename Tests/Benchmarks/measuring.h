// What all load generators share: clocks, values to send, latencies, and the moment at which the measurement begins.
//
// A generator warms up first, then says "ready" and waits for a line on its standard input. Who measures the server reads
// its CPU time between the two, and again when the result has come, so that nothing else is counted.
#ifndef MEASURING_H
#define MEASURING_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { pool_bytes = 32 << 20, most_instants_per_second = 2000 };

static const int64_t second = 1000000000;

static inline int64_t clock_nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * second + now.tv_nsec;
}

static inline int64_t nanoseconds(void) { return clock_nanoseconds(CLOCK_MONOTONIC); }

_Noreturn static inline void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static inline void begin_when_told(void) {
    printf("ready\n");
    fflush(stdout);
    char line[16];
    if (!fgets(line, sizeof line, stdin)) exit(1);
}

// xorshift64* (Vigna 2016): the same values in every run.
static inline uint64_t scatter(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717u;
}

// Values to send, made beforehand and sent in order, again and again.
struct pool {
    uint8_t *bytes;
    size_t size, count, next;
};

// Text as programs log it: names repeat, numbers do not.
static inline void write_event(char *text, size_t size) {
    static const char *const verbs[] = {"created", "updated", "deleted", "viewed", "shipped", "returned", "paid", "sent"};
    static const char *const places[] = {"Hamburg", "Lagos", "Osaka", "Lima", "Oslo", "Pune", "Quito", "Turin"};
    size_t length = 0;
    while (length < size) {
        char event[256];
        int made = snprintf(
            event, sizeof event,
            "{\"id\":\"%016" PRIx64 "\",\"event\":\"order.%s\",\"city\":\"%s\",\"amount\":%" PRIu64 ".%02u,\"customer\":%u},",
            scatter(), verbs[scatter() % 8], places[scatter() % 8], scatter() % 1000, (unsigned)(scatter() % 100),
            (unsigned)(scatter() % 100000));
        size_t part = size - length < (size_t)made ? size - length : (size_t)made;
        memcpy(text + length, event, part);
        length += part;
    }
}

static inline struct pool make_pool(size_t size, bool is_text) {
    struct pool pool = {NULL, size, pool_bytes / size + 1, 0};
    pool.bytes = malloc(pool.count * size + sizeof(uint64_t));
    if (!pool.bytes) fail("malloc", "no memory for the values");
    for (size_t index = 0; index < pool.count && is_text; index++) write_event((char *)pool.bytes + index * size, size);
    for (size_t place = 0; place < pool.count * size && !is_text; place += sizeof(uint64_t)) {
        uint64_t bits = scatter();
        memcpy(pool.bytes + place, &bits, sizeof bits);
    }
    return pool;
}

static inline uint8_t *next_value(struct pool *pool) {
    uint8_t *value = pool->bytes + pool->next * pool->size;
    if (++pool->next == pool->count) pool->next = 0;
    return value;
}

// The moments at which records are due: each its own, or several at once where there are very many.
struct schedule {
    int64_t start, rate, burst;
};

static inline struct schedule make_schedule(int64_t rate) {
    int64_t burst = (rate + most_instants_per_second - 1) / most_instants_per_second;
    return (struct schedule){nanoseconds(), rate, burst};
}

static inline int64_t due(const struct schedule *schedule, int64_t number) {
    return schedule->start + number / schedule->burst * schedule->burst * second / schedule->rate;
}

static inline void sleep_until(int64_t moment) {
    struct timespec until = {.tv_sec = moment / second, .tv_nsec = moment % second};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL)) continue;
}

// How late records arrived.
struct delays {
    int64_t *taken;
    int64_t count;
};

static inline int ascending(const void *left, const void *right) {
    int64_t first = *(const int64_t *)left, other = *(const int64_t *)right;
    return (first > other) - (first < other);
}

// The value in milliseconds below which so many of a thousand are. Sort first.
static inline double percentile(const struct delays *delays, int64_t of_thousand) {
    return delays->count ? (double)delays->taken[(delays->count - 1) * of_thousand / 1000] / 1e6 : 0;
}

static inline void print_delays(struct delays *delays, int64_t late_sends) {
    qsort(delays->taken, (size_t)delays->count, sizeof *delays->taken, ascending);
    printf(
        "{\"records\": %" PRId64 ", \"p50\": %.4f, \"p90\": %.4f, \"p99\": %.4f, \"p999\": %.4f, \"max\": %.4f, "
        "\"sent_late\": %" PRId64 "}\n",
        delays->count, percentile(delays, 500), percentile(delays, 900), percentile(delays, 990),
        percentile(delays, 999), percentile(delays, 1000), late_sends);
}

static inline void print_amount(int64_t records, size_t bytes, int64_t nanoseconds_taken) {
    printf(
        "{\"records\": %" PRId64 ", \"bytes\": %" PRId64 ", \"seconds\": %.6f, \"client_cpu\": %.6f}\n", records,
        records * (int64_t)bytes, (double)nanoseconds_taken / 1e9,
        (double)clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID) / 1e9);
}

#endif
