// 3x3 convolutions with stride 1, the image filled up with a border of noughts, in a quarter of the multiplications: Winograd's
// F(4x4, 3x3), after Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (arXiv:1509.09308). The result is
// computed in tiles of 4x4, each from 6x6 pixels: a linear change of basis B turns these, and another one G the filters,
// into 36 numbers for each pair of channels, of which those of all tiles at one position make a product of matrices; a
// third one A turns its 36 results into the 4x4. The gradient to the image is the same with the filters turned around, that
// to the filters the same steps backwards: A', product, G'.
//
// The 36 numbers of some tiles at a time stay in the caches. Sums are in one order, however many threads there are: same
// input, same bits. Differs from the source in that images lie with the channel last, and a tile's channels are transformed
// a register at a time.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <type_traits>

#include "epilogue.h"
#include "parallel.h"
#include "products.h"

namespace winograd {

using namespace products;

constexpr int out = 4, in = out + 2, positions = in * in;

/** A convolution: images, their sides, and channels on either side. */
struct Shape {
  int64_t images, high, wide, from, to;

  int64_t across() const { return (wide + out - 1) / out; }
  int64_t tilesOfImage() const { return (high + out - 1) / out * across(); }
  int64_t tiles() const { return images * tilesOfImage(); }
};

/** Where a tile's results begin. */
struct Tile {
  int64_t image, y, x;

  Tile(const Shape& s, int64_t tile)
      : image(tile / s.tilesOfImage()),
        y(tile % s.tilesOfImage() / s.across() * out),
        x(tile % s.across() * out) {}

  template <class T>
  T* at(T* images, const Shape& s, int64_t channels) const {
    return images + ((image * s.high + y) * s.wide + x) * channels;
  }
};

/** Numbers from one position to the next of a matrix: not all at places of the caches that are the same. */
constexpr int64_t apart(int64_t values) { return values + 2 * width; }

// --- Changes of basis, of one row or column at a time -----------------------------------------------------------------

/** B', of 6 pixels. */
struct OfPixels {
  static constexpr int from = in, to = in;
  template <class Values>
  static INLINE void apply(const Values& d, Vec* t) {
    const Vec even = d(4) - 4.f * d(2), odd = d(3) - 4.f * d(1), evens = d(4) - d(2), odds = 2.f * (d(3) - d(1));
    t[0] = 4.f * d(0) - 5.f * d(2) + d(4);
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = evens + odds;
    t[4] = evens - odds;
    t[5] = 4.f * d(1) - 5.f * d(3) + d(5);
  }
};

/** A', of 6 sums of products. */
struct OfProducts {
  static constexpr int from = in, to = out;
  template <class Values>
  static INLINE void apply(const Values& m, Vec* y) {
    const Vec even = m(1) + m(2), odd = m(1) - m(2), evens = m(3) + m(4), odds = m(3) - m(4);
    y[0] = m(0) + even + evens;
    y[1] = odd + 2.f * odds;
    y[2] = even + 4.f * evens;
    y[3] = odd + 8.f * odds + m(5);
  }
};

/** A, of 4 gradients. */
struct OfGradients {
  static constexpr int from = out, to = in;
  template <class Values>
  static INLINE void apply(const Values& y, Vec* m) {
    const Vec even = y(0) + y(2), odd = y(1) + y(3), evens = y(0) + 4.f * y(2), odds = 2.f * y(1) + 8.f * y(3);
    m[0] = y(0);
    m[1] = even + odd;
    m[2] = even - odd;
    m[3] = evens + odds;
    m[4] = evens - odds;
    m[5] = y(3);
  }
};

/** G, of a filter's 3 weights. */
struct OfFilters {
  static constexpr int from = 3, to = in;
  template <class Values>
  static INLINE void apply(const Values& w, Vec* u) {
    const Vec even = (w(0) + w(2)) * (-1.f / 6), odd = w(1) * (1.f / 6);
    const Vec evens = w(0) * (1.f / 24) + w(2) * (1.f / 6), odds = w(1) * (1.f / 12);
    u[0] = w(0) * 0.25f;
    u[1] = even - odd;
    u[2] = even + odd;
    u[3] = evens + odds;
    u[4] = evens - odds;
    u[5] = w(2);
  }
};

/** G', of 6 sums of products. */
struct ToFilters {
  static constexpr int from = in, to = 3;
  template <class Values>
  static INLINE void apply(const Values& u, Vec* w) {
    const Vec even = (u(1) + u(2)) * (-1.f / 6), evens = u(3) + u(4);
    w[0] = u(0) * 0.25f + even + evens * (1.f / 24);
    w[1] = (u(2) - u(1)) * (1.f / 6) + (u(3) - u(4)) * (1.f / 12);
    w[2] = even + evens * (1.f / 6) + u(5);
  }
};

/** Both ways: `read(row, column)` of a square, `write(row, column, value)` of the one that it becomes. */
template <class Basis, class Read, class Write>
INLINE void change(const Read& read, const Write& write) {
  Vec half[Basis::to][Basis::from];
  UNROLL for (int column = 0; column < Basis::from; column++) {
    Vec changed[Basis::to];
    Basis::apply([&](int row) { return read(row, column); }, changed);
    UNROLL for (int row = 0; row < Basis::to; row++) half[row][column] = changed[row];
  }
  UNROLL for (int row = 0; row < Basis::to; row++) {
    Vec changed[Basis::to];
    Basis::apply([&](int column) { return half[row][column]; }, changed);
    UNROLL for (int column = 0; column < Basis::to; column++) write(row, column, changed[column]);
  }
}

/** The 6x6 pixels of a tile, whose results begin one to the right and below, to `V[position * step + channel]`. */
inline void changePixels(const float* x, const Shape& s, Tile tile, float* V, int64_t step, float* edge) {
  const int64_t channels = s.from, top = tile.y - 1, left = tile.x - 1;
  const float* from = tile.at(x, s, channels) - (s.wide + 1) * channels;
  int64_t row = s.wide * channels;
  if (top < 0 || left < 0 || top + in > s.high || left + in > s.wide) {
    for (int i = 0; i < positions; i++) {
      const int64_t r = i / in, c = i % in;
      const bool there = top + r >= 0 && top + r < s.high && left + c >= 0 && left + c < s.wide;
      if (there) std::memcpy(edge + i * channels, from + r * row + c * channels, channels * sizeof(float));
      else std::memset(edge + i * channels, 0, channels * sizeof(float));
    }
    from = edge;
    row = in * channels;
  }
  for (int64_t c = 0; c < channels; c += width) {
    change<OfPixels>([=](int i, int j) INLINED { return get(from + i * row + j * channels + c); },
                     [=](int i, int j, Vec value) INLINED { put(V + (i * in + j) * step + c, value); });
  }
}

/** The sums of a tile, `M[position * step + channel]`, to its 4x4 results, those that are within the image. */
inline void changeProducts(const float* M, int64_t step, float* y, const Shape& s, Tile tile, const After& after) {
  const int64_t high = std::min<int64_t>(out, s.high - tile.y), wide = std::min<int64_t>(out, s.wide - tile.x);
  float* to = tile.at(y, s, s.to);
  for (int64_t c = 0; c < s.to; c += width) {
    change<OfProducts>([=](int i, int j) INLINED { return get(M + (i * in + j) * step + c); },
                       [=](int i, int j, Vec value) INLINED {
                         if (i < high && j < wide) after.store(to + (i * s.wide + j) * s.to + c, value, c);
                       });
  }
}

/** The 4x4 gradients of a tile, nought outside the image, to `D[position * step + channel]`. */
inline void changeGradients(const float* dy, const Shape& s, Tile tile, float* D, int64_t step) {
  const int64_t high = std::min<int64_t>(out, s.high - tile.y), wide = std::min<int64_t>(out, s.wide - tile.x);
  const float* from = tile.at(dy, s, s.to);
  for (int64_t c = 0; c < s.to; c += width) {
    change<OfGradients>(
        [=](int i, int j) INLINED { return i < high && j < wide ? get(from + (i * s.wide + j) * s.to + c) : Vec{}; },
        [=](int i, int j, Vec value) INLINED { put(D + (i * in + j) * step + c, value); });
  }
}

// --- The filters ------------------------------------------------------------------------------------------------------

/**
 * Filters of `s.from` channels to `s.to`, changed: at each position as many columns as a product takes, row by row, then
 * the next columns.
 *
 * @param turned the filters are those of the way back, [3, 3, s.to, s.from]: turned around, and from the other side's channels.
 */
inline void changeFilters(const float* filters, const Shape& s, bool turned, float* U) {
  const int64_t step = apart(s.from * s.to);
  parallel(s.from / width, 9 * s.from * s.to, [=](int64_t first, int64_t last, int) {
    float square[9][width][width];
    for (int64_t block = first * width; block < last * width; block += width) {
      overColumns(s.to, [=, &square](int64_t begin, auto registers) {
        for (int64_t o = begin; o < begin + registers * width; o += width) {
          for (int k = 0; turned && k < 9; k++)
            for (int r = 0; r < width; r++)
              for (int c = 0; c < width; c++) square[8 - k][c][r] = filters[(k * s.to + o + r) * s.from + block + c];
          for (int r = 0; r < width; r++) {
            float* to = U + begin * s.from + (block + r) * registers * width + o - begin;
            change<OfFilters>(
                [&](int i, int j) INLINED {
                  return get(turned ? square[3 * i + j][r] : filters + ((3 * i + j) * s.from + block + r) * s.to + o);
                },
                [=](int i, int j, Vec value) INLINED { put(to + (i * in + j) * step, value); });
          }
        }
      });
    }
  });
}

// --- The convolution and its gradients --------------------------------------------------------------------------------

/** One at a time in a process: they share memory. */
inline std::mutex& turn() {
  static std::mutex mutex;
  return mutex;
}

inline Scratch& shared(int which) {
  static Scratch kept[3];
  return kept[which];
}

/** Each thread's own. */
inline Scratch& own(int which) {
  static thread_local Scratch kept[3];
  return kept[which];
}

/** `y`, or with turned filters the gradient to the image: `x` is then the gradient to `y`. */
inline void convolve(const float* x, const float* filters, float* y, const Shape& s, bool turned, const After& after) {
  std::lock_guard<std::mutex> alone(turn());
  // As many as keep both matrices of a position in the fastest cache, and a filter's columns in use for some rows.
  constexpr int64_t block = 4 * height;
  const int64_t tiles = s.tiles(), step = apart(block * s.from), toStep = apart(block * s.to);
  float* U = shared(0).of(positions * apart(s.from * s.to));
  changeFilters(filters, s, turned, U);
  Threads::get().run(static_cast<int>((tiles + block - 1) / block), [=](int part) {
    float *V = own(0).of(positions * step), *M = own(1).of(positions * toStep), *edge = own(2).of(positions * s.from);
    const int64_t first = part * block, count = std::min(block, tiles - first);
    for (int64_t t = 0; t < count; t++) changePixels(x, s, Tile(s, first + t), V + t * s.from, step, edge);
    // Of rows that no tile is in, what is left there: their sums go nowhere.
    for (int p = 0; p < positions; p++) {
      overColumns(s.to, [=](int64_t c, auto registers) INLINED {
        constexpr int columns = decltype(registers)::value;
        const float* B = U + p * apart(s.from * s.to) + c * s.from;
        for (int64_t t = 0; t < count; t += height) {
          product<height, columns, false>(V + p * step + t * s.from, s.from, 1, B, columns * width,
                                          M + p * toStep + t * s.to + c, s.to, s.from);
        }
      });
    }
    for (int64_t t = 0; t < count; t++) changeProducts(M + t * s.to, toStep, y, s, Tile(s, first + t), after);
  });
}

/** The sums of one position over so many tiles, added to those of tiles before. */
template <bool Add>
void sumProducts(const float* V, const float* D, float* sums, const Shape& s, int64_t tiles) {
  overColumns(s.to, [=](int64_t c, auto registers) {
    constexpr int columns = decltype(registers)::value;
    int64_t r = 0;
    for (; r + height <= s.from; r += height)
      product<height, columns, Add>(V + r, 1, s.from, D + c, s.to, sums + r * s.to + c, s.to, tiles);
    // Channels come in whole registers: what is left is even.
    for (; r + 4 <= s.from; r += 4)
      product<4, columns, Add>(V + r, 1, s.from, D + c, s.to, sums + r * s.to + c, s.to, tiles);
    if (r < s.from) product<2, columns, Add>(V + r, 1, s.from, D + c, s.to, sums + r * s.to + c, s.to, tiles);
  });
}

/** `dFilters`, [3, 3, s.from, s.to], of the image `x` and the gradient to the result. */
inline void convolveFilterGradient(const float* x, const float* dy, float* dFilters, const Shape& s) {
  std::lock_guard<std::mutex> alone(turn());
  const int64_t tiles = s.tiles(), block = std::min<int64_t>(16 * height, tiles), sumStep = apart(s.from * s.to);
  const int64_t step = apart(block * s.from), toStep = apart(block * s.to);
  if (tiles == 0) {
    std::fill_n(dFilters, 9 * s.from * s.to, 0.f);
    return;
  }
  float *sums = shared(0).of(positions * sumStep), *V = shared(1).of(positions * step), *D = shared(2).of(positions * toStep);
  for (int64_t first = 0; first < tiles; first += block) {
    const int64_t count = std::min(block, tiles - first);
    parallel(count, count * positions * (s.from + s.to), [=](int64_t from, int64_t to, int) {
      float* edge = own(2).of(positions * s.from);
      for (int64_t t = from; t < to; t++) {
        changePixels(x, s, Tile(s, first + t), V + t * s.from, step, edge);
        changeGradients(dy, s, Tile(s, first + t), D + t * s.to, toStep);
      }
    });
    Threads::get().run(positions, [=](int p) {
      (first > 0 ? sumProducts<true> : sumProducts<false>)(V + p * step, D + p * toStep, sums + p * sumStep, s, count);
    });
  }
  parallel(s.from, 9 * s.from * s.to, [=](int64_t from, int64_t to, int) {
    for (int64_t r = from; r < to; r++)
      for (int64_t c = 0; c < s.to; c += width) {
        change<ToFilters>(
            [=](int i, int j) INLINED { return get(sums + (i * in + j) * sumStep + r * s.to + c); },
            [=](int i, int j, Vec value) INLINED { put(dFilters + ((i * 3 + j) * s.from + r) * s.to + c, value); });
      }
  });
}

}  // namespace winograd
