// Many producers at once, from one thread: it costs as little as clients can.
//
//   producers HOST PORT TOPIC PARTITIONS REQUESTS BYTES COUNT BATCHES DEPTH CONNECTIONS ACKS
//
// CONNECTIONS producers send REQUESTS produce requests in all, each of them with DEPTH unanswered. A request has one valid
// batch of BYTES with COUNT records for each of BATCHES partitions, and the requests go to the partitions in turn. Prints
// one JSON line with the latencies in milliseconds; ends with 1 if anything was refused.
//
// Links: -lisal (libisal-dev)
#define _GNU_SOURCE
#include "batches.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    most_connections = 1024,
    most_depth = 64,
    response_limit = 1 << 16,
};

static struct {
    const char *topic;
    int partitions;
    int64_t requests;
    size_t bytes;
    int records;
    int batches;
    int depth;
    int connections;
    int16_t acks;
    int64_t begun;
    int64_t answered;
    double *latencies;
} job;

// A request as it is sent, for one group of partitions.
struct request {
    uint8_t *bytes;
    size_t length;
};

struct producer {
    int socket;
    // The request that is being sent, and how much of it has been.
    const struct request *current;
    size_t sent;
    // When those without an answer were sent: a ring.
    double times[most_depth];
    int64_t begun;
    int64_t answered;
    uint8_t response[response_limit];
    size_t received;
};

static struct request make_request(const uint8_t *batch, int first) {
    size_t limit = head_limit + (size_t)job.batches * (job.bytes + 8);
    struct request request = {malloc(limit), 0};
    struct cursor out = {request.bytes, 4, limit, 0};
    put(&out, 2, produce_key);
    put(&out, 2, produce_version);
    put(&out, 4, first);
    put_text(&out, "bench");
    put(&out, 2, -1);  // no transaction
    put(&out, 2, job.acks);
    put(&out, 4, 30000);
    put(&out, 4, 1);
    put_text(&out, job.topic);
    put(&out, 4, job.batches);
    for (int index = 0; index < job.batches; index++) {
        put(&out, 4, (first + index) % job.partitions);
        put(&out, 4, (int64_t)job.bytes);
        memcpy(out.bytes + out.position, batch, job.bytes);
        out.position += job.bytes;
    }
    request.length = out.position;
    out.position = 0;
    put(&out, 4, (int64_t)(request.length - 4));
    return request;
}

// Returns the first error in a produce response without its length; -1 if it cannot be read.
static int error_of(uint8_t *response, size_t length) {
    struct cursor in = {response, 4 + 4, length, 0};
    skip_text(&in);
    int64_t count = take(&in, 4);
    for (int64_t index = 0; index < count && !in.failed; index++) {
        take(&in, 4);
        int error = (int)take(&in, 2);
        if (error) return error;
        in.position += 8 + 8 + 8;
        int64_t record_errors = take(&in, 4);
        if (record_errors) return -1;
        skip_text(&in);
    }
    return in.failed || count != job.batches ? -1 : 0;
}

// Sends what may be sent now.
static void send_more(struct producer *producer, const struct request *requests, int groups) {
    while (1) {
        if (!producer->current) {
            if (job.begun == job.requests || producer->begun - producer->answered == job.depth) return;
            producer->current = &requests[job.begun++ % groups];
            producer->sent = 0;
            producer->times[producer->begun++ % most_depth] = seconds();
        }
        const struct request *request = producer->current;
        ssize_t count = send(producer->socket, request->bytes + producer->sent, request->length - producer->sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            if (errno == EAGAIN) return;
            die("send");
        }
        producer->sent += (size_t)count;
        if (producer->sent == request->length) producer->current = NULL;
    }
}

// Reads what has come. Returns whether there may be more.
static int receive_more(struct producer *producer) {
    ssize_t count = recv(producer->socket, producer->response + producer->received,
                         sizeof producer->response - producer->received, MSG_DONTWAIT);
    if (count == 0) {
        fprintf(stderr, "the server closed the connection\n");
        exit(1);
    }
    if (count < 0) {
        if (errno == EAGAIN) return 0;
        die("recv");
    }
    producer->received += (size_t)count;
    double now = seconds();
    size_t position = 0;
    while (producer->received - position >= 4) {
        struct cursor in = {producer->response, position, producer->received, 0};
        size_t length = (size_t)take(&in, 4);
        if (length > sizeof producer->response - 4) die("a long produce response");
        if (producer->received - position < 4 + length) break;
        int error = error_of(producer->response + position + 4, length);
        if (error) {
            fprintf(stderr, "produce refused with error %d\n", error);
            exit(1);
        }
        position += 4 + length;
        job.latencies[job.answered++] = now - producer->times[producer->answered++ % most_depth];
    }
    producer->received -= position;
    memmove(producer->response, producer->response + position, producer->received);
    return 1;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

int main(int count, char **arguments) {
    if (count != 12) {
        fprintf(stderr, "usage: producers HOST PORT TOPIC PARTITIONS REQUESTS BYTES COUNT BATCHES DEPTH CONNECTIONS ACKS\n");
        return 2;
    }
    job.topic = arguments[3];
    job.partitions = atoi(arguments[4]);
    job.requests = atol(arguments[5]);
    job.bytes = (size_t)atol(arguments[6]);
    job.records = atoi(arguments[7]);
    job.batches = atoi(arguments[8]);
    job.depth = atoi(arguments[9]);
    job.connections = atoi(arguments[10]);
    job.acks = (int16_t)atoi(arguments[11]);
    if (job.partitions < 1 || job.requests < 1 || job.records < 1 || job.batches < 1 || job.batches > job.partitions ||
        job.depth < 1 || job.depth > most_depth || job.connections < 1 || job.connections > most_connections ||
        job.acks == 0 || job.bytes < batch_header + (size_t)job.records * 16 || strlen(job.topic) > head_limit / 2) {
        fprintf(stderr, "impossible numbers\n");
        return 2;
    }
    uint8_t *batch = make_batch(job.bytes, job.records);
    int groups = (job.partitions + job.batches - 1) / job.batches;
    struct request *requests = calloc((size_t)groups, sizeof *requests);
    for (int group = 0; group < groups; group++) requests[group] = make_request(batch, group * job.batches);
    job.latencies = calloc((size_t)job.requests, sizeof *job.latencies);

    struct producer *producers = calloc((size_t)job.connections, sizeof *producers);
    int events = epoll_create1(0);
    for (int index = 0; index < job.connections; index++) {
        producers[index].socket = dial(arguments[1], atoi(arguments[2]));
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = (uint32_t)index};
        if (epoll_ctl(events, EPOLL_CTL_ADD, producers[index].socket, &event) < 0) die("epoll_ctl");
    }
    double start = seconds();
    while (job.answered < job.requests) {
        struct epoll_event ready[most_connections];
        int number = epoll_wait(events, ready, most_connections, -1);
        if (number < 0 && errno != EINTR) die("epoll_wait");
        for (int index = 0; index < number; index++) {
            struct producer *producer = &producers[ready[index].data.u32];
            while (receive_more(producer)) {}
            send_more(producer, requests, groups);
        }
    }
    double elapsed = seconds() - start;
    qsort(job.latencies, (size_t)job.requests, sizeof *job.latencies, ascending);
    printf("{\"bytes\": %lld, \"seconds\": %.6f, \"p50\": %.3f, \"p99\": %.3f}\n",
           (long long)job.requests * (long long)job.batches * (long long)job.bytes, elapsed,
           job.latencies[job.requests / 2] * 1e3, job.latencies[job.requests * 99 / 100] * 1e3);
    return 0;
}
