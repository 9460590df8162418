// The benchmark's client: it costs as little as a client can, so that the server is what is measured.
//
//   client produce HOST PORT TOPIC PARTITIONS FRAMES BYTES COUNT DEPTH ACKS
//   client fetch   HOST PORT TOPIC PARTITIONS FRAMES BYTES COUNT
//   client table   HOST PORT TOPIC PARTITIONS FRAMES BYTES COUNT DEPTH ACKS KEYS
//   client latency HOST PORT TOPIC PARTITIONS FRAMES BYTES COUNT PAUSE ACKS
//
// `produce` sends FRAMES requests, each with one valid batch of BYTES that holds COUNT records, to the partitions in
// turn, with DEPTH of them unanswered. `fetch` reads FRAMES batches of that shape back, one after the other, from offset
// 0 of each partition on. `table` produces records whose keys are drawn evenly from KEYS different ones. `latency`
// produces one request after the other with PAUSE microseconds in between, and tells how long the answers took. Prints
// one JSON line; ends with 1 if anything was refused.
//
// Links: -lisal (libisal-dev)
#define _GNU_SOURCE
#include "batches.h"

#include <sys/uio.h>
#include <unistd.h>

enum { receive_bytes = 1 << 20 };

static struct {
    const char *topic;
    int partitions;
    int64_t frames;
    size_t bytes;
    int records;
    int depth;
    int16_t acks;
    uint64_t keys;
} job = {.depth = 1, .acks = 1};

static void receive(int connection, uint8_t *bytes, size_t length) {
    while (length) {
        ssize_t got = recv(connection, bytes, length, MSG_WAITALL);
        if (got == 0) {
            fprintf(stderr, "the server closed the connection\n");
            exit(1);
        }
        if (got < 0) die("recv");
        bytes += got;
        length -= (size_t)got;
    }
}

static void send_frame(int connection, uint8_t *head, size_t head_length, uint8_t *batch) {
    size_t sent = 0, total = head_length + job.bytes;
    while (sent < total) {
        struct iovec parts[2] = {{head + sent, 0}, {batch, job.bytes}};
        int count = 2;
        struct iovec *first = parts;
        if (sent < head_length) {
            parts[0].iov_len = head_length - sent;
        } else {
            parts[1] = (struct iovec){batch + (sent - head_length), total - sent};
            first = parts + 1;
            count = 1;
        }
        ssize_t written = writev(connection, first, count);
        if (written < 0) die("writev");
        sent += (size_t)written;
    }
}

// Reads one produce response and returns its error code.
static int produce_error(int connection) {
    uint8_t frame[4096];
    receive(connection, frame, 4);
    struct cursor in = {frame, 0, 4, 0};
    size_t length = (size_t)take(&in, 4);
    if (length > sizeof frame) die("a long produce response");
    receive(connection, frame, length);
    in = (struct cursor){frame, 4 + 4, length, 0};
    skip_text(&in);
    take(&in, 4);
    take(&in, 4);
    int error = (int)take(&in, 2);
    return in.failed ? -1 : error;
}

static int produce(int connection) {
    uint8_t *batch = make_batch(job.bytes, job.records);
    uint8_t head[head_limit];
    int64_t sent = 0, answered = 0;
    while (answered < job.frames) {
        if (sent < job.frames && sent - answered < job.depth) {
            int32_t partition = (int32_t)(sent % job.partitions);
            size_t length = produce_head(head, (int32_t)sent, job.topic, partition, job.acks, job.bytes);
            if (job.keys) write_batch(batch, job.bytes, job.records, job.keys);
            send_frame(connection, head, length, batch);
            sent++;
            if (job.acks == 0) answered++;
        } else {
            int error = produce_error(connection);
            if (error) {
                fprintf(stderr, "produce refused with error %d\n", error);
                return 1;
            }
            answered++;
        }
    }
    return 0;
}

// Reads one fetch response, checks its head and drops its records. Returns 0 if it held one batch of the right size.
static int fetch_one(int connection, uint8_t *buffer) {
    receive(connection, buffer, 4);
    struct cursor in = {buffer, 0, 4, 0};
    size_t length = (size_t)take(&in, 4);
    size_t head = length < head_limit ? length : head_limit;
    receive(connection, buffer, head);
    in = (struct cursor){buffer, 4 + 4, head, 0};
    int error = (int)take(&in, 2);
    in.position += 4 + 4;
    skip_text(&in);
    take(&in, 4);
    take(&in, 4);
    int partition_error = (int)take(&in, 2);
    in.position += 8 + 8 + 8;
    int64_t aborted = take(&in, 4);
    in.position += (size_t)(aborted > 0 ? aborted : 0) * 16 + 4;
    int64_t records = take(&in, 4);
    for (size_t left = length - head; left;) {
        size_t part = left < receive_bytes ? left : receive_bytes;
        receive(connection, buffer, part);
        left -= part;
    }
    if (error || partition_error || in.failed || records != (int64_t)job.bytes) {
        fprintf(stderr, "fetch: error %d, partition error %d, %lld bytes of records, expected %zu\n", error,
                partition_error, (long long)records, job.bytes);
        return 1;
    }
    return 0;
}

static int fetch(int connection) {
    uint8_t *buffer = malloc(receive_bytes + head_limit);
    uint8_t request[head_limit];
    for (int64_t frame = 0; frame < job.frames; frame++) {
        int32_t partition = (int32_t)(frame % job.partitions);
        int64_t offset = frame / job.partitions * job.records;
        size_t length =
            fetch_request(request, (int32_t)frame, job.topic, partition, offset, (int32_t)job.bytes);
        if (send(connection, request, length, MSG_NOSIGNAL) != (ssize_t)length) die("send");
        if (fetch_one(connection, buffer)) return 1;
    }
    return 0;
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

static int latency(int connection) {
    uint8_t *batch = make_batch(job.bytes, job.records);
    uint8_t head[head_limit];
    double *taken = malloc(sizeof(double) * (size_t)job.frames);
    if (!taken) die("malloc");
    for (int64_t frame = 0; frame < job.frames; frame++) {
        usleep((useconds_t)job.depth);
        int32_t partition = (int32_t)(frame % job.partitions);
        double start = seconds();
        size_t length = produce_head(head, (int32_t)frame, job.topic, partition, job.acks, job.bytes);
        send_frame(connection, head, length, batch);
        int error = produce_error(connection);
        taken[frame] = seconds() - start;
        if (error) {
            fprintf(stderr, "produce refused with error %d\n", error);
            return 1;
        }
    }
    qsort(taken, (size_t)job.frames, sizeof(double), compare);
    printf("{\"requests\": %lld, \"p50\": %.6f, \"p99\": %.6f, \"p999\": %.6f, \"worst\": %.6f}\n",
           (long long)job.frames, taken[job.frames / 2], taken[job.frames * 99 / 100], taken[job.frames * 999 / 1000],
           taken[job.frames - 1]);
    return 0;
}

int main(int count, char **arguments) {
    if (count < 9) {
        fprintf(stderr, "usage: client produce|fetch|table|latency HOST PORT TOPIC PARTITIONS FRAMES BYTES COUNT …\n");
        return 2;
    }
    job.topic = arguments[4];
    job.partitions = atoi(arguments[5]);
    job.frames = atol(arguments[6]);
    job.bytes = (size_t)atol(arguments[7]);
    job.records = atoi(arguments[8]);
    if (count > 9) job.depth = atoi(arguments[9]);
    if (count > 10) job.acks = (int16_t)atoi(arguments[10]);
    if (count > 11) job.keys = strtoull(arguments[11], NULL, 10);
    size_t smallest = batch_header + (size_t)job.records * (16 + key_bytes);
    if (job.partitions < 1 || job.frames < 1 || job.records < 1 || job.bytes < smallest || job.depth < 1 ||
        strlen(job.topic) > head_limit / 2) {
        fprintf(stderr, "impossible numbers\n");
        return 2;
    }
    int connection = dial(arguments[2], atoi(arguments[3]));
    double start = seconds();
    if (strcmp(arguments[1], "latency") == 0) return latency(connection);
    int failed = strcmp(arguments[1], "fetch") == 0 ? fetch(connection) : produce(connection);
    double elapsed = seconds() - start;
    printf("{\"bytes\": %lld, \"seconds\": %.6f}\n", (long long)job.frames * (long long)job.bytes, elapsed);
    return failed;
}
