#ifndef MARTLET_CSYSCALLS_H
#define MARTLET_CSYSCALLS_H
// System calls that Swift cannot spell: variadic functions and macros. No logic lives here.
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

/// open(2) with a mode. Returns a descriptor or -1 with errno set.
int martlet_open(const char *path, int flags, mode_t mode);
/// fallocate(2) with FALLOC_FL_KEEP_SIZE: reserves blocks, the file size stays the log end.
int martlet_reserve(int descriptor, off_t offset, off_t length);
/// sync_file_range(2) with SYNC_FILE_RANGE_WRITE: begins to write dirty pages to the disk, and waits for nothing. 0, or -1
/// with errno set.
int martlet_begin_writeback(int descriptor, off_t offset, off_t length);
/// sync_file_range(2) with SYNC_FILE_RANGE_WAIT_BEFORE: waits for what is being written of the range. 0, or -1 with errno
/// set, also for an error of that writing: no later fdatasync of the descriptor tells it again.
int martlet_await_writeback(int descriptor, off_t offset, off_t length);
/// syncfs(2): syncs the whole file system that the descriptor's file is on.
int martlet_sync_all(int descriptor);
/// pwritev(2) of two byte ranges.
ssize_t martlet_write2(
    int descriptor, const void *head, size_t head_length, const void *tail, size_t tail_length, off_t position);
/// preadv2(2) of one byte range with RWF_NOWAIT: -1 with errno EAGAIN instead of waiting for the disk; EOPNOTSUPP where the
/// file system cannot say.
ssize_t martlet_read_cached(int descriptor, void *bytes, size_t length, off_t position);
/// sendfile(2) from `position`; the position is not moved.
ssize_t martlet_sendfile(int socket, int file, off_t position, size_t length);
/// send(2) with MSG_NOSIGNAL and, if `more` is not 0, MSG_MORE.
ssize_t martlet_send(int socket, const void *bytes, size_t length, int more);
/// accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC.
int martlet_accept(int listener, void *address, uint32_t *address_length);
/// socket(2) that is non-blocking and close-on-exec.
int martlet_socket(int family, int type);
/// epoll_create1(2), close-on-exec.
int martlet_epoll_create(void);
/// Adds, changes or removes interest in a descriptor: epoll_ctl(2) with a 64-bit token.
int martlet_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t token);
/// One event as the kernel reported it.
struct martlet_event {
    uint64_t token;
    uint32_t events;
};
/// epoll_wait(2). Fills at most `capacity` events (64 at most); returns their number or -1 with errno set.
int martlet_epoll_wait(int epoll, struct martlet_event *events, int capacity, int timeout_milliseconds);
/// eventfd(2), non-blocking and close-on-exec.
int martlet_eventfd(void);
/// How many pages of the file's range have no place in the page cache: cachestat(2), Linux 6.5 and later. A page that is
/// still being read has one. -1 with errno set on failure, ENOSYS where the kernel does not have the call.
ssize_t martlet_pages_not_cached(int file, off_t position, size_t length);
/// How many pages of the mapped range are not in the page cache: mincore(2). -1 with errno set on failure.
ssize_t martlet_pages_not_resident(const void *address, size_t length);
/// The same of a file's range, which is mapped for the question and never touched.
ssize_t martlet_pages_not_resident_in_file(int file, off_t position, size_t length);
/// sem_clockwait(3) by the monotonic clock, until a moment on it. 0, or -1 with errno set: ETIMEDOUT if nothing came.
int martlet_semaphore_wait(sem_t *semaphore, int64_t deadline_seconds, long deadline_nanoseconds);
/// setpriority(2) of the calling thread: from 0, as others, to 19, only when nobody else wants to run. 0, or -1 with errno
/// set.
int martlet_set_niceness(int niceness);
/// Says whether the calling thread may wait for a disk, which it may at first; returns what was said before. 1: it may not.
int martlet_forbid_disk_waits(int forbidden);
/// Whether the calling thread may not wait for a disk.
int martlet_disk_waits_are_forbidden(void);
/// Names the calling thread (at most 15 bytes are kept).
void martlet_name_thread(const char *name);
/// Has the allocator give memory back to the system once much of it is free, for good: mallopt(3). By itself it keeps up
/// to 64 MiB for each thread once something large was freed.
void martlet_bound_free_memory(void);
/// Gives the memory of whole pages in the range back to the system, in steps that hold nobody up: madvise(2) with
/// MADV_DONTNEED. What was there is lost, the range stays allocated.
void martlet_discard_memory(const void *address, size_t length);
/// The process's resident set in bytes, from /proc/self/statm; 0 where it is not available.
uint64_t martlet_resident_bytes(void);
/// Installs handlers for SIGINT and SIGTERM and ignores SIGPIPE. Returns the end of a pipe from which one byte can be read
/// for each signal that came, the signal's number, or -1 with errno set. Once per process.
int martlet_watch_signals(void);
/// How many rows the terminal has (TIOCGWINSZ); 0 if the descriptor is none, or does not say.
int martlet_terminal_rows(int descriptor);

#endif
