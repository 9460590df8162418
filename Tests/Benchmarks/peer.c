// The same client for brokers of different makes, so that the broker is what differs: one thread, one connection to publish
// and one to consume.
//
//   peer kafka|nats|redis|rabbit produce PORT STREAM RECORDS BYTES BATCH WINDOW
//   peer kafka|nats|redis|rabbit consume PORT STREAM RECORDS BYTES
//   peer kafka|nats|redis|rabbit latency PORT STREAM RECORDS BYTES RATE
//
// `produce` makes the stream anew (a Kafka topic must exist) and sends RECORDS values, BATCH in a request where the protocol
// has such, with up to WINDOW records unconfirmed. `consume` reads as many from the beginning. `latency` publishes RATE
// records a second, each on its own, to a stream anew and tells how late they are delivered, counted from the moment each
// was due; the first second is left out. Prints one line of JSON. See measuring.h for when it begins.
//
// Links: -lisal (libisal-dev)
#define _GNU_SOURCE
#include "peer_kafka.h"
#include "peer_nats.h"
#include "peer_rabbit.h"
#include "peer_redis.h"

enum { out_limit = 4 << 20, batch_limit = 1 << 14, late_nanoseconds = 1000000 };

static const struct protocol *protocol;
static struct delays delays;
static int64_t delivered_bytes;

static void on_record(const uint8_t *value, size_t length) {
    delivered++;
    delivered_bytes += (int64_t)length;
    if (!job.rate) return;
    int64_t moment;
    memcpy(&moment, value, sizeof moment);
    if (moment > 0) delays.taken[delays.count++] = nanoseconds() - moment;
}

// Takes all complete messages.
static void take_all(struct link *link) {
    for (;;) {
        size_t length = link->in.end - link->in.begun;
        size_t taken = length ? protocol->take(link, link->in.bytes + link->in.begun, length) : 0;
        if (!taken) return;
        link->in.begun += taken;
    }
}

static void publish(struct link *link, struct pool *pool, int64_t count) {
    static uint8_t *values[batch_limit];
    for (int64_t index = 0; index < count; index++) values[index] = next_value(pool);
    protocol->publish(link, values, count);
}

static void publish_all(struct link *link, struct pool *pool, int64_t records) {
    int64_t sent = confirmed = 0;
    while (confirmed < records) {
        while (sent < records && link->out.end - link->out.begun < out_limit) {
            int64_t count = records - sent < job.batch ? records - sent : job.batch;
            if (sent - confirmed + count > job.window && sent > confirmed) break;
            publish(link, pool, count);
            sent += count;
        }
        send_more(link);
        if (receive_more(link)) take_all(link);
        else if (sent == records || sent - confirmed + job.batch > job.window || link->out.begun < link->out.end) wait_for(link);
    }
}

static int produce(void) {
    struct link link = {0};
    struct pool pool = make_pool(job.bytes, false);
    protocol->open_producer(&link, true);
    publish_all(&link, &pool, job.batch);
    begin_when_told();
    int64_t start = nanoseconds();
    publish_all(&link, &pool, job.records);
    print_amount(job.records, job.bytes, nanoseconds() - start);
    return 0;
}

static int consume(void) {
    struct link link = {0};
    begin_when_told();
    int64_t start = nanoseconds();
    protocol->open_consumer(&link);
    while (delivered < job.records) {
        take_all(&link);
        send_more(&link);
        if (delivered < job.records && !receive_more(&link)) wait_for(&link);
    }
    print_amount(delivered, (size_t)(delivered_bytes / delivered), nanoseconds() - start);
    return 0;
}

// Waits for either connection until the moment.
static void wait_until(struct link *links, int64_t moment) {
    struct pollfd wanted[2];
    for (int index = 0; index < 2; index++) {
        bool is_full = links[index].out.begun < links[index].out.end;
        wanted[index] = (struct pollfd){links[index].socket, (short)(POLLIN | (is_full ? POLLOUT : 0)), 0};
    }
    int64_t left = moment - nanoseconds();
    if (left < 0) left = 0;
    struct timespec time = {.tv_sec = left / second, .tv_nsec = left % second};
    ppoll(wanted, 2, &time, NULL);
}

static int latency(void) {
    struct link links[2] = {{0}};
    struct pool pool = make_pool(job.bytes, false);
    for (size_t index = 0; index < pool.count; index++) memset(pool.bytes + index * pool.size, 0, sizeof(int64_t));
    delays.taken = calloc((size_t)job.records, sizeof *delays.taken);
    protocol->open_producer(&links[0], true);
    publish_all(&links[0], &pool, 1);
    protocol->open_consumer(&links[1]);
    begin_when_told();
    struct schedule schedule = make_schedule(job.rate);
    int64_t sent = 0, late = 0, deadline = nanoseconds() + (job.records / job.rate + patience_seconds) * second;
    while (delivered < job.records + 1) {
        int64_t now = nanoseconds();
        if (now > deadline) fail(job.protocol, "records did not arrive");
        for (; sent < job.records && due(&schedule, sent) <= now; sent++) {
            uint8_t *value = next_value(&pool);
            int64_t moment = due(&schedule, sent), mark = sent >= job.rate ? moment : -1;
            if (mark > 0 && now - moment > late_nanoseconds) late++;
            memcpy(value, &mark, sizeof mark);
            protocol->publish(&links[0], &value, 1);
        }
        for (int index = 0; index < 2; index++) {
            if (receive_more(&links[index])) take_all(&links[index]);
            send_more(&links[index]);
        }
        if (delivered < job.records + 1) wait_until(links, sent < job.records ? due(&schedule, sent) : deadline);
    }
    print_delays(&delays, late);
    return 0;
}

int main(int count, char **arguments) {
    static const struct protocol *const protocols[] = {&kafka, &nats, &redis, &rabbit};
    if (count < 7) {
        fprintf(stderr, "usage: peer PROTOCOL produce|consume|latency PORT STREAM RECORDS BYTES [BATCH WINDOW | RATE]\n");
        return 2;
    }
    job.protocol = arguments[1];
    job.mode = arguments[2];
    job.port = atoi(arguments[3]);
    job.stream = arguments[4];
    job.records = atoll(arguments[5]);
    job.bytes = strtoul(arguments[6], NULL, 10);
    bool is_produce = !strcmp(job.mode, "produce"), is_consume = !strcmp(job.mode, "consume");
    job.batch = is_produce && count > 7 ? atoll(arguments[7]) : 1;
    job.window = is_produce && count > 8 ? atoll(arguments[8]) : 1;
    if (!is_produce && !is_consume) job.rate = count > 7 ? atoll(arguments[7]) : 0;
    for (size_t index = 0; index < sizeof protocols / sizeof protocols[0]; index++) {
        if (!strcmp(protocols[index]->name, job.protocol)) protocol = protocols[index];
    }
    bool is_possible = job.records > 0 && job.bytes >= sizeof(int64_t) && job.batch > 0 && job.batch <= batch_limit;
    if (!protocol || !is_possible || (!is_produce && !is_consume && job.rate < 1)) fail("peer", "impossible words");
    return is_produce ? produce() : is_consume ? consume() : latency();
}
