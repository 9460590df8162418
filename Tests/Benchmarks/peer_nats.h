// NATS JetStream: each record is published with a subject of its own for the acknowledgement; a push consumer with flow
// control delivers. https://docs.nats.io/reference/reference-protocols
#ifndef PEER_NATS_H
#define PEER_NATS_H

#include "peer.h"

enum { nats_is_consumer };

static void nats_connect(struct link *link) {
    char line[4096];
    dial(link);
    read_line(link, line, sizeof line);
    append_text(
        &link->out, "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"version\":\"1\",\"protocol\":1,"
                    "\"headers\":true,\"no_responders\":true}\r\nPING\r\n");
    do read_line(link, line, sizeof line);
    while (!strncmp(line, "INFO", 4));
    if (strncmp(line, "PONG", 4)) fail("nats", line);
}

// Asks JetStream for something and waits for the answer, which must be no error unless it may be.
static void nats_call(struct link *link, const char *subject, const char *body, bool may_fail) {
    char line[4096], answer[4096];
    append_text(&link->out, "SUB _C 9\r\nPUB %s _C %zu\r\n", subject, strlen(body));
    append_text(&link->out, "%s\r\nUNSUB 9 1\r\n", body);
    do read_line(link, line, sizeof line);
    while (strncmp(line, "MSG _C", 6) && strncmp(line, "HMSG _C", 7));
    read_line(link, answer, sizeof answer);
    if (!may_fail && strstr(answer, "\"error\"")) fail(subject, answer);
}

static void nats_open_producer(struct link *link, bool makes_stream) {
    char subject[256], body[512];
    nats_connect(link);
    if (makes_stream) {
        snprintf(subject, sizeof subject, "$JS.API.STREAM.DELETE.%s", job.stream);
        nats_call(link, subject, "", true);
        snprintf(subject, sizeof subject, "$JS.API.STREAM.CREATE.%s", job.stream);
        snprintf(
            body, sizeof body, "{\"name\":\"%s\",\"subjects\":[\"%s\"],\"storage\":\"file\",\"num_replicas\":1}",
            job.stream, job.stream);
        nats_call(link, subject, body, false);
    }
    append_text(&link->out, "SUB _A 1\r\n");
}

static void nats_open_consumer(struct link *link) {
    char subject[256], body[512];
    nats_connect(link);
    link->state[nats_is_consumer] = 1;
    append_text(&link->out, "SUB _D 2\r\n");
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.CREATE.%s", job.stream);
    snprintf(
        body, sizeof body,
        "{\"stream_name\":\"%s\",\"config\":{\"deliver_subject\":\"_D\",\"ack_policy\":\"none\",\"deliver_policy\":\"all\","
        "\"flow_control\":true,\"idle_heartbeat\":5000000000}}",
        job.stream);
    // Deliveries may come before the answer, so it is left to `nats_take`.
    append_text(&link->out, "SUB _C 9\r\nPUB %s _C %zu\r\n%s\r\n", subject, strlen(body), body);
}

static void nats_publish(struct link *link, uint8_t **values, int64_t count) {
    for (int64_t index = 0; index < count; index++) {
        append_text(&link->out, "PUB %s _A %zu\r\n", job.stream, job.bytes);
        append(&link->out, values[index], job.bytes);
        append(&link->out, "\r\n", 2);
    }
}

// The words of a line, in place; returns how many.
static int nats_words(char *line, char **words, int limit) {
    int count = 0;
    for (char *word = strtok(line, " \r\n"); word && count < limit; word = strtok(NULL, " \r\n")) words[count++] = word;
    return count;
}

// A message of the server that asks the consumer to say that it keeps up.
static void nats_answer_control(struct link *link, const char *reply, const uint8_t *header, size_t length) {
    static const char stalled[] = "Nats-Consumer-Stalled: ";
    char text[512];
    snprintf(text, sizeof text, "%.*s", (int)length, (const char *)header);
    char *found = strstr(text, stalled);
    if (found) {
        found += strlen(stalled);
        found[strcspn(found, "\r\n")] = 0;
        reply = found;
    }
    if (reply) append_text(&link->out, "PUB %s 0\r\n\r\n", reply);
}

static size_t nats_take(struct link *link, uint8_t *bytes, size_t length) {
    uint8_t *end = memchr(bytes, '\n', length);
    if (!end) return 0;
    size_t line_length = (size_t)(end - bytes) + 1;
    if (bytes[0] == '-') fail("nats", (char *)bytes);
    if (!strncmp((char *)bytes, "PING", 4)) append_text(&link->out, "PONG\r\n");
    bool has_header = bytes[0] == 'H';
    if (!has_header && strncmp((char *)bytes, "MSG", 3)) return line_length;
    char line[512], *words[8];
    snprintf(line, sizeof line, "%.*s", (int)line_length, (char *)bytes);
    int count = nats_words(line, words, 8);
    size_t size = strtoul(words[count - 1], NULL, 10), taken = line_length + size + 2;
    if (taken > length) return 0;
    uint8_t *body = bytes + line_length;
    if (!strcmp(words[1], "_C")) {
        body[size] = 0;
        if (strstr((char *)body, "\"error\"")) fail("nats consumer", (char *)body);
    } else if (has_header) {
        nats_answer_control(link, count == 6 ? words[3] : NULL, body, size);
    } else if (link->state[nats_is_consumer]) {
        on_record(body, size);
    } else {
        // {"stream":"bench","seq":1} or {"error":…
        if (size > 2 && body[2] == 'e') fail("nats publish", (char *)body);
        confirmed++;
    }
    return taken;
}

static const struct protocol nats = {"nats", nats_open_producer, nats_open_consumer, nats_publish, nats_take};

#endif
