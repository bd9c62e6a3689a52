/* Weights of either sign and of one magnitude a lane, against bits; a part of kernels.c.
 *
 * The bits under a window stand in a row, in the order of the weight rows; a lane has a 1 where its weight is positive. What the lane gets is
 * its magnitude times (2 * ones(bits & positive) - ones(bits)): 64 synapses in one operation and a count, whether their sources fire or not.
 */

/* The least share of spiking sources, in thousandths, from which on this is faster than adding rows of weights. */
int64_t signs_from(void) {
#if WIDE == 64 && defined(__AVX512VPOPCNTDQ__)
  return 130; /* measured */
#elif WIDE >= 32
  return 250; /* measured */
#else
  return 2000; /* never: it has no count of ones */
#endif
}

#define SIGN_VECTORS 8                        /* of sums at a time, which stay in registers */
#define SIGN_LANES (SIGN_VECTORS * QUADS)     /* their lanes */
#define MOST_WORDS (65536 / 64 + 2)           /* of a window: a piece has fewer than 65,536 rows; and one that is written beside the last */

/* Set the bits of `line` from bit `from` on in `to`, from bit `at` on; return how many are set. */
INLINE int32_t copy_bits(uint64_t *to, int64_t at, const uint64_t *line, int64_t from, int64_t number) {
  int32_t ones = 0;
  for (; number > 0; number -= 64, at += 64, from += 64) {
    uint64_t set = word_at(line + (from >> 6), from & 63);
    if (number < 64) set &= ((uint64_t)1 << number) - 1;
    to[at >> 6] |= set << (at & 63);
    if (at & 63) to[(at >> 6) + 1] |= set >> (64 - (at & 63));
    ones += __builtin_popcountll(set);
  }
  return ones;
}

/* Put the bits under the window of a position at one step in a row; return how many are set. */
static int32_t window_bits(const piece *p, const source *s, const place *at, int64_t steps, int64_t t, uint64_t *to) {
  int32_t ones = 0;
  memset(to, 0, (p->words + 1) * sizeof(uint64_t));
  for (int32_t r = p->row_starts[at->y]; r < p->row_starts[at->y + 1]; r++) {
    const int32_t *row = p->rows + 2 * r;
    const uint64_t *line = s->bits + ((at->image * s->height + row[0]) * steps + t) * s->words;
    for (int32_t c = p->column_starts[at->x]; c < p->column_starts[at->x + 1]; c++) {
      const int32_t *column = p->columns + 3 * c;
      const int64_t first = row[1] + column[2] + (int64_t)column[0] * p->channels;
      if (p->channels == s->channels)
        ones += copy_bits(to, first, line, (int64_t)column[0] * s->channels, (int64_t)(column[1] - column[0]) * s->channels);
      else
        for (int32_t x = column[0]; x < column[1]; x++)
          ones += copy_bits(to, first + (x - column[0]) * p->channels, line, x * s->channels + s->first, p->channels);
    }
  }
  return ones;
}

/* Add the sums of one step to current[lane] of the piece's lanes, or write them there if they are the first. */
static void add_counts(const piece *p, const uint64_t *bits, int32_t ones, int32_t *current, int32_t gain, int first) {
  for (int64_t lane = 0; lane < p->blocks * LANES; lane += SIGN_LANES) {
    const u64v *weights = (const u64v *)((const uint64_t *)p->weights + lane * p->words);
    u64v sums[SIGN_VECTORS];
#pragma GCC unroll 8
    for (int k = 0; k < SIGN_VECTORS; k++) sums[k] = (u64v){0};
    for (int64_t w = 0; w < p->words; w++, weights += SIGN_VECTORS) {
      if (!bits[w]) continue;
      const u64v here = (u64v){0} + bits[w];
#pragma GCC unroll 8
      for (int k = 0; k < SIGN_VECTORS; k++) sums[k] += ones_of(weights[k] & here);
    }
    uint64_t positive[SIGN_LANES];
    memcpy(positive, sums, sizeof sums);
    for (int i = 0; i < SIGN_LANES; i++) {
      int32_t sum = p->scales[lane + i] * (2 * (int32_t)positive[i] - ones) << p->shift;
      if (p->gain) sum *= gain;
      current[lane + i] = first ? sum : current[lane + i] + sum;
    }
  }
}

/* Add the sums of all steps. */
static __attribute__((noinline)) void add_signs(const piece *p, const source *s, const job *j, const place *at, int64_t lanes, int32_t gain, int first) {
  uint64_t bits[MOST_WORDS];
  for (int64_t t = at->t0; t < at->t1; t++) {
    const int32_t ones = window_bits(p, s, at, j->steps, t, bits);
    add_counts(p, bits, ones, at->current + (t - at->t0) * lanes + p->offset, gain, first);
  }
}
