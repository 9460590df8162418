// The load of the workloads' table, by librdkafka: what a user's client would send.
//
//   load produce HOST:PORT TOPIC PARTITIONS RECORDS BYTES [keyed] [text] [NAME=VALUE…]
//   load consume HOST:PORT TOPIC PARTITIONS RECORDS BYTES [NAME=VALUE…]
//   load latency HOST:PORT TOPIC PARTITIONS RECORDS BYTES RATE [NAME=VALUE…]
//
// `produce` sends RECORDS values of BYTES as fast as it can to the partitions in turn, or `keyed` with random keys of 16
// bytes by their hash; `text` makes values that compress. Only what was acknowledged counts. `consume` reads RECORDS
// records from the beginning. `latency` sends RATE records a second, reads them back in a second thread, and tells how
// late they arrived, counted from the moment each was due; the first second is left out. NAME=VALUE sets a property of
// librdkafka. Prints one line of JSON; ends with 1 if a record was not delivered. See measuring.h for when it begins.
//
// Links: -lrdkafka (librdkafka-dev)
#define _GNU_SOURCE
#include "measuring.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    key_bytes = 16,
    poll_every = 64,
    poll_ms = 10,
    consume_batch = 10000,
    consume_ms = 1000,
    patience_ms = 120000,
    late_nanoseconds = 1000000,
};

static struct {
    const char *address, *topic;
    int partitions;
    int64_t records, rate;
    size_t bytes;
    bool is_keyed, is_text;
    int property_count;
    char **properties;
} job;

static int64_t delivered, refused, last_delivery;

static void set(rd_kafka_conf_t *configuration, const char *name, const char *value) {
    char error[512];
    if (rd_kafka_conf_set(configuration, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail(name, error);
}

// Properties that begin with "consumer." are for the consumer alone, those with "producer." for the producer.
static void set_given(rd_kafka_conf_t *configuration, const char *mine, const char *other) {
    for (int index = 0; index < job.property_count; index++) {
        char text[256];
        snprintf(text, sizeof text, "%s", job.properties[index]);
        char *value = strchr(text, '=');
        if (!value) fail(text, "is not NAME=VALUE");
        *value++ = 0;
        if (!strncmp(text, other, strlen(other))) continue;
        set(configuration, strncmp(text, mine, strlen(mine)) ? text : text + strlen(mine), value);
    }
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client;
    (void)opaque;
    if (message->err) {
        if (!refused++) fprintf(stderr, "not delivered: %s\n", rd_kafka_err2str(message->err));
    } else {
        delivered++;
        last_delivery = nanoseconds();
    }
}

static rd_kafka_t *producer(void) {
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    set(configuration, "bootstrap.servers", job.address);
    set(configuration, "broker.address.family", "v4");
    set(configuration, "socket.nagle.disable", "true");
    set(configuration, "linger.ms", "5");
    set(configuration, "batch.size", "1000000");
    set(configuration, "batch.num.messages", "1000000");
    set(configuration, "queue.buffering.max.kbytes", "65536");
    set(configuration, "queue.buffering.max.messages", "1000000");
    set(configuration, "partitioner", "murmur2_random");
    set_given(configuration, "producer.", "consumer.");
    rd_kafka_conf_set_dr_msg_cb(configuration, on_delivery);
    char error[512];
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, error, sizeof error);
    if (!client) fail("producer", error);
    return client;
}

static rd_kafka_t *consumer(void) {
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    set(configuration, "bootstrap.servers", job.address);
    set(configuration, "broker.address.family", "v4");
    set(configuration, "socket.nagle.disable", "true");
    set(configuration, "fetch.wait.max.ms", "500");
    set_given(configuration, "consumer.", "producer.");
    char error[512];
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, error, sizeof error);
    if (!client) fail("consumer", error);
    return client;
}

// Sends without copying the value, which must stay as it is until it is delivered.
static void send_one(rd_kafka_t *client, rd_kafka_topic_t *topic, int64_t number, uint8_t *value, size_t size, int flags) {
    uint64_t key[key_bytes / sizeof(uint64_t)];
    int32_t partition = (int32_t)(number % job.partitions);
    if (job.is_keyed) {
        for (size_t part = 0; part < sizeof key / sizeof key[0]; part++) key[part] = scatter();
        partition = RD_KAFKA_PARTITION_UA;
    }
    const void *bytes = job.is_keyed ? key : NULL;
    while (rd_kafka_produce(topic, partition, flags, value, size, bytes, bytes ? sizeof key : 0, NULL)) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
        }
        rd_kafka_poll(client, poll_ms);
    }
}

// The first records connect, learn of the topic and get the producer's id: that is not what is measured.
static void warm_up(rd_kafka_t *client, rd_kafka_topic_t *topic, struct pool *pool) {
    for (int partition = 0; partition < job.partitions; partition++) {
        send_one(client, topic, partition, next_value(pool), pool->size, 0);
    }
    if (rd_kafka_flush(client, patience_ms)) fail("warming up", "not delivered in time");
    delivered = 0;
}

static int produce(void) {
    struct pool pool = make_pool(job.bytes, job.is_text);
    rd_kafka_t *client = producer();
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, job.topic, NULL);
    warm_up(client, topic, &pool);
    begin_when_told();
    int64_t start = nanoseconds();
    for (int64_t number = 0; number < job.records; number++) {
        send_one(client, topic, number, next_value(&pool), pool.size, 0);
        if (number % poll_every == 0) rd_kafka_poll(client, 0);
    }
    if (rd_kafka_flush(client, patience_ms)) fail("flush", "not delivered in time");
    print_amount(delivered, job.bytes, last_delivery - start);
    return refused || delivered != job.records;
}

static rd_kafka_queue_t *read_all_from_the_beginning(rd_kafka_t *client, rd_kafka_topic_t *topic) {
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    for (int32_t partition = 0; partition < job.partitions; partition++) {
        if (rd_kafka_consume_start_queue(topic, partition, 0, queue)) {
            fail("consume", rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
    return queue;
}

static int consume(void) {
    rd_kafka_t *client = consumer();
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, job.topic, NULL);
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(client, 0, topic, &metadata, patience_ms)) fail("metadata", job.topic);
    begin_when_told();
    int64_t start = nanoseconds(), count = 0, bytes = 0;
    rd_kafka_queue_t *queue = read_all_from_the_beginning(client, topic);
    static rd_kafka_message_t *messages[consume_batch];
    while (count < job.records) {
        // A batch is waited for until it is full, so the last one has to be as large as what is left.
        size_t wanted = job.records - count < consume_batch ? (size_t)(job.records - count) : consume_batch;
        ssize_t got = rd_kafka_consume_batch_queue(queue, consume_ms, messages, wanted);
        if (got < 0) fail("consume", rd_kafka_err2str(rd_kafka_last_error()));
        for (ssize_t index = 0; index < got; index++) {
            if (messages[index]->err) fail("consume", rd_kafka_message_errstr(messages[index]));
            bytes += (int64_t)messages[index]->len;
            rd_kafka_message_destroy(messages[index]);
        }
        count += got;
    }
    print_amount(count, (size_t)(bytes / count), nanoseconds() - start);
    return 0;
}

struct reader {
    rd_kafka_queue_t *queue;
    struct delays delays;
    _Atomic int64_t seen;
};

// Values begin with the moment at which they were due; those of the first second are negative.
static void *read_delays(void *argument) {
    struct reader *reader = argument;
    while (atomic_load(&reader->seen) < job.records) {
        // One at a time: a batch would be waited for until it is full.
        rd_kafka_message_t *message = rd_kafka_consume_queue(reader->queue, consume_ms);
        if (!message) continue;
        int64_t moment, now = nanoseconds();
        if (message->err) fail("consume", rd_kafka_message_errstr(message));
        memcpy(&moment, message->payload, sizeof moment);
        if (moment > 0) reader->delays.taken[reader->delays.count++] = now - moment;
        if (moment) atomic_fetch_add(&reader->seen, 1);
        rd_kafka_message_destroy(message);
    }
    return NULL;
}

static void wait_for_all(rd_kafka_t *client, struct reader *reader) {
    int64_t deadline = nanoseconds() + (int64_t)patience_ms * 1000000;
    while (atomic_load(&reader->seen) < job.records) {
        rd_kafka_poll(client, poll_ms);
        if (nanoseconds() > deadline) fail("latency", "records did not arrive");
    }
}

static int latency(void) {
    struct pool pool = make_pool(job.bytes, false);
    rd_kafka_t *client = producer(), *other = consumer();
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, job.topic, NULL);
    int64_t nothing = 0;
    for (size_t index = 0; index < pool.count; index++) memcpy(pool.bytes + index * pool.size, &nothing, sizeof nothing);
    warm_up(client, topic, &pool);
    struct reader reader = {.delays = {calloc((size_t)job.records, sizeof(int64_t)), 0}};
    reader.queue = read_all_from_the_beginning(other, rd_kafka_topic_new(other, job.topic, NULL));
    pthread_t thread;
    if (pthread_create(&thread, NULL, read_delays, &reader)) fail("pthread_create", "no thread");
    begin_when_told();
    struct schedule schedule = make_schedule(job.rate);
    int64_t late = 0;
    for (int64_t number = 0; number < job.records; number++) {
        int64_t moment = due(&schedule, number);
        uint8_t *value = next_value(&pool);
        bool counts = number >= job.rate;
        int64_t mark = counts ? moment : -1;
        memcpy(value, &mark, sizeof mark);
        rd_kafka_poll(client, 0);
        sleep_until(moment);
        if (counts && nanoseconds() - moment > late_nanoseconds) late++;
        send_one(client, topic, number, value, pool.size, RD_KAFKA_MSG_F_COPY);
    }
    wait_for_all(client, &reader);
    pthread_join(thread, NULL);
    print_delays(&reader.delays, late);
    return refused != 0;
}

int main(int count, char **arguments) {
    const char *mode = count > 6 ? arguments[1] : "";
    int (*run)(void) = !strcmp(mode, "produce") ? produce : !strcmp(mode, "consume") ? consume : latency;
    if (count < 7 || (run == latency && (strcmp(mode, "latency") || count < 8))) {
        fprintf(stderr, "usage: load produce|consume|latency HOST:PORT TOPIC PARTITIONS RECORDS BYTES …\n");
        return 2;
    }
    job.address = arguments[2];
    job.topic = arguments[3];
    job.partitions = atoi(arguments[4]);
    job.records = atoll(arguments[5]);
    job.bytes = strtoul(arguments[6], NULL, 10);
    int next = 7;
    if (run == latency) job.rate = atoll(arguments[next++]);
    for (; next < count && !strchr(arguments[next], '='); next++) {
        if (!strcmp(arguments[next], "keyed")) job.is_keyed = true;
        else if (!strcmp(arguments[next], "text")) job.is_text = true;
        else fail(arguments[next], "is neither keyed nor text nor NAME=VALUE");
    }
    job.property_count = count - next;
    job.properties = arguments + next;
    if (job.partitions < 1 || job.records < 1 || job.bytes < sizeof(int64_t) || (run == latency && job.rate < 1)) {
        fail("load", "impossible numbers");
    }
    return run();
}
