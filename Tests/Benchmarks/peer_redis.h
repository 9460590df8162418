// Redis streams: XADD for each record, and XREAD of up to a thousand. https://redis.io/docs/latest/develop/reference/protocol-spec/
#ifndef PEER_REDIS_H
#define PEER_REDIS_H

#include "peer.h"

// Four digits, as its length is written.
enum { redis_at_once = 1000, redis_head_tokens = 4, redis_entry_tokens = 5, redis_id_bytes = 64 };

// What a consumer is in the middle of: tokens seen of this answer, and the entries that it has.
enum { redis_seen, redis_entries, redis_is_consumer };

static char redis_last[redis_id_bytes] = "0-0";

static void redis_ask(struct link *link) {
    link->state[redis_seen] = 0;
    append_text(
        &link->out,
        "*8\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$4\r\n%d\r\n$5\r\nBLOCK\r\n$5\r\n10000\r\n$7\r\nSTREAMS\r\n$%zu\r\n%s\r\n"
        "$%zu\r\n%s\r\n",
        redis_at_once, strlen(job.stream), job.stream, strlen(redis_last), redis_last);
}

static void redis_open_producer(struct link *link, bool makes_stream) {
    dial(link);
    if (!makes_stream) return;
    char line[256];
    append_text(&link->out, "*2\r\n$3\r\nDEL\r\n$%zu\r\n%s\r\n", strlen(job.stream), job.stream);
    read_line(link, line, sizeof line);
    if (line[0] != ':') fail("DEL", line);
}

static void redis_open_consumer(struct link *link) {
    dial(link);
    link->state[redis_is_consumer] = 1;
    redis_ask(link);
}

static void redis_publish(struct link *link, uint8_t **values, int64_t count) {
    for (int64_t index = 0; index < count; index++) {
        append_text(
            &link->out, "*5\r\n$4\r\nXADD\r\n$%zu\r\n%s\r\n$1\r\n*\r\n$1\r\nv\r\n$%zu\r\n", strlen(job.stream), job.stream,
            job.bytes);
        append(&link->out, values[index], job.bytes);
        append(&link->out, "\r\n", 2);
    }
}

// Takes one token: a line, and the bytes that it announces.
static size_t redis_take(struct link *link, uint8_t *bytes, size_t length) {
    uint8_t *end = memchr(bytes, '\n', length);
    if (!end) return 0;
    size_t taken = (size_t)(end - bytes) + 1;
    if (bytes[0] == '-') fail("redis", (char *)bytes);
    int64_t number = strtoll((char *)bytes + 1, NULL, 10);
    uint8_t *value = bytes + taken;
    if (bytes[0] == '$' && number >= 0) taken += (size_t)number + 2;
    if (taken > length) return 0;
    if (!link->state[redis_is_consumer]) {
        confirmed++;
        return taken;
    }
    if (bytes[0] == '*' && number < 0) {
        redis_ask(link);
        return taken;
    }
    int64_t seen = ++link->state[redis_seen];
    if (seen == redis_head_tokens) link->state[redis_entries] = number;
    if (seen <= redis_head_tokens) return taken;
    int64_t place = (seen - redis_head_tokens) % redis_entry_tokens;
    if (place == 2) snprintf(redis_last, sizeof redis_last, "%.*s", (int)number, (char *)value);
    if (place == 0) on_record(value, (size_t)number);
    if (place == 0 && (seen - redis_head_tokens) / redis_entry_tokens == link->state[redis_entries]) redis_ask(link);
    return taken;
}

static const struct protocol redis = {
    "redis", redis_open_producer, redis_open_consumer, redis_publish, redis_take,
};

#endif
