// Written by rnnc: model CharLM, batch 2, 1 thread.
#ifndef RNNC_CHARLM_H
#define RNNC_CHARLM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNNC_CHARLM_THREADS 1

// What a call reads. Zeroed before the first call; tensors are dense, the last extent contiguous.
struct rnnc_CharLM_context {
  void *arena;  // working memory of rnnc_CharLM_arena_bytes(…) bytes, 64-byte aligned
  int64_t prepared;  // 1: the arena holds what the last call made of the same weights; 0 at first
  uint8_t reserved_0[48];
  int64_t size_T;
  const int32_t *in_text;  // text [T, 2]
  const float *in_rnn__rnn__W;  // rnn.rnn.W [6, 9]
  const float *in_rnn__rnn__U;  // rnn.rnn.U [6, 6]
  const float *in_rnn__rnn__b_x;  // rnn.rnn.b_x [6]
  const float *in_rnn__rnn__b_h;  // rnn.rnn.b_h [6]
  const float *in_out__W;  // out.W [9, 6]
  const float *in_out__b;  // out.b [9]
  const float *in_rnn__h;  // rnn.h [2, 6]
  const float *in_rnn__rnn__h;  // rnn.rnn.h [2, 6]
  float *out_output;  // output [T, 2, 9]
  float *out_rnn__h;  // rnn.h [2, 6]
  float *out_rnn__rnn__h;  // rnn.rnn.h [2, 6]
};

// The bytes of working memory.
static inline int64_t rnnc_CharLM_arena_bytes(int64_t size_T) {
  return INT64_C(384) * size_T + INT64_C(3904);
}

// Computes the outputs. Each of the 1 threads calls it with the same context and its own number.
void rnnc_CharLM(struct rnnc_CharLM_context *context, int32_t thread);

#ifdef __cplusplus
}
#endif

#endif
