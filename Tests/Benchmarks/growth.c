// The client of scripts/bench growth: many connections or many partitions, one request at a time.
// Links: -lisal (libisal-dev)
//
//   growth produce|fetch|follow HOST PORT TOPIC PARTITIONS TOUCHED CONNECTIONS ACTIVE
//
// Opens CONNECTIONS connections, each of which makes one request so that everything a connection has is there, and says
// so with a line. Then each line of input, a number of requests, is answered with a line: {"seconds": …, "requests": …}.
// Requests go to the first ACTIVE connections in turn; the others idle. Ends at the end of the input.
//
// `produce` sends one record to each of TOUCHED partitions, acks=1; `fetch` asks for the first batch of each of them.
// With TOUCHED below PARTITIONS each request touches the next ones, with TOUCHED = 0 always the first one only.
// `follow` has a fetch session of all PARTITIONS on each active connection: a fetch that waits, then a record for the
// first partition on the same connection, then their answers, counted as one request.
#define _GNU_SOURCE
#include "batches.h"

#include <sys/resource.h>
#include <unistd.h>

enum { record_bytes = 200, per_partition = 64 + 2 * record_bytes, frame_slack = 4096 };

static struct {
    char mode;
    const char *topic;
    int partitions, touched, connections, active;
} job;

// One connection, and where its session is.
struct client {
    int socket;
    int32_t session, epoch;
    int64_t offset;
};

static struct client *clients;
static uint8_t *request, *answer, *batch;
static size_t room;
static int next_partition;

static struct cursor receive_frame(int socket) {
    uint8_t head[4];
    if (recv(socket, head, 4, MSG_WAITALL) != 4) die("recv");
    struct cursor in = {head, 0, 4, 0};
    size_t length = (size_t)take(&in, 4);
    if (length > room) fail("an answer is too long", (int64_t)length);
    for (size_t got = 0; got < length;) {
        ssize_t part = recv(socket, answer + got, length - got, MSG_WAITALL);
        if (part <= 0) die("recv");
        got += (size_t)part;
    }
    return (struct cursor){answer, 4, length, 0};  // behind the correlation id
}

// How many partitions a request touches, and the first of them.
static int take_turn(int *first) {
    int count = job.touched ? job.touched : 1;
    *first = next_partition;
    if (job.touched) next_partition = (next_partition + count) % job.partitions;
    return count;
}

static struct cursor begin(int key, int version) {
    struct cursor out = {request, 4, room, 0};
    put(&out, 2, key);
    put(&out, 2, version);
    put(&out, 4, 1);
    put_text(&out, "bench");
    return out;
}

static size_t finish(struct cursor *out) {
    size_t length = out->position;
    out->position = 0;
    put(out, 4, (int64_t)(length - 4));
    if (out->failed) fail("a request is too long", (int64_t)length);
    return length;
}

static size_t write_produce(int first, int count) {
    struct cursor out = begin(produce_key, produce_version);
    put(&out, 2, -1);  // no transaction
    put(&out, 2, 1);   // acks
    put(&out, 4, 30000);
    put(&out, 4, 1);
    put_text(&out, job.topic);
    put(&out, 4, count);
    for (int index = 0; index < count; index++) {
        put(&out, 4, (first + index) % job.partitions);
        put(&out, 4, record_bytes);
        memcpy(out.bytes + out.position, batch, record_bytes);
        out.position += record_bytes;
    }
    return finish(&out);
}

static void read_produced(int socket, int count) {
    struct cursor in = receive_frame(socket);
    take(&in, 4);
    skip_text(&in);
    if (take(&in, 4) != count) fail("not as many partitions as were produced to", count);
    for (int index = 0; index < count; index++) {
        take(&in, 4);
        int64_t error = take(&in, 2);
        in.position += 8 + 8 + 8 + 4 + 2;
        if (error || in.failed) fail("produce was refused", error);
    }
}

// A fetch without a session, or within the client's: then `count` partitions are told, which may be none.
static size_t write_fetch(const struct client *client, int first, int count, int64_t offset, int waits) {
    struct cursor out = begin(fetch_key, fetch_version);
    put(&out, 4, -1);  // not a replica
    put(&out, 4, waits ? 30000 : 0);
    put(&out, 4, waits ? 1 : 0);
    put(&out, 4, 50 << 20);
    put(&out, 1, 0);  // isolation level
    put(&out, 4, client ? client->session : 0);
    put(&out, 4, client ? client->epoch : -1);
    put(&out, 4, count ? 1 : 0);
    if (count) {
        put_text(&out, job.topic);
        put(&out, 4, count);
    }
    for (int index = 0; index < count; index++) {
        put(&out, 4, (first + index) % job.partitions);
        put(&out, 4, -1);  // leader epoch unknown
        put(&out, 8, offset);
        put(&out, 8, -1);                // log start, for replicas
        put(&out, 4, record_bytes + 1);  // one batch
    }
    put(&out, 4, 0);  // nothing forgotten
    put(&out, 2, 0);  // no rack
    return finish(&out);
}

// Returns how many partitions had records.
static int read_fetched(int socket, int32_t *session) {
    struct cursor in = receive_frame(socket);
    take(&in, 4);
    int64_t error = take(&in, 2);
    int32_t id = (int32_t)take(&in, 4);
    if (session) *session = id;
    int filled = 0;
    int64_t topics = take(&in, 4);
    for (int64_t topic = 0; topic < topics && !error; topic++) {
        skip_text(&in);
        int64_t partitions = take(&in, 4);
        for (int64_t index = 0; index < partitions && !error && !in.failed; index++) {
            take(&in, 4);
            error = take(&in, 2);
            in.position += 8 + 8 + 8;
            int64_t aborted = take(&in, 4);
            in.position += (size_t)(aborted > 0 ? aborted : 0) * 16 + 4;
            int64_t records = take(&in, 4);
            if (records > 0) {
                in.position += (size_t)records;
                filled++;
            }
        }
    }
    if (error || in.failed) fail("fetch was refused", error);
    return filled;
}

static void open_session(struct client *client) {
    size_t length = write_fetch(client, 0, job.partitions, 0, 0);
    send_all(client->socket, request, length);
    read_fetched(client->socket, &client->session);
    if (!client->session) fail("there is no room for a session", job.partitions);
    client->epoch = 1;
}

static void follow(struct client *client) {
    // The partition is told again after records of it have come, as consumers do.
    size_t length = write_fetch(client, 0, 1, client->offset, 1);
    send_all(client->socket, request, length);
    length = write_produce(0, 1);
    send_all(client->socket, request, length);
    int filled = read_fetched(client->socket, NULL);
    read_produced(client->socket, 1);
    if (filled != 1) fail("not one partition has news", filled);
    client->offset++;
    client->epoch++;
}

static void ask(struct client *client) {
    if (job.mode == 'w') return follow(client);
    int first, count = take_turn(&first);
    if (job.mode == 'p') {
        size_t length = write_produce(first, count);
        send_all(client->socket, request, length);
        read_produced(client->socket, count);
    } else {
        size_t length = write_fetch(NULL, first, count, 0, 0);
        send_all(client->socket, request, length);
        int filled = read_fetched(client->socket, NULL);
        // What is not in memory at the moment comes with the next fetch, which is not waited for here.
        if (filled * 2 < count) fail("too few partitions have records", filled);
    }
}

static void connect_all(const char *host, int port) {
    clients = calloc((size_t)job.connections, sizeof *clients);
    if (!clients) die("calloc");
    for (int index = 0; index < job.connections; index++) {
        clients[index].socket = dial(host, port);
        if (job.mode == 'w' && index < job.active) open_session(&clients[index]);
        if (job.mode != 'w') ask(&clients[index]);
    }
}

int main(int count, char **arguments) {
    if (count != 9) fail("usage: growth produce|fetch|follow HOST PORT TOPIC PARTITIONS TOUCHED CONNECTIONS ACTIVE", count);
    job.mode = strcmp(arguments[1], "produce") == 0 ? 'p' : strcmp(arguments[1], "fetch") == 0 ? 'f' : 'w';
    job.topic = arguments[4];
    job.partitions = atoi(arguments[5]);
    job.touched = atoi(arguments[6]);
    job.connections = atoi(arguments[7]);
    job.active = atoi(arguments[8]);
    if (job.partitions < 1 || job.touched < 0 || job.touched > job.partitions || job.active < 1 ||
        job.active > job.connections || strlen(job.topic) > head_limit / 2) {
        fail("impossible numbers", 0);
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) die("setrlimit");
    room = frame_slack + (size_t)job.partitions * per_partition;
    request = malloc(room);
    answer = malloc(room);
    batch = make_batch(record_bytes, 1);
    if (!request || !answer) die("malloc");
    connect_all(arguments[2], atoi(arguments[3]));
    printf("{}\n");
    fflush(stdout);
    char line[64];
    for (int turn = 0; fgets(line, sizeof line, stdin);) {
        long requests = atol(line);
        double start = seconds();
        for (long number = 0; number < requests; number++) {
            ask(&clients[turn]);
            turn = (turn + 1) % job.active;
        }
        printf("{\"seconds\": %.6f, \"requests\": %ld}\n", seconds() - start, requests);
        fflush(stdout);
    }
    return 0;
}
