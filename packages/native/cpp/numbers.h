// float32 and bfloat16, which is the upper half of a float32: computed with as float32, one value or sixteen at a time, and
// stored rounded to nearest, ties to even.
#pragma once
#include <tensorflow/c/tf_datatype.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

struct bfloat16 {
  uint16_t bits;
};

template <class T>
constexpr TF_DataType typeOf() {
  return std::is_same<T, float>::value ? TF_FLOAT : TF_BFLOAT16;
}

/** As many numbers as the widest processors hold in one register; the compiler makes several of it on others. */
constexpr int lanes = 16;
typedef float Wide __attribute__((vector_size(4 * lanes)));
typedef uint32_t WideBits __attribute__((vector_size(4 * lanes)));
typedef uint16_t WideHalves __attribute__((vector_size(2 * lanes)));

template <class To, class From>
inline To bitCast(const From& from) {
  static_assert(sizeof(To) == sizeof(From), "the same size");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

/** One number (`V` is float) or sixteen (`Wide`). */
template <class V>
inline V load(const float* from) {
  V value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class V>
inline V load(const bfloat16* from) {
  if constexpr (std::is_same<V, float>::value) {
    return bitCast<float>(static_cast<uint32_t>(from->bits) << 16);
  } else {
#if defined(__AVX512F__)
    // Of the general form GCC makes two halves that it joins, five instructions for one.
    return bitCast<Wide>(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))), 16));
#else
    WideHalves halves;
    std::memcpy(&halves, from, sizeof halves);
    return bitCast<Wide>(__builtin_convertvector(halves, WideBits) << 16);
#endif
  }
}

/**
 * Writes past the caches, which are not filled with what they cannot hold until it is read. `to` is aligned to its size. Such
 * writes may be seen late by other threads: the atomic operation with which a thread ends its work puts them in order.
 */
inline void stream(void* to, const Wide& value) {
#if defined(__AVX512F__)
  _mm512_stream_ps(static_cast<float*>(to), bitCast<__m512>(value));
#elif defined(__AVX__)
  struct Halves {
    __m256 low, high;
  };
  const Halves halves = bitCast<Halves>(value);
  _mm256_stream_ps(static_cast<float*>(to), halves.low);
  _mm256_stream_ps(static_cast<float*>(to) + 8, halves.high);
#else
  std::memcpy(to, &value, sizeof value);
#endif
}

inline void stream(void* to, const WideHalves& value) {
#if defined(__AVX__)
  _mm256_stream_si256(static_cast<__m256i*>(to), bitCast<__m256i>(value));
#else
  std::memcpy(to, &value, sizeof value);
#endif
}

template <bool Streaming = false, class V>
inline void store(float* to, V value) {
  if constexpr (Streaming && std::is_same<V, Wide>::value) stream(to, value);
  else std::memcpy(to, &value, sizeof value);
}

template <bool Streaming = false, class V>
inline void store(bfloat16* to, V value) {
  using Bits = typename std::conditional<std::is_same<V, float>::value, uint32_t, WideBits>::type;
  const Bits bits = bitCast<Bits>(value);
  const Bits rounded = bits + 0x7fff + ((bits >> 16) & 1);
  // Rounding could carry a NaN's payload over into infinity.
  const Bits kept = (value != value ? bits | 0x400000 : rounded) >> 16;
  if constexpr (std::is_same<V, float>::value) {
    to->bits = static_cast<uint16_t>(kept);
  } else {
    const WideHalves halves = __builtin_convertvector(kept, WideHalves);
    if constexpr (Streaming) stream(to, halves);
    else std::memcpy(to, &halves, sizeof halves);
  }
}

/** `body(c, zero)` for all channels: sixteen at a time with a `Wide` zero, what is left one by one with a float. */
template <class Body>
inline __attribute__((always_inline)) void overChannels(int64_t channels, const Body& body) {
  int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) body(c, Wide{});
  for (; c < channels; c++) body(c, 0.f);
}
