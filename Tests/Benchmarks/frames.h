// The requests and responses that the benchmark's client and bare loops exchange: Kafka's Produce 8 and Fetch 11, the
// last versions whose lengths are plain integers. What the client sends to a broker it sends to a bare loop as well.
#ifndef FRAMES_H
#define FRAMES_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
    produce_key = 0,
    produce_version = 8,
    fetch_key = 1,
    fetch_version = 11,
    // Where the checksum lies in a record batch, and where that begins which it covers.
    batch_checksum = 17,
    batch_checked = 21,
    batch_header = 61,
    // Room for all of a message but its records.
    head_limit = 512,
};

// Has a socket, and those that it accepts, send without waiting between packets, as BBR does where it is the system's
// choice: inside a machine its timers cost as much as the sending. To be called before there is a connection.
static inline void send_unpaced(int socket) { setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, "reno", 4); }

// A position in a message that is written or read. Reading past the end gives zeros and sets `failed`.
struct cursor {
    uint8_t *bytes;
    size_t position;
    size_t length;
    int failed;
};

static inline void put(struct cursor *cursor, int size, int64_t value) {
    if (cursor->position + (size_t)size > cursor->length) {
        cursor->failed = 1;
        return;
    }
    for (int index = size - 1; index >= 0; index--) {
        cursor->bytes[cursor->position++] = (uint8_t)((uint64_t)value >> (8 * index));
    }
}

static inline int64_t take(struct cursor *cursor, int size) {
    if (cursor->position + (size_t)size > cursor->length) {
        cursor->failed = 1;
        return 0;
    }
    uint64_t value = cursor->bytes[cursor->position] & 0x80 ? ~(uint64_t)0 : 0;
    for (int index = 0; index < size; index++) value = value << 8 | cursor->bytes[cursor->position++];
    return (int64_t)value;
}

static inline void put_text(struct cursor *cursor, const char *text) {
    size_t length = strlen(text);
    put(cursor, 2, (int64_t)length);
    for (size_t index = 0; index < length; index++) put(cursor, 1, text[index]);
}

static inline void skip_text(struct cursor *cursor) {
    int64_t length = take(cursor, 2);
    if (length > 0) cursor->position += (size_t)length;
}

// Everything in front of the records of a produce request for one partition, the frame's length included.
static inline size_t produce_head(
    uint8_t *head, int32_t correlation, const char *topic, int32_t partition, int16_t acks, size_t records) {
    struct cursor out = {head, 4, head_limit, 0};
    put(&out, 2, produce_key);
    put(&out, 2, produce_version);
    put(&out, 4, correlation);
    put_text(&out, "bench");
    put(&out, 2, -1);  // no transaction
    put(&out, 2, acks);
    put(&out, 4, 30000);
    put(&out, 4, 1);
    put_text(&out, topic);
    put(&out, 4, 1);
    put(&out, 4, partition);
    put(&out, 4, (int64_t)records);
    size_t length = out.position;
    out.position = 0;
    put(&out, 4, (int64_t)(length - 4 + records));
    return length;
}

// A fetch request for one partition, the frame's length included.
static inline size_t fetch_request(
    uint8_t *request, int32_t correlation, const char *topic, int32_t partition, int64_t offset, int32_t bytes) {
    struct cursor out = {request, 4, head_limit, 0};
    put(&out, 2, fetch_key);
    put(&out, 2, fetch_version);
    put(&out, 4, correlation);
    put_text(&out, "bench");
    put(&out, 4, -1);    // not a replica
    put(&out, 4, 1000);  // wait at most
    put(&out, 4, 1);     // for at least
    put(&out, 4, bytes);
    put(&out, 1, 0);   // isolation level
    put(&out, 4, 0);   // no session
    put(&out, 4, -1);  // and none wanted
    put(&out, 4, 1);
    put_text(&out, topic);
    put(&out, 4, 1);
    put(&out, 4, partition);
    put(&out, 4, -1);  // leader epoch unknown
    put(&out, 8, offset);
    put(&out, 8, -1);  // log start, for replicas
    put(&out, 4, bytes);
    put(&out, 4, 0);  // nothing forgotten
    put(&out, 2, 0);  // no rack
    size_t length = out.position;
    out.position = 0;
    put(&out, 4, (int64_t)(length - 4));
    return length;
}

#endif
