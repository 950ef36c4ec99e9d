// Depthwise convolutions: of each channel with a kernel of its own. They multiply little, so that passes over memory are what they
// cost: the border of noughts is not written out, what follows (a number added to each channel, PReLU) is done to
// the results while registers hold them, and both gradients come of one pass over image and gradient.
//
// Sums are in one order, whichever thread is free first: same input, same threads, same bits.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "epilogue.h"
#include "numbers.h"
#include "parallel.h"

namespace depthwise {

/** Images and their sides, the kernel's, and the noughts around each image. */
struct Shape {
  int64_t images, high, wide, channels, kernelHigh, kernelWide, stride, padding;

  int64_t outHigh() const { return (high + 2 * padding - kernelHigh) / stride + 1; }
  int64_t outWide() const { return (wide + 2 * padding - kernelWide) / stride + 1; }
  /** Of one channel. */
  int64_t weights() const { return kernelHigh * kernelWide; }
  bool is3x3() const { return kernelHigh == 3 && kernelWide == 3; }
};

/** Where a channel's weights begin when they lie by registers: all of the kernel's for sixteen channels, then for the next. */
inline int64_t placeOf(int64_t channel, int64_t weights) { return channel / lanes * lanes * weights + channel % lanes; }

/** `visit(i, place)` for all weights of a kernel, number `i` of [high, wide, channels], by registers. */
template <class Visit>
void overWeights(int64_t weights, int64_t channels, const Visit& visit) {
  for (int64_t tap = 0; tap < weights; tap++)
    for (int64_t c = 0; c < channels; c++) visit(tap * channels + c, placeOf(c, weights) + tap * lanes);
}

/** Values that weights by registers take. */
inline int64_t placesFor(const Shape& s) { return (s.channels + lanes - 1) / lanes * lanes * s.weights(); }

/** A kernel's weights by registers. */
inline Lines<float> byRegisters(const float* filter, const Shape& s) {
  Lines<float> weights(placesFor(s));
  overWeights(s.weights(), s.channels, [&](int64_t i, int64_t place) { weights.data()[place] = filter[i]; });
  return weights;
}

/** Rows of pixels of one image. */
template <class T>
struct Maps {
  const T* values;
  int64_t high, wide, channels;
  /** Pixels of noughts, as many as one tile is wide. */
  const T* outside;

  const T* pixel(int64_t y, int64_t x) const {
    return y < 0 || x < 0 || y >= high || x >= wide ? outside : values + (y * wide + x) * channels;
  }
};

/** `Across` pixels side by side of three rows, some of them outside of the image if `Border`. */
template <bool Border, int Across, class T>
class Patch {
 public:
  Patch(const Maps<T>& of, int64_t row, int64_t column, int64_t step) : channels_(of.channels) {
    for (int r = 0; r < 3; r++) {
      const int64_t y = row + r * step;
      if constexpr (Border) {
        for (int i = 0; i < Across; i++) pixels_[r][i] = of.pixel(y, column + i);
      } else {
        pixels_[r][0] = y < 0 || y >= of.high ? of.outside : of.values + (y * of.wide + column) * channels_;
      }
    }
  }

  /** Channels from `c` on of the pixels of a row. Few addresses, or registers do not hold them. */
  template <class V>
  inline void load(int r, int64_t c, V* line) const {
    const T* first = pixels_[r][0] + c;
    for (int i = 0; i < Across; i++) line[i] = ::load<V>(Border ? pixels_[r][i] + c : first + i * channels_);
  }

 private:
  const T* pixels_[3][Border ? Across : 1];
  int64_t channels_;
};

/** Results side by side that one step makes. */
constexpr int side = 4;

/** Widest patch of a step. */
constexpr int widest = (side - 1) * 2 + 3;

/** A pixel that counts for another, and the number of the kernel's weight that it counts with. */
template <class T>
struct Tap {
  const T* values;
  int64_t weight;
};

// --- Forward ----------------------------------------------------------------------------------------------------------

/** `Count` results side by side of a 3x3 kernel, which share pixels. */
template <bool Border, int Count, int Stride, class T>
void results3x3(const Maps<T>& x, int64_t row, int64_t column, const float* filter, T* y, const After& after) {
  constexpr int across = (Count - 1) * Stride + 3;
  const Patch<Border, across, T> patch(x, row, column, 1);
  const int64_t channels = x.channels;
  overChannels(channels, [&](int64_t c, auto zero) {
    using V = decltype(zero);
    const float* weights = filter + placeOf(c, 9);
    V sums[Count];
    for (int i = 0; i < Count; i++) sums[i] = zero;
#pragma GCC unroll 1
    for (int r = 0; r < 3; r++, weights += 3 * lanes) {
      V line[across];
      patch.load(r, c, line);
      for (int k = 0; k < 3; k++) {
        const V weight = load<V>(weights + k * lanes);
        for (int i = 0; i < Count; i++) sums[i] += weight * line[i * Stride + k];
      }
    }
    for (int i = 0; i < Count; i++) after.store(y + i * channels + c, sums[i], c);
  });
}

/** A row of results of a 3x3 kernel. */
template <int Stride, class T>
void row3x3(const Maps<T>& x, int64_t row, const Shape& s, const float* filter, T* y, const After& after) {
  const int64_t wide = s.outWide();
  for (int64_t i = 0; i < wide;) {
    const int64_t column = i * Stride - s.padding;
    const bool whole = i + side <= wide;
    const bool inside = column >= 0 && column + (side - 1) * Stride + 3 <= s.wide;
    const auto results = !whole ? results3x3<true, 1, Stride, T>
                         : inside ? results3x3<false, side, Stride, T> : results3x3<true, side, Stride, T>;
    results(x, row, column, filter, y + i * s.channels, after);
    i += whole ? side : 1;
  }
}

/** One result of any kernel. */
template <class T>
void result(const Maps<T>& x, int64_t row, int64_t column, const Shape& s, const float* filter, T* y, const After& after,
            std::vector<Tap<T>>& taps) {
  taps.clear();
  for (int64_t r = 0; r < s.kernelHigh; r++)
    for (int64_t k = 0; k < s.kernelWide; k++) {
      const T* pixel = x.pixel(row + r, column + k);
      if (pixel != x.outside) taps.push_back({pixel, r * s.kernelWide + k});
    }
  overChannels(s.channels, [&](int64_t c, auto zero) {
    using V = decltype(zero);
    const float* weights = filter + placeOf(c, s.weights());
    V sum = zero;
    for (const auto& tap : taps) sum += load<V>(weights + tap.weight * lanes) * load<V>(tap.values + c);
    after.store(y + c, sum, c);
  });
}

template <class T>
void convolve(const T* x, const float* filter, T* y, const Shape& s, const After& after) {
  const int64_t high = s.outHigh(), wide = s.outWide(), channels = s.channels;
  Lines<float> weights = byRegisters(filter, s);
  parallel(s.images * high, s.images * high * wide * channels, [&](int64_t from, int64_t to, int) {
    Lines<T> noughts(widest * channels);
    std::vector<Tap<T>> taps;
    for (int64_t line = from; line < to; line++) {
      const Maps<T> image{x + line / high * s.high * s.wide * channels, s.high, s.wide, channels, noughts.data()};
      const int64_t row = line % high * s.stride - s.padding;
      T* out = y + line * wide * channels;
      if (s.is3x3() && s.stride <= 2) {
        (s.stride == 1 ? row3x3<1, T> : row3x3<2, T>)(image, row, s, weights.data(), out, after);
      } else {
        for (int64_t i = 0; i < wide; i++)
          result(image, row, i * s.stride - s.padding, s, weights.data(), out + i * channels, after, taps);
      }
    }
  });
}

// --- Gradients --------------------------------------------------------------------------------------------------------

/** Gradients to `Count` pixels side by side from a 3x3 kernel with stride 1, and what these pixels add to the kernel's. */
template <bool Border, int Count, class T>
void gradients3x3(const Maps<T>& dy, int64_t row, int64_t column, const T* x, const float* filter, T* dx, float* dFilter,
                  bool streaming) {
  constexpr int across = Count + 2;
  const Patch<Border, across, T> patch(dy, row, column - 2, -1);
  const int64_t channels = dy.channels;
  overChannels(channels, [&](int64_t c, auto zero) {
    using V = decltype(zero);
    const float* weights = filter + placeOf(c, 9);
    float* along = dFilter + placeOf(c, 9);
    V sums[Count], in[Count];
    for (int i = 0; i < Count; i++) {
      sums[i] = zero;
      in[i] = load<V>(x + i * channels + c);
    }
#pragma GCC unroll 1
    for (int r = 0; r < 3; r++, weights += 3 * lanes, along += 3 * lanes) {
      V line[across];
      patch.load(r, c, line);
      for (int k = 0; k < 3; k++) {
        const V weight = load<V>(weights + k * lanes);
        V sum = load<V>(along + k * lanes);
        for (int i = 0; i < Count; i++) {
          sums[i] += weight * line[i + 2 - k];
          sum += in[i] * line[i + 2 - k];
        }
        store(along + k * lanes, sum);
      }
    }
    for (int i = 0; i < Count; i++) storeTo(dx + i * channels + c, sums[i], streaming);
  });
}

/** The gradient to one pixel from any kernel. */
template <class T>
void gradient(const Maps<T>& dy, int64_t row, int64_t column, const T* x, const Shape& s, const float* filter, T* dx,
              float* dFilter, bool streaming, std::vector<Tap<T>>& taps) {
  taps.clear();
  for (int64_t r = 0; r < s.kernelHigh; r++)
    for (int64_t k = 0; k < s.kernelWide; k++) {
      const int64_t y = row - r, x = column - k;
      if (y % s.stride != 0 || x % s.stride != 0) continue;
      const T* pixel = dy.pixel(y / s.stride, x / s.stride);
      if (pixel != dy.outside) taps.push_back({pixel, r * s.kernelWide + k});
    }
  overChannels(s.channels, [&](int64_t c, auto zero) {
    using V = decltype(zero);
    const float* weights = filter + placeOf(c, s.weights());
    float* along = dFilter + placeOf(c, s.weights());
    const V in = load<V>(x + c);
    V sum = zero;
    for (const auto& tap : taps) {
      const V gradient = load<V>(tap.values + c);
      sum += load<V>(weights + tap.weight * lanes) * gradient;
      float* at = along + tap.weight * lanes;
      store(at, load<V>(at) + in * gradient);
    }
    storeTo(dx + c, sum, streaming);
  });
}

/** Gradients to image and kernel. Those of the kernel are summed in float32 over some pixels, beyond that in double. */
template <class T>
void convolveGradients(const T* dy, const T* x, const float* filter, T* dx, float* dFilter, const Shape& s, bool streaming) {
  constexpr int64_t few = 256;
  const int64_t high = s.outHigh(), wide = s.outWide(), channels = s.channels;
  const int64_t places = placesFor(s);
  Lines<float> weights = byRegisters(filter, s);
  const int64_t values = s.images * s.high * s.wide * channels;
  std::vector<std::vector<double>> ranges(rangesOf(values));
  parallel(s.images * s.high, values, [&](int64_t from, int64_t to, int range) {
    Lines<T> noughts(widest * channels);
    std::vector<Tap<T>> taps;
    Lines<float> fewSums(places);
    std::vector<double>& sums = ranges[range];
    sums.assign(places, 0);
    int64_t pixels = 0;
    for (int64_t line = from; line < to; line++) {
      const Maps<T> gradients{dy + line / s.high * high * wide * channels, high, wide, channels, noughts.data()};
      const int64_t row = line % s.high + s.padding;
      const T* in = x + line * s.wide * channels;
      T* out = dx + line * s.wide * channels;
      for (int64_t i = 0; i < s.wide;) {
        const int64_t column = i + s.padding, at = i * channels;
        if (s.is3x3() && s.stride == 1) {
          const bool whole = i + side <= s.wide, inside = column >= 2 && column + side <= wide;
          const auto run = !whole ? gradients3x3<true, 1, T> : inside ? gradients3x3<false, side, T> : gradients3x3<true, side, T>;
          run(gradients, row, column, in + at, weights.data(), out + at, fewSums.data(), streaming);
          i += whole ? side : 1;
        } else {
          gradient(gradients, row, column, in + at, s, weights.data(), out + at, fewSums.data(), streaming, taps);
          i++;
        }
      }
      pixels += s.wide;
      if (pixels < few && line + 1 < to) continue;
      for (int64_t i = 0; i < places; i++) sums[i] += fewSums.data()[i];
      fewSums.clear();
      pixels = 0;
    }
  });
  std::vector<double> total(places, 0);
  for (const auto& sums : ranges)
    for (size_t i = 0; i < sums.size(); i++) total[i] += sums[i];
  overWeights(s.weights(), channels, [&](int64_t i, int64_t place) { dFilter[i] = static_cast<float>(total[place]); });
}

}  // namespace depthwise
