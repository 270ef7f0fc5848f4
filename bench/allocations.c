// Counts the objects that Python allocates: a shim between the interpreter and its object allocator.
// Build: cc -O2 -shared -fPIC -o allocations.so allocations.c; load with ctypes.PyDLL, which holds the interpreter lock.
#include <stddef.h>

typedef struct {
  void *ctx;
  void *(*malloc)(void *, size_t);
  void *(*calloc)(void *, size_t, size_t);
  void *(*realloc)(void *, void *, size_t);
  void (*free)(void *, void *);
} allocator;
void PyMem_GetAllocator(int domain, allocator *found);
void PyMem_SetAllocator(int domain, allocator *chosen);

enum { OBJECTS = 2 };
static allocator real;
static long count;
static int counting;

static void *counted_malloc(void *ctx, size_t size) {
  (void)ctx;
  count += counting;
  return real.malloc(real.ctx, size);
}
static void *counted_calloc(void *ctx, size_t number, size_t size) {
  (void)ctx;
  count += counting;
  return real.calloc(real.ctx, number, size);
}
static void *counted_realloc(void *ctx, void *old, size_t size) {
  (void)ctx;
  count += counting && !old;
  return real.realloc(real.ctx, old, size);
}
static void counted_free(void *ctx, void *old) {
  (void)ctx;
  real.free(real.ctx, old);
}

// Once, before anything is counted.
void allocations_install(void) {
  allocator own = {0, counted_malloc, counted_calloc, counted_realloc, counted_free};
  PyMem_GetAllocator(OBJECTS, &real);
  PyMem_SetAllocator(OBJECTS, &own);
}
void allocations_switch(int on) { counting = on; }
// How many since the last time.
long allocations_take(void) {
  long found = count;
  count = 0;
  return found;
}
