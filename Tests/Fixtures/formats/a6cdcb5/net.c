// Calls net.o as its header at commit a6cdcb5 said; prints the outputs and the final state.
#include "net.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { T = 7, B = 2, V = 9, H = 6 };

static float *numbers(int count, float first) {
  float *values = malloc(count * sizeof(float));
  for (int i = 0; i < count; i++) values[i] = 0.7f * sinf(first + 1.3f * i);
  return values;
}

int main(void) {
  int32_t text[T * B];
  for (int i = 0; i < T * B; i++) text[i] = (5 * i + 3) % V;
  float output[T * B * V], h[B * H], inner[B * H];
  struct rnnc_CharLM_context context = {0};
  context.size_T = T;
  context.arena = aligned_alloc(64, (rnnc_CharLM_arena_bytes(T) + 63) / 64 * 64);
  context.in_rnn__rnn__W = numbers(H * V, 0.1f);
  context.in_rnn__rnn__U = numbers(H * H, 0.2f);
  context.in_rnn__rnn__b_x = numbers(H, 0.3f);
  context.in_rnn__rnn__b_h = numbers(H, 0.8f);
  context.in_out__W = numbers(V * H, 0.4f);
  context.in_out__b = numbers(V, 0.5f);
  context.in_text = text;
  context.in_rnn__h = numbers(B * H, 0.6f);
  context.in_rnn__rnn__h = numbers(B * H, 0.7f);
  context.out_output = output;
  context.out_rnn__h = h;
  context.out_rnn__rnn__h = inner;
  rnnc_CharLM(&context, 0);
  for (int i = 0; i < T * B * V; i++) printf("%.4f%c", output[i], i % V == V - 1 ? '\n' : ' ');
  for (int i = 0; i < B * H; i++) printf("%.4f %.4f\n", h[i], inner[i]);
  return 0;
}
