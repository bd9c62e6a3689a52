/* Populations that read or send payloads; a part of kernels.c.
 *
 * Payloads are bytes, plane[r][t][x*C + c]; what signed payloads take back is a second plane, of magnitudes. A reader takes a plane as
 * lists of its nonzero values, or reads every value of a window (`add_windows`). Sums of pairs of a position and a step are made together:
 * a tile of pairs keeps the sums of 32 lanes in registers, while the weights of 4 channels of a position of the window, in the order of
 * vpdpbusd, pass once for all pairs of the tile.
 */
#define PAIRS 48 /* summed together: what current[][] holds */
#define TILE 12  /* pairs whose dense sums stay in registers */
#define ENTRY (TILE + 1) /* addresses of one tap: for each pair of a tile, and the place of its weights */
#define DENSE 32 /* lanes of dense sums */
#define FEW 8    /* positions of a map at whose edge most windows end; images of larger ones lie too far apart for a cache */

typedef int32_t i32_any __attribute__((aligned(1), may_alias));

#if WIDE == 64 && defined(__AVX512VNNI__)
#define MULTIPLIES_BYTES
#endif

/* Share of nonzero values, in thousandths, from which windows are summed densely; 1001: never. Only speed depends on it.
 *
 * Measured for 3x3 layers at 1 and at 4 steps, lists made included, on one core of a Cascade Lake: lists and dense windows take the same
 * time at 6 % of 32 channels, 9 % of 64, and 13 to 15 % of 128 to 512. With AVX2, on an EPYC, whole networks take the same time from 15 to
 * 60 %. */
int64_t dense_from(void) {
#if defined(MULTIPLIES_BYTES)
  return 120;
#elif WIDE >= 32
  return 350;
#else
  return 1001;
#endif
}

/* Find what pairs of a position and a step read at each of the window's taps: the address of its channels, or of zeros. Taps at which a
 * tile reads nothing but zeros are left out; used[tile] is the number of the others. */
static __attribute__((noinline)) void find_addresses(const piece *p, const source *s, const job *j, const place *places, int64_t number,
                                                     int64_t steps, int64_t plane_steps, int64_t *used) {
  const int64_t row_bytes = s->width * s->channels;
  int64_t pair = 0, clipped[PAIRS / TILE] = {0};
  for (const place *at = places; at < places + number; at++) {
    const int32_t *rows = p->tap_rows + 2 * p->row_starts[at->y], *rows_end = p->tap_rows + 2 * p->row_starts[at->y + 1];
    const int32_t *columns = p->tap_columns + 3 * p->column_starts[at->x], *columns_end = p->tap_columns + 3 * p->column_starts[at->x + 1];
    const uint8_t *plane = s->plane + (at->image * s->height * plane_steps + at->t0) * row_bytes + s->first;
    for (int64_t t = 0; t < steps; t++, pair++, plane += row_bytes) {
      const uint8_t **to = j->addresses + pair / TILE * ENTRY * p->taps + pair % TILE;
      int64_t found = 0;
      for (const int32_t *c = columns; c < columns_end; c += 3) found += c[1] - c[0];
      if (found * ((rows_end - rows) / 2) < p->taps) {
        clipped[pair / TILE]++;
        for (int64_t tap = 0; tap < p->taps; tap++) to[tap * ENTRY] = j->zeros;
      }
      for (const int32_t *r = rows; r < rows_end; r += 2)
        for (const int32_t *c = columns; c < columns_end; c += 3) {
          const uint8_t *from = plane + r[0] * plane_steps * row_bytes;
          for (int64_t x = c[0]; x < c[1]; x++) to[(r[1] + c[2] + x) * ENTRY] = from + x * s->channels;
        }
    }
  }
  for (; pair % TILE; pair++) { /* the last tile is full, too */
    clipped[pair / TILE]++;
    for (int64_t tap = 0; tap < p->taps; tap++) j->addresses[(pair / TILE * p->taps + tap) * ENTRY + pair % TILE] = j->zeros;
  }
  for (int64_t tile = 0; tile < pair / TILE; tile++) {
    const uint8_t **kept = j->addresses + tile * p->taps * ENTRY;
    used[tile] = 0;
    for (int64_t tap = 0; tap < p->taps; tap++) {
      const uint8_t **one = j->addresses + (tile * p->taps + tap) * ENTRY;
      int reads = clipped[tile] < TILE;
      for (int i = 0; i < TILE; i++) reads |= one[i] != j->zeros;
      if (!reads) continue;
      if (kept != one) memcpy(kept, one, TILE * sizeof *one);
      kept[TILE] = (const uint8_t *)(tap * ((p->channels + 3) / 4) * 4 * DENSE);
      kept += ENTRY, used[tile]++;
    }
  }
}

#if defined(MULTIPLIES_BYTES)
/* Add products of 4 bytes. The compiler's own function copies sums between registers; this one does not. */
INLINE void multiply(__m512i *sum, __m512i values, __m512i weights) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(values), "v"(weights));
}

/* Sum 32 lanes of a tile's first n pairs. Addresses are read anew every time, because there are more than general registers. */
INLINE void sum_pairs(const int n, const int8_t *weights, const uint8_t *const volatile *addresses, int64_t taps, int64_t quads,
                      i32v out[][DENSE / NUMBERS]) {
  __m512i sums[TILE][2];
#pragma GCC unroll 12
  for (int i = 0; i < n; i++) sums[i][0] = sums[i][1] = _mm512_setzero_si512();
  for (int64_t tap = 0; tap < taps; tap++, addresses += ENTRY) {
    const int8_t *at = weights + (intptr_t)addresses[TILE];
    for (int64_t q = 0; q < quads; q++, at += 4 * DENSE) {
      const __m512i low = _mm512_load_si512(at), high = _mm512_load_si512(at + 2 * DENSE);
#pragma GCC unroll 12
      for (int i = 0; i < n; i++) {
        const __m512i values = _mm512_set1_epi32(*(const i32_any *)(addresses[i] + 4 * q));
        multiply(&sums[i][0], values, low);
        multiply(&sums[i][1], values, high);
      }
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < n; i++) out[i][0] = (i32v)sums[i][0], out[i][1] = (i32v)sums[i][1];
}

#define SUM_PAIRS(n)                                                                                                                      \
  static __attribute__((noinline)) void sum_##n(const int8_t *weights, const uint8_t *const volatile *addresses, int64_t taps,           \
                                                int64_t quads, i32v out[][DENSE / NUMBERS]) {                                             \
    sum_pairs(n, weights, addresses, taps, quads, out);                                                                                   \
  }
SUM_PAIRS(12) /* functions of their own, so that sums have all registers */
SUM_PAIRS(8)
SUM_PAIRS(4)
SUM_PAIRS(2)
SUM_PAIRS(1)

/* Sum 32 lanes of the pairs of a tile, of which some are left. */
static void sum_tile(int64_t left, const int8_t *weights, const uint8_t *const *addresses, int64_t taps, int64_t quads,
                     i32v out[][DENSE / NUMBERS]) {
  if (left > 8) sum_12(weights, addresses, taps, quads, out);
  else if (left > 4) sum_8(weights, addresses, taps, quads, out);
  else if (left > 2) sum_4(weights, addresses, taps, quads, out);
  else if (left > 1) sum_2(weights, addresses, taps, quads, out);
  else sum_1(weights, addresses, taps, quads, out);
}
#elif WIDE >= 32
#define FEW_PAIRS 3 /* whose sums of half of the lanes have registers */

/* Sum half of 32 lanes of a few pairs. Products of bytes are made of words, because two of them together do not fit into 16 bits. */
static __attribute__((noinline)) void sum_pairs(const int8_t *weights, const uint8_t *const *addresses, int64_t place, int64_t taps,
                                                int64_t quads, int32_t *out) {
  __m256i sums[FEW_PAIRS][4]; /* two numbers for each lane */
#pragma GCC unroll 12
  for (int i = 0; i < 4 * FEW_PAIRS; i++) sums[i / 4][i % 4] = _mm256_setzero_si256();
  for (int64_t tap = 0; tap < taps; tap++, addresses += ENTRY) {
    const int8_t *at = weights + (intptr_t)addresses[place];
    for (int64_t q = 0; q < quads; q++, at += 4 * DENSE) {
      __m256i values[FEW_PAIRS];
#pragma GCC unroll 3
      for (int i = 0; i < FEW_PAIRS; i++) values[i] = _mm256_cvtepu8_epi16(_mm_set1_epi32(*(const i32_any *)(addresses[i] + 4 * q)));
#pragma GCC unroll 4
      for (int k = 0; k < 4; k++) {
        const __m256i here = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)at + k));
#pragma GCC unroll 3
        for (int i = 0; i < FEW_PAIRS; i++) sums[i][k] = _mm256_add_epi32(sums[i][k], _mm256_madd_epi16(values[i], here));
      }
    }
  }
#pragma GCC unroll 3
  for (int i = 0; i < FEW_PAIRS; i++)
    for (int k = 0; k < 2; k++) /* lanes in their order: 0 1 4 5 2 3 6 7 */
      _mm256_storeu_si256((__m256i *)(out + DENSE * i) + k,
                          _mm256_permute4x64_epi64(_mm256_hadd_epi32(sums[i][2 * k], sums[i][2 * k + 1]), 0xd8));
}

/* Sum 32 lanes of the pairs of a tile, of which some are left. */
static void sum_tile(int64_t left, const int8_t *weights, const uint8_t *const *addresses, int64_t taps, int64_t quads,
                     i32v out[][DENSE / NUMBERS]) {
  for (int64_t i = 0; i < left; i += FEW_PAIRS) /* a tile is full */
    for (int half = 0; half < 2; half++)
      sum_pairs(weights + 2 * DENSE * half, addresses + i, TILE - i, taps, quads, (int32_t *)out[i] + DENSE / 2 * half);
}
#else
static void sum_tile(int64_t left, const int8_t *weights, const uint8_t *const *addresses, int64_t taps, int64_t quads,
                     i32v out[][DENSE / NUMBERS]) {
  (void)left, (void)weights, (void)addresses, (void)taps, (void)quads, (void)out;
}
#endif

/* Sum the windows of pairs of `number` positions and `steps` steps for the first `lanes` lanes of a block; add them to out[pair][0..stride],
 * or write them there if they are the first. */
static __attribute__((noinline)) void add_windows(const piece *p, const source *s, const job *j, const place *places, int64_t number, int64_t steps,
                        int64_t plane_steps, int64_t width, int64_t lanes, int32_t *out, int64_t stride, int first) {
  const int64_t quads = (p->channels + 3) / 4, pairs = number * steps;
  const int64_t stop = lanes - p->offset < p->blocks * LANES ? lanes - p->offset : p->blocks * LANES;
  int64_t used[PAIRS / TILE];
  find_addresses(p, s, j, places, number, steps, plane_steps, used);
  for (int64_t lane = 0; lane < stop; lane += DENSE) {
    const int8_t *weights = p->dense + lane * p->taps * quads * 4;
    for (int64_t pair = 0; pair < pairs; pair += TILE) {
      i32v sums[TILE][DENSE / NUMBERS];
      const uint8_t *const *addresses = (const uint8_t *const *)j->addresses + pair / TILE * p->taps * ENTRY;
      const int64_t left = pairs - pair, here = left < TILE ? left : TILE;
      sum_tile(here, weights, addresses, used[pair / TILE], quads, sums);
      for (int64_t i = 0; i < here; i++) {
        int32_t *to = out + (pair + i) * stride + p->offset + lane;
        const place *at = places + (steps == 1 ? pair + i : (pair + i) / steps);
        for (int k = 0; k < DENSE / NUMBERS; k++) {
          i32v sum = sums[i][k] << (int)p->shift;
          if (p->gain) sum *= p->gain[at->y * width + at->x];
          store(to + NUMBERS * k, first ? sum : load(to + NUMBERS * k) + sum);
        }
      }
    }
  }
}

/* Sum 64 lanes of the rows of weights of n events times their values; one more event may be overwritten. */
#if WIDE == 64
INLINE void sum_values(const int8_t *weights, int shift, uint16_t *list, uint8_t *values, int64_t n, i32v out[ALL]) {
  const __m512i byte = _mm512_set1_epi16(255);
  __m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  int32_t all = 0;
  list[n] = 0, values[n] = 0;
  for (int64_t i = 0; i < n; i += 2) { /* two events at a time, which one instruction multiplies and adds */
    const __m512i a = _mm512_load_si512(weights + ((int64_t)list[i] << shift)), b = _mm512_load_si512(weights + ((int64_t)list[i + 1] << shift));
    const __m512i both = _mm512_set1_epi32(values[i] | values[i + 1] << 16);
    const __m512i low_a = _mm512_and_si512(a, byte), low_b = _mm512_and_si512(b, byte);
    const __m512i high_a = _mm512_srai_epi16(a, 8), high_b = _mm512_srai_epi16(b, 8);
    sum[0] = _mm512_add_epi32(sum[0], _mm512_madd_epi16(_mm512_unpacklo_epi16(low_a, low_b), both));
    sum[1] = _mm512_add_epi32(sum[1], _mm512_madd_epi16(_mm512_unpackhi_epi16(low_a, low_b), both));
    sum[2] = _mm512_add_epi32(sum[2], _mm512_madd_epi16(_mm512_unpacklo_epi16(high_a, high_b), both));
    sum[3] = _mm512_add_epi32(sum[3], _mm512_madd_epi16(_mm512_unpackhi_epi16(high_a, high_b), both));
    all += values[i] + values[i + 1];
  }
  for (int k = 0; k < 4; k += 2) { /* even words, then odd ones; the low bytes without the 128 of every weight */
    const __m512 a = (__m512)sum[k], b = (__m512)sum[k + 1];
    out[k] = (i32v)_mm512_shuffle_ps(a, b, 0x88) - (k ? 0 : 128 * all);
    out[k + 1] = (i32v)_mm512_shuffle_ps(a, b, 0xdd) - (k ? 0 : 128 * all);
  }
}
#elif WIDE == 32
INLINE void sum_values(const int8_t *weights, int shift, uint16_t *list, uint8_t *values, int64_t n, i32v out[ALL]) {
  const __m256i byte = _mm256_set1_epi16(255);
  __m256i sum[8]; /* of low lanes, then of high ones */
  int32_t all = 0;
  for (int k = 0; k < 8; k++) sum[k] = _mm256_setzero_si256();
  list[n] = 0, values[n] = 0;
  for (int64_t i = 0; i < n; i += 2) { /* two events at a time, which one instruction multiplies and adds */
    const __m256i both = _mm256_set1_epi32(values[i] | values[i + 1] << 16);
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++) {
      const __m256i a = _mm256_load_si256((const __m256i *)(weights + ((int64_t)list[i] << shift)) + half);
      const __m256i b = _mm256_load_si256((const __m256i *)(weights + ((int64_t)list[i + 1] << shift)) + half);
      const __m256i low_a = _mm256_and_si256(a, byte), low_b = _mm256_and_si256(b, byte);
      const __m256i high_a = _mm256_srai_epi16(a, 8), high_b = _mm256_srai_epi16(b, 8);
      __m256i *low = sum + 2 * half, *high = sum + 4 + 2 * half;
      low[0] = _mm256_add_epi32(low[0], _mm256_madd_epi16(_mm256_unpacklo_epi16(low_a, low_b), both));
      low[1] = _mm256_add_epi32(low[1], _mm256_madd_epi16(_mm256_unpackhi_epi16(low_a, low_b), both));
      high[0] = _mm256_add_epi32(high[0], _mm256_madd_epi16(_mm256_unpacklo_epi16(high_a, high_b), both));
      high[1] = _mm256_add_epi32(high[1], _mm256_madd_epi16(_mm256_unpackhi_epi16(high_a, high_b), both));
    }
    all += values[i] + values[i + 1];
  }
  for (int k = 0; k < 8; k += 2) { /* even words, then odd ones; the low bytes without the 128 of every weight */
    const __m256 a = (__m256)sum[k], b = (__m256)sum[k + 1];
    i32v *to = out + 4 * (k / 2 % 2) + 2 * (k / 4); /* both low parts, then both high ones */
    to[0] = (i32v)_mm256_shuffle_ps(a, b, 0x88) - (k < 4 ? 128 * all : 0);
    to[1] = (i32v)_mm256_shuffle_ps(a, b, 0xdd) - (k < 4 ? 128 * all : 0);
  }
}
#else
INLINE void sum_values(const int8_t *weights, int shift, uint16_t *list, uint8_t *values, int64_t n, i32v out[ALL]) {
  const i16v even = (i16v)((i32v){0} + 1), odd = (i16v)((i32v){0} + (1 << 16));
  for (int k = 0; k < ALL; k++) out[k] = (i32v){0};
  for (int64_t i = 0; i < n; i++) {
    const i16v *row = (const i16v *)(weights + ((int64_t)list[i] << shift));
    for (int part = 0; part < PARTS; part++) {
      const i16v low = ((row[part] & 255) - 128) * (int16_t)values[i], high = (row[part] >> 8) * (int16_t)values[i];
      i32v *to = out + 4 * part;
      to[0] = add_products(to[0], low, even), to[1] = add_products(to[1], low, odd);
      to[2] = add_products(to[2], high, even), to[3] = add_products(to[3], high, odd);
    }
  }
}
#endif

/* Add the rows of weights of listed events times their values. */
static void add_values(const piece *p, const source *s, const job *j, const place *at, int64_t lanes, int32_t gain, int first) {
  const int number = window(p, s, at, j->steps, at->t0, j->runs);
  int32_t *current = at->current + p->offset;
  for (int64_t t = 0; t < at->t1 - at->t0; t++, current += lanes) {
    const int64_t n = gather(s, j->runs, number, t * (s->width + 1), j->list, j->list_values);
    for (int64_t lane = 0; lane < p->blocks * LANES; lane += LANES) {
      i32v sum[ALL];
      sum_values((const int8_t *)p->weights + lane, (int)p->row_shift, j->list, j->list_values, n, sum);
      for (int k = 0; k < ALL; k++) {
        int32_t *to = current + lane + NUMBERS * k;
        const i32v all = (sum[k] << (int)p->shift) * gain;
        store(to, first ? all : load(to) + all);
      }
    }
  }
}

/* Depthwise: add every lane's weight times the value of its channel. The product of 8 bits each fits in 16. */
static __attribute__((noinline)) void add_scaled(const piece *p, const source *s, const job *j, const place *at, int64_t lanes, int64_t real, int32_t gain,
                       int first) {
  const int64_t row_bytes = s->width * s->channels, stop = real - p->offset < p->blocks * LANES ? real - p->offset : p->blocks * LANES;
  const int32_t *rows = p->rows + 2 * p->row_starts[at->y], *rows_end = p->rows + 2 * p->row_starts[at->y + 1];
  const int32_t *columns = p->columns + 3 * p->column_starts[at->x], *columns_end = p->columns + 3 * p->column_starts[at->x + 1];
  for (int64_t t = at->t0; t < at->t1; t++)
    for (int64_t lane = 0; lane < stop; lane += WORDS) {
      const uint8_t *plane = s->plane + (at->image * s->height * j->steps + t) * row_bytes + p->first + lane;
      i32v low = {0}, high = {0};
      for (const int32_t *r = rows; r < rows_end; r += 2)
        for (const int32_t *c = columns; c < columns_end; c += 3) {
          const uint8_t *line = plane + r[0] * j->steps * row_bytes;
          const i16v *weights = (const i16v *)p->weights + (r[1] + c[2]) * p->blocks * 2 * PARTS + lane / WORDS;
          for (int64_t x = c[0]; x < c[1]; x++) {
            const i16v product = words_of(line + x * p->channels) * weights[x * p->blocks * 2 * PARTS];
            low += half_of(product, 0);
            high += half_of(product, 1);
          }
        }
      int32_t *to = at->current + (t - at->t0) * lanes + p->offset + lane;
      low = (low << (int)p->shift) * gain, high = (high << (int)p->shift) * gain;
      store(to, first ? low : load(to) + low);
      store(to + NUMBERS, first ? high : load(to + NUMBERS) + high);
    }
}

/* Keep the first neuron, by image and step, whose input of one step is beyond the limit. */
static __attribute__((noinline)) void keep_beyond(const layer *l, const block *b, job *j, const place *at, const int32_t *constant) {
  for (int64_t t = at->t0; t < at->t1; t++)
    for (int64_t lane = 0; lane < real_lanes(l, b); lane++) {
      const int64_t value = at->current[(t - at->t0) * b->lanes + lane] + constant[lane];
      const int64_t neuron = (at->y * l->width + at->x) * l->channels + b->lane + lane;
      if (value <= l->limit && value >= -l->limit) continue;
      if (j->beyond && (at->image != j->image ? at->image > j->image : t != j->step ? t > j->step : neuron > j->neuron)) continue;
      j->beyond = 1, j->image = at->image, j->step = t, j->neuron = neuron, j->value = value;
    }
}

static void check(const layer *l, const block *b, job *j, const place *at) {
  const int32_t *constant = constants(l, j, at) + b->lane;
  const uint32_t limit = (uint32_t)l->limit;
  i32v beyond = {0};
  for (int64_t t = 0; t < at->t1 - at->t0; t++)
    for (int64_t lane = 0; lane < real_lanes(l, b); lane += NUMBERS) {
      const u32v input = (u32v)(load(at->current + t * b->lanes + lane) + load(constant + lane));
      beyond |= (i32v)(input + limit > limit * 2);
    }
  if (__builtin_expect(bits_of(beyond) != 0, 0)) keep_beyond(l, b, j, at, constant);
}

INLINE i32v clipped_to(i32v v, int32_t limit, job *j) {
  int32_t apart[NUMBERS];
  store(apart, v);
  clip(apart, NUMBERS, limit, j);
  return load(apart);
}

/* Step the neurons of a block of one position and send their payloads; parameters as for `fire`. Those of a stream keep their potential,
 * and send how far their activation is from what they sent so far. */
INLINE void send(const int is_signed, const int is_shift, const int is_delta, const layer *l, const block *b, job *j, const place *at,
                 neurons *state) {
  const int64_t position = at->y * l->width + at->x, first = (at->row * l->width + at->x) * l->channels + b->lane;
  const int64_t row_bytes = l->width * l->channels, plane = (at->row * j->steps + at->t0) * row_bytes + at->x * l->channels + b->lane;
  const int32_t *constant = constants(l, j, at) + b->lane, limit = (int32_t)l->limit, most = (int32_t)l->largest;
  for (int64_t lane = 0; lane < real_lanes(l, b); lane += NUMBERS) {
    const int64_t n = real_lanes(l, b) - lane;
    neurons *own = state + lane / LANES;
    const i32v bits = load(l->vth_bits + position * l->vth_stride + b->lane + lane);
    const i32v vth = load(l->vth + position * l->vth_stride + b->lane + lane), add = load(constant + lane);
    i32v v = load(l->v_init + position * l->v_init_stride + b->lane + lane), counts = {0}, sent = {0};
    if (!at->t0 && l->sent_init) counts = load(l->sent_init + position * l->v_init_stride + b->lane + lane);
    if (at->t0) v = load(own->v + lane % LANES), counts = load(own->counts + lane % LANES), sent = load(own->sent + lane % LANES);
    for (int64_t t = 0; t < at->t1 - at->t0; t++) {
      uint8_t *to = j->plane + plane + t * row_bytes + lane;
      v += load(at->current + t * b->lanes + lane) + add;
      const i32v beyond = (i32v)((u32v)v + (uint32_t)limit > (uint32_t)limit * 2);
      if (__builtin_expect(bits_of(beyond) != 0, 0)) v = clipped_to(v, limit, j);
      i32v k;
      if (is_delta) {
        const i32v zero = {0}, up = v >= vth, theta = zero + (int32_t)l->theta;
        k = (is_shift ? larger(smaller(v >> bits, zero + most), zero) : -up) - counts;
        k &= (k >= theta) | (k <= -theta);
      } else if (is_shift) {
        const i32v zero = {0}, least = is_signed ? larger(-counts, zero - most) : zero;
        k = larger(smaller(v >> bits, zero + most), least);
        v -= k << bits;
      } else {
        const i32v up = v >= vth, down = (v < 0) & (counts > 0);
        k = down - up;
        v += (vth & down) - (vth & up);
      }
      counts += k;
      const i32v some = k != 0;
      sent -= some;
      if (is_signed) {
        const i32v above = k > 0, below = k < 0;
        put_bytes(to, bytes_of(k & above), n);
        if (l->least && j->negative_plane) put_bytes(j->negative_plane + (to - j->plane), bytes_of(-k & below), n);
        j->positive += __builtin_popcount(bits_of(above)), j->negative += __builtin_popcount(bits_of(below));
      } else {
        put_bytes(to, bytes_of(k), n);
        j->positive += __builtin_popcount(bits_of(some));
      }
    }
    if (at->t1 == j->steps) {
      if (j->potential) put(j->potential + first + lane, v, n);
      put_narrow(j->counts, first + lane, j->counts_bytes, counts, n);
      put_narrow(j->sent, first + lane, j->sent_bytes, sent, n);
    } else {
      store(own->v + lane % LANES, v), store(own->counts + lane % LANES, counts), store(own->sent + lane % LANES, sent);
    }
  }
}

/* The same for one step of payloads of several bits, where no neuron takes anything back and results are bytes. */
static __attribute__((noinline)) void send_once(const layer *l, const block *b, job *j, const place *places, int64_t number) {
  const int64_t constant_stride = j->constant_stride, vth_stride = l->vth_stride, v_stride = l->v_init_stride;
  const int64_t stride = b->lanes, real = real_lanes(l, b);
  int64_t positions[PAIRS], results[PAIRS];
  for (int64_t q = 0; q < number; q++) {
    positions[q] = places[q].y * l->width + places[q].x;
    results[q] = (places[q].row * l->width + places[q].x) * l->channels;
  }
  const i32v zero = {0}, most = zero + (int32_t)l->largest;
  const u32v limit = (u32v)zero + (uint32_t)l->limit;
  int64_t nonzero = 0;
  i32v beyond = {0};
  for (int64_t lane = b->lane; lane < b->lane + real; lane += NUMBERS) {
    const int64_t n = b->lane + real - lane; /* bytes might alias anything, so what the loop reads stands in variables */
    const int32_t *current = places->current + lane - b->lane, *constant = j->constant + lane;
    const int32_t *vth_bits = l->vth_bits + lane, *v_init = l->v_init + lane;
    uint8_t *plane = j->plane + lane, *counts = (uint8_t *)j->counts + lane, *sent = (uint8_t *)j->sent + lane;
    int32_t *potential = j->potential ? j->potential + lane : NULL;
    for (int64_t q = 0; q < number; q++, current += stride) {
      const int64_t position = positions[q], to = results[q];
      const i32v input = load(current) + load(constant + position * constant_stride), bits = load(vth_bits + position * vth_stride);
      i32v v = input + load(v_init + position * v_stride);
      beyond |= (i32v)((u32v)input + limit > limit * 2);
      const i32v clipped = (i32v)((u32v)v + limit > limit * 2);
      if (__builtin_expect(bits_of(clipped) != 0, 0)) v = clipped_to(v, (int32_t)l->limit, j);
      const i32v k = smaller(larger(v >> bits, zero), most);
      const u8v bytes = bytes_of(k);
      nonzero += __builtin_popcount(bits_of(k != 0));
      put_bytes(plane + to, bytes, n);
      put_bytes(counts + to, bytes, n);
      put_bytes(sent + to, (u8v)(bytes != 0) & 1, n);
      if (potential) put(potential + to, v - (k << bits), n);
    }
  }
  j->positive += nonzero;
  if (l->checked && __builtin_expect(bits_of(beyond) != 0, 0))
    for (const place *one = places; one < places + number; one++) keep_beyond(l, b, j, one, constants(l, j, one) + b->lane);
}

static void add_piece(const piece *p, int64_t steps, const layer *l, const block *b, const job *j, const place *places, int64_t number,
                      int first) {
  const source *s = j->sources + p->source;
  if (p->kind == EVENTS && s->plane) {
    const int64_t here = places->t1 - places->t0;
    add_windows(p, s, j, places, number, here, steps, l->width, real_lanes(l, b), places->current, b->lanes, first);
    return;
  }
  for (const place *at = places; at < places + number; at++) {
    const int64_t position = at->y * l->width + at->x;
    const int32_t gain = p->gain ? p->gain[position] : 1;
    if (p->kind == SPARSE) add_sparse(p, s, at, j->steps, at->current, b->lanes, position * l->channels + b->lane, real_lanes(l, b));
    else if (p->kind == MASKED && s->plane) add_scaled(p, s, j, at, b->lanes, real_lanes(l, b), gain, first);
    else if (p->kind == MASKED) add_masked(p, s, j, at, b->lanes, gain, first);
    else if (s->values) add_values(p, s, j, at, b->lanes, gain, first);
    else {
      list_rows(p, s, at, j->steps);
      add_events(p, s, j, at, b->lanes, gain, first);
    }
  }
}

/* Sum the input of a block for all pairs of `number` positions and some steps. */
static void sum_pieces(const layer *l, const block *b, const job *j, const place *places, int64_t number) {
  const piece *end = b->pieces + b->spiking + (j->steps == 1 ? b->graded : 0);
  int fresh = 1;
  for (const piece *p = b->pieces; p < end; p++) {
    if (j->sources[p->source].silent) continue;
    const int whole = p->kind != SPARSE && p->offset == 0 && p->blocks * LANES == b->lanes;
    if (fresh && !whole) memset(places->current, 0, number * (places->t1 - places->t0) * b->lanes * sizeof(int32_t));
    add_piece(p, j->steps, l, b, j, places, number, fresh && whole);
    fresh = 0;
  }
  if (fresh) memset(places->current, 0, number * (places->t1 - places->t0) * b->lanes * sizeof(int32_t));
}

static void fire_all(const layer *l, const block *b, job *j, const place *places, int64_t number, neurons *state) {
  if (j->steps == 1 && l->largest > 1 && !l->theta) {
    send_once(l, b, j, places, number);
    return;
  }
  for (const place *at = places; at < places + number; at++) {
    if (l->checked) check(l, b, j, at);
    if (!l->largest) fire(l, b, j, at, state);
    else if (l->theta && l->largest == 1) send(1, 0, 1, l, b, j, at, state);
    else if (l->theta) send(1, 1, 1, l, b, j, at, state);
    else if (l->largest == 1) send(1, 0, 0, l, b, j, at, state);
    else if (l->least) send(1, 1, 0, l, b, j, at, state);
    else send(0, 1, 0, l, b, j, at, state);
  }
}

/* Set the places of neighbouring positions, from number `at` after row `row` on; or if `images` is not 0, the places of the same position
 * of so many images, then of the next position. */
static void set_places(place *places, int64_t number, const layer *l, int64_t row, int64_t images, int64_t at, int64_t t0, int64_t t1,
                       int32_t *current, int64_t lanes) {
  const int64_t apart = lanes * (t1 - t0);
  if (images) {
    int64_t position = at / images, n = at % images;
    for (int64_t q = 0; q < number; q++, current += apart) {
      const int64_t image = row / l->height + n, y = position / l->width;
      places[q] = (place){image * l->height + y, image, y, position % l->width, t0, t1, current};
      if (++n == images) n = 0, position++;
    }
    return;
  }
  int64_t r = row + at / l->width, x = at % l->width, image = r / l->height, y = r % l->height;
  for (int64_t q = 0; q < number; q++, current += apart) {
    places[q] = (place){r, image, y, x, t0, t1, current};
    if (++x < l->width) continue;
    x = 0, r++;
    if (++y == l->height) y = 0, image++;
  }
}

/* Run all steps of the neurons in rows row..row_stop of all images, blocks first..stop, of a population that reads or sends payloads. */
void run_valued(const layer *l, job *j, int64_t row, int64_t row_stop, int64_t first, int64_t stop) {
  neurons state[4];
  place places[PAIRS];
  const int64_t steps = j->steps < STEPS ? j->steps : STEPS, together = PAIRS / steps; /* 1 if there is more than one pass */
  const int64_t rows = row_stop - row, whole = row % l->height == 0 && rows % l->height == 0 && rows / l->height >= TILE;
  const int64_t images = whole && l->height * l->width <= FEW ? rows / l->height : 0; /* a tile at one edge leaves taps out */
  for (const block *b = l->blocks + first; b < l->blocks + stop; b++) {
    memset(j->current, 0, PAIRS * b->lanes * sizeof(int32_t)); /* nothing is written to lanes beyond the channels */
    for (int64_t at = 0; at < rows * l->width; at += together) {
      const int64_t left = rows * l->width - at, number = left < together ? left : together;
      for (int64_t t0 = 0; t0 < j->steps; t0 += STEPS) {
        const int64_t t1 = j->steps - t0 < STEPS ? j->steps : t0 + STEPS;
        set_places(places, number, l, row, images, at, t0, t1, j->current, b->lanes);
        sum_pieces(l, b, j, places, number);
        fire_all(l, b, j, places, number, state);
      }
    }
  }
}

/* Add the input of one step from planes of graded values to `constant`. */
static void graded_windows(const layer *l, const block *b, const piece *p, const job *j, int64_t row, int64_t row_stop) {
  place places[PAIRS];
  for (int64_t at = row * l->width; at < row_stop * l->width; at += PAIRS) {
    const int64_t left = row_stop * l->width - at, number = left < PAIRS ? left : PAIRS;
    set_places(places, number, l, 0, 0, at, 0, 1, NULL, 0);
    int32_t *out = j->constant + at * l->lanes + b->lane;
    add_windows(p, j->sources + p->source, j, places, number, 1, 1, l->width, real_lanes(l, b), out, l->lanes, 0);
  }
}
