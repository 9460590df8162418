// Consumers of unusual kinds, from one thread: they cost as little as clients can.
//
//   readers backfill HOST PORT TOPIC PARTITIONS BYTES ASKED
//   readers slow     HOST PORT TOPIC PARTITIONS SECONDS CONNECTIONS ASKED TRICKLE PAUSE
//   readers session  HOST PORT TOPIC PARTITIONS FETCHES
//
// `backfill` reads at full speed from the beginning of all partitions, with fetches for ASKED bytes of each, until it has
// BYTES. `slow`: for so many SECONDS, CONNECTIONS consumers ask for ASKED bytes of a partition and take TRICKLE bytes of
// the answer off their socket every PAUSE milliseconds; a SIGTERM ends them early. `session` opens one fetch session with all partitions at their
// ends and fetches in it, one record at a time that it produces itself. Prints one JSON line; ends with 1 if anything was
// refused.
// Links: -lisal (libisal-dev)
#define _GNU_SOURCE
#include "batches.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum { most_connections = 4096 };

static volatile sig_atomic_t is_over;
static const char *topic;
static int partitions;

static void receive(int socket, uint8_t *bytes, size_t length) {
    while (length) {
        ssize_t got = recv(socket, bytes, length, MSG_WAITALL);
        if (got == 0) fail("the server closed the connection, bytes missing", (int64_t)length);
        if (got < 0) die("recv");
        bytes += got;
        length -= (size_t)got;
    }
}

// Receives one frame without its length into a buffer that grows as it must; returns its length.
static size_t receive_frame(int socket, uint8_t **bytes, size_t *room) {
    uint8_t start[4];
    receive(socket, start, 4);
    struct cursor in = {start, 0, 4, 0};
    size_t length = (size_t)take(&in, 4);
    if (length > *room) {
        *bytes = realloc(*bytes, length);
        if (!*bytes) die("realloc");
        *room = length;
    }
    receive(socket, *bytes, length);
    return length;
}

// A fetch of partitions from `first` on, from these offsets; a session of 0 with epoch -1 is none.
static size_t fetch_many(uint8_t *request, size_t limit, int first, int count, const int64_t *offsets, int32_t asked,
                         int32_t session, int32_t epoch) {
    struct cursor out = {request, 4, limit, 0};
    put(&out, 2, fetch_key);
    put(&out, 2, fetch_version);
    put(&out, 4, 1);
    put_text(&out, "bench");
    put(&out, 4, -1);
    put(&out, 4, 500);
    put(&out, 4, 1);
    put(&out, 4, 50 << 20);
    put(&out, 1, 0);
    put(&out, 4, session);
    put(&out, 4, epoch);
    put(&out, 4, count > 0);
    if (count > 0) {
        put_text(&out, topic);
        put(&out, 4, count);
        for (int index = 0; index < count; index++) {
            put(&out, 4, first + index);
            put(&out, 4, -1);
            put(&out, 8, offsets[first + index]);
            put(&out, 8, -1);
            put(&out, 4, asked);
        }
    }
    put(&out, 4, 0);
    put(&out, 2, 0);
    if (out.failed) fail("a fetch request is longer than", (int64_t)limit);
    size_t length = out.position;
    out.position = 0;
    put(&out, 4, (int64_t)(length - 4));
    return length;
}

// Moves the offsets behind the whole batches of a fetch's answer and returns the bytes of records in it.
static int64_t take_fetched(uint8_t *frame, size_t length, int64_t *offsets, int32_t *session) {
    struct cursor in = {frame, 4 + 4, length, 0};
    int64_t error = take(&in, 2), all = 0;
    if (error) fail("fetch refused with error", error);
    *session = (int32_t)take(&in, 4);
    for (int64_t topics = take(&in, 4); topics > 0; topics--) {
        skip_text(&in);
        for (int64_t count = take(&in, 4); count > 0; count--) {
            int64_t partition = take(&in, 4);
            error = take(&in, 2);
            if (error || partition < 0 || partition >= partitions) fail("a partition's error", error);
            in.position += 8 + 8 + 8;
            int64_t aborted = take(&in, 4);
            in.position += (size_t)(aborted > 0 ? aborted : 0) * 16 + 4;
            int64_t bytes = take(&in, 4);
            if (bytes < 0) bytes = 0;
            all += bytes;
            size_t end = in.position + (size_t)bytes;
            while (in.position + batch_header <= end) {
                size_t start = in.position;
                int64_t base = take(&in, 8);
                size_t size = (size_t)take(&in, 4) + 12;
                in.position = start + 23;
                if (start + size <= end) offsets[partition] = base + take(&in, 4) + 1;
                in.position = start + size;
            }
            in.position = end;
            if (in.failed) fail("a fetch response cannot be read, bytes", (int64_t)length);
        }
    }
    return all;
}

static int backfill(int connection, int64_t wanted, int32_t asked) {
    size_t limit = head_limit + (size_t)partitions * 32, room = 1 << 20;
    uint8_t *request = malloc(limit), *frame = malloc(room);
    int64_t *offsets = calloc((size_t)partitions, sizeof *offsets), received = 0;
    int32_t session;
    double start = seconds();
    while (received < wanted) {
        send_all(connection, request, fetch_many(request, limit, 0, partitions, offsets, asked, 0, -1));
        size_t length = receive_frame(connection, &frame, &room);
        int64_t bytes = take_fetched(frame, length, offsets, &session);
        if (!bytes) fail("nothing more to read, bytes missing", wanted - received);
        received += bytes;
    }
    printf("{\"bytes\": %lld, \"seconds\": %.6f}\n", (long long)received, seconds() - start);
    return 0;
}

struct slow {
    int socket;
    int64_t taken;
    int64_t frame_left;
    uint8_t start[4];
    size_t started;
};

// Takes a trickle; at the end of an answer, asks for the next. The offset is always 0: what is wanted is the load.
static void take_trickle(struct slow *reader, const uint8_t *request, size_t length, uint8_t *buffer, size_t trickle) {
    ssize_t count = recv(reader->socket, buffer, trickle, MSG_DONTWAIT);
    if (count == 0) fail("a slow consumer was thrown out after bytes", reader->taken);
    if (count < 0) {
        if (errno == EAGAIN) return;
        die("recv");
    }
    reader->taken += count;
    for (ssize_t at = 0; at < count;) {
        if (reader->frame_left == 0) {
            reader->start[reader->started++] = buffer[at++];
            if (reader->started < 4) continue;
            struct cursor in = {reader->start, 0, 4, 0};
            reader->frame_left = take(&in, 4);
            reader->started = 0;
        } else {
            int64_t part = count - at < reader->frame_left ? count - at : reader->frame_left;
            reader->frame_left -= part;
            at += part;
            if (reader->frame_left == 0) send_all(reader->socket, request, length);
        }
    }
}

static void end(int signal) {
    (void)signal;
    is_over = 1;
}

static int slow(const char *host, int port, double time, int connections, int32_t asked, size_t trickle, int pause) {
    signal(SIGTERM, end);
    struct slow *readers = calloc((size_t)connections, sizeof *readers);
    uint8_t(*requests)[head_limit] = malloc((size_t)partitions * head_limit);
    size_t *lengths = calloc((size_t)partitions, sizeof *lengths);
    uint8_t *buffer = malloc(trickle);
    for (int partition = 0; partition < partitions; partition++) {
        lengths[partition] = fetch_request(requests[partition], 1, topic, partition, 0, asked);
    }
    for (int index = 0; index < connections; index++) {
        readers[index].socket = dial(host, port);
        // What the consumer's machine would take by itself is not slow.
        int small = 16 << 10;
        setsockopt(readers[index].socket, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        send_all(readers[index].socket, requests[index % partitions], lengths[index % partitions]);
    }
    double start = seconds(), step = pause / 1e3 / connections;
    for (int64_t turn = 0; !is_over && seconds() < start + time; turn++) {
        int index = (int)(turn % connections), partition = index % partitions;
        take_trickle(&readers[index], requests[partition], lengths[partition], buffer, trickle);
        double ahead = start + (double)(turn + 1) * step - seconds();
        if (ahead > 1e-4) usleep((useconds_t)(ahead * 1e6));
    }
    int64_t least = INT64_MAX, most = 0, all = 0;
    for (int index = 0; index < connections; index++) {
        if (readers[index].taken < least) least = readers[index].taken;
        if (readers[index].taken > most) most = readers[index].taken;
        all += readers[index].taken;
    }
    printf("{\"bytes\": %lld, \"least\": %lld, \"most\": %lld}\n", (long long)all, (long long)least, (long long)most);
    return 0;
}

static void produce_one(int connection, int partition, uint8_t **frame, size_t *room) {
    enum { bytes = 200 };
    static uint8_t *batch;
    if (!batch) batch = make_batch(bytes, 1);
    uint8_t head[head_limit];
    send_all(connection, head, produce_head(head, 1, topic, partition, 1, bytes));
    send_all(connection, batch, bytes);
    size_t length = receive_frame(connection, frame, room);
    struct cursor in = {*frame, 4 + 4, length, 0};
    skip_text(&in);
    take(&in, 4);
    take(&in, 4);
    int64_t error = take(&in, 2);
    if (error || in.failed) fail("produce refused with error", error);
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

static int session(int connection, int producer, int64_t fetches) {
    size_t limit = head_limit + (size_t)partitions * 32, room = 1 << 20;
    uint8_t *request = malloc(limit), *frame = malloc(room);
    int64_t *offsets = calloc((size_t)partitions, sizeof *offsets);
    double *taken = calloc((size_t)fetches, sizeof *taken), start = seconds();
    int32_t id = 0, told;
    send_all(connection, request, fetch_many(request, limit, 0, partitions, offsets, 1 << 20, 0, 0));
    size_t length = receive_frame(connection, &frame, &room);
    take_fetched(frame, length, offsets, &id);
    if (id == 0) fail("the broker opened no session for partitions", partitions);
    double opened = seconds() - start;
    int changed = -1;
    for (int64_t fetch = 0; fetch < fetches; fetch++) {
        // Asked first, answered when the record comes: what waking and answering take, with a session this large.
        length = fetch_many(request, limit, changed < 0 ? 0 : changed, changed >= 0, offsets, 1 << 20, id,
                            (int32_t)fetch + 1);
        send_all(connection, request, length);
        changed = (int)(fetch * 7919 % partitions);
        usleep(1000);
        start = seconds();
        produce_one(producer, changed, &frame, &room);
        length = receive_frame(connection, &frame, &room);
        taken[fetch] = seconds() - start;
        if (!take_fetched(frame, length, offsets, &told) || told != id) fail("the session's answer has no record", told);
    }
    qsort(taken, (size_t)fetches, sizeof *taken, compare);
    printf("{\"opened\": %.3f, \"p50\": %.3f, \"p99\": %.3f}\n", opened * 1e3, taken[fetches / 2] * 1e3,
           taken[fetches * 99 / 100] * 1e3);
    return 0;
}

int main(int count, char **arguments) {
    const char *mode = count > 1 ? arguments[1] : "";
    int is_backfill = strcmp(mode, "backfill") == 0, is_slow = strcmp(mode, "slow") == 0;
    if (count != (is_backfill ? 8 : is_slow ? 11 : strcmp(mode, "session") == 0 ? 7 : -1)) {
        fprintf(stderr, "usage: readers backfill|slow|session HOST PORT TOPIC PARTITIONS …\n");
        return 2;
    }
    topic = arguments[4];
    partitions = atoi(arguments[5]);
    const char *host = arguments[2];
    int port = atoi(arguments[3]);
    int connections = is_slow ? atoi(arguments[7]) : 1;
    if (partitions < 1 || connections < 1 || connections > most_connections || strlen(topic) > head_limit / 2 ||
        atof(arguments[6]) <= 0) {
        fprintf(stderr, "impossible numbers\n");
        return 2;
    }
    if (is_backfill) return backfill(dial(host, port), atoll(arguments[6]), atoi(arguments[7]));
    if (is_slow) {
        return slow(host, port, atof(arguments[6]), connections, atoi(arguments[8]), (size_t)atol(arguments[9]),
                    atoi(arguments[10]));
    }
    return session(dial(host, port), dial(host, port), atoll(arguments[6]));
}
