/* How fast int8 weight rows can be added into accumulators: `count` lists of `length` rows of 64 * BLOCKS weights, each list summed apart. */
#include <stdint.h>
typedef int16_t i16x32 __attribute__((vector_size(64)));
#define INLINE static inline __attribute__((always_inline))

INLINE void add(const int blocks, const int8_t *weights, const int32_t *rows, int64_t length, i16x32 *out) {
  const int apart = blocks > 2 ? 1 : 2;
  i16x32 words[4], high[4];
#pragma GCC unroll 4
  for (int k = 0; k < blocks * apart; k++) words[k] = high[k] = (i16x32){0};
  for (int64_t i = 0; i < length; i += 4) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const i16x32 *row = (const i16x32 *)(weights + rows[i + j]);
#pragma GCC unroll 4
      for (int k = 0; k < blocks; k++) words[k + blocks * (j % apart)] += row[k], high[k + blocks * (j % apart)] += row[k] >> 8;
    }
  }
#pragma GCC unroll 4
  for (int k = 0; k < blocks * apart; k++) out[2 * k % 8] += words[k], out[(2 * k + 1) % 8] += high[k];
}

void add_lists(int64_t blocks, const int8_t *weights, const int32_t *rows, int64_t length, int64_t count, int64_t repeats, int16_t *out) {
  for (int64_t r = 0; r < repeats; r++)
    for (int64_t l = 0; l < count; l++) switch (blocks) {
      case 1: add(1, weights, rows + l * length, length, (i16x32 *)out); break;
      case 2: add(2, weights, rows + l * length, length, (i16x32 *)out); break;
      default: add(4, weights, rows + l * length, length, (i16x32 *)out);
      }
}

/* Additions that wait for each other, to find the clock: one a cycle. Of a register, as some processors add constants while they rename. */
int64_t chain(int64_t number) {
  int64_t x = 0, one = 1;
  for (int64_t i = 0; i < number; i += 8)
    __asm__ volatile("add %1,%0\n add %1,%0\n add %1,%0\n add %1,%0\n add %1,%0\n add %1,%0\n add %1,%0\n add %1,%0" : "+r"(x) : "r"(one));
  return x;
}
