// What Swift cannot say, or says too slowly in a debug build.
#ifndef MEZZO_HOST_SUPPORT_H
#define MEZZO_HOST_SUPPORT_H
#include <stdint.h>

// SHA-256 (FIPS 180-4) of everything that can be read from `file`, from its start. Returns 0, or errno.
int mezzo_sha256_file(int file, uint8_t digest[32]);
void mezzo_sha256(const void *bytes, uint64_t count, uint8_t digest[32]);

// 128 bits that stand for `count` bytes; two different runs have the same by a chance that is not met in practice. Not for content
// that somebody makes in order to collide.
void mezzo_content_hash(const void *bytes, uint64_t count, uint64_t hash[2]);

// What stands for the code of the program or library that `address`, a function of this process, is part of, as it was loaded:
// another one where any of its code is another. 0 where nothing tells.
enum { MEZZO_CODE_BUILD_ID = 1, MEZZO_CODE_HASH = 2, MEZZO_CODE_BYTES = 32 };
int mezzo_code_identity(const void *address, uint8_t identity[MEZZO_CODE_BYTES]);

// The register states that the operating system saves (XCR0); 0 where the processor has no such register.
uint64_t mezzo_enabled_states(void);

// Whether this thread runs inside a lease of the thread budget, so that what it starts gets one thread.
int mezzo_is_leased(void);
void mezzo_set_leased(int leased);

// Threads are numbered from 1 in the order in which they ask.
uint32_t mezzo_thread_number(void);

// Calls piece(user, i) for each i below count, on this thread and on helpers, at most count in all. Helpers look for work for some
// microseconds before they sleep.
typedef void mezzo_piece(void *user, uint32_t index);
void mezzo_run_pieces(uint32_t count, mezzo_piece *piece, void *user);
// 1: helpers do not look for work, as another library's threads want their processors, until -1.
void mezzo_rest_helpers(int change);
// 1: a run of operations begins, -1: it is over. While just one goes on, helpers look longer.
void mezzo_count_run(int change);
// How many go on.
int mezzo_runs(void);

// Bytes that are allocated in this process, or -1 where the allocator does not tell.
int64_t mezzo_heap_bytes(void);

// Whether this program was built with a sanitizer, which reserves more address space than any limit.
int mezzo_is_sanitized(void);

// The variables of this process, `NAME=value`, ending with NULL.
char **mezzo_environment(void);

// A pipe whose ends no other program inherits. Returns 0, or -1 and errno.
int mezzo_pipe(int ends[2]);

// Fills the stack below the caller with a byte, so that what a callee reads there without having been given it is no plausible
// value and no left-over of the last call.
void mezzo_scribble_stack(uint8_t byte);

// From here on the first SIGINT or SIGTERM writes its number to a pipe, and the second ends the process with 128 and that
// number. Returns the end to read from, or -1 and errno.
int mezzo_watch_interrupts(void);
void mezzo_unwatch_interrupts(void);

// Goes on in a child of this process, while this one waits and then ends as the child did: what goes on has neither the parent
// of this process for its own parent nor anything of its memory. Where the system can, it ends with that parent. Returns 0, or
// -1 and errno. For programs with one thread.
int mezzo_leave_parent(void);

// From here on this process, its threads and what they start end with SIGSYS where they signal or trace another process, or write
// to its memory or limits; and cannot open the memory of processes outside, in /proc. Returns which of the two the system
// provides. For programs with one thread.
enum { MEZZO_KEPT_FROM_SIGNALS = 1, MEZZO_KEPT_FROM_MEMORY = 2 };
int mezzo_confine(void);

// What this thread reaches at best in about so many seconds: multiplications and additions a second in registers, where the
// processor has an instruction for them, else 0.
double mezzo_peak_float32(double seconds);
double mezzo_peak_bfloat16(double seconds);
double mezzo_peak_int8(double seconds);

// Bytes a second that this thread reads from `memory`, passing over it again and again.
double mezzo_read_rate(const void *memory, uint64_t bytes, double seconds);
#endif
