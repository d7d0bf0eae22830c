// What two threads that meet often can reach beside busy processes, whatever their barrier does.
//
//   clang -O2 -pthread Benchmarks/waiting.c -o waiting && ./waiting
//
// Work of fixed size is done by one thread, and by two that do half of it each and meet after every piece: with the
// system's barrier, which sleeps at once; with one that looks for a while and then sleeps 20 µs at a time, as
// Sources/RNNCodegen/Barrier.swift does; and with that one, where the second thread leaves the processor of the first if
// it finds itself on it, as Sources/RNNRuntime/ThreadPlaces.swift does. For 0, 2 and 4 busy processes and pieces of
// several lengths it prints the time of two threads over that of one, the median of five runs. Linux only.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { looks = 8192, runs = 5 };
static long rounds, length;  // barriers, and turns of the work's loop between two
static int sleeps_at_once, keeps_apart;
static pthread_barrier_t barrier;
static _Alignas(128) atomic_long came[2][16];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void work(long turns) {
  volatile double x = 1;
  for (long i = 0; i < turns; i++) x = x * 1.0000001;
}

static void meet(long thread, long round) {
  if (sleeps_at_once) {
    pthread_barrier_wait(&barrier);
    return;
  }
  atomic_store_explicit(&came[thread][0], round, memory_order_release);
  for (long look = 0; atomic_load_explicit(&came[1 - thread][0], memory_order_acquire) < round; look++) {
    if (look < looks) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    } else {
      usleep(20);
    }
  }
}

static void keep_apart(long thread) {
  static atomic_int places[2];
  int here = sched_getcpu();
  atomic_store(&places[thread], here);
  if (thread == 0 || atomic_load(&places[0]) != here) return;
  cpu_set_t all, others;
  sched_getaffinity(0, sizeof all, &all);
  others = all;
  CPU_CLR(here, &others);
  if (sched_setaffinity(0, sizeof others, &others) == 0) sched_setaffinity(0, sizeof all, &all);
}

static void *half(void *number) {
  // Once in a millisecond, about as often as there is a training step.
  long often = rounds / 150 > 0 ? rounds / 150 : 1;
  for (long round = 1; round <= rounds; round++) {
    if (keeps_apart && round % often == 0) keep_apart((long)number);
    work(length);
    meet((long)number, round);
  }
  return NULL;
}

static double two(void) {
  atomic_store(&came[0][0], 0);
  atomic_store(&came[1][0], 0);
  double start = now();
  pthread_t other;
  pthread_create(&other, NULL, half, (void *)1);
  half((void *)0);
  pthread_join(other, NULL);
  return now() - start;
}

static double one(void) {
  double start = now();
  for (long round = 0; round < rounds; round++) work(2 * length);
  return now() - start;
}

static int order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(void) {
  pthread_barrier_init(&barrier, NULL, 2);
  double start = now();
  work(10000000);
  double turn = (now() - start) / 1e7;
  for (int busy = 0; busy <= 4; busy += 2) {
    pid_t others[4];
    for (int i = 0; i < busy; i++) {
      others[i] = fork();
      if (others[i] == 0) {
        double end = now() + 120;
        while (now() < end) work(1000);
        _exit(0);
      }
    }
    usleep(300000);
    double pieces[] = {5e-6, 50e-6, 500e-6};
    for (int p = 0; p < 3; p++) {
      length = pieces[p] / turn;
      rounds = 0.15 / pieces[p];
      const char *names[] = {"the system's barrier", "looks and sleeps", "kept apart"};
      double ratios[3][runs];
      for (int i = 0; i < runs; i++) {
        double alone = one();
        for (int way = 0; way < 3; way++) {
          sleeps_at_once = way == 0;
          keeps_apart = way == 2;
          ratios[way][i] = two() / alone;
        }
      }
      printf("%d busy, barriers every %3.0f us:", busy, 1e6 * pieces[p]);
      for (int way = 0; way < 3; way++) {
        qsort(ratios[way], runs, sizeof(double), order);
        printf(" %s %.2f (%.2f to %.2f)%s", names[way], ratios[way][runs / 2], ratios[way][0], ratios[way][runs - 1],
               way < 2 ? "," : "\n");
      }
      fflush(stdout);
    }
    for (int i = 0; i < busy; i++) {
      kill(others[i], SIGKILL);
      waitpid(others[i], NULL, 0);
    }
  }
  return 0;
}
