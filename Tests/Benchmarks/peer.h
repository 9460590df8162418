// What the clients of all brokers share (peer.c): a connection with buffers, and what a protocol has to provide.
#ifndef PEER_H
#define PEER_H

#include "frames.h"
#include "measuring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

enum { least_buffer = 1 << 16, patience_seconds = 60 };

// Bytes from `begun` to `end`.
struct buffer {
    uint8_t *bytes;
    size_t begun, end, limit;
};

// One connection. `state` is the protocol's own.
struct link {
    int socket;
    struct buffer in, out;
    int64_t state[4];
};

static struct {
    const char *protocol, *mode, *stream;
    int port;
    int64_t records, rate;
    size_t bytes;
    // How many records go in one request where the protocol has such, and how many may be unconfirmed.
    int64_t batch, window;
} job;

// What has been confirmed and delivered so far, in records.
static int64_t confirmed, delivered;

struct protocol {
    const char *name;
    // Connects as far as to be ready to publish; makes the stream anew if it is told to.
    void (*open_producer)(struct link *link, bool makes_stream);
    // Subscribes from the beginning.
    void (*open_consumer)(struct link *link);
    // Appends a request with `count` values of job.bytes each to what goes out.
    void (*publish)(struct link *link, uint8_t **values, int64_t count);
    // Takes one message from the front of what has come in; returns its length, or 0 if it is not complete.
    size_t (*take)(struct link *link, uint8_t *bytes, size_t length);
};

// Called by protocols for each record that the consumer gets.
static void on_record(const uint8_t *value, size_t length);

static uint8_t *reserve(struct buffer *buffer, size_t length) {
    if (buffer->begun == buffer->end) buffer->begun = buffer->end = 0;
    if (buffer->limit - buffer->end < length && buffer->begun > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->begun, buffer->end - buffer->begun);
        buffer->end -= buffer->begun;
        buffer->begun = 0;
    }
    if (buffer->limit - buffer->end < length) {
        buffer->limit = 2 * buffer->limit + length + least_buffer;
        buffer->bytes = realloc(buffer->bytes, buffer->limit);
        if (!buffer->bytes) fail("realloc", "no memory");
    }
    return buffer->bytes + buffer->end;
}

static void append(struct buffer *buffer, const void *bytes, size_t length) {
    memcpy(reserve(buffer, length), bytes, length);
    buffer->end += length;
}

__attribute__((format(printf, 2, 3))) static void append_text(struct buffer *buffer, const char *format, ...) {
    char *place = (char *)reserve(buffer, 1024);
    va_list values;
    va_start(values, format);
    int length = vsnprintf(place, 1024, format, values);
    va_end(values);
    if (length >= 1024) fail(format, "is too long");
    buffer->end += (size_t)length;
}

// Appends a number, most significant byte first.
static void append_number(struct buffer *buffer, int size, uint64_t value) {
    uint8_t *place = reserve(buffer, (size_t)size);
    for (int index = 0; index < size; index++) place[index] = (uint8_t)(value >> (8 * (size - 1 - index)));
    buffer->end += (size_t)size;
}

static uint64_t number_at(const uint8_t *bytes, int size) {
    uint64_t value = 0;
    for (int index = 0; index < size; index++) value = value << 8 | bytes[index];
    return value;
}

static void dial(struct link *link) {
    link->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)job.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    send_unpaced(link->socket);
    if (connect(link->socket, (struct sockaddr *)&address, sizeof address) < 0) fail("connect", strerror(errno));
    int one = 1;
    setsockopt(link->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(link->socket, F_SETFL, O_NONBLOCK);
}

static void send_more(struct link *link) {
    while (link->out.begun < link->out.end) {
        size_t length = link->out.end - link->out.begun;
        ssize_t sent = send(link->socket, link->out.bytes + link->out.begun, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) fail("send", strerror(errno));
        link->out.begun += (size_t)sent;
    }
}

// Reads what has come. Returns whether there was anything.
static bool receive_more(struct link *link) {
    uint8_t *place = reserve(&link->in, least_buffer);
    ssize_t got = recv(link->socket, place, link->in.limit - link->in.end, 0);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) fail("receive", got ? strerror(errno) : "the server closed the connection");
    link->in.end += (size_t)got;
    return true;
}

static void wait_for(struct link *link) {
    short events = (short)(POLLIN | (link->out.begun < link->out.end ? POLLOUT : 0));
    struct pollfd wanted = {link->socket, events, 0};
    if (poll(&wanted, 1, patience_seconds * 1000) == 0) fail(job.protocol, "does not answer");
}

// While a connection is being opened: the text of the next line, without its end, which `line` has room for.
static void read_line(struct link *link, char *line, size_t room) {
    for (;;) {
        send_more(link);
        size_t length = link->in.end - link->in.begun;
        uint8_t *front = link->in.bytes + link->in.begun, *end = length ? memchr(front, '\n', length) : NULL;
        if (end) {
            size_t taken = (size_t)(end - front) + 1, kept = taken < room ? taken : room;
            memcpy(line, front, kept - 1);
            line[kept - 1] = 0;
            link->in.begun += taken;
            return;
        }
        wait_for(link);
        receive_more(link);
    }
}

// Likewise: waits until so many bytes have come.
static uint8_t *read_bytes(struct link *link, size_t length) {
    while (link->in.end - link->in.begun < length) {
        send_more(link);
        wait_for(link);
        receive_more(link);
    }
    return link->in.bytes + link->in.begun;
}

#endif
