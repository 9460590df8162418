// Counts what a process allocates. Preload it (LD_PRELOAD) with ALLOCATIONS naming a file, which is made and mapped, so
// that another process can read the counts at any moment; `allocations.py` does.
//
// While `recording` is set, where each allocation comes from is noted as well, until the file is full.
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { stack_depth = 32, most_stacks = 1 << 15 };

// The layout of the file, as allocations.py reads it.
struct counts {
    _Atomic uint64_t allocations;
    _Atomic uint64_t bytes;
    _Atomic uint64_t recording;
    _Atomic uint64_t recorded;
    void *stacks[most_stacks][stack_depth];
};

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static struct counts *counts;
static __thread int is_noting;

static void note(size_t size) {
    if (!counts || is_noting) return;
    atomic_fetch_add_explicit(&counts->allocations, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts->bytes, size, memory_order_relaxed);
    if (!atomic_load_explicit(&counts->recording, memory_order_relaxed)) return;
    // The first backtrace(3) of a process allocates.
    is_noting = 1;
    uint64_t index = atomic_fetch_add_explicit(&counts->recorded, 1, memory_order_relaxed);
    if (index < most_stacks) backtrace(counts->stacks[index], stack_depth);
    is_noting = 0;
}

void *malloc(size_t size) {
    note(size);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    note(count * size);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    note(size);
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *memory = memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

__attribute__((constructor)) static void open_counts(void) {
    const char *path = getenv("ALLOCATIONS");
    if (!path) return;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(struct counts)) < 0) abort();
    void *memory = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) abort();
    counts = memory;
}
