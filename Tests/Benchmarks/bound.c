// What a broker cannot beat with real clients: as much of one as librdkafka needs to produce and to consume, in one thread,
// without any check, lock, limit or promise.
//
//   bound PORT DIRECTORY PARTITIONS [echo]
//
// Every topic has PARTITIONS partitions, which are files in DIRECTORY. A produce request is received, its batch's CRC32C
// is computed (ISA-L), its offset written into it, and the batch into the file by pwrite; `echo` leaves all of that away
// and only answers. A fetch request is answered with sendfile, or parked until something is produced. Says "ready". No
// error handling beyond ending with a message: it is a yardstick.
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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    metadata_key = 3,
    api_versions_key = 18,
    init_producer_key = 22,
    topic_limit = 64,
    partition_limit = 16,
    connection_limit = 64,
    name_limit = 128,
    frame_limit = 8 << 20,
    first_frame_bytes = 1 << 16,
    answer_limit = 1 << 14,
    event_limit = 64,
    least_index = 1024,
    // Where lies what, in a record batch.
    batch_length = 8,
    batch_last_delta = 23,
};

struct batch {
    int64_t offset;
    off_t position;
    size_t length;
};

struct partition {
    int file;
    off_t end;
    int64_t next_offset;
    struct batch *batches;
    size_t count, limit;
};

static struct topic {
    char name[name_limit];
    struct partition partitions[partition_limit];
} topics[topic_limit];

// A part of an answer: bytes in memory, or of a file.
struct part {
    int file;
    off_t position;
    size_t length;
};

struct connection {
    int socket;
    uint8_t *frame;
    size_t have, limit;
    uint8_t answer[answer_limit];
    struct part parts[2 * partition_limit + 1];
    int part, part_count;
    // A fetch that found nothing, and when it is answered all the same.
    bool is_parked;
    int64_t deadline;
};

static struct connection *connections[connection_limit];
static const char *directory;
static int topic_count, partition_count;
static bool is_echo;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct topic *topic_named(const uint8_t *name, size_t length) {
    for (int index = 0; index < topic_count; index++) {
        if (strlen(topics[index].name) == length && !memcmp(topics[index].name, name, length)) return &topics[index];
    }
    if (topic_count == topic_limit || length >= name_limit) die("topics");
    struct topic *topic = &topics[topic_count];
    memcpy(topic->name, name, length);
    for (int index = 0; index < partition_count; index++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%d-%d", directory, topic_count, index);
        topic->partitions[index].file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
        if (topic->partitions[index].file < 0) die(path);
    }
    topic_count++;
    return topic;
}

static struct topic *take_topic(struct cursor *in) {
    size_t length = (size_t)take(in, 2);
    if (in->failed || in->position + length > in->length) die("a topic's name");
    in->position += length;
    return topic_named(in->bytes + in->position - length, length);
}

static struct partition *take_partition(struct cursor *in, struct topic *topic, int64_t *index) {
    *index = take(in, 4);
    if (*index < 0 || *index >= partition_count) die("partition");
    return &topic->partitions[*index];
}

// Ends the answer's part in memory at the cursor, from where its last one ended.
static void add_bytes(struct connection *connection, struct cursor *out, size_t *begun) {
    struct part part = {-1, (off_t)*begun, out->position - *begun};
    connection->parts[connection->part_count++] = part;
    *begun = out->position;
}

static void finish(struct connection *connection, struct cursor *out, size_t begun, size_t of_files) {
    if (out->position > begun) add_bytes(connection, out, &begun);
    int64_t length = (int64_t)(out->position - 4 + of_files);
    out->position = 0;
    put(out, 4, length);
}

static void append(struct partition *partition, uint8_t *bytes, size_t length) {
    struct cursor header = {bytes, batch_checksum, length, 0};
    uint32_t expected = (uint32_t)take(&header, 4);
    uint32_t actual = ~crc32_iscsi(bytes + batch_checked, (int)(length - batch_checked), 0xffffffff);
    if (actual != expected) die("checksum");
    header.position = batch_last_delta;
    int64_t records = take(&header, 4) + 1;
    header.position = 0;
    put(&header, 8, partition->next_offset);
    if (pwrite(partition->file, bytes, length, partition->end) != (ssize_t)length) die("pwrite");
    if (partition->count == partition->limit) {
        partition->limit = partition->limit ? 2 * partition->limit : least_index;
        partition->batches = realloc(partition->batches, partition->limit * sizeof *partition->batches);
        if (!partition->batches) die("realloc");
    }
    partition->batches[partition->count++] = (struct batch){partition->next_offset, partition->end, length};
    partition->end += (off_t)length;
    partition->next_offset += records;
}

static void produce(struct connection *connection, struct cursor *in, struct cursor *out) {
    skip_text(in);  // transactional id
    take(in, 2 + 4);
    if (take(in, 4) != 1) die("a produce request with several topics");
    struct topic *topic = take_topic(in);
    if (take(in, 4) != 1) die("a produce request with several partitions");
    int64_t index;
    struct partition *partition = take_partition(in, topic, &index);
    size_t length = (size_t)take(in, 4);
    if (in->failed || in->position + length > in->length) die("produce request");
    int64_t offset = partition->next_offset;
    if (!is_echo) append(partition, in->bytes + in->position, length);
    put(out, 4, 1);
    put_text(out, topic->name);
    put(out, 4, 1);
    put(out, 4, index);
    put(out, 2, 0);
    put(out, 8, offset);
    put(out, 8, -1);  // append time
    put(out, 8, 0);   // log start
    put(out, 4, 0);   // not throttled
    finish(connection, out, 0, 0);
}

// Where the batches begin that a fetch may have, and how many bytes they are.
static struct part readable(const struct partition *partition, int64_t offset, size_t limit) {
    size_t low = 0, high = partition->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (partition->batches[middle].offset <= offset) low = middle + 1;
        else high = middle;
    }
    if (low == 0 || offset >= partition->next_offset) return (struct part){partition->file, 0, 0};
    struct part part = {partition->file, partition->batches[low - 1].position, 0};
    for (size_t index = low - 1; index < partition->count; index++) {
        if (part.length && part.length + partition->batches[index].length > limit) break;
        part.length += partition->batches[index].length;
    }
    return part;
}

// Returns whether there was anything to send, or it may not wait any longer.
static bool fetch(struct connection *connection, struct cursor *in, struct cursor *out) {
    take(in, 4);
    int64_t wait = take(in, 4);
    take(in, 4 + 4);
    take(in, 1);
    take(in, 4 + 4);
    size_t begun = 0, of_files = 0;
    put(out, 4, 0);  // not throttled
    put(out, 2, 0);
    put(out, 4, 0);  // no session
    int64_t count = take(in, 4);
    put(out, 4, count);
    for (int64_t number = 0; number < count; number++) {
        struct topic *topic = take_topic(in);
        put_text(out, topic->name);
        int64_t wanted = take(in, 4);
        put(out, 4, wanted);
        for (int64_t place = 0; place < wanted; place++) {
            int64_t index;
            struct partition *partition = take_partition(in, topic, &index);
            take(in, 4);
            int64_t offset = take(in, 8);
            take(in, 8);
            struct part part = readable(partition, offset, (size_t)take(in, 4));
            put(out, 4, index);
            put(out, 2, 0);
            put(out, 8, partition->next_offset);
            put(out, 8, partition->next_offset);
            put(out, 8, 0);   // log start
            put(out, 4, -1);  // no aborted transactions
            put(out, 4, -1);  // no preferred replica
            put(out, 4, (int64_t)part.length);
            if (!part.length) continue;
            add_bytes(connection, out, &begun);
            connection->parts[connection->part_count++] = part;
            of_files += part.length;
        }
    }
    if (in->failed || out->failed) die("fetch request");
    if (!of_files && !connection->is_parked) connection->deadline = milliseconds() + wait;
    connection->is_parked = !of_files && milliseconds() < connection->deadline;
    if (!connection->is_parked) finish(connection, out, begun, of_files);
    return !connection->is_parked;
}

static void metadata(struct connection *connection, struct cursor *in, struct cursor *out, int port) {
    int64_t wanted = take(in, 4);
    struct topic *named[topic_limit];
    for (int64_t index = 0; index < wanted && index < topic_limit; index++) named[index] = take_topic(in);
    put(out, 4, 1);
    put(out, 4, 1);
    put_text(out, "127.0.0.1");
    put(out, 4, port);
    put(out, 2, -1);  // no rack
    put(out, 4, 1);   // controller
    put(out, 4, wanted > 0 ? wanted : 0);
    for (int64_t index = 0; index < wanted; index++) {
        put(out, 2, 0);
        put_text(out, named[index]->name);
        put(out, 1, 0);
        put(out, 4, partition_count);
        for (int place = 0; place < partition_count; place++) {
            put(out, 2, 0);
            put(out, 4, place);
            for (int value = 0; value < 5; value++) put(out, 4, 1);  // leader, replicas, those in sync
        }
    }
    finish(connection, out, 0, 0);
}

static void api_versions(struct connection *connection, struct cursor *out, int64_t version) {
    static const int16_t served[][2] = {
        {produce_key, 7}, {fetch_key, fetch_version}, {metadata_key, 1}, {api_versions_key, 3}, {init_producer_key, 1}};
    int64_t count = sizeof served / sizeof served[0];
    put(out, 2, 0);
    put(out, version < 3 ? 4 : 1, version < 3 ? count : count + 1);
    for (int64_t index = 0; index < count; index++) {
        put(out, 2, served[index][0]);
        put(out, 2, 0);
        put(out, 2, served[index][1]);
        if (version >= 3) put(out, 1, 0);
    }
    if (version > 0) put(out, 4, 0);
    if (version >= 3) put(out, 1, 0);
    finish(connection, out, 0, 0);
}

static void init_producer(struct connection *connection, struct cursor *out) {
    static int64_t producer;
    put(out, 4, 0);
    put(out, 2, 0);
    put(out, 8, ++producer);
    put(out, 2, 0);
    finish(connection, out, 0, 0);
}

// Prepares the answer to the request in the frame. Returns whether there is one already.
static bool answer(struct connection *connection, int port) {
    struct cursor in = {connection->frame, 4, connection->have, 0};
    struct cursor out = {connection->answer, 4, answer_limit, 0};
    connection->part = connection->part_count = 0;
    int64_t key = take(&in, 2), version = take(&in, 2);
    put(&out, 4, take(&in, 4));
    skip_text(&in);  // client id
    switch (key) {
        case produce_key: produce(connection, &in, &out); return true;
        case fetch_key: return fetch(connection, &in, &out);
        case metadata_key: metadata(connection, &in, &out, port); return true;
        case api_versions_key: api_versions(connection, &out, version); return true;
        case init_producer_key: init_producer(connection, &out); return true;
        default: die("request");
    }
    return false;
}

// Sends what it can. Returns 1 when the answer has gone, 0 when the socket is full, -1 when the client has.
static int send_answer(struct connection *connection) {
    while (connection->part < connection->part_count) {
        struct part *part = &connection->parts[connection->part];
        int more = connection->part + 1 < connection->part_count ? MSG_MORE : 0;
        ssize_t sent = part->file < 0
            ? send(connection->socket, connection->answer + part->position, part->length, MSG_NOSIGNAL | more)
            : sendfile(connection->socket, part->file, &part->position, part->length);
        if (sent < 0) return errno == EAGAIN ? 0 : -1;
        if (part->file < 0) part->position += sent;
        part->length -= (size_t)sent;
        if (!part->length) connection->part++;
    }
    connection->part = connection->part_count = 0;
    connection->have = 0;
    return 1;
}

// Reads until the frame is complete. Returns 1 then, 0 when there is nothing more yet, -1 when the client has gone.
static int receive_frame(struct connection *connection) {
    for (;;) {
        // Never more than the frame, so that nothing has to be moved to the buffer's start.
        size_t wanted = 4;
        if (connection->have >= 4) {
            struct cursor in = {connection->frame, 0, 4, 0};
            wanted = 4 + (size_t)take(&in, 4);
            if (wanted > frame_limit) die("frame length");
            if (connection->have == wanted) return 1;
        }
        if (wanted > connection->limit) {
            connection->limit = wanted;
            connection->frame = realloc(connection->frame, wanted);
            if (!connection->frame) die("realloc");
        }
        ssize_t got = recv(connection->socket, connection->frame + connection->have, wanted - connection->have, 0);
        if (got < 0) return errno == EAGAIN ? 0 : -1;
        if (got == 0) return -1;
        connection->have += (size_t)got;
    }
}

static int serve(struct connection *connection, int port);

// Looks again at the fetches that wait, because something was produced or time has passed.
static void serve_parked(int port) {
    for (int index = 0; index < connection_limit; index++) {
        struct connection *connection = connections[index];
        if (connection && connection->is_parked && answer(connection, port) && send_answer(connection) > 0) {
            serve(connection, port);
        }
    }
}

// Goes on with a connection whose socket is ready. Returns -1 when the client has gone.
static int serve(struct connection *connection, int port) {
    if (connection->is_parked) return 0;
    if (connection->part_count) {
        int sent = send_answer(connection);
        if (sent <= 0) return sent;
    }
    for (;;) {
        int received = receive_frame(connection);
        if (received <= 0) return received;
        bool is_produce = connection->frame[4] == 0 && connection->frame[5] == produce_key;
        if (!answer(connection, port)) return 0;
        int sent = send_answer(connection);
        if (sent < 0) return sent;
        if (is_produce) serve_parked(port);
        if (sent == 0) return 0;
    }
}

static void accept_one(int listener, int events) {
    struct connection *connection = calloc(1, sizeof *connection);
    connection->limit = first_frame_bytes;
    connection->frame = malloc(connection->limit);
    connection->socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection->socket < 0) die("accept");
    int one = 1;
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int place = 0;
    while (place < connection_limit && connections[place]) place++;
    if (place == connection_limit) die("connections");
    connections[place] = connection;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = (uint32_t)place + 1};
    if (epoll_ctl(events, EPOLL_CTL_ADD, connection->socket, &event) < 0) die("epoll_ctl");
}

static void forget(int place) {
    struct connection *connection = connections[place];
    connections[place] = NULL;
    close(connection->socket);
    free(connection->frame);
    free(connection);
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    send_unpaced(listener);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(listener, connection_limit) < 0) die("listen");
    return listener;
}

// Milliseconds until the first parked fetch has to be answered.
static int patience(void) {
    int64_t now = milliseconds(), first = now + 1000;
    for (int index = 0; index < connection_limit; index++) {
        struct connection *connection = connections[index];
        if (connection && connection->is_parked && connection->deadline < first) first = connection->deadline;
    }
    return first > now ? (int)(first - now) : 0;
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: bound PORT DIRECTORY PARTITIONS [echo]\n");
        return 2;
    }
    int port = atoi(arguments[1]);
    directory = arguments[2];
    partition_count = atoi(arguments[3]);
    is_echo = count > 4 && !strcmp(arguments[4], "echo");
    if (partition_count < 1 || partition_count > partition_limit) return 2;
    int listener = listen_on(port), events = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 0};
    epoll_ctl(events, EPOLL_CTL_ADD, listener, &event);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        struct epoll_event ready[event_limit];
        int found = epoll_wait(events, ready, event_limit, patience());
        for (int index = 0; index < found; index++) {
            int place = (int)ready[index].data.u32 - 1;
            if (place < 0) accept_one(listener, events);
            else if (connections[place] && serve(connections[place], port) < 0) forget(place);
        }
        if (found == 0) serve_parked(port);
    }
}
