/* Kernels of the fast back end in C99 with vector extensions: add the weight rows of events, integrate, fire, list events.
 *
 * Several images run together, row after row: row r is row r % height of image r / height. Spikes of a population are bits,
 * bits[r][t][word], number x*C + c. `list_events` makes event lists of the bits: position x has the events from
 * events[starts[(r*T + t)*(W+1) + x]] on, each as x*K + c - first for the K = stop - first channels that a reader takes. A window of a
 * convolution is one run of events for each kernel row.
 *
 * Neurons of a position are cut into blocks of 64 * n lanes. A block of one position runs all its steps before the next position: sums
 * are gathered into current[t][lane], then the neurons are stepped with their state in registers. A weight row holds, for every 64 lanes,
 * the weight of lane i plus 128 in byte 2i and that of lane 32+i in byte 2i+1: seen as 16-bit words, the sum of words and the sum of
 * words >> 8 give both sums exactly (the second is that of the high lanes, the first minus 256 times it that of the low ones plus 128 a
 * row, mod 2^16), with one load and three operations for 64 synapses (or the same for each part of them). A sum of 256 mantissas of 8 bits, even of -128, fits in 16; after as
 * many events it is flushed into 32.
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
#define COPIED 32 /* events copied at a time; lists have spare room behind their end */
#define FETCHED (768 * 1024) /* bytes of weights */
#define WORTH_IT 32 /* positions times steps, so that a deep network's activity reads every weight a few times */

#include "vectors.h"

#define PARTS (64 / WIDE)                   /* vectors of a row of 64 weights */
#define ALL (LANES / NUMBERS)               /* vectors of 64 numbers */
#define TOGETHER (WIDE == 64 ? 4 : WIDE / 16) /* blocks of 64 lanes whose sums stay in registers */

enum { EVENTS, MASKED, SPARSE };
enum { IF, STEP, READOUT };

typedef struct { /* what one population sent, as one reader takes it */
  int64_t height, width, words, neurons; /* of one image */
  int64_t channels, first, silent;       /* of a plane; silent: nothing was sent, and nothing else is known */
  const int32_t *events;
  const int32_t *starts;
  const uint8_t *values; /* of graded events */
  const uint8_t *plane;  /* [image][y][t][x*C + c], with spare bytes before and behind */
  const uint64_t *bits;  /* with a spare word before and behind */
  const uint8_t *trains; /* [image][neuron][t] */
} source;

typedef struct {
  int64_t kind, source, offset, blocks; /* offset: first lane in the block; blocks: of 64 lanes */
  int64_t row_shift, channels, first, shift; /* row_shift: log2 of the bytes of a weight row */
  int64_t weight_bytes, taps; /* taps: positions under a window */
  const void *weights;
  const int8_t *dense;                      /* the same weights for windows of planes, or NULL */
  const int32_t *tap_rows, *tap_columns;    /* rows and columns with numbers of taps instead of weight rows */
  const int32_t *row_starts, *rows;       /* per output row: pairs (y, weight row of the kernel row) */
  const int32_t *column_starts, *columns; /* per output column: triples (x, stop, weight row of x minus x*channels) */
  const int32_t *gain;                    /* per position, or NULL */
  const int64_t *sparse_starts;           /* per target neuron */
  const int32_t *sparse_sources;
} piece;

typedef struct {
  int64_t lane, lanes, spiking, graded; /* numbers of pieces that read spikes, and graded values */
  const piece *pieces;
} block;

typedef struct {
  int64_t kind, height, width, channels, lanes, words, limit; /* lanes: channels, rounded up to 64 */
  int64_t vth_stride, v_init_stride;                          /* between positions: 0 if all have the same */
  int64_t largest, least, checked; /* payloads, both 0 where spikes are bits; whether an input beyond the limit is an error */
  const block *blocks;
  const int32_t *vth, *v_init, *vth_bits;
} layer;

typedef struct { /* a run of neighbouring positions under a window: their events in the first step */
  const int32_t *from, *to;
  int32_t base;
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
  int32_t *current, *list;
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

/* Find the runs under the window of a position from step t on; return their number. */
INLINE int window(const piece *p, const source *s, const place *at, int64_t steps, int64_t t, run *runs) {
  int n = 0;
  for (int32_t r = p->row_starts[at->y]; r < p->row_starts[at->y + 1]; r++) {
    const int32_t *row = p->rows + 2 * r, *starts = s->starts + ((at->image * s->height + row[0]) * steps + t) * (s->width + 1);
    for (int32_t c = p->column_starts[at->x]; c < p->column_starts[at->x + 1]; c++) {
      const int32_t *column = p->columns + 3 * c;
      runs[n++] = (run){starts + column[0], starts + column[1], row[1] + column[2]};
    }
  }
  return n;
}

/* Copy the events of runs to `list`, as byte offsets of their weight rows; return their number. */
INLINE int64_t gather(const piece *p, const source *s, const run *runs, int number, int64_t step, int32_t *list, uint8_t *values) {
  const int shift = (int)p->row_shift;
  int64_t n = 0;
  for (const run *r = runs; r < runs + number; r++) {
    const int32_t first = r->from[step], length = r->to[step] - first;
    const int32_t *events = s->events + first;
    int32_t *out = list + n;
    for (int32_t i = 0; i < length; i += COPIED)
#pragma GCC unroll 8
      for (int k = 0; k < COPIED; k += NUMBERS) store(out + i + k, (load(events + i + k) + r->base) << shift);
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

INLINE void add_rows(const int blocks, const piece *p, const int8_t *weights, const int32_t *list, int64_t n, int32_t *current, int32_t gain,
                     int first) {
  const int number = blocks * PARTS, apart = number > 2 ? 1 : 2; /* sums kept apart, so that no addition waits for another */
  for (int64_t start = 0; start < n; start += FLUSH, first = 0) {
    const int64_t stop = n - start < FLUSH ? n : start + FLUSH;
    i16v all[4], high[4];
#pragma GCC unroll 4
    for (int k = 0; k < number * apart; k++) all[k] = high[k] = (i16v){0};
    for (int64_t i = start; i < stop; i += 4) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const i16v *row = (const i16v *)(weights + list[i + j]);
#pragma GCC unroll 4
        for (int k = 0; k < number; k++) {
          const int to = k + number * (j % apart);
          all[to] += row[k];
          high[to] += row[k] >> 8;
        }
      }
    }
#pragma GCC unroll 4
    for (int block = 0; block < blocks; block++) {
      i16v sums[2 * PARTS];
#pragma GCC unroll 4
      for (int part = 0; part < PARTS; part++) {
        const int k = block * PARTS + part;
        if (apart == 2) all[k] += all[k + number], high[k] += high[k + number];
        sums[part] = all[k] - (high[k] << 8) - (int16_t)(128 * ((stop - start + 3) & ~3));
        sums[PARTS + part] = high[k];
      }
      add_sums(current + block * LANES, sums, p, gain, first);
    }
  }
}

/* Add the events under a window. The lists of several steps are made before the first is summed: a sum ends with a branch that is often
 * mispredicted, and the next list should not wait for it. */
static void add_events(const piece *p, const source *s, const job *j, const place *at, int64_t lanes, int32_t gain, int first) {
  const int32_t zeros = -1 << p->row_shift; /* the row before the first one holds zeros */
  const int runs = window(p, s, at, j->steps, at->t0, j->runs);
  const int64_t steps = at->t1 - at->t0;
  int32_t *current = at->current + p->offset;
  for (int64_t t0 = 0; t0 < steps; t0 += AHEAD) {
    const int64_t number = steps - t0 < AHEAD ? steps - t0 : AHEAD;
    int64_t lengths[AHEAD];
    int32_t *list = j->list;
    for (int64_t t = 0; t < number; t++) {
      const int64_t n = lengths[t] = gather(p, s, j->runs, runs, (t0 + t) * (s->width + 1), list, NULL);
      for (int i = 0; i < 3; i++) list[n + i] = zeros;
      list += (n + 3) & ~3;
    }
    list = j->list;
    for (int64_t t = 0; t < number; t++, current += lanes) {
      const int64_t n = lengths[t];
      for (int64_t k = 0; k < p->blocks; k += TOGETHER) {
        const int8_t *weights = (const int8_t *)p->weights + k * LANES;
        int32_t *to = current + k * LANES;
        if (TOGETHER == 1 || p->blocks == 1) add_rows(1, p, weights, list, n, to, gain, first);
        else if (TOGETHER == 2 || p->blocks == 2) add_rows(2, p, weights, list, n, to, gain, first);
        else add_rows(4, p, weights, list, n, to, gain, first);
      }
      if (!n && first) memset(current, 0, p->blocks * LANES * sizeof(int32_t));
      list += (n + 3) & ~3;
    }
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
      for (int k = 0; k < 2 * PARTS; k++) sums[k] += taps[i].weights[k] & lanes_of((uint32_t)(set >> (WORDS * k)));
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

static __attribute__((noinline)) void clip(int32_t *v, int64_t number, int32_t limit, job *j) {
  for (int64_t i = 0; i < number; i++) {
    if (v[i] > limit) v[i] = limit, j->high++;
    if (v[i] < -limit) v[i] = -limit, j->low++;
  }
}

/* Step 64 IF neurons, four vectors at a time. Rails are rare, so one comparison finds a step that reaches one, which is then counted apart. */
static void integrate_fire(const layer *l, const int32_t *current, int64_t stride, int64_t steps, const int32_t *constant,
                           const int32_t *vth, neurons *n, uint64_t *fired, job *j) {
  const int32_t limit = (int32_t)l->limit;
  for (int64_t t = 0; t < steps; t++) fired[t] = 0;
  for (int64_t lane = 0; lane < LANES; lane += 4 * NUMBERS) {
    const int32_t *input = current + lane;
    i32v v[4], counts[4], add[4], threshold[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
      const int64_t at = lane + NUMBERS * k;
      v[k] = load(n->v + at), counts[k] = load(n->counts + at), add[k] = load(constant + at), threshold[k] = load(vth + at);
    }
    for (int64_t t = 0; t < steps; t++, input += stride) {
      i32v beyond = {0};
      uint64_t set = 0;
#pragma GCC unroll 4
      for (int k = 0; k < 4; k++) {
        v[k] += load(input + NUMBERS * k) + add[k];
        beyond |= (i32v)((u32v)v[k] + (uint32_t)limit > (uint32_t)limit * 2);
      }
      if (__builtin_expect(bits_of(beyond) != 0, 0)) {
        int32_t apart[4 * NUMBERS];
        for (int k = 0; k < 4; k++) store(apart + NUMBERS * k, v[k]);
        clip(apart, 4 * NUMBERS, limit, j);
        for (int k = 0; k < 4; k++) v[k] = load(apart + NUMBERS * k);
      }
#pragma GCC unroll 4
      for (int k = 0; k < 4; k++) {
        i32v fires = v[k] >= threshold[k];
        v[k] -= threshold[k] & fires;
        counts[k] -= fires;
        set |= (uint64_t)bits_of(fires) << (NUMBERS * k);
      }
      fired[t] |= set << lane;
    }
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) store(n->v + lane + NUMBERS * k, v[k]), store(n->counts + lane + NUMBERS * k, counts[k]);
  }
}

/* Step up to 64 neurons of any kind, one by one. */
static void integrate(const layer *l, const int32_t *current, int64_t stride, int64_t steps, const int32_t *constant, const int32_t *vth,
                      neurons *n, int64_t number, uint64_t *fired, int32_t *over_time, int64_t over_time_stride, job *j) {
  const int32_t limit = (int32_t)l->limit;
  for (int64_t t = 0; t < steps; t++, current += stride) {
    fired[t] = 0;
    for (int64_t i = 0; i < number; i++) {
      int32_t v = (l->kind == STEP ? 0 : n->v[i]) + current[i] + constant[i];
      if (v > limit) v = limit, j->high++;
      if (v < -limit) v = -limit, j->low++;
      if (l->kind != READOUT && v >= vth[i]) {
        fired[t] |= (uint64_t)1 << i;
        n->counts[i]++;
        if (l->kind == IF) v -= vth[i];
      }
      n->v[i] = v;
      if (over_time) over_time[t * over_time_stride + i] = v;
    }
  }
}

/* Return what every step adds to the lanes of a position. */
INLINE const int32_t *constants(const layer *l, const job *j, const place *at) {
  return j->constant + ((j->constant_per_image ? at->row : at->y) * l->width + at->x) * j->constant_stride;
}

/* Step the neurons of a block of one position; `state` keeps their potentials and counts from one pass to the next. */
static void fire(const layer *l, const block *b, job *j, const place *at, neurons *state) {
  const int64_t position = at->y * l->width + at->x, position_of_all = at->row * l->width + at->x, steps = at->t1 - at->t0;
  const int64_t size = l->height * l->width * l->channels;
  for (int64_t k = 0; k * LANES < b->lanes; k++) {
    const int64_t lane = b->lane + k * LANES, number = l->channels - lane < LANES ? l->channels - lane : LANES;
    const int64_t first = position * l->channels + lane, first_of_all = position_of_all * l->channels + lane;
    const int32_t *constant = constants(l, j, at) + lane, *vth = l->vth + position * l->vth_stride + lane;
    const int32_t *current = at->current + k * LANES;
    neurons *n = state + k;
    uint64_t fired[STEPS];
    if (at->t0 == 0) {
      memcpy(n->v, l->v_init + position * l->v_init_stride + lane, sizeof n->v);
      memset(n->counts, 0, sizeof n->counts);
    }
    if (l->kind == IF)
      integrate_fire(l, current, b->lanes, steps, constant, vth, n, fired, j);
    else {
      int32_t *over_time = j->over_time ? j->over_time + (at->image * j->steps + at->t0) * size + first : NULL;
      integrate(l, current, b->lanes, steps, constant, vth, n, number, fired, over_time, size, j);
    }
    if (l->kind != READOUT) {
      const int64_t bit = at->x * l->channels + lane;
      uint64_t *bits = j->bits + (at->row * j->steps + at->t0) * l->words + (bit >> 6);
      const int shift = bit & 63;
      for (int64_t t = 0; t < steps; t++) bits[t * l->words] |= fired[t] << shift;
      if (shift && number > LANES - shift)
        for (int64_t t = 0; t < steps; t++) bits[t * l->words + 1] |= fired[t] >> (LANES - shift);
    }
    if (at->t1 == j->steps) {
      memcpy(j->potential + first_of_all, n->v, number * sizeof(int32_t));
      memcpy(j->counts + first_of_all, n->counts, number * sizeof(int32_t));
    }
  }
}

static int64_t real_lanes(const layer *l, const block *b) { return l->channels - b->lane < b->lanes ? l->channels - b->lane : b->lanes; }

/* Fetch a piece's weights in memory order before they are read in random order, if they fit into a second-level cache and most will be
 * read. */
static void fetch(const piece *p, int64_t reads) {
  if (p->weight_bytes > FETCHED || reads < WORTH_IT) return;
  for (int64_t i = 0; i < p->weight_bytes; i += 64) __builtin_prefetch((const int8_t *)p->weights + i);
}

/* Run all steps of the neurons in rows row..row_stop of all images, blocks first..stop. */
void run_layer(const layer *l, job *j, int64_t row, int64_t row_stop, int64_t first, int64_t stop) {
  neurons state[4];
  for (const block *b = l->blocks + first; b < l->blocks + stop; b++) {
    const piece *p0 = b->pieces;
    for (const piece *p = p0; p < p0 + b->spiking; p++) fetch(p, (row_stop - row) * l->width * j->steps);
    const int whole = b->spiking && p0->kind != SPARSE && p0->offset == 0 && p0->blocks * LANES == b->lanes;
    for (int64_t r = row; r < row_stop; r++)
      for (int64_t x = 0; x < l->width; x++)
        for (int64_t t0 = 0; t0 < j->steps; t0 += STEPS) {
          const int64_t t1 = j->steps - t0 < STEPS ? j->steps : t0 + STEPS;
          const place at = {r, r / l->height, r % l->height, x, t0, t1, j->current};
          const int64_t position = at.y * l->width + x;
          if (!whole) memset(j->current, 0, (t1 - t0) * b->lanes * sizeof(int32_t));
          for (const piece *p = p0; p < p0 + b->spiking; p++) {
            const source *s = j->sources + p->source;
            const int32_t gain = p->gain ? p->gain[position] : 1;
            const int is_first = whole && p == p0;
            if (p->kind == EVENTS) add_events(p, s, j, &at, b->lanes, gain, is_first);
            if (p->kind == MASKED) add_masked(p, s, j, &at, b->lanes, gain, is_first);
            if (p->kind == SPARSE)
              add_sparse(p, s, &at, j->steps, at.current, b->lanes, position * l->channels + b->lane, real_lanes(l, b));
          }
          fire(l, b, j, &at, state);
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
  const int64_t n = gather(p, s, j->runs, number, 0, j->list, j->list_values);
  for (int64_t lane = 0; lane < p->blocks * LANES; lane += LANES) {
    i32v sum[ALL];
    sum_values((const int8_t *)p->weights + lane, -((int64_t)1 << p->row_shift), j->list, j->list_values, n, sum);
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


/* Append the numbers of the bits that are set, plus base; up to 64 entries behind the end may be overwritten. */
INLINE int32_t *append(int32_t *out, uint64_t set, int32_t base) {
  const int number = __builtin_popcountll(set);
#if defined(__AVX512VBMI2__) && defined(__AVX512BW__) && defined(__AVX512DQ__)
  static const uint8_t numbers[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                      22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
                                      44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  const __m512i found = _mm512_maskz_compress_epi8(set, _mm512_loadu_si512(numbers));
  store(out, (i32v)_mm512_cvtepu8_epi32(_mm512_castsi512_si128(found)) + base);
  if (__builtin_expect(number > 16, 0)) {
    store(out + 16, (i32v)_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(found, 1)) + base);
    store(out + 32, (i32v)_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(found, 2)) + base);
    store(out + 48, (i32v)_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(found, 3)) + base);
  }
#else
  for (int32_t *to = out; set; to += 4)
    for (int i = 0; i < 4; i++) { /* always four at a time, which leaves fewer branches to mispredict */
      to[i] = base + (set ? __builtin_ctzll(set) : 0);
      set &= set - 1;
    }
#endif
  return out + number;
}

/* Count the spikes of every row. */
void count_rows(const uint64_t *bits, int64_t rows, int64_t words, int64_t *counts) {
  for (int64_t y = 0; y < rows; y++) {
    counts[y] = 0;
    for (int64_t w = 0; w < words; w++) counts[y] += __builtin_popcountll(bits[y * words + w]);
  }
}

/* List the events of channels first..stop of rows row..row_stop; the events of row r begin at row_base[r]. */
void list_events(const uint64_t *bits, int64_t words, int64_t steps, int64_t width, int64_t channels, int64_t first, int64_t stop,
                 int64_t row, int64_t row_stop, const int64_t *row_base, int32_t *events, int32_t *starts) {
  const int64_t kept = stop - first;
  for (int64_t r = row; r < row_stop; r++) {
    int32_t *out = events + row_base[r];
    for (int64_t t = 0; t < steps; t++) {
      const uint64_t *line = bits + (r * steps + t) * words;
      int32_t *start = starts + (r * steps + t) * (width + 1);
      if (kept == channels) { /* the row is one run of bits */
        int64_t x = 0;
        for (int64_t w = 0; w < words; w++) {
          const int32_t before = (int32_t)(out - events);
          for (; x * channels < (w + 1) * 64 && x < width; x++)
            start[x] = before + __builtin_popcountll(line[w] & (((uint64_t)1 << (x * channels & 63)) - 1));
          out = append(out, line[w], (int32_t)(w * 64));
        }
      } else
        for (int64_t x = 0; x < width; x++) {
          start[x] = (int32_t)(out - events);
          for (int64_t c = 0; c < kept; c += 64) {
            const int64_t bit = x * channels + first + c;
            uint64_t set = word_at(line + (bit >> 6), bit & 63);
            if (kept - c < 64) set &= ((uint64_t)1 << (kept - c)) - 1;
            out = append(out, set, (int32_t)(x * kept + c));
          }
        }
      start[width] = (int32_t)(out - events);
    }
  }
}

/* List the nonzero values of graded maps, one after the other, as events of one step. */
void list_values(const uint8_t *maps, int64_t rows, int64_t width, int64_t channels, int64_t first, int64_t stop, int32_t *events,
                 uint8_t *values, int32_t *starts) {
  int32_t n = 0;
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t x = 0; x < width; x++) {
      starts[r * (width + 1) + x] = n;
      for (int64_t c = first; c < stop; c++) {
        const uint8_t value = maps[(r * width + x) * channels + c];
        events[n] = (int32_t)(x * (stop - first) + c - first);
        values[n] = value;
        n += value != 0;
      }
    }
    starts[r * (width + 1) + width] = n;
  }
}

/* Spread bits to bytes: from [image][y][t][x*C + c] to [image][neuron][t] (trains) or to [image][t][neuron] (a raster). */
void spread(const uint64_t *bits, int64_t words, int64_t steps, int64_t rows, int64_t height, int64_t row, int64_t by_neuron,
            uint8_t *out) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t t = 0; t < steps; t++)
      for (int64_t i = 0; i < row; i++) {
        const uint8_t set = bits[(r * steps + t) * words + (i >> 6)] >> (i & 63) & 1;
        out[by_neuron ? (r * row + i) * steps + t : ((r / height * steps + t) * height + r % height) * row + i] = set;
      }
}
