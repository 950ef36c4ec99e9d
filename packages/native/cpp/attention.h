// Attention of every token of an image to all of it: softmax(q k' / sqrt(depth)) v of each head, after Vaswani et al., "Attention
// Is All You Need" (arXiv:1706.03762), one head of one image at a time within a core's caches. The weights, tokens x tokens,
// never reach the memory: the gradient computes them again, as in Dao et al., "FlashAttention" (arXiv:2205.14135), of which
// the tiles are left out: hundreds of tokens fit as they are.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "parallel.h"
#include "products.h"

namespace attention {

using namespace products;

/** Queries, keys and values side by side: [images, tokens, 3 * channels], each a number of heads one after the other. */
struct Shape {
  int64_t images, tokens, channels, heads;

  int64_t depth() const { return channels / heads; }
  /** A row of weights, in whole registers. */
  int64_t row() const { return (tokens + width - 1) / width * width; }
};

/** One head's rows, which lie `from` numbers apart, side by side. */
inline void gather(const float* rows, int64_t from, float* to, int64_t tokens, int64_t depth) {
  for (int64_t t = 0; t < tokens; t++) std::memcpy(to + t * depth, rows + t * from, depth * sizeof(float));
}

/** Rows as columns, and noughts for tokens that fill up a register. */
inline void turn(const float* rows, float* to, const Shape& s) {
  const int64_t depth = s.depth();
  float square[width][width];
  for (int64_t t = 0; t < s.tokens; t += width)
    for (int64_t d = 0; d < depth; d += width) {
      for (int r = 0; r < width; r++)
        for (int c = 0; c < width; c++) square[c][r] = t + r < s.tokens ? rows[(t + r) * depth + d + c] : 0;
      for (int c = 0; c < width; c++) put(to + (d + c) * s.row() + t, get(square[c]));
    }
}

INLINE float sumOf(Vec value) {
  float sum = 0;
  for (int i = 0; i < width; i++) sum += value[i];
  return sum;
}

/** Of numbers that are not above 0, as Cephes' `expf`, to 2 units in the last place; what would be no normal number is next to nought. */
INLINE Vec exponential(Vec x) {
  typedef int32_t Ints __attribute__((vector_size(4 * width)));
  const Vec least = Vec{} - 87.3f;
  x = x < least ? least : x;
  const Ints power = __builtin_convertvector(x * 1.44269504f - 0.5f, Ints);
  const Vec n = __builtin_convertvector(power, Vec), r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const Ints bits = (power + 127) << 23;
  Vec scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return (p * r * r + r + 1.f) * scale;
}

/** `softmax(q k' / sqrt(depth))`, by rows; `turned` is k'. Behind the last token there are noughts. */
inline void weigh(const float* q, const float* turned, float* weights, const Shape& s) {
  const int64_t depth = s.depth(), row = s.row();
  const float scale = 1 / std::sqrt(static_cast<float>(depth));
  multiply(q, depth, 1, turned, row, weights, row, s.tokens, row, depth);
  for (int64_t t = 0; t < s.tokens; t++) {
    float* w = weights + t * row;
    float highest = w[0];
    const int64_t whole = s.tokens / width * width;
    if (whole > 0) {
      Vec most = get(w);
      for (int64_t i = width; i < whole; i += width) {
        const Vec next = get(w + i);
        most = next > most ? next : most;
      }
      for (int i = 0; i < width; i++) highest = std::max(highest, most[i]);
    }
    for (int64_t i = whole; i < s.tokens; i++) highest = std::max(highest, w[i]);
    Vec sums{};
    for (int64_t i = 0; i < row; i += width) {
      const Vec each = exponential((get(w + i) - highest) * scale);
      put(w + i, each);
      if (i < whole) sums += each;
    }
    float sum = sumOf(sums);
    for (int64_t i = whole; i < s.tokens; i++) sum += w[i];
    const float factor = 1 / sum;
    for (int64_t i = 0; i < row; i += width) put(w + i, get(w + i) * factor);
    std::fill(w + s.tokens, w + row, 0.f);
  }
}

/** A head's place in an image with queries, keys and values, and in one with results. */
struct Place {
  int64_t all, result;

  Place(const Shape& s, int64_t head)
      : all(head / s.heads * s.tokens * 3 * s.channels + head % s.heads * s.depth()),
        result(head / s.heads * s.tokens * s.channels + head % s.heads * s.depth()) {}
};

inline Scratch& own() {
  static thread_local Scratch kept;
  return kept;
}

/** `y`, [images, tokens, channels]. */
inline void attend(const float* qkv, float* y, const Shape& s) {
  Threads::get().run(static_cast<int>(s.images * s.heads), [=](int head) {
    const Place at(s, head);
    const int64_t depth = s.depth(), rows = s.tokens * depth, apart = 3 * s.channels;
    float *q = own().of(3 * rows + (depth + s.tokens) * s.row()), *k = q + rows, *v = k + rows, *turned = v + rows;
    float* weights = turned + depth * s.row();
    for (int part = 0; part < 3; part++) gather(qkv + at.all + part * s.channels, apart, q + part * rows, s.tokens, depth);
    turn(k, turned, s);
    weigh(q, turned, weights, s);
    multiply(weights, s.row(), 1, v, depth, y + at.result, s.channels, s.tokens, depth, s.tokens);
  });
}

/** `dqkv`. With weights w, `dw = dy v'` and `ds = w (dw - sum(w dw)) / sqrt(depth)`: `dq = ds k`, `dk = ds' q`, `dv = w' dy`. */
inline void attendGradient(const float* dy, const float* qkv, float* dqkv, const Shape& s) {
  Threads::get().run(static_cast<int>(s.images * s.heads), [=](int head) {
    const Place at(s, head);
    const int64_t depth = s.depth(), row = s.row(), rows = s.tokens * depth, apart = 3 * s.channels;
    float *q = own().of(4 * rows + (depth + 2 * s.tokens) * row), *k = q + rows, *v = k + rows, *d = v + rows;
    float *turned = d + rows, *weights = turned + depth * row, *change = weights + s.tokens * row;
    for (int part = 0; part < 3; part++) gather(qkv + at.all + part * s.channels, apart, q + part * rows, s.tokens, depth);
    gather(dy + at.result, s.channels, d, s.tokens, depth);
    turn(k, turned, s);
    weigh(q, turned, weights, s);
    turn(v, turned, s);
    multiply(d, depth, 1, turned, row, change, row, s.tokens, row, depth);
    const float scale = 1 / std::sqrt(static_cast<float>(depth));
    for (int64_t t = 0; t < s.tokens; t++) {
      const float* w = weights + t * row;
      float* c = change + t * row;
      Vec sums{};
      for (int64_t i = 0; i < row; i += width) sums += get(w + i) * get(c + i);
      const float mean = sumOf(sums);
      for (int64_t i = 0; i < row; i += width) put(c + i, get(w + i) * (get(c + i) - mean) * scale);
    }
    float* to = dqkv + at.all;
    multiply(change, row, 1, k, depth, to, apart, s.tokens, depth, s.tokens);
    multiply(change, 1, row, q, depth, to + s.channels, apart, s.tokens, depth, s.tokens);
    multiply(weights, 1, row, d, depth, to + 2 * s.channels, apart, s.tokens, depth, s.tokens);
  });
}

}  // namespace attention
