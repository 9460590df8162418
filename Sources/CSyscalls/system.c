#define _GNU_SOURCE
#include "CSyscalls.h"

#include <fcntl.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

int martlet_open(const char *path, int flags, mode_t mode) { return open(path, flags | O_CLOEXEC, mode); }

int martlet_reserve(int descriptor, off_t offset, off_t length) {
    return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, offset, length);
}

int martlet_sync_all(int descriptor) { return syncfs(descriptor); }

ssize_t martlet_write2(
    int descriptor, const void *head, size_t head_length, const void *tail, size_t tail_length, off_t position) {
    struct iovec vectors[2] = {
        {.iov_base = (void *)head, .iov_len = head_length},
        {.iov_base = (void *)tail, .iov_len = tail_length},
    };
    return pwritev(descriptor, vectors, 2, position);
}

ssize_t martlet_read_cached(int descriptor, void *bytes, size_t length, off_t position) {
    struct iovec vector = {.iov_base = bytes, .iov_len = length};
    return preadv2(descriptor, &vector, 1, position, RWF_NOWAIT);
}

ssize_t martlet_sendfile(int socket, int file, off_t position, size_t length) {
    return sendfile(socket, file, &position, length);
}

ssize_t martlet_send(int socket, const void *bytes, size_t length, int more) {
    return send(socket, bytes, length, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
}

int martlet_accept(int listener, void *address, uint32_t *address_length) {
    return accept4(listener, address, address_length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int martlet_socket(int family, int type) { return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int martlet_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int martlet_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

int martlet_epoll_wait(int epoll, struct martlet_event *events, int capacity, int timeout_milliseconds) {
    struct epoll_event found[64];
    int count = epoll_wait(epoll, found, capacity < 64 ? capacity : 64, timeout_milliseconds);
    for (int i = 0; i < count; i++) {
        events[i].token = found[i].data.u64;
        events[i].events = found[i].events;
    }
    return count;
}

int martlet_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

// Numbers and structures of cachestat(2) are the same on every architecture; older headers do not have them.
enum { cachestat_number = 451 };

struct cachestat_range_v1 {
    uint64_t offset;
    uint64_t length;
};

struct cachestat_v1 {
    uint64_t cached;
    uint64_t dirty;
    uint64_t writeback;
    uint64_t evicted;
    uint64_t recently_evicted;
};

ssize_t martlet_pages_not_cached(int file, off_t position, size_t length) {
    if (length == 0) return 0;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t first = (uint64_t)position / page;
    uint64_t last = ((uint64_t)position + length - 1) / page;
    struct cachestat_range_v1 range = {.offset = first * page, .length = (last - first + 1) * page};
    struct cachestat_v1 found;
    if (syscall(cachestat_number, file, &range, &found, 0) != 0) return -1;
    uint64_t pages = last - first + 1;
    return found.cached >= pages ? 0 : (ssize_t)(pages - found.cached);
}

ssize_t martlet_pages_not_resident(const void *address, size_t length) {
    unsigned char pages[512];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)address & ~(page - 1);
    uintptr_t end = (uintptr_t)address + length;
    ssize_t missing = 0;
    while (start < end) {
        size_t count = (end - start + page - 1) / page;
        if (count > sizeof pages) count = sizeof pages;
        if (mincore((void *)start, count * page, pages) != 0) return -1;
        for (size_t i = 0; i < count; i++) missing += !(pages[i] & 1);
        start += count * page;
    }
    return missing;
}

ssize_t martlet_pages_not_resident_in_file(int file, off_t position, size_t length) {
    if (length == 0) return 0;
    off_t page = (off_t)sysconf(_SC_PAGESIZE);
    off_t start = position & ~(page - 1);
    size_t mapped = (size_t)(position - start) + length;
    void *address = mmap(NULL, mapped, PROT_READ, MAP_SHARED, file, start);
    if (address == MAP_FAILED) return -1;
    ssize_t missing = martlet_pages_not_resident(address, mapped);
    munmap(address, mapped);
    return missing;
}

int martlet_begin_writeback(int descriptor, off_t offset, off_t length) {
    return sync_file_range(descriptor, offset, length, SYNC_FILE_RANGE_WRITE);
}

int martlet_await_writeback(int descriptor, off_t offset, off_t length) {
    return sync_file_range(descriptor, offset, length, SYNC_FILE_RANGE_WAIT_BEFORE);
}

int martlet_set_niceness(int niceness) {
    // On Linux, 0 is the calling thread and not its process.
    return setpriority(PRIO_PROCESS, 0, niceness);
}

static _Thread_local int disk_waits_forbidden;

int martlet_forbid_disk_waits(int forbidden) {
    int before = disk_waits_forbidden;
    disk_waits_forbidden = forbidden;
    return before;
}

int martlet_disk_waits_are_forbidden(void) { return disk_waits_forbidden; }

void martlet_name_thread(const char *name) {
    char kept[16];
    snprintf(kept, sizeof kept, "%s", name);
    pthread_setname_np(pthread_self(), kept);
}

void martlet_bound_free_memory(void) {
    // Larger allocations are mappings of their own, which go when they are freed; smaller ones are used again.
    mallopt(M_MMAP_THRESHOLD, 8 << 20);
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

void martlet_discard_memory(const void *address, size_t length) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), step = 4 << 20;
    uintptr_t start = ((uintptr_t)address + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)address + length) & ~(page - 1);
    for (; start < end; start += step) {
        madvise((void *)start, end - start < step ? end - start : step, MADV_DONTNEED);
    }
}

uint64_t martlet_resident_bytes(void) {
    unsigned long long size, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    int fields = fscanf(file, "%llu %llu", &size, &resident);
    fclose(file);
    return fields == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static int signal_pipe[2] = {-1, -1};

static void note_signal(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t ignored = write(signal_pipe[1], &byte, 1);
    (void)ignored;
    errno = saved;
}

int martlet_watch_signals(void) {
    if (pipe2(signal_pipe, O_CLOEXEC) != 0) return -1;
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0) return -1;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    return sigaction(SIGPIPE, &ignore, NULL) == 0 ? signal_pipe[0] : -1;
}

int martlet_semaphore_wait(sem_t *semaphore, int64_t deadline_seconds, long deadline_nanoseconds) {
    struct timespec deadline = {.tv_sec = deadline_seconds, .tv_nsec = deadline_nanoseconds};
    return sem_clockwait(semaphore, CLOCK_MONOTONIC, &deadline);
}

int martlet_terminal_rows(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}
