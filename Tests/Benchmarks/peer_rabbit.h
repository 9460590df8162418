// RabbitMQ streams: publish frames with as many messages as a batch has, confirms, and chunks against credit.
// https://github.com/rabbitmq/rabbitmq-server/blob/main/deps/rabbitmq_stream/docs/PROTOCOL.adoc
#ifndef PEER_RABBIT_H
#define PEER_RABBIT_H

#include "peer.h"

enum {
    rabbit_declare = 1,
    rabbit_publish_key = 2,
    rabbit_confirm = 3,
    rabbit_refusal = 4,
    rabbit_subscribe = 7,
    rabbit_deliver = 8,
    rabbit_credit = 9,
    rabbit_create = 13,
    rabbit_delete = 14,
    rabbit_properties = 17,
    rabbit_handshake = 18,
    rabbit_authenticate = 19,
    rabbit_tune = 20,
    rabbit_open = 21,
    rabbit_answer = 0x8000,
    rabbit_ok = 1,
    rabbit_chunk_header = 48,
    rabbit_first_credit = 10,
    rabbit_from_first = 1,
};

// The publishing id of the next message.
enum { rabbit_next };

static size_t rabbit_begin(struct link *link, int key) {
    append_number(&link->out, 4, 0);
    append_number(&link->out, 2, (uint64_t)key);
    append_number(&link->out, 2, 1);
    return link->out.end - link->out.begun - 8;
}

static void rabbit_finish(struct link *link, size_t begun) {
    uint8_t *frame = link->out.bytes + link->out.begun + begun;
    uint32_t length = htonl((uint32_t)(link->out.end - link->out.begun - begun - 4));
    memcpy(frame, &length, sizeof length);
}

static void rabbit_text(struct link *link, const char *text) {
    append_number(&link->out, 2, strlen(text));
    append(&link->out, text, strlen(text));
}

// Waits for the answer with the key, and returns its code. Whatever else comes meanwhile is left out.
static int rabbit_await(struct link *link, int key) {
    for (;;) {
        size_t length = 4 + number_at(read_bytes(link, 4), 4);
        uint8_t *frame = read_bytes(link, length);
        link->in.begun += length;
        if (number_at(frame + 4, 2) == (uint64_t)key) return key & rabbit_answer ? (int)number_at(frame + 12, 2) : 0;
    }
}

// A request with a correlation id and texts, and the code of its answer.
static int rabbit_call(struct link *link, int key, const char *first, const char *blob, size_t length) {
    size_t begun = rabbit_begin(link, key);
    append_number(&link->out, 4, 1);
    if (first) rabbit_text(link, first);
    if (blob) {
        append_number(&link->out, 4, length);
        append(&link->out, blob, length);
    } else if (key == rabbit_properties || key == rabbit_create) {
        append_number(&link->out, 4, 0);
    }
    rabbit_finish(link, begun);
    return rabbit_await(link, key | rabbit_answer);
}

static void rabbit_must(int code, const char *what) {
    char text[32];
    snprintf(text, sizeof text, "code %d", code);
    if (code != rabbit_ok) fail(what, text);
}

static void rabbit_connect(struct link *link) {
    dial(link);
    rabbit_must(rabbit_call(link, rabbit_properties, NULL, NULL, 0), "rabbit properties");
    rabbit_must(rabbit_call(link, rabbit_handshake, NULL, NULL, 0), "rabbit handshake");
    size_t begun = rabbit_begin(link, rabbit_authenticate);
    append_number(&link->out, 4, 1);
    rabbit_text(link, "PLAIN");
    append_number(&link->out, 4, 12);
    append(&link->out, "\0guest\0guest", 12);
    rabbit_finish(link, begun);
    rabbit_must(rabbit_await(link, rabbit_authenticate | rabbit_answer), "rabbit authentication");
    rabbit_await(link, rabbit_tune);
    begun = rabbit_begin(link, rabbit_tune | rabbit_answer);
    append_number(&link->out, 4, 0);  // frames of any length
    append_number(&link->out, 4, 0);  // no heartbeats
    rabbit_finish(link, begun);
    rabbit_must(rabbit_call(link, rabbit_open, "/", NULL, 0), "rabbit open");
}

static void rabbit_open_producer(struct link *link, bool makes_stream) {
    rabbit_connect(link);
    if (makes_stream) {
        rabbit_call(link, rabbit_delete, job.stream, NULL, 0);
        rabbit_must(rabbit_call(link, rabbit_create, job.stream, NULL, 0), "rabbit create");
    }
    size_t begun = rabbit_begin(link, rabbit_declare);
    append_number(&link->out, 4, 1);
    append_number(&link->out, 1, 0);
    rabbit_text(link, "");
    rabbit_text(link, job.stream);
    rabbit_finish(link, begun);
    rabbit_must(rabbit_await(link, rabbit_declare | rabbit_answer), "rabbit declare");
}

static void rabbit_open_consumer(struct link *link) {
    rabbit_connect(link);
    size_t begun = rabbit_begin(link, rabbit_subscribe);
    append_number(&link->out, 4, 1);
    append_number(&link->out, 1, 0);
    rabbit_text(link, job.stream);
    append_number(&link->out, 2, rabbit_from_first);
    append_number(&link->out, 2, rabbit_first_credit);
    append_number(&link->out, 4, 0);
    rabbit_finish(link, begun);
    rabbit_must(rabbit_await(link, rabbit_subscribe | rabbit_answer), "rabbit subscribe");
}

static void rabbit_publish(struct link *link, uint8_t **values, int64_t count) {
    size_t begun = rabbit_begin(link, rabbit_publish_key);
    append_number(&link->out, 1, 0);
    append_number(&link->out, 4, (uint64_t)count);
    for (int64_t index = 0; index < count; index++) {
        append_number(&link->out, 8, (uint64_t)link->state[rabbit_next]++);
        append_number(&link->out, 4, job.bytes);
        append(&link->out, values[index], job.bytes);
    }
    rabbit_finish(link, begun);
}

// The messages of a chunk, none of which this client has packed together.
static void rabbit_take_chunk(struct link *link, uint8_t *chunk, size_t length) {
    uint64_t entries = number_at(chunk + 2, 2);
    size_t place = rabbit_chunk_header;
    for (uint64_t index = 0; index < entries; index++) {
        size_t size = (size_t)number_at(chunk + place, 4);
        if (place + 4 + size > length) fail("rabbit", "a chunk is shorter than its messages");
        on_record(chunk + place + 4, size);
        place += 4 + size;
    }
    size_t begun = rabbit_begin(link, rabbit_credit);
    append_number(&link->out, 1, 0);
    append_number(&link->out, 2, 1);
    rabbit_finish(link, begun);
}

static size_t rabbit_take(struct link *link, uint8_t *bytes, size_t length) {
    if (length < 4) return 0;
    size_t taken = 4 + (size_t)number_at(bytes, 4);
    if (taken > length) return 0;
    switch (number_at(bytes + 4, 2)) {
        case rabbit_confirm: confirmed += (int64_t)number_at(bytes + 9, 4); break;
        case rabbit_refusal: fail("rabbit", "a message was refused");
        case rabbit_deliver: rabbit_take_chunk(link, bytes + 9, taken - 9); break;
        default: break;
    }
    return taken;
}

static const struct protocol rabbit = {
    "rabbit", rabbit_open_producer, rabbit_open_consumer, rabbit_publish, rabbit_take,
};

#endif
