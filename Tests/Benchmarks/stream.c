// A stream of single records that is produced and consumed at once: what others on the broker do shows in its latencies.
//
//   stream HOST PORT TOPIC SECONDS RATE BYTES ACKS
//
// Sends RATE records of BYTES bytes a second, each in a request of its own, to partition 0, and consumes them with fetches
// that wait. A latency is the time from when a record was due to be sent to its arrival at the consumer, so that what
// held the producer up counts too. The first half second is left out. Prints one JSON line with milliseconds; ends with 1
// if anything was refused.
// Links: -lisal (libisal-dev)
#define _GNU_SOURCE
#include "batches.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { buffer_bytes = 1 << 20, fetch_bytes = 256 << 10 };

static const double warm_up_seconds = 0.5, patience_seconds = 30;

static struct {
    const char *topic;
    int64_t records;
    double rate;
    double start;
    int64_t first;  // the offset of the first record
    int64_t sent;
    int64_t acknowledged;
    int64_t received;
    double *latencies;
    double *acknowledgements;
} job;

// One direction: a connection and the frame that is arriving on it.
struct stream {
    int socket;
    uint8_t *bytes;
    size_t received;
};

static double due(int64_t record) { return job.start + (double)record / job.rate; }

// Takes what has come; returns the length of the frame that is whole now, or 0.
static size_t receive_frame(struct stream *stream) {
    ssize_t count = recv(stream->socket, stream->bytes + stream->received, buffer_bytes - stream->received, MSG_DONTWAIT);
    if (count == 0) fail("the server closed the connection", 0);
    if (count < 0 && errno != EAGAIN) die("recv");
    if (count > 0) stream->received += (size_t)count;
    struct cursor in = {stream->bytes, 0, stream->received, 0};
    size_t length = (size_t)take(&in, 4);
    if (in.failed || stream->received < 4 + length) return 0;
    if (4 + length > buffer_bytes) fail("a long frame", (int64_t)length);
    return 4 + length;
}

static void drop(struct stream *stream, size_t length) {
    stream->received -= length;
    memmove(stream->bytes, stream->bytes + length, stream->received);
}

static void acknowledged(struct stream *stream) {
    size_t length;
    while ((length = receive_frame(stream)) > 0) {
        struct cursor in = {stream->bytes, 4 + 4 + 4, length, 0};
        skip_text(&in);
        take(&in, 4);
        take(&in, 4);
        int64_t error = take(&in, 2);
        if (error || in.failed) fail("produce", error);
        int64_t offset = take(&in, 8);
        if (job.acknowledged == 0) job.first = offset;
        if (offset != job.first + job.acknowledged) fail("records are not in order, offset", offset);
        job.acknowledgements[job.acknowledged] = seconds() - due(job.acknowledged);
        job.acknowledged++;
        drop(stream, length);
    }
}

static void ask(struct stream *stream, int64_t offset) {
    uint8_t request[head_limit];
    send_all(stream->socket, request, fetch_request(request, 1, job.topic, 0, offset, fetch_bytes));
}

// Notes the arrival of the records in a fetch's answer and asks for those that follow.
static void arrived(struct stream *stream, int64_t *next) {
    size_t length = receive_frame(stream);
    if (!length) return;
    double now = seconds();
    struct cursor in = {stream->bytes, 4 + 4 + 4, length, 0};
    int64_t error = take(&in, 2);
    take(&in, 4);
    take(&in, 4);
    skip_text(&in);
    take(&in, 8);
    if (!error) error = take(&in, 2);
    in.position += 8 + 8 + 8;
    int64_t aborted = take(&in, 4);
    in.position += (size_t)(aborted > 0 ? aborted : 0) * 16 + 4;
    int64_t records = take(&in, 4);
    if (error || in.failed) fail("fetch", error);
    for (size_t end = in.position + (size_t)records; in.position < end;) {
        int64_t offset = take(&in, 8);
        size_t size = (size_t)take(&in, 4);
        in.position += size;
        if (offset < *next) continue;
        *next = offset + 1;
        job.latencies[job.received] = now - due(job.received);
        job.received++;
    }
    drop(stream, length);
    ask(stream, *next);
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

static void print(const char *name, double *values, int64_t first, const char *end) {
    int64_t count = job.records - first;
    qsort(values + first, (size_t)count, sizeof *values, compare);
    double *sorted = values + first;
    printf("\"%s\": {\"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"worst\": %.3f}%s", name, sorted[count / 2] * 1e3,
           sorted[count * 99 / 100] * 1e3, sorted[count * 999 / 1000] * 1e3, sorted[count - 1] * 1e3, end);
}

int main(int count, char **arguments) {
    if (count != 8) {
        fprintf(stderr, "usage: stream HOST PORT TOPIC SECONDS RATE BYTES ACKS\n");
        return 2;
    }
    job.topic = arguments[3];
    job.rate = atof(arguments[5]);
    job.records = (int64_t)(atof(arguments[4]) * job.rate);
    size_t bytes = (size_t)atol(arguments[6]) + batch_header;
    int16_t acks = (int16_t)atoi(arguments[7]);
    int64_t first = (int64_t)(warm_up_seconds * job.rate);
    if (job.rate <= 0 || job.records < first + 1000 || bytes < batch_header + 16 || acks == 0) {
        fprintf(stderr, "impossible numbers\n");
        return 2;
    }
    struct stream out = {dial(arguments[1], atoi(arguments[2])), malloc(buffer_bytes), 0};
    struct stream in = {dial(arguments[1], atoi(arguments[2])), malloc(buffer_bytes), 0};
    job.latencies = calloc((size_t)job.records, sizeof *job.latencies);
    job.acknowledgements = calloc((size_t)job.records, sizeof *job.acknowledgements);
    uint8_t request[head_limit + 65536];
    if (bytes > 65536) fail("records may have 65536 bytes, not", (int64_t)bytes);
    uint8_t *batch = make_batch(bytes, 1);
    size_t head = produce_head(request, 1, job.topic, 0, acks, bytes);
    memcpy(request + head, batch, bytes);
    int64_t next = 0;
    ask(&in, 0);
    job.start = seconds() + 0.01;
    double last = job.start;
    while (job.received < job.records || job.acknowledged < job.records) {
        double now = seconds();
        while (job.sent < job.records && due(job.sent) <= now) {
            send_all(out.socket, request, head + bytes);
            job.sent++;
            last = now;
        }
        if (job.sent == job.records && now > last + patience_seconds) fail("missing records", job.records - job.received);
        double wait = job.sent < job.records ? due(job.sent) - seconds() : 0.1;
        if (wait < 0) wait = 0;
        struct timespec timeout = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};
        struct pollfd sockets[2] = {{out.socket, POLLIN, 0}, {in.socket, POLLIN, 0}};
        if (ppoll(sockets, 2, &timeout, NULL) < 0 && errno != EINTR) die("ppoll");
        if (sockets[1].revents) arrived(&in, &next);
        if (sockets[0].revents) acknowledged(&out);
    }
    printf("{\"records\": %lld, ", (long long)(job.records - first));
    print("end_to_end", job.latencies, first, ", ");
    print("acknowledged", job.acknowledgements, first, "}\n");
    return 0;
}
