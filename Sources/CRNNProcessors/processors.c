#define _GNU_SOURCE
#include "CRNNProcessors.h"

#ifdef __linux__
#include <sched.h>

int rnnc_processor(void) { return sched_getcpu(); }

void rnnc_leave_processors(const int *taken, int count) {
  // A machine with more processors than the set has room for answers with an error: then nothing is moved.
  cpu_set_t all;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  cpu_set_t others = all;
  for (int i = 0; i < count; i++) {
    if (taken[i] >= 0 && taken[i] < CPU_SETSIZE) CPU_CLR(taken[i], &others);
  }
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  sched_setaffinity(0, sizeof all, &all);
}
#else
int rnnc_processor(void) { return -1; }

void rnnc_leave_processors(const int *taken, int count) {
  (void)taken;
  (void)count;
}
#endif
