// The Kafka protocol: a produce request with one batch, and one fetch at a time of up to 1 MiB. The topic exists.
#ifndef PEER_KAFKA_H
#define PEER_KAFKA_H

#include "frames.h"
#include "peer.h"

#include <isa-l/crc.h>

enum { kafka_fetch_bytes = 1 << 20, kafka_pending_limit = 1 << 16 };

// The offset that is read next, and whether it is a consumer.
enum { kafka_next, kafka_is_consumer };

// How many records the requests have that are not answered, a ring.
static int64_t kafka_pending[kafka_pending_limit], kafka_sent, kafka_answered;

static void kafka_ask(struct link *link) {
    uint8_t request[head_limit];
    size_t length = fetch_request(request, 1, job.stream, 0, link->state[kafka_next], kafka_fetch_bytes);
    append(&link->out, request, length);
}

static void kafka_open_producer(struct link *link, bool makes_stream) {
    (void)makes_stream;
    dial(link);
}

static void kafka_open_consumer(struct link *link) {
    dial(link);
    link->state[kafka_is_consumer] = 1;
    kafka_ask(link);
}

static void append_varint(struct buffer *buffer, int64_t value) {
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (; rest > 0x7f; rest >>= 7) append_number(buffer, 1, (rest & 0x7f) | 0x80);
    append_number(buffer, 1, rest);
}

static int varint_length(int64_t value) {
    int length = 1;
    for (uint64_t rest = (uint64_t)value << 1; rest > 0x7f; rest >>= 7) length++;
    return length;
}

static void kafka_append_batch(struct buffer *batch, uint8_t **values, int64_t count) {
    uint64_t now = (uint64_t)(clock_nanoseconds(CLOCK_REALTIME) / 1000000);
    reserve(batch, batch_header + (size_t)count * (job.bytes + 16));
    for (int index = 0; index < batch_header; index++) append_number(batch, 1, 0);
    for (int64_t index = 0; index < count; index++) {
        int64_t length = 4 + varint_length(index) + varint_length((int64_t)job.bytes) + (int64_t)job.bytes;
        append_varint(batch, length);
        append_number(batch, 2, 0);  // attributes, time
        append_varint(batch, index);
        append_varint(batch, -1);  // no key
        append_varint(batch, (int64_t)job.bytes);
        append(batch, values[index], job.bytes);
        append_varint(batch, 0);  // no headers
    }
    struct cursor head = {batch->bytes + batch->begun, 8, batch_header, 0};
    size_t size = batch->end - batch->begun;
    put(&head, 4, (int64_t)size - 12);
    put(&head, 4, -1);
    put(&head, 1, 2);
    head.position += 4 + 2;
    put(&head, 4, count - 1);
    put(&head, 8, (int64_t)now);
    put(&head, 8, (int64_t)now);
    put(&head, 8, -1);
    put(&head, 2, -1);
    put(&head, 4, -1);
    put(&head, 4, count);
    head.position = batch_checksum;
    put(&head, 4, (uint32_t)~crc32_iscsi(head.bytes + batch_checked, (int)(size - batch_checked), 0xffffffff));
}

static void kafka_publish(struct link *link, uint8_t **values, int64_t count) {
    static struct buffer batch;
    uint8_t head[head_limit];
    batch.begun = batch.end = 0;
    kafka_append_batch(&batch, values, count);
    append(&link->out, head, produce_head(head, 1, job.stream, 0, 1, batch.end));
    append(&link->out, batch.bytes, batch.end);
    if (kafka_sent - kafka_answered == kafka_pending_limit) fail("kafka", "too many requests without an answer");
    kafka_pending[kafka_sent++ % kafka_pending_limit] = count;
}

static int64_t take_varint(struct cursor *in) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint64_t byte = (uint64_t)take(in, 1);
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80)) break;
    }
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

// Delivers the records of complete batches that lie at or behind the offset that was asked for.
static void kafka_take_batches(struct link *link, struct cursor *in) {
    while (in->length - in->position > batch_header) {
        size_t begun = in->position;
        int64_t base = take(in, 8), length = take(in, 4);
        if (begun + 12 + (size_t)length > in->length) return;
        in->position = begun + batch_header - 4;
        int64_t count = take(in, 4);
        for (int64_t index = 0; index < count; index++) {
            size_t size = (size_t)take_varint(in), record = in->position;
            take(in, 2);
            take_varint(in);
            int64_t key = take_varint(in);
            if (key > 0) in->position += (size_t)key;
            size_t value = (size_t)take_varint(in);
            if (base + index >= link->state[kafka_next]) on_record(in->bytes + in->position, value);
            in->position = record + size;
        }
        link->state[kafka_next] = base + count;
        in->position = begun + 12 + (size_t)length;
    }
}

static void kafka_take_fetch(struct link *link, struct cursor *in) {
    take(in, 4 + 4);  // correlation, throttling
    int64_t error = take(in, 2);
    take(in, 4 + 4);
    skip_text(in);
    take(in, 4 + 4);
    error += take(in, 2);
    in->position += 8 + 8 + 8;
    int64_t aborted = take(in, 4);
    in->position += (size_t)(aborted > 0 ? aborted : 0) * 16 + 4;
    int64_t bytes = take(in, 4);
    if (error || in->failed) fail("kafka fetch", "refused");
    if (bytes > 0) kafka_take_batches(link, in);
    kafka_ask(link);
}

static size_t kafka_take(struct link *link, uint8_t *bytes, size_t length) {
    if (length < 4) return 0;
    size_t taken = 4 + (size_t)number_at(bytes, 4);
    if (taken > length) return 0;
    struct cursor in = {bytes, 4, taken, 0};
    if (link->state[kafka_is_consumer]) {
        kafka_take_fetch(link, &in);
        return taken;
    }
    take(&in, 4 + 4);
    skip_text(&in);
    take(&in, 4 + 4);
    if (take(&in, 2)) fail("kafka produce", "refused");
    confirmed += kafka_pending[kafka_answered++ % kafka_pending_limit];
    return taken;
}

static const struct protocol kafka = {"kafka", kafka_open_producer, kafka_open_consumer, kafka_publish, kafka_take};

#endif
