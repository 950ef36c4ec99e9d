// 1x1 convolutions at inference: products of matrices, pixels by channels, with what follows them done to the results while
// registers hold them.
#pragma once
#include <algorithm>
#include <cstdint>

#include "epilogue.h"
#include "parallel.h"
#include "products.h"

namespace pointwise {

using products::Vec, products::height, products::width;

/** A store of one register of results; `column` is where the product's columns begin, of `columns` in all. */
struct Finish {
  const After& after;
  int64_t column, columns;

  INLINE void operator()(float* to, Vec value, int64_t at) const {
    const int64_t first = column + at, left = columns - first;
    if (left >= width) return after.store(to, value, first);
    float values[width];
    products::put(values, value);
    for (int64_t c = 0; c < left; c++) after.store(to + c, values[c], first + c);
  }
};

/** `y = after(x * filter)`: `x` is [pixels, from], `filter` [from, to]. */
inline void convolve(const float* x, const float* filter, float* y, int64_t pixels, int64_t from, int64_t to,
                     const After& after) {
  // Two registers of columns lie together, row by row: what one product reads is in the order in which it reads it.
  const int64_t wholes = (to + width - 1) / width * width;
  Lines<float> panels(from * wholes);
  products::overColumns(wholes, [&](int64_t c, auto registers) {
    constexpr int64_t wide = decltype(registers)::value * width;
    for (int64_t k = 0; k < from; k++)
      std::copy_n(filter + k * to + c, std::min(wide, to - c), panels.data() + c * from + k * wide);
  });
  // Rows of x that stay in a core's caches while all panels pass.
  const int64_t rows = std::max<int64_t>(1, (128 << 10) / (4 * from * height)) * height;
  const int64_t blocks = (pixels + rows - 1) / rows;
  const float* packed = panels.data();
  parallel(blocks, pixels * std::max(from, to), [=](int64_t first, int64_t last, int) {
    for (int64_t block = first; block < last; block++) {
      const int64_t end = std::min(pixels, (block + 1) * rows);
      products::overColumns(wholes, [=](int64_t c, auto registers) {
        constexpr int count = decltype(registers)::value;
        const Finish finish{after, c, to};
        const auto some = [=](auto height, int64_t row) {
          products::product<decltype(height)::value, count, false>(x + row * from, from, 1, packed + c * from, count * width,
                                                                   y + row * to + c, to, from, finish);
        };
        int64_t row = block * rows;
        for (; row + height <= end; row += height) some(std::integral_constant<int, height>{}, row);
        for (; row + 2 <= end; row += 2) some(std::integral_constant<int, 2>{}, row);
        if (row < end) some(std::integral_constant<int, 1>{}, row);
      });
    }
  });
}

}  // namespace pointwise
