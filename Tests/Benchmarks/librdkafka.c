// What librdkafka needs for the work that Tests/Benchmarks/ClientLoad does with MartletClient.
//
//   librdkafka produce HOST:PORT TOPIC RECORDS BYTES
//   librdkafka consume HOST:PORT TOPIC RECORDS
//   librdkafka latency HOST:PORT TOPIC RECORDS BYTES RATE
//
// `produce` sends RECORDS records of BYTES bytes with acks=all and idempotence, and hears of each delivery. `consume` reads
// RECORDS records from the beginning of all partitions. `latency` sends RATE records a second without lingering and tells
// how long each took from the call to its acknowledgement. Prints one JSON line; ends with 1 if a record was not delivered.
//
// Links: -lrdkafka (librdkafka-dev)
#define _GNU_SOURCE
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { poll_every = 1000, poll_ms = 10, consume_batch = 10000, wait_ms = 1000, patience_ms = 120000 };

static int64_t delivered, failed;
static int64_t *latencies;
static atomic_bool done;

static int64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double cpu_seconds(void) { return (double)nanoseconds(CLOCK_PROCESS_CPUTIME_ID) / 1e9; }

static void die(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void set(rd_kafka_conf_t *configuration, const char *name, const char *value) {
    char error[512];
    if (rd_kafka_conf_set(configuration, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) die(name, error);
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client;
    (void)opaque;
    if (message->err) {
        failed++;
        return;
    }
    if (latencies) latencies[delivered] = nanoseconds(CLOCK_MONOTONIC) - (int64_t)(intptr_t)message->_private;
    delivered++;
}

static rd_kafka_t *producer(const char *address, const char *linger) {
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    set(configuration, "bootstrap.servers", address);
    set(configuration, "enable.idempotence", "true");
    set(configuration, "linger.ms", linger);
    rd_kafka_conf_set_dr_msg_cb(configuration, on_delivery);
    char error[512];
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, error, sizeof error);
    if (!client) die("producer", error);
    return client;
}

static void send_one(rd_kafka_t *client, rd_kafka_topic_t *topic, char *value, size_t bytes, void *opaque) {
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, bytes, NULL, 0, opaque)) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            die("produce", rd_kafka_err2str(rd_kafka_last_error()));
        }
        rd_kafka_poll(client, poll_ms);
    }
}

static void report(int64_t records, int64_t start, double cpu) {
    double seconds = (double)(nanoseconds(CLOCK_MONOTONIC) - start) / 1e9;
    printf("{\"records\": %" PRId64 ", \"seconds\": %.6f, \"cpu\": %.6f}\n", records, seconds, cpu_seconds() - cpu);
}

// The first record connects, learns of the topic and gets the producer's id: that is not what is measured.
static void warm_up(rd_kafka_t *client, rd_kafka_topic_t *topic, char *value, size_t bytes) {
    send_one(client, topic, value, bytes, (void *)(intptr_t)nanoseconds(CLOCK_MONOTONIC));
    if (rd_kafka_flush(client, patience_ms)) die("warming up", "not delivered in time");
    delivered = 0;
}

static int produce(const char *address, const char *name, int64_t records, size_t bytes) {
    rd_kafka_t *client = producer(address, "5");
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    char *value = malloc(bytes);
    memset(value, 'x', bytes);
    warm_up(client, topic, value, bytes);
    int64_t start = nanoseconds(CLOCK_MONOTONIC);
    double cpu = cpu_seconds();
    for (int64_t number = 0; number < records; number++) {
        send_one(client, topic, value, bytes, NULL);
        if (number % poll_every == 0) rd_kafka_poll(client, 0);
    }
    if (rd_kafka_flush(client, patience_ms)) die("flush", "not delivered in time");
    report(delivered, start, cpu);
    return failed || delivered != records;
}

static int consume(const char *address, const char *name, int64_t records) {
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    set(configuration, "bootstrap.servers", address);
    set(configuration, "group.id", "benchmark");
    set(configuration, "enable.auto.commit", "false");
    set(configuration, "check.crcs", "true");
    char error[512];
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, error, sizeof error);
    if (!client) die("consumer", error);
    rd_kafka_poll_set_consumer(client);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    if (rd_kafka_metadata(client, 0, topic, &metadata, patience_ms)) die("metadata", name);
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
    for (int index = 0; index < metadata->topics[0].partition_cnt; index++) {
        rd_kafka_topic_partition_list_add(partitions, name, index)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    int64_t start = nanoseconds(CLOCK_MONOTONIC);
    double cpu = cpu_seconds();
    if (rd_kafka_assign(client, partitions)) die("assign", name);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    static rd_kafka_message_t *messages[consume_batch];
    int64_t count = 0;
    uint64_t bytes = 0;
    while (count < records) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, wait_ms, messages, consume_batch);
        if (got < 0) die("consume", rd_kafka_err2str(rd_kafka_last_error()));
        for (ssize_t index = 0; index < got; index++) {
            if (messages[index]->err) die("consume", rd_kafka_message_errstr(messages[index]));
            bytes += messages[index]->len;
            rd_kafka_message_destroy(messages[index]);
        }
        count += got;
    }
    report(count, start, cpu);
    return bytes == 0;
}

static int ascending(const void *left, const void *right) {
    int64_t first = *(const int64_t *)left, second = *(const int64_t *)right;
    return (first > second) - (first < second);
}

static void *poll_until_done(void *client) {
    while (!atomic_load(&done)) rd_kafka_poll(client, poll_ms);
    return NULL;
}

static int latency(const char *address, const char *name, int64_t records, size_t bytes, int64_t rate) {
    rd_kafka_t *client = producer(address, "0");
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    char *value = malloc(bytes);
    memset(value, 'x', bytes);
    latencies = malloc((size_t)(records + 1) * sizeof *latencies);
    warm_up(client, topic, value, bytes);
    pthread_t poller;
    if (pthread_create(&poller, NULL, poll_until_done, client)) die("pthread_create", "failed");
    int64_t start = nanoseconds(CLOCK_MONOTONIC);
    double cpu = cpu_seconds();
    for (int64_t number = 0; number < records; number++) {
        int64_t due = start + number * 1000000000 / rate;
        struct timespec moment = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL)) continue;
        send_one(client, topic, value, bytes, (void *)(intptr_t)nanoseconds(CLOCK_MONOTONIC));
    }
    struct timespec moment = {.tv_nsec = poll_ms * 1000000};
    while (rd_kafka_outq_len(client)) nanosleep(&moment, NULL);
    atomic_store(&done, true);
    pthread_join(poller, NULL);
    if (delivered == 0) die("latency", "nothing was delivered");
    double seconds = (double)(nanoseconds(CLOCK_MONOTONIC) - start) / 1e9;
    qsort(latencies, (size_t)delivered, sizeof *latencies, ascending);
    printf(
        "{\"records\": %" PRId64 ", \"seconds\": %.6f, \"cpu\": %.6f, \"p50\": %.3f, \"p99\": %.3f}\n", delivered, seconds,
        cpu_seconds() - cpu, (double)latencies[delivered / 2] / 1e6, (double)latencies[delivered * 99 / 100] / 1e6);
    return failed || delivered != records;
}

int main(int count, char **arguments) {
    const char *mode = count > 4 ? arguments[1] : "";
    if (!strcmp(mode, "produce") && count == 6) {
        return produce(arguments[2], arguments[3], atoll(arguments[4]), strtoul(arguments[5], NULL, 10));
    }
    if (!strcmp(mode, "consume") && count == 5) return consume(arguments[2], arguments[3], atoll(arguments[4]));
    if (!strcmp(mode, "latency") && count == 7) {
        return latency(
            arguments[2], arguments[3], atoll(arguments[4]), strtoul(arguments[5], NULL, 10), atoll(arguments[6]));
    }
    fprintf(stderr, "usage: librdkafka produce|consume|latency HOST:PORT TOPIC RECORDS [BYTES [RATE]]\n");
    return 2;
}
