// A valid record batch to send, and the small things that both clients need.
#ifndef BATCHES_H
#define BATCHES_H

#include "frames.h"

#include <arpa/inet.h>
#include <isa-l/crc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static inline void die(const char *what) {
    perror(what);
    exit(1);
}

static inline double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline int dial(const char *host, int port) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die(host);
    send_unpaced(connection);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    int one = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return connection;
}

// Writes a zigzag varint and returns its length.
static inline size_t varint(uint8_t *bytes, int64_t value) {
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    size_t length = 0;
    while (rest > 0x7f) {
        bytes[length++] = (uint8_t)(rest | 0x80);
        rest >>= 7;
    }
    bytes[length++] = (uint8_t)rest;
    return length;
}

enum { key_bytes = 8 };

// The next of a sequence of numbers without a visible order (splitmix64, Steele and others 2014).
static inline uint64_t scattered(void) {
    static uint64_t state;
    uint64_t mixed = state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

// Writes record `index` with a value such that the record takes exactly `size` bytes, and with one of so many keys, or
// none.
static inline void write_record(uint8_t *bytes, size_t size, int index, uint64_t keys) {
    uint8_t front[32 + key_bytes], length_bytes[10];
    size_t body = size - 1;
    while (varint(length_bytes, (int64_t)body) + body > size) body--;
    size_t length_length = varint(length_bytes, (int64_t)body);
    // If no body fits exactly, the length is written in more bytes than it needs, which is legal.
    while (length_length + body < size) {
        length_bytes[length_length - 1] |= 0x80;
        length_bytes[length_length++] = 0;
    }
    size_t front_length = 0;
    front[front_length++] = 0;                                   // attributes
    front[front_length++] = 0;                                   // timestamp delta
    front_length += varint(front + front_length, index);         // offset delta
    if (keys) {
        uint64_t key = scattered() % keys;
        front_length += varint(front + front_length, key_bytes);
        for (int byte = 0; byte < key_bytes; byte++) front[front_length++] = (uint8_t)(key >> (8 * byte));
    } else {
        front_length += varint(front + front_length, -1);
    }
    size_t value = body - front_length - 1;
    while (varint(length_bytes + 8, (int64_t)value) + value + front_length + 1 > body) value--;
    size_t value_length = varint(front + front_length, (int64_t)value);
    while (front_length + value_length + value + 1 < body) {
        front[front_length + value_length - 1] |= 0x80;
        front[front_length + value_length++] = 0;
    }
    front_length += value_length;
    size_t position = 0;
    memcpy(bytes, length_bytes, length_length);
    position += length_length;
    memcpy(bytes + position, front, front_length);
    position += front_length;
    for (size_t byte = 0; byte < value; byte++) bytes[position++] = (uint8_t)(index * 31 + (int)byte * 7);
    bytes[position] = 0;  // no headers
}

// Writes a record batch of `size` bytes with `records` records of about equal length.
static inline void write_batch(uint8_t *batch, size_t size, int records, uint64_t keys) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t timestamp = (int64_t)now.tv_sec * 1000;
    size_t space = size - batch_header, position = batch_header;
    for (int index = 0; index < records; index++) {
        size_t end = batch_header + space * (size_t)(index + 1) / (size_t)records;
        write_record(batch + position, end - position, index, keys);
        position = end;
    }
    struct cursor out = {batch, 0, batch_header, 0};
    put(&out, 8, 0);
    put(&out, 4, (int64_t)size - 12);
    put(&out, 4, -1);
    put(&out, 1, 2);
    put(&out, 4, 0);
    put(&out, 2, 0);
    put(&out, 4, records - 1);
    put(&out, 8, timestamp);
    put(&out, 8, timestamp);
    put(&out, 8, -1);
    put(&out, 2, -1);
    put(&out, 4, -1);
    put(&out, 4, records);
    uint32_t checksum = ~crc32_iscsi(batch + batch_checked, (int)(size - batch_checked), 0xffffffff);
    out.position = batch_checksum;
    put(&out, 4, checksum);
}

// A record batch without keys. The caller frees it.
static inline uint8_t *make_batch(size_t size, int records) {
    uint8_t *batch = malloc(size);
    if (!batch) die("malloc");
    write_batch(batch, size, records, 0);
    return batch;
}

// Ends the client with what it has seen, and a number that says more.
_Noreturn static inline void fail(const char *what, int64_t number) {
    fprintf(stderr, "%s: %lld\n", what, (long long)number);
    exit(1);
}

// Sends all of it, however often the socket is full.
static inline void send_all(int socket, const uint8_t *bytes, size_t length) {
    while (length) {
        ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);
        if (sent < 0) die("send");
        bytes += sent;
        length -= (size_t)sent;
    }
}

#endif
