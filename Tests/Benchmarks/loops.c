// What a broker cannot beat: bare loops that do only what must be done with the bytes.
//
//   loops produce PORT DIRECTORY            receives, computes the CRC32C of each batch, writes it, answers
//   loops fetch PORT DIRECTORY BYTES COUNT  answers each fetch with one batch of BYTES by sendfile, COUNT offsets each
//
// One thread and one epoll instance. The files are DIRECTORY/PARTITION, batch after batch; `produce` makes them and
// `fetch` reads them. Says "ready" on standard output. No error handling beyond ending with a message: it is a yardstick.
//
// Links: -lisal (libisal-dev)
#define _GNU_SOURCE
#include "frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { partition_limit = 1024, frame_limit = 4 << 20, event_limit = 64 };

struct connection {
    int socket;
    uint8_t *frame;
    size_t have;
    // The rest of an answer: bytes of `head`, then of the file.
    uint8_t head[head_limit];
    size_t head_sent, head_length;
    int file;
    off_t file_position;
    size_t file_left;
};

static const char *directory;
static int is_fetch;
static size_t batch_bytes;
static int64_t batch_records;
static struct {
    int descriptor;
    off_t end;
} files[partition_limit];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int file_of(int64_t partition) {
    if (partition < 0 || partition >= partition_limit) {
        fprintf(stderr, "partition %lld\n", (long long)partition);
        exit(1);
    }
    if (files[partition].descriptor == 0) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%lld", directory, (long long)partition);
        files[partition].descriptor = open(path, is_fetch ? O_RDONLY : O_RDWR | O_CREAT | O_TRUNC, 0644);
        if (files[partition].descriptor < 0) die(path);
    }
    return files[partition].descriptor;
}

// Prepares the answer to a produce request.
static void produce(struct connection *connection, struct cursor *in, int32_t correlation) {
    skip_text(in);  // transactional id
    take(in, 2 + 4 + 4);
    size_t topic = in->position;
    skip_text(in);
    size_t topic_length = in->position - topic;
    take(in, 4);
    int64_t partition = take(in, 4);
    size_t length = (size_t)take(in, 4);
    uint8_t *batch = in->bytes + in->position;
    int file = file_of(partition);
    if (in->failed || in->position + length > in->length) die("produce request");

    struct cursor header = {batch, batch_checksum, length, 0};
    uint32_t expected = (uint32_t)take(&header, 4);
    uint32_t actual = ~crc32_iscsi(batch + batch_checked, (int)(length - batch_checked), 0xffffffff);
    if (actual != expected) die("checksum");
    if (pwrite(file, batch, length, files[partition].end) != (ssize_t)length) die("pwrite");
    files[partition].end += (off_t)length;

    struct cursor out = {connection->head, 4, head_limit, 0};
    put(&out, 4, correlation);
    put(&out, 4, 1);
    memcpy(out.bytes + out.position, in->bytes + topic, topic_length);
    out.position += topic_length;
    put(&out, 4, 1);
    put(&out, 4, partition);
    put(&out, 2, 0);
    put(&out, 8, 0);   // base offset
    put(&out, 8, -1);  // append time
    put(&out, 8, 0);   // log start
    put(&out, 4, 0);   // no record errors
    put(&out, 2, -1);  // no message
    put(&out, 4, 0);   // not throttled
    connection->head_length = out.position;
    out.position = 0;
    put(&out, 4, (int64_t)connection->head_length - 4);
}

// Prepares the answer to a fetch request.
static void fetch(struct connection *connection, struct cursor *in, int32_t correlation) {
    in->position += 4 + 4 + 4 + 4 + 1 + 4 + 4 + 4;
    size_t topic = in->position;
    skip_text(in);
    size_t topic_length = in->position - topic;
    take(in, 4);
    int64_t partition = take(in, 4);
    take(in, 4);
    int64_t offset = take(in, 8);
    if (in->failed) die("fetch request");
    connection->file = file_of(partition);
    connection->file_position = (off_t)(offset / batch_records) * (off_t)batch_bytes;
    connection->file_left = batch_bytes;

    struct cursor out = {connection->head, 4, head_limit, 0};
    put(&out, 4, correlation);
    put(&out, 4, 0);  // not throttled
    put(&out, 2, 0);
    put(&out, 4, 0);  // no session
    put(&out, 4, 1);
    memcpy(out.bytes + out.position, in->bytes + topic, topic_length);
    out.position += topic_length;
    put(&out, 4, 1);
    put(&out, 4, partition);
    put(&out, 2, 0);
    put(&out, 8, 1 << 30);  // high watermark
    put(&out, 8, 1 << 30);  // last stable offset
    put(&out, 8, 0);        // log start
    put(&out, 4, -1);       // no aborted transactions
    put(&out, 4, -1);       // no preferred replica
    put(&out, 4, (int64_t)batch_bytes);
    connection->head_length = out.position;
    out.position = 0;
    put(&out, 4, (int64_t)(connection->head_length - 4 + batch_bytes));
}

// Sends what it can. Returns 1 when the answer has gone, 0 when the socket is full, -1 when the client has.
static int send_answer(struct connection *connection) {
    while (connection->head_sent < connection->head_length) {
        ssize_t sent = send(
            connection->socket,
            connection->head + connection->head_sent,
            connection->head_length - connection->head_sent,
            MSG_NOSIGNAL | (connection->file_left ? MSG_MORE : 0));
        if (sent < 0) return errno == EAGAIN ? 0 : -1;
        connection->head_sent += (size_t)sent;
    }
    while (connection->file_left) {
        ssize_t sent =
            sendfile(connection->socket, connection->file, &connection->file_position, connection->file_left);
        if (sent < 0) return errno == EAGAIN ? 0 : -1;
        if (sent == 0) die("a fetch beyond the file");
        connection->file_left -= (size_t)sent;
    }
    connection->head_sent = connection->head_length = 0;
    return 1;
}

// Goes on with a connection whose socket is ready. Returns -1 when the client has gone.
static int serve(struct connection *connection) {
    if (connection->head_length) {
        int sent = send_answer(connection);
        if (sent <= 0) return sent;
    }
    for (;;) {
        // Never more than the frame, so that nothing has to be moved to the buffer's start.
        size_t wanted = 4;
        if (connection->have >= 4) {
            struct cursor in = {connection->frame, 0, 4, 0};
            wanted = 4 + (size_t)take(&in, 4);
            if (wanted > frame_limit) die("frame length");
        }
        if (connection->have < wanted) {
            ssize_t got = recv(connection->socket, connection->frame + connection->have, wanted - connection->have, 0);
            if (got < 0) return errno == EAGAIN ? 0 : -1;
            if (got == 0) return -1;
            connection->have += (size_t)got;
            continue;
        }
        if (wanted == 4) continue;
        struct cursor in = {connection->frame, 4 + 4, wanted, 0};
        int32_t correlation = (int32_t)take(&in, 4);
        skip_text(&in);  // client id
        connection->have = 0;
        (is_fetch ? fetch : produce)(connection, &in, correlation);
        int sent = send_answer(connection);
        if (sent <= 0) return sent;
    }
}

static void accept_one(int listener, int events) {
    struct connection *connection = calloc(1, sizeof *connection);
    connection->frame = malloc(frame_limit);
    connection->socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection->socket < 0) die("accept");
    int one = 1;
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
    if (epoll_ctl(events, EPOLL_CTL_ADD, connection->socket, &event) < 0) die("epoll_ctl");
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: loops produce|fetch PORT DIRECTORY [BYTES COUNT]\n");
        return 2;
    }
    is_fetch = strcmp(arguments[1], "fetch") == 0;
    directory = arguments[3];
    if (is_fetch) {
        if (count != 6) return 2;
        batch_bytes = (size_t)atol(arguments[4]);
        batch_records = atol(arguments[5]);
    }

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(arguments[2])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    send_unpaced(listener);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(listener, 16) < 0) die("listen");
    int events = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(events, EPOLL_CTL_ADD, listener, &event);
    printf("ready\n");
    fflush(stdout);

    for (;;) {
        struct epoll_event ready[event_limit];
        int found = epoll_wait(events, ready, event_limit, -1);
        for (int index = 0; index < found; index++) {
            struct connection *connection = ready[index].data.ptr;
            if (connection == NULL) {
                accept_one(listener, events);
            } else if (serve(connection) < 0) {
                close(connection->socket);
                free(connection->frame);
                free(connection);
            }
        }
    }
}
