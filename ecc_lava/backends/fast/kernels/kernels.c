/* Kernels of the fast back end in C99 with vector extensions: add the weight rows of events, integrate, fire, list events.
 *
 * Several images run together, row after row: row r is row r % height of image r / height. Spikes of a population are bits,
 * bits[r][t][word], number x*C + c. The rows under a window are also listed: position x of the row in place p has the events from
 * events[starts[(p*T + t)*(W+1) + x]] on, each as x*K + c - first, mod 2^16, for the K channels that a reader takes. A window of a
 * convolution is one run of events for each kernel row.
 *
 * Neurons of a position are cut into blocks of 64 * n lanes. A block of one position runs all its steps before the next position: sums
 * are gathered into current[t][lane], then the neurons are stepped with their state in registers; the last piece's sums of a few steps
 * go straight into their neurons. Seen as 16-bit words, the sum of the rows' words and the sum of words >> 8 give the sums of both bytes
 * exactly (the second is that of the high bytes, the first minus 256 times it that of the low ones plus 128 a row, mod 2^16), with one load
 * and three operations for 64 synapses (or the same for each part of them). A sum of 256 mantissas of 8 bits, even of -128, fits in 16; after
 * as many events another sum begins. A part of a row, WIDE bytes, holds the weights of four vectors of numbers: word i has lane i / 2 of the
 * first of them, or of the second if i is odd, in its low byte plus 128, and of the third or the fourth in its high byte.
 */
#include <stdint.h>
#include <string.h>

#ifdef KERNELS_KEY
#define TEXT_OF(key) #key
#define TEXT(key) TEXT_OF(key)
const char kernels_key[] = TEXT(KERNELS_KEY); /* tells a library of this source from others */
#endif

#define INLINE static inline __attribute__((always_inline))
#define LANES 64
#define STEPS 32 /* of one pass over a position: what current[][] holds */
#define FLUSH 256
#define AHEAD 8 /* steps whose events are listed before the first step is summed */
#define SEGMENTS 8 /* summed in one go */
#define COPIED 32 /* events copied at a time; lists have spare room behind their end */
#define FETCHED (768 * 1024) /* bytes of weights */
#define WORTH_IT 32 /* positions times steps, so that a deep network's activity reads every weight a few times */

#include "vectors.h"

#define PARTS (64 / WIDE)                   /* vectors of a row of 64 weights */
#define ALL (LANES / NUMBERS)               /* vectors of 64 numbers */

enum { EVENTS, MASKED, SPARSE, SIGNS };
enum { IF, STEP, READOUT };

#ifdef MEASURE_STAGES /* for a benchmark on one thread: the processor's ticks by stage */
enum { ROWS, WINDOWS, SUMS, NEURONS, STAGES };
uint64_t stage_ticks[STAGES];
#define TIMED(stage, work)                                   \
  do {                                                       \
    const uint64_t began = __builtin_ia32_rdtsc();           \
    work;                                                    \
    stage_ticks[stage] += __builtin_ia32_rdtsc() - began;    \
  } while (0)
#else
#define TIMED(stage, work) work
#endif

/* Lanes whose weights are a part of a row. */
int64_t lanes_together(void) { return WIDE; }

typedef struct { /* what one population sent, as one reader takes it */
  int64_t height, width, words, neurons; /* of one image */
  int64_t channels, first, silent;       /* of a plane; silent: nothing was sent, and nothing else is known */
  int64_t kept, span, entries; /* of lists that are made of bits where they are read: channels; rows at once, and events of a row, or 0 */
  uint16_t *events;
  int32_t *starts;
  int64_t *rows; /* that are listed now */
  const uint8_t *values; /* of graded events */
  const uint8_t *plane;  /* [image][y][t][x*C + c], with spare bytes before and behind */
  const uint64_t *bits;  /* with a spare word before and behind */
  const uint8_t *trains; /* [image][neuron][t] */
} source;

typedef struct {
  int64_t kind, source, offset, blocks; /* offset: first lane in the block; blocks: of 64 lanes */
  int64_t row_shift, channels, first, shift; /* row_shift: log2 of the bytes of a weight row */
  int64_t weight_bytes, taps, words; /* taps: positions under a window; words: of 64 rows of signs */
  const void *weights;
  const int8_t *dense;                      /* the same weights for windows of planes, or NULL */
  const int32_t *tap_rows, *tap_columns;    /* rows and columns with numbers of taps instead of weight rows */
  const int32_t *row_starts, *rows;       /* per output row: pairs (y, weight row of the kernel row) */
  const int32_t *column_starts, *columns; /* per output column: triples (x, stop, weight row of x minus x*channels) */
  const int32_t *gain;                    /* per position, or NULL */
  const int64_t *sparse_starts;           /* per target neuron */
  const int32_t *sparse_sources;
  const int32_t *scales; /* of lanes of signs */
} piece;

typedef struct {
  int64_t lane, lanes, spiking, graded; /* numbers of pieces that read spikes, and graded values */
  const piece *pieces;
} block;

typedef struct {
  int64_t kind, height, width, channels, lanes, words, limit; /* lanes: channels, rounded up to 64 */
  int64_t vth_stride, v_init_stride;                          /* between positions: 0 if all have the same */
  int64_t largest, least, checked; /* payloads, both 0 where spikes are bits; whether an input beyond the limit is an error */
  int64_t theta;                   /* of a stream, the least change that is sent; 0: no stream */
  const block *blocks;
  const int32_t *vth, *v_init, *vth_bits;
  const int32_t *sent_init; /* what neurons of a stream have sent before, laid out like v_init, or NULL for 0 */
} layer;

typedef struct { /* a run of neighbouring positions under a window: their events in the first step */
  const int32_t *from, *to;
  int16_t base;
} run;

typedef struct {
  int64_t steps, constant_stride, low, high; /* low, high: how often a rail was reached, added to */
  int64_t constant_per_image;                /* whether every image has its own constants */
  int64_t positive, negative;                /* nonzero values of both planes, added to */
  int64_t beyond, image, step, neuron, value; /* the first input beyond the limit, if there is one */
  int64_t counts_bytes, sent_bytes;           /* bytes of a number of counts and of sent where spikes have payloads */
  const source *sources;
  int32_t *constant; /* [position][lane], added at every step: bias and graded input */
  uint64_t *bits;
  uint8_t *plane, *negative_plane; /* [row][t][x*C + c], instead of bits */
  int32_t *counts, *potential; /* [image][position][channel]; potential is NULL where payloads are sent and it is not wanted */
  void *sent;
  int32_t *over_time; /* [image][t][position][channel] or NULL */
  int32_t *current;
  uint16_t *list; /* of rows of weights */
  uint8_t *list_values;
  run *runs;
  const uint8_t **addresses; /* of what pairs of a position and a step read under a window */
  const uint8_t *zeros;      /* as many as a source has channels */
} job;

typedef struct { /* place of the work */
  int64_t row, image, y, x, t0, t1;
  int32_t *current; /* [step][lane] of the block */
} place;

typedef struct {
  int32_t v[LANES], counts[LANES], sent[LANES];
} neurons;

/* Return 64 bits from a bit of a word on. The next word is shifted twice, because C has no shift by 64. */
INLINE uint64_t word_at(const uint64_t *word, int shift) { return word[0] >> shift | word[1] << 1 << (63 - shift); }

/* Append the numbers of the bits that are set, plus base, mod 2^16; up to 64 entries behind the end may be overwritten. */
INLINE uint16_t *append(uint16_t *out, uint64_t set, int64_t base) {
  const int number = __builtin_popcountll(set);
#if defined(__AVX512VBMI2__) && defined(__AVX512BW__) && defined(__AVX512DQ__)
  static const uint8_t numbers[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                      22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
                                      44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  const __m512i found = _mm512_maskz_compress_epi8(set, _mm512_loadu_si512(numbers));
  store_words(out, (i16v)_mm512_cvtepu8_epi16(_mm512_castsi512_si256(found)) + (int16_t)base);
  if (__builtin_expect(number > 32, 0)) store_words(out + 32, (i16v)_mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(found, 1)) + (int16_t)base);
#else
  for (uint16_t *to = out; set; to += 4)
    for (int i = 0; i < 4; i++) { /* always four at a time, which leaves fewer branches to mispredict */
      to[i] = (uint16_t)(base + (set ? __builtin_ctzll(set) : 0));
      set &= set - 1;
    }
#endif
  return out + number;
}

/* List the events of a row of bits for all steps. */
static void list_row(const source *s, int64_t row, int64_t steps) {
  uint16_t *out = s->events + row % s->span * s->entries;
  for (int64_t t = 0; t < steps; t++) {
    const uint64_t *line = s->bits + (row * steps + t) * s->words;
    int32_t *start = s->starts + (row % s->span * steps + t) * (s->width + 1);
    if (s->kept == s->channels) { /* the row is one run of bits */
      int64_t x = 0;
      for (int64_t w = 0; w < s->words; w++) {
        const int32_t before = (int32_t)(out - s->events);
        for (; x * s->channels < (w + 1) * 64 && x < s->width; x++)
          start[x] = before + __builtin_popcountll(line[w] & (((uint64_t)1 << (x * s->channels & 63)) - 1));
        out = append(out, line[w], w * 64);
      }
    } else
      for (int64_t x = 0; x < s->width; x++) {
        start[x] = (int32_t)(out - s->events);
        for (int64_t c = 0; c < s->kept; c += 64) {
          const int64_t bit = x * s->channels + s->first + c;
          uint64_t set = word_at(line + (bit >> 6), bit & 63);
          if (s->kept - c < 64) set &= ((uint64_t)1 << (s->kept - c)) - 1;
          out = append(out, set, x * s->kept + c);
        }
      }
    start[s->width] = (int32_t)(out - s->events);
  }
}

/* List the rows that a piece reads for a row of positions, as far as they are not. */
INLINE void list_rows(const piece *p, const source *s, const place *at, int64_t steps) {
  if (!s->span) return;
  for (int32_t r = p->row_starts[at->y]; r < p->row_starts[at->y + 1]; r++) {
    const int64_t row = at->image * s->height + p->rows[2 * r];
    if (s->rows[row % s->span] == row) continue;
    s->rows[row % s->span] = row;
    TIMED(ROWS, list_row(s, row, steps));
  }
}

/* Find the runs under the window of a position from step t on; return their number. */
INLINE int window(const piece *p, const source *s, const place *at, int64_t steps, int64_t t, run *runs) {
  int n = 0;
  for (int32_t r = p->row_starts[at->y]; r < p->row_starts[at->y + 1]; r++) {
    const int32_t *row = p->rows + 2 * r;
    const int64_t source_row = at->image * s->height + row[0], place = s->span ? source_row % s->span : source_row;
    const int32_t *starts = s->starts + (place * steps + t) * (s->width + 1);
    for (int32_t c = p->column_starts[at->x]; c < p->column_starts[at->x + 1]; c++) {
      const int32_t *column = p->columns + 3 * c;
      runs[n++] = (run){starts + column[0], starts + column[1], (int16_t)(1 + row[1] + column[2])};
    }
  }
  return n;
}

/* Copy the events of runs to `list`, as numbers of their weight rows, of which the first one holds zeros; return how many. Both count mod 2^16,
 * and no piece has more rows. */
INLINE int64_t gather(const source *s, const run *runs, int number, int64_t step, uint16_t *list, uint8_t *values) {
  int64_t n = 0;
  for (const run *r = runs; r < runs + number; r++) {
    const int32_t first = r->from[step], length = r->to[step] - first;
    const uint16_t *events = s->events + first;
    uint16_t *out = list + n;
    for (int32_t i = 0; i < length; i += COPIED)
#pragma GCC unroll 8
      for (int k = 0; k < COPIED; k += WORDS) store_words(out + i + k, load_words(events + i + k) + r->base);
    if (values) memcpy(values + n, s->values + first, length);
    n += length;
  }
  return n;
}

/* Add the sums of 64 lanes, the low ones first, to current[0..63], or write them there if they are the first sums. */
INLINE void add_sums(int32_t *current, const i16v *sums, const piece *p, int32_t gain, int first) {
#pragma GCC unroll 16
  for (int k = 0; k < ALL; k++) {
    i32v sum = half_of(sums[k / 2], k % 2) << (int)p->shift;
    if (p->gain) sum *= gain;
    int32_t *to = current + NUMBERS * k;
    store(to, first ? sum : load(to) + sum);
  }
}

typedef struct { /* events of one step that are summed together */
  int64_t step, rows; /* rows of weights, a multiple of 4 */
  int first;          /* whether theirs are the first sums of the step */
} segment;

typedef struct { /* segments, one after the other */
  const uint16_t *list;
  int64_t groups, segments; /* groups of 4 rows */
  segment parts[SEGMENTS];
  uint8_t slot_of[(SEGMENTS + 1) * FLUSH / 4]; /* the slot of each group */
} listed;

typedef struct { /* sums of up to 4 parts of rows */
  i16v all[4], high[4];
} slot;

/* Sum groups of 4 rows of weights. A group leaves the sums of all rows so far in its segment's slot, so that no branch, which would often be
 * mispredicted, ends a segment: its own sums are what its slot has more than the one before, mod 2^16. */
INLINE void sum_segments(const int number, const int8_t *weights, const int shift, const listed *e, slot *slots) {
  i16v all[4], high[4];
#pragma GCC unroll 4
  for (int k = 0; k < number; k++) all[k] = high[k] = slots[0].all[k] = slots[0].high[k] = (i16v){0};
  const uint16_t *list = e->list;
  for (int64_t g = 0; g < e->groups; g++, list += 4) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      const i16v *row = (const i16v *)(weights + ((int64_t)list[i] << shift));
#pragma GCC unroll 4
      for (int k = 0; k < number; k++) all[k] += row[k], high[k] += row[k] >> 8;
    }
    slot *to = slots + e->slot_of[g];
#pragma GCC unroll 4
    for (int k = 0; k < number; k++) to->all[k] = all[k], to->high[k] = high[k];
  }
}

/* Sum the segments for up to 4 parts of rows; return their number. */
static __attribute__((noinline)) int64_t sum_parts(const piece *p, int64_t part, const listed *e, slot *slots) {
  const int8_t *weights = (const int8_t *)p->weights + part * WIDE;
  const int64_t parts = p->blocks * PARTS - part < 4 ? p->blocks * PARTS - part : 4;
  if (PARTS == 1 && parts == 1) sum_segments(1, weights, 6, e, slots);
  else if (PARTS <= 2 && parts == 2) sum_segments(2, weights, PARTS == 1 ? 7 : 6, e, slots);
  else sum_segments(4, weights, PARTS == 1 ? 8 : (int)p->row_shift, e, slots);
  return parts;
}

/* Add a segment's sums of a part of rows to four vectors of numbers; `factor` is 1 shifted. */
INLINE void add_segment(const slot *at, int64_t part, int64_t rows, int32_t factor, i32v v[4]) {
  const i16v high = at[1].high[part] - at[0].high[part];
  const i16v low = at[1].all[part] - at[0].all[part] - (high << 8) - (int16_t)(128 * rows);
  const i32v even = (i32v){0} + factor, odd = even << 16;
  v[0] = add_products(v[0], low, (i16v)even), v[1] = add_products(v[1], low, (i16v)odd);
  v[2] = add_products(v[2], high, (i16v)even), v[3] = add_products(v[3], high, (i16v)odd);
}

/* Add all sums of segments to current[step][lane]. */
static void add_segments(const piece *p, const listed *e, int32_t *current, int64_t lanes, int32_t gain) {
  slot slots[SEGMENTS + 1];
  for (int64_t first = 0; first < p->blocks * PARTS; first += 4) {
    const int64_t parts = sum_parts(p, first, e, slots);
    for (int64_t i = 0; i < e->segments; i++)
      for (int64_t part = 0; part < parts; part++) {
        int32_t *to = current + e->parts[i].step * lanes + (first + part) * WIDE;
        i32v sums[4] = {{0}};
        add_segment(slots + i, part, e->parts[i].rows, 1 << p->shift, sums);
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) {
          if (p->gain) sums[k] *= gain;
          store(to + NUMBERS * k, e->parts[i].first ? sums[k] : load(to + NUMBERS * k) + sums[k]);
        }
      }
  }
}

/* List the events under a window for a few steps; lengths are multiples of 4, and not 0. Return the longest. */
static __attribute__((noinline)) int64_t list_steps(const source *s, const job *j, int runs, int64_t t0, int64_t steps, int64_t lengths[AHEAD]) {
  uint16_t *list = j->list;
  int64_t longest = 0;
  for (int64_t t = 0; t < steps; t++) {
    const int64_t n = gather(s, j->runs, runs, (t0 + t) * (s->width + 1), list, NULL);
    for (int i = 0; i < 4; i++) list[n + i] = 0;
    lengths[t] = n ? (n + 3) & ~3 : 4;
    longest = lengths[t] > longest ? lengths[t] : longest;
    list += lengths[t];
  }
  return longest;
}

/* Cut the lists of steps into segments, from `list` on, as many as are summed in one go. */
static __attribute__((noinline)) void cut_lists(listed *e, const uint16_t *list, const int64_t lengths[AHEAD], int64_t steps, int64_t *step, int64_t *done, int first) {
  e->list = list, e->segments = e->groups = 0;
  while (e->segments < SEGMENTS && *step < steps) {
    const int64_t left = lengths[*step] - *done, rows = left < FLUSH ? left : FLUSH;
    e->parts[e->segments++] = (segment){*step, rows, first && !*done};
    memset(e->slot_of + e->groups, (int)e->segments, FLUSH / 4);
    e->groups += rows / 4, *done += rows;
    if (rows == left) ++*step, *done = 0;
  }
}

/* Add the listed events of a few steps to their sums. */
static void add_listed(const piece *p, const job *j, const int64_t lengths[AHEAD], int64_t steps, int32_t *current, int64_t lanes, int32_t gain,
                       int first) {
  listed e;
  int64_t step = 0, done = 0;
  for (const uint16_t *list = j->list; step < steps; list += 4 * e.groups) {
    cut_lists(&e, list, lengths, steps, &step, &done, first);
    add_segments(p, &e, current, lanes, gain);
  }
}

/* Add the events under a window, whose lists are made for several steps at a time. */
static __attribute__((noinline)) void add_events(const piece *p, const source *s, const job *j, const place *at, int64_t lanes, int32_t gain, int first) {
  const int runs = window(p, s, at, j->steps, at->t0, j->runs);
  const int64_t steps = at->t1 - at->t0;
  for (int64_t t0 = 0; t0 < steps; t0 += AHEAD) {
    const int64_t here = steps - t0 < AHEAD ? steps - t0 : AHEAD;
    int64_t lengths[AHEAD];
    list_steps(s, j, runs, t0, here, lengths);
    add_listed(p, j, lengths, here, at->current + t0 * lanes + p->offset, lanes, gain, first);
  }
}

typedef struct {
  const uint64_t *bits;
  const i16v *weights;
  int shift;
} tap;

static void add_taps(const tap *taps, int number, const piece *p, const source *s, int64_t steps, int32_t *current, int64_t lanes,
                     int32_t gain, int first) {
  for (int64_t t = 0; t < steps; t++, current += lanes) {
    i16v sums[2 * PARTS] = {{0}};
    for (int i = 0; i < number; i++) {
      const uint64_t set = word_at(taps[i].bits + t * s->words, taps[i].shift);
#pragma GCC unroll 8
      for (int k = 0; k < 2 * PARTS; k++) sums[k] = add_where(sums[k], (uint32_t)(set >> (WORDS * k)), taps[i].weights[k]);
    }
    add_sums(current, sums, p, gain, first);
  }
}

/* Depthwise: add a 16-bit weight where its channel's bit is set. */
static void add_masked(const piece *p, const source *s, const job *j, const place *at, int64_t lanes, int32_t gain, int first) {
  tap taps[FLUSH];
  for (int64_t k = 0; k < p->blocks; k++) {
    int number = 0, fresh = first;
    int32_t *current = at->current + p->offset + k * LANES;
    for (int32_t r = p->row_starts[at->y]; r < p->row_starts[at->y + 1]; r++)
      for (int32_t c = p->column_starts[at->x]; c < p->column_starts[at->x + 1]; c++) {
        const int32_t *row = p->rows + 2 * r, *column = p->columns + 3 * c;
        for (int32_t x = column[0]; x < column[1]; x++) {
          const int64_t bit = x * p->channels + p->first + k * LANES; /* a few below 0 where the first lanes have no weights */
          taps[number].bits = s->bits + ((at->image * s->height + row[0]) * j->steps + at->t0) * s->words + (bit >> 6);
          taps[number].weights = (const i16v *)p->weights + ((row[1] + column[2] + x) * p->blocks + k) * 2 * PARTS;
          taps[number].shift = bit & 63;
          if (++number == FLUSH) {
            add_taps(taps, number, p, s, at->t1 - at->t0, current, lanes, gain, fresh);
            number = fresh = 0;
          }
        }
      }
    if (number || fresh) add_taps(taps, number, p, s, at->t1 - at->t0, current, lanes, gain, fresh);
  }
}

/* Synapse by synapse: the source's spike train times the weight. */
static void add_sparse(const piece *p, const source *s, const place *at, int64_t steps, int32_t *current, int64_t lanes, int64_t neuron,
                       int64_t number) {
  const int8_t *weights = p->weights;
  const uint8_t *trains = s->trains + at->image * s->neurons * steps;
  for (int64_t lane = 0; lane < number; lane++) {
    int32_t sum[STEPS] = {0};
    for (int64_t k = p->sparse_starts[neuron + lane]; k < p->sparse_starts[neuron + lane + 1]; k++) {
      const uint8_t *train = trains + p->sparse_sources[k] * steps;
      for (int64_t t = at->t0; t < at->t1; t++) sum[t - at->t0] += weights[k] * train[t];
    }
    for (int64_t t = at->t0; t < at->t1; t++) current[(t - at->t0) * lanes + lane] += sum[t - at->t0] << p->shift;
  }
}

#include "signs.c"

static __attribute__((noinline)) void clip(int32_t *v, int64_t number, int32_t limit, job *j) {
  for (int64_t i = 0; i < number; i++) {
    if (v[i] > limit) v[i] = limit, j->high++;
    if (v[i] < -limit) v[i] = -limit, j->low++;
  }
}

/* Return what every step adds to the lanes of a position. */
INLINE const int32_t *constants(const layer *l, const job *j, const place *at) {
  return j->constant + ((j->constant_per_image ? at->row : at->y) * l->width + at->x) * j->constant_stride;
}

typedef struct { /* what the steps of the neurons of a part of a row add to their potentials, beside what every step adds */
  const listed *events; /* of one segment for each step */
  const slot *slots;    /* their sums, or NULL */
  int64_t part;         /* in the slots */
  int32_t factor;
  const int32_t *current; /* or NULL */
  int64_t stride;
} input;

/* Step IF or STEP neurons of four vectors, whose potentials stand as distances from the low rail. Return whether one is beyond a rail: then
 * nothing is written but flags; a careful call clips and counts. */
INLINE int integrate_fire(const int kind, const int is_careful, const int has_slots, const int has_current, const input *in, int64_t steps, int32_t limit,
                          const int32_t *constant, const int32_t *vth, int32_t *potentials, int32_t *all_counts, flags *fired, job *j) {
  i32v v[4], add[4], from[4], threshold[4], taken[4];
  u32v most = {0};
  bytes counts = {0};
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) {
    v[k] = load(potentials + NUMBERS * k) + limit, add[k] = load(constant + NUMBERS * k), threshold[k] = load(vth + NUMBERS * k);
    from[k] = smaller(threshold[k], (i32v){0} + (INT32_MAX - limit)) + limit, taken[k] = kind == IF ? threshold[k] : (i32v){0};
  }
  const int32_t *current = in->current;
  for (int64_t t = 0; t < steps; t++, fired += LANES / WIDE) {
    i32v sums[4]; /* summed apart from the potentials, which wait for one addition, not for a product */
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) sums[k] = has_current ? load(current + NUMBERS * k) + add[k] : add[k];
    if (has_current) current += in->stride;
    if (has_slots) add_segment(in->slots + t, in->part, in->events->parts[t].rows, in->factor, sums);
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) v[k] = (kind == IF ? v[k] : (i32v){0} + limit) + sums[k], most = most_of(most, (u32v)v[k]);
    if (is_careful && bits_of((i32v)(most > 2 * (uint32_t)limit))) {
      int32_t apart[WIDE];
      for (int k = 0; k < 4; k++) store(apart + NUMBERS * k, v[k] - limit);
      clip(apart, WIDE, limit, j);
      for (int k = 0; k < 4; k++) v[k] = load(apart + NUMBERS * k) + limit;
      most = (u32v){0};
    }
    *fired = fire_four(v, from, taken, &counts);
  }
  if (!is_careful && bits_of((i32v)(most > 2 * (uint32_t)limit))) return 1;
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) {
    store(potentials + NUMBERS * k, v[k] - limit);
    store(all_counts + NUMBERS * k, load(all_counts + NUMBERS * k) + numbers_of(counts, k));
  }
  return 0;
}

/* Step IF or STEP neurons of one position from lane `lane` of a block on, for a part of a row. */
INLINE void integrate_part(const int kind, const int has_slots, const int has_current, const input *in, int64_t steps, const layer *l, const block *b,
                           const place *at, int64_t lane, neurons *state, uint64_t fired[][STEPS], int64_t t0, job *j) {
  const int64_t first = b->lane + lane, position = at->y * l->width + at->x;
  const int32_t *constant = constants(l, j, at) + first, *vth = l->vth + position * l->vth_stride + first;
  neurons *n = state + lane / LANES;
  flags *to = (flags *)(fired[lane / LANES] + t0) + lane % LANES / WIDE;
  int32_t *v = n->v + lane % LANES, *counts = n->counts + lane % LANES;
  if (integrate_fire(kind, 0, has_slots, has_current, in, steps, (int32_t)l->limit, constant, vth, v, counts, to, j))
    integrate_fire(kind, 1, has_slots, has_current, in, steps, (int32_t)l->limit, constant, vth, v, counts, to, j);
}

/* Sum up to 64 neurons of a readout, one by one. */
static void accumulate(const layer *l, const int32_t *current, int64_t stride, int64_t steps, const int32_t *constant, neurons *n,
                       int64_t number, int32_t *over_time, int64_t over_time_stride, job *j) {
  const int32_t limit = (int32_t)l->limit;
  for (int64_t t = 0; t < steps; t++, current += stride)
    for (int64_t i = 0; i < number; i++) {
      int32_t v = n->v[i] + current[i] + constant[i];
      if (v > limit) v = limit, j->high++;
      if (v < -limit) v = -limit, j->low++;
      n->v[i] = v;
      if (over_time) over_time[t * over_time_stride + i] = v;
    }
}

/* Set the neurons of a block of one position before their first step. */
INLINE void begin(const layer *l, const block *b, const place *at, neurons *state) {
  const int32_t *v_init = l->v_init + (at->y * l->width + at->x) * l->v_init_stride + b->lane;
  if (at->t0) return;
  for (int64_t k = 0; k * LANES < b->lanes; k++) {
    memcpy(state[k].v, v_init + k * LANES, sizeof state->v);
    memset(state[k].counts, 0, sizeof state->counts);
  }
}

/* Write the spikes of a block of one position, and its results after the last step. */
INLINE void finish(const layer *l, const block *b, job *j, const place *at, const neurons *state, uint64_t fired[][STEPS]) {
  const int64_t steps = at->t1 - at->t0;
  for (int64_t k = 0; k * LANES < b->lanes; k++) {
    const int64_t lane = b->lane + k * LANES, number = l->channels - lane < LANES ? l->channels - lane : LANES;
    const int64_t first = (at->row * l->width + at->x) * l->channels + lane;
    if (l->kind != READOUT) {
      const int64_t bit = at->x * l->channels + lane, words = l->words;
      uint64_t *bits = j->bits + (at->row * j->steps + at->t0) * words + (bit >> 6);
      const int shift = bit & 63;
      if (l->channels % LANES == 0)
        for (int64_t t = 0; t < steps; t++) bits[t * words] = fired[k][t];
      else
        for (int64_t t = 0; t < steps; t++) bits[t * words] |= fired[k][t] << shift;
      if (shift && number > LANES - shift)
        for (int64_t t = 0; t < steps; t++) bits[t * words + 1] |= fired[k][t] >> (LANES - shift);
    }
    if (at->t1 < j->steps) continue;
    if (j->potential) memcpy(j->potential + first, state[k].v, number * sizeof(int32_t));
    for (int64_t i = 0; i < number; i += NUMBERS) put_narrow(j->counts, first + i, j->counts_bytes, load(state[k].counts + i), number - i);
  }
}

/* Step the neurons of a block of one position; `state` keeps their potentials and counts from one pass to the next. */
static __attribute__((noinline)) void fire(const layer *l, const block *b, job *j, const place *at, neurons *state) {
  const int64_t position = at->y * l->width + at->x, steps = at->t1 - at->t0, size = l->height * l->width * l->channels;
  uint64_t fired[4][STEPS];
  begin(l, b, at, state);
  if (l->kind == IF)
    for (int64_t lane = 0; lane < b->lanes; lane += WIDE) {
      const input in = {NULL, NULL, 0, 0, at->current + lane, b->lanes};
      if (b->spiking || l->checked) integrate_part(IF, 0, 1, &in, steps, l, b, at, lane, state, fired, 0, j);
      else integrate_part(IF, 0, 0, &in, steps, l, b, at, lane, state, fired, 0, j); /* every step adds the same */
    }
  else if (l->kind == STEP)
    for (int64_t lane = 0; lane < b->lanes; lane += WIDE) {
      const input in = {NULL, NULL, 0, 0, at->current + lane, b->lanes};
      integrate_part(STEP, 0, 1, &in, steps, l, b, at, lane, state, fired, 0, j);
    }
  else
    for (int64_t k = 0; k * LANES < b->lanes; k++) {
      const int64_t lane = b->lane + k * LANES, number = l->channels - lane < LANES ? l->channels - lane : LANES;
      const int32_t *constant = constants(l, j, at) + lane;
      int32_t *over_time = j->over_time ? j->over_time + (at->image * j->steps + at->t0) * size + position * l->channels + lane : NULL;
      accumulate(l, at->current + k * LANES, b->lanes, steps, constant, state + k, number, over_time, size, j);
    }
  finish(l, b, j, at, state, fired);
}

/* Step the neurons of a block of one position by the events of a piece as wide as the block, a few steps at a time, and what other pieces left
 * in `current`. */
INLINE void fire_events(const int has_current, const piece *p, const layer *l, const block *b, job *j, const place *at, neurons *state) {
  const source *s = j->sources + p->source;
  const int runs = window(p, s, at, j->steps, at->t0, j->runs);
  uint64_t fired[4][STEPS];
  begin(l, b, at, state);
  for (int64_t t0 = 0; t0 < at->t1 - at->t0; t0 += AHEAD) {
    const int64_t steps = at->t1 - at->t0 - t0 < AHEAD ? at->t1 - at->t0 - t0 : AHEAD;
    int32_t *current = at->current + t0 * b->lanes;
    int64_t lengths[AHEAD], longest;
    TIMED(WINDOWS, longest = list_steps(s, j, runs, t0, steps, lengths));
    if (longest > FLUSH) { /* too many for one segment a step */
      add_listed(p, j, lengths, steps, current, b->lanes, 1, !has_current);
      for (int64_t lane = 0; lane < b->lanes; lane += WIDE) {
        const input in = {NULL, NULL, 0, 0, current + lane, b->lanes};
        integrate_part(IF, 0, 1, &in, steps, l, b, at, lane, state, fired, t0, j);
      }
      continue;
    }
    listed e;
    slot slots[SEGMENTS + 1];
    int64_t step = 0, done = 0;
    cut_lists(&e, j->list, lengths, steps, &step, &done, 1);
    for (int64_t first = 0; first < p->blocks * PARTS; first += 4) {
      int64_t parts;
      TIMED(SUMS, parts = sum_parts(p, first, &e, slots));
      for (int64_t part = 0; part < parts; part++) {
        const int64_t lane = (first + part) * WIDE;
        const input in = {&e, slots, part, 1 << p->shift, current + lane, b->lanes};
        TIMED(NEURONS, integrate_part(IF, 1, has_current, &in, steps, l, b, at, lane, state, fired, t0, j));
      }
    }
  }
  TIMED(NEURONS, finish(l, b, j, at, state, fired));
}

static int64_t real_lanes(const layer *l, const block *b) { return l->channels - b->lane < b->lanes ? l->channels - b->lane : b->lanes; }

/* Fetch a piece's weights in memory order before they are read in random order, if they fit into a second-level cache and most will be
 * read. */
static void fetch(const piece *p, int64_t reads) {
  if (p->weight_bytes > FETCHED || reads < WORTH_IT) return;
  for (int64_t i = 0; i < p->weight_bytes; i += 64) __builtin_prefetch((const int8_t *)p->weights + i);
}

static int is_whole(const piece *p, const block *b) { return p->kind != SPARSE && p->offset == 0 && p->blocks * LANES == b->lanes; }

/* Add the sums of all pieces but one to `current`. */
static void add_pieces(const layer *l, const block *b, const job *j, const place *at, const piece *but) {
  const piece *end = b->pieces + b->spiking, *first = b->pieces + (b->pieces == but);
  const int whole = first < end && is_whole(first, b);
  if (!whole) memset(at->current, 0, (at->t1 - at->t0) * b->lanes * sizeof(int32_t));
  for (const piece *p = first; p < end; p++) {
    if (p == but) continue;
    const source *s = j->sources + p->source;
    const int64_t position = at->y * l->width + at->x;
    const int32_t gain = p->gain ? p->gain[position] : 1;
    const int is_first = whole && p == first;
    if (p->kind == EVENTS) add_events(p, s, j, at, b->lanes, gain, is_first);
    if (p->kind == MASKED) add_masked(p, s, j, at, b->lanes, gain, is_first);
    if (p->kind == SIGNS) add_signs(p, s, j, at, b->lanes, gain, is_first);
    if (p->kind == SPARSE) add_sparse(p, s, at, j->steps, at->current, b->lanes, position * l->channels + b->lane, real_lanes(l, b));
  }
}

/* Run all steps of the neurons in rows row..row_stop of all images, blocks first..stop. */
void run_layer(const layer *l, job *j, int64_t row, int64_t row_stop, int64_t first, int64_t stop) {
  neurons state[4];
  for (const block *b = l->blocks + first; b < l->blocks + stop; b++) {
    const piece *last = NULL; /* whose sums go straight into the neurons */
    for (const piece *p = b->pieces; p < b->pieces + b->spiking; p++) {
      fetch(p, (row_stop - row) * l->width * j->steps);
      if (l->kind == IF && p->kind == EVENTS && !p->gain && is_whole(p, b)) last = p;
    }
    for (int64_t r = row; r < row_stop; r++) {
      const place first_at = {r, r / l->height, r % l->height, 0, 0, 0, NULL};
      for (const piece *p = b->pieces; p < b->pieces + b->spiking; p++)
        if (p->kind == EVENTS) list_rows(p, j->sources + p->source, &first_at, j->steps);
      for (int64_t x = 0; x < l->width; x++)
        for (int64_t t0 = 0; t0 < j->steps; t0 += STEPS) {
          const int64_t t1 = j->steps - t0 < STEPS ? j->steps : t0 + STEPS;
          const place at = {r, r / l->height, r % l->height, x, t0, t1, j->current};
          if (b->spiking > (last != NULL) || l->kind != IF) TIMED(SUMS, add_pieces(l, b, j, &at, last));
          if (!last) TIMED(NEURONS, fire(l, b, j, &at, state));
          else if (b->spiking > 1) fire_events(1, last, l, b, j, &at, state);
          else fire_events(0, last, l, b, j, &at, state);
        }
    }
  }
}

#include "payloads.c"

static void add_graded(const layer *l, const block *b, const piece *p, const job *j, const place *at) {
  const source *s = j->sources + p->source;
  const int64_t position = at->y * l->width + at->x;
  int32_t *out = j->constant + (at->row * l->width + at->x) * l->lanes + b->lane;
  if (p->kind == SPARSE) {
    add_sparse(p, s, at, 1, out, b->lanes, position * l->channels + b->lane, real_lanes(l, b));
    return;
  }
  const int32_t gain = p->gain ? p->gain[position] : 1;
  const int number = window(p, s, at, 1, 0, j->runs);
  const int64_t n = gather(s, j->runs, number, 0, j->list, j->list_values);
  for (int64_t lane = 0; lane < p->blocks * LANES; lane += LANES) {
    i32v sum[ALL];
    sum_values((const int8_t *)p->weights + lane, (int)p->row_shift, j->list, j->list_values, n, sum);
    for (int k = 0; k < ALL; k++) {
      int32_t *to = out + p->offset + lane + NUMBERS * k;
      store(to, load(to) + ((sum[k] << (int)p->shift) * gain));
    }
  }
}

/* Add the input of one step from graded values to `constant`. */
void run_graded(const layer *l, const job *j, int64_t row, int64_t row_stop, int64_t first, int64_t stop) {
  for (const block *b = l->blocks + first; b < l->blocks + stop; b++)
    for (const piece *p = b->pieces + b->spiking; p < b->pieces + b->spiking + b->graded; p++) {
      if (j->sources[p->source].silent) continue;
      if (j->sources[p->source].plane) {
        graded_windows(l, b, p, j, row, row_stop);
        continue;
      }
      for (int64_t r = row; r < row_stop; r++)
        for (int64_t x = 0; x < l->width; x++) {
          const place at = {r, r / l->height, r % l->height, x, 0, 1, NULL};
          add_graded(l, b, p, j, &at);
        }
    }
}


/* Return the most spikes that a row has. */
int64_t most_spikes(const uint64_t *bits, int64_t rows, int64_t words) {
  int64_t most = 0;
  for (int64_t y = 0; y < rows; y++) {
    int64_t count = 0;
    for (int64_t w = 0; w < words; w++) count += __builtin_popcountll(bits[y * words + w]);
    most = count > most ? count : most;
  }
  return most;
}

/* List the nonzero values of graded maps, one after the other, as events of one step. */
void list_values(const uint8_t *maps, int64_t rows, int64_t width, int64_t channels, int64_t first, int64_t stop, uint16_t *events,
                 uint8_t *values, int32_t *starts) {
  int32_t n = 0;
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t x = 0; x < width; x++) {
      starts[r * (width + 1) + x] = n;
      for (int64_t c = first; c < stop; c++) {
        const uint8_t value = maps[(r * width + x) * channels + c];
        events[n] = (uint16_t)(x * (stop - first) + c - first);
        values[n] = value;
        n += value != 0;
      }
    }
    starts[r * (width + 1) + width] = n;
  }
}

/* Return eight bits as bytes of 0 and 1, the lowest first. */
static inline uint64_t eight_bytes(uint64_t bits) {
  const uint64_t one_each = (bits & 0xff) * 0x0101010101010101u & 0x8040201008040201u; /* byte i keeps bit i */
  return (one_each + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
}

/* Spread bits to bytes: from [image][y][t][x*C + c] to [image][neuron][t] (trains) or to [image][t][neuron] (a raster). */
void spread(const uint64_t *bits, int64_t words, int64_t steps, int64_t rows, int64_t height, int64_t row, int64_t by_neuron,
            uint8_t *out) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t t = 0; t < steps; t++) {
      const uint64_t *line = bits + (r * steps + t) * words;
      uint8_t *to = by_neuron ? out + r * row * steps + t : out + ((r / height * steps + t) * height + r % height) * row;
      int64_t i = 0;
      for (; !by_neuron && i + 8 <= row; i += 8) {
        const uint64_t bytes = eight_bytes(line[i >> 6] >> (i & 63));
        memcpy(to + i, &bytes, 8);
      }
      for (; i < row; i++) to[by_neuron ? i * steps : i] = line[i >> 6] >> (i & 63) & 1;
    }
}
