/* Vectors as wide as the processor's, and what is written for each width; a part of kernels.c.
 *
 * Wider vectors than the processor's lie in memory and are copied word by word, which makes sums several times slower.
 */
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512BW__) && defined(__AVX512DQ__)
#define WIDE 64 /* bytes */
#elif defined(__AVX2__)
#define WIDE 32
#else
#define WIDE 16
#endif

#define NUMBERS (WIDE / 4) /* of 32 bits in a vector */
#define WORDS (WIDE / 2)   /* of 16 bits in a vector */
#define QUADS (WIDE / 8)   /* of 64 bits in a vector */

typedef int16_t i16v __attribute__((vector_size(WIDE)));
typedef i16v i16v_any __attribute__((aligned(2)));
typedef int16_t i16h __attribute__((vector_size(WIDE / 2)));
typedef int32_t i32v __attribute__((vector_size(WIDE)));
typedef uint32_t u32v __attribute__((vector_size(WIDE)));
typedef uint64_t u64v __attribute__((vector_size(WIDE)));
typedef i32v i32v_any __attribute__((aligned(4)));
typedef uint8_t u8v __attribute__((vector_size(NUMBERS)));
typedef u8v u8v_any __attribute__((aligned(1)));
typedef uint8_t u8w __attribute__((vector_size(WORDS)));
typedef u8w u8w_any __attribute__((aligned(1)));
typedef uint8_t bytes __attribute__((vector_size(WIDE))); /* one for every lane of four vectors of numbers */
#if WIDE == 64
typedef uint64_t flags __attribute__((may_alias)); /* one bit for every lane of four vectors of numbers */
#elif WIDE == 32
typedef uint32_t flags __attribute__((may_alias));
#else
typedef uint16_t flags __attribute__((may_alias));
#endif

INLINE i32v load(const int32_t *p) { return *(const i32v_any *)p; }
INLINE void store(int32_t *p, i32v v) { *(i32v_any *)p = v; }
INLINE i16v load_words(const uint16_t *p) { return *(const i16v_any *)p; }
INLINE void store_words(uint16_t *p, i16v v) { *(i16v_any *)p = v; }

/* Return one bit for every lane, set where the lane is. */
INLINE uint32_t bits_of(i32v lanes) {
#if WIDE == 64
  return _mm512_movepi32_mask((__m512i)lanes);
#elif WIDE == 32
  return (uint32_t)_mm256_movemask_ps((__m256)lanes);
#else
  uint32_t all = 0;
  for (int i = 0; i < NUMBERS; i++) all |= (uint32_t)(lanes[i] & 1) << i;
  return all;
#endif
}

/* Add words where the lane's bit is set. */
INLINE i16v add_where(i16v sum, uint32_t bits, i16v words) {
#if WIDE == 64
  return (i16v)_mm512_mask_add_epi16((__m512i)sum, bits, (__m512i)sum, (__m512i)words);
#elif WIDE == 32
  const __m256i one = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, -32768);
  return sum + (words & (i16v)_mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16((int16_t)bits), one), one));
#else
  for (int i = 0; i < WORDS; i++) sum[i] += words[i] & -(int16_t)(bits >> i & 1);
  return sum;
#endif
}

INLINE i32v larger(i32v a, i32v b) {
#if WIDE == 64
  return (i32v)_mm512_max_epi32((__m512i)a, (__m512i)b);
#elif WIDE == 32
  return (i32v)_mm256_max_epi32((__m256i)a, (__m256i)b);
#else
  return (a & (a > b)) | (b & (a <= b));
#endif
}

INLINE i32v smaller(i32v a, i32v b) {
#if WIDE == 64
  return (i32v)_mm512_min_epi32((__m512i)a, (__m512i)b);
#elif WIDE == 32
  return (i32v)_mm256_min_epi32((__m256i)a, (__m256i)b);
#else
  return (a & (a < b)) | (b & (a >= b));
#endif
}

INLINE u32v most_of(u32v a, u32v b) {
#if WIDE == 64
  return (u32v)_mm512_max_epu32((__m512i)a, (__m512i)b);
#elif WIDE == 32
  return (u32v)_mm256_max_epu32((__m256i)a, (__m256i)b);
#else
  return (a & (u32v)(a > b)) | (b & (u32v)(a <= b));
#endif
}

/* Take `vth` from the lanes of four vectors that are at least `from`; count them, and return their flags. */
INLINE flags fire_four(i32v v[4], const i32v from[4], const i32v vth[4], bytes *counts) {
#if WIDE == 64
  __mmask16 fires[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) {
    fires[k] = _mm512_cmpge_epi32_mask((__m512i)v[k], (__m512i)from[k]);
    v[k] = (i32v)_mm512_mask_sub_epi32((__m512i)v[k], fires[k], (__m512i)v[k], (__m512i)vth[k]);
  }
  const __mmask64 all = _mm512_kunpackd(_mm512_kunpackw(fires[3], fires[2]), _mm512_kunpackw(fires[1], fires[0]));
  *counts = (bytes)_mm512_mask_sub_epi8((__m512i)*counts, all, (__m512i)*counts, _mm512_set1_epi8(-1));
  return all;
#elif WIDE == 32
  __m256i fires[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) {
    fires[k] = (__m256i)(v[k] >= from[k]);
    v[k] -= vth[k] & (i32v)fires[k];
  }
  const __m256i mixed = _mm256_packs_epi16(_mm256_packs_epi32(fires[0], fires[1]), _mm256_packs_epi32(fires[2], fires[3]));
  const __m256i all = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  *counts -= (bytes)all;
  return (uint32_t)_mm256_movemask_epi8(all);
#else
  flags all = 0;
  for (int k = 0; k < 4; k++) {
    const i32v fires = v[k] >= from[k];
    v[k] -= vth[k] & fires;
    for (int i = 0; i < NUMBERS; i++) (*counts)[NUMBERS * k + i] -= (uint8_t)fires[i];
    all |= (flags)(bits_of(fires) << (NUMBERS * k));
  }
  return all;
#endif
}

/* Return the bytes of the k-th of four vectors as numbers. */
INLINE i32v numbers_of(bytes all, int k) {
#if WIDE == 64
  return (i32v)_mm512_cvtepu8_epi32(((const __m128i *)&all)[k]);
#elif WIDE == 32
  return (i32v)_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(((const long long *)&all)[k]));
#else
  return __builtin_convertvector(((const u8v *)&all)[k], i32v);
#endif
}

/* Return numbers of 0 to 255 as bytes. */
INLINE u8v bytes_of(i32v v) {
#if WIDE == 64
  return (u8v)_mm512_cvtepi32_epi8((__m512i)v);
#elif WIDE == 32
  const __m128i pairs = _mm_packus_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
  return (u8v)_mm_cvtsi128_si64(_mm_packus_epi16(pairs, pairs));
#else
  u8v narrow;
  for (int i = 0; i < NUMBERS; i++) narrow[i] = (uint8_t)v[i];
  return narrow;
#endif
}

/* Return bytes as words. */
INLINE i16v words_of(const uint8_t *from) {
#if WIDE == 64
  return (i16v)_mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)from));
#elif WIDE == 32
  return (i16v)_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)from));
#else
  return __builtin_convertvector(*(const u8w_any *)from, i16v);
#endif
}

/* Return the first or the second half of words as numbers. */
INLINE i32v half_of(i16v v, int which) {
#if WIDE == 64
  return (i32v)_mm512_cvtepi16_epi32(which ? _mm512_extracti64x4_epi64((__m512i)v, 1) : _mm512_castsi512_si256((__m512i)v));
#elif WIDE == 32
  return (i32v)_mm256_cvtepi16_epi32(which ? _mm256_extracti128_si256((__m256i)v, 1) : _mm256_castsi256_si128((__m256i)v));
#else
  return __builtin_convertvector(((const i16h *)&v)[which], i32v);
#endif
}

/* Add to every number the products of its two words. */
INLINE i32v add_products(i32v sum, i16v a, i16v b) {
#if WIDE == 64 && defined(__AVX512VNNI__)
  return (i32v)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif WIDE == 64
  return sum + (i32v)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif WIDE == 32
  return sum + (i32v)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return sum + (i32v)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
  for (int i = 0; i < NUMBERS; i++) sum[i] += a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
  return sum;
#endif
}

/* Return how many bits of each word of 64 are set. */
INLINE u64v ones_of(u64v v) {
#if WIDE == 64 && defined(__AVX512VPOPCNTDQ__)
  return (u64v)_mm512_popcnt_epi64((__m512i)v);
#elif WIDE == 64
  const __m512i ones = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4)), four = _mm512_set1_epi8(15);
  const __m512i low = _mm512_shuffle_epi8(ones, _mm512_and_si512((__m512i)v, four));
  const __m512i high = _mm512_shuffle_epi8(ones, _mm512_and_si512(_mm512_srli_epi16((__m512i)v, 4), four));
  return (u64v)_mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
#elif WIDE == 32
  const __m256i ones = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4)), four = _mm256_set1_epi8(15);
  const __m256i low = _mm256_shuffle_epi8(ones, _mm256_and_si256((__m256i)v, four));
  const __m256i high = _mm256_shuffle_epi8(ones, _mm256_and_si256(_mm256_srli_epi16((__m256i)v, 4), four));
  return (u64v)_mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
#else
  for (int i = 0; i < QUADS; i++) v[i] = (uint64_t)__builtin_popcountll(v[i]);
  return v;
#endif
}

/* Write the first n numbers. */
INLINE void put(int32_t *to, i32v v, int64_t n) {
  if (n >= NUMBERS) store(to, v);
  else memcpy(to, &v, n * sizeof(int32_t));
}

/* Write the first n bytes. */
INLINE void put_bytes(uint8_t *to, u8v v, int64_t n) {
  if (n >= NUMBERS) *(u8v_any *)to = v;
  else memcpy(to, &v, n);
}

/* Write the first n of numbers of 0 to 65535 as words. */
INLINE void put_words(uint16_t *to, i32v v, int64_t n) {
#if WIDE == 64
  _mm512_mask_cvtepi32_storeu_epi16(to, n >= NUMBERS ? (__mmask16)0xffff : (__mmask16)((1 << n) - 1), (__m512i)v);
#else
  for (int i = 0; i < (n < NUMBERS ? n : NUMBERS); i++) to[i] = (uint16_t)v[i];
#endif
}

/* Write the first n numbers to a place of an array whose numbers have so many bytes. */
INLINE void put_narrow(void *array, int64_t at, int64_t size, i32v v, int64_t n) {
  if (size == 1) put_bytes((uint8_t *)array + at, bytes_of(v), n);
  else if (size == 2) put_words((uint16_t *)array + at, v, n);
  else put((int32_t *)array + at, v, n);
}
