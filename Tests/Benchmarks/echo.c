// A server that answers Produce 8 of one partition and does nothing else: what requests over many connections cost the
// kernel, whatever a broker does.
//
//   echo PORT
//
// One thread over epoll, a recv and a send per request. Says "ready". It is a yardstick: anything unexpected ends it.
#define _GNU_SOURCE
#include "frames.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { event_limit = 64, frame_bytes = 1 << 16, backlog = 4096 };

static void die(const char *what) {
    perror(what);
    exit(1);
}

// Answers the request in `frame`; returns the answer's length.
static size_t answer(uint8_t *frame, size_t length, uint8_t *space) {
    struct cursor in = {frame, 4 + 2 + 2, length, 0};
    int64_t correlation = take(&in, 4);
    skip_text(&in);
    skip_text(&in);
    in.position += 2 + 4 + 4;
    size_t name = in.position;
    skip_text(&in);
    size_t name_length = in.position - name;
    if (in.failed || name_length > head_limit / 2) die("a strange request");
    struct cursor out = {space, 4, head_limit, 0};
    put(&out, 4, correlation);
    put(&out, 4, 1);
    memcpy(space + out.position, frame + name, name_length);
    out.position += name_length;
    put(&out, 4, 1);   // one partition
    put(&out, 4, 0);   // its number
    put(&out, 2, 0);   // no error
    put(&out, 8, 0);   // offset
    put(&out, 8, -1);  // time
    put(&out, 8, 0);   // the log's start
    put(&out, 4, 0);   // no bad records
    put(&out, 2, -1);  // and nothing to say of them
    put(&out, 4, 0);   // no throttling
    size_t end = out.position;
    out.position = 0;
    put(&out, 4, (int64_t)(end - 4));
    return end;
}

static void serve(int connection) {
    uint8_t frame[frame_bytes], space[head_limit];
    ssize_t length = recv(connection, frame, sizeof frame, 0);
    if (length <= 0) {
        close(connection);
        return;
    }
    size_t size = answer(frame, (size_t)length, space);
    if (send(connection, space, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) die("setrlimit");
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(listener, backlog) < 0) die("listen");
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll_ctl");
    printf("ready\n");
    fflush(stdout);
    for (struct epoll_event events[event_limit];;) {
        int found = epoll_wait(epoll, events, event_limit, -1);
        for (int index = 0; index < found; index++) {
            if (events[index].data.fd != listener) {
                serve(events[index].data.fd);
                continue;
            }
            event.data.fd = accept(listener, NULL, NULL);
            if (event.data.fd < 0) die("accept");
            setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) < 0) die("epoll_ctl");
        }
    }
}
