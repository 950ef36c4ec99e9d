// Products of matrices, of blocks that registers hold, for ops that bring their operands into the caches themselves.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace products {

#if defined(__AVX512F__)
constexpr int width = 16, height = 12;
#else
constexpr int width = 8, height = 6;
#endif
/** One register. A product's block of `height` rows and one or two of them is summed in registers. */
typedef float Vec __attribute__((vector_size(4 * width)));

#define INLINE inline __attribute__((always_inline))
#define INLINED __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE Vec get(const float* from) {
  Vec value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

INLINE void put(float* to, Vec value) { std::memcpy(to, &value, sizeof value); }

/** What becomes of a product's register at a column of B: it is stored. */
struct Stored {
  INLINE void operator()(float* to, Vec value, int64_t) const { put(to, value); }
};

/**
 * `C = A * B` or `C += A * B` for `Rows` of A, with `aRow` numbers from one to the next, and `Columns` registers of B.
 * `finish(to, register, column)` stores it.
 */
template <int Rows, int Columns, bool Add, class Finish = Stored>
INLINE void product(const float* A, int64_t aRow, int64_t aDeep, const float* B, int64_t bDeep, float* C, int64_t cRow,
                    int64_t depth, const Finish& finish = {}) {
  Vec sums[Rows][Columns];
  UNROLL for (int r = 0; r < Rows; r++)
    UNROLL for (int c = 0; c < Columns; c++) sums[r][c] = Add ? get(C + r * cRow + c * width) : Vec{};
  for (int64_t k = 0; k < depth; k++) {
    Vec b[Columns];
    UNROLL for (int c = 0; c < Columns; c++) b[c] = get(B + k * bDeep + c * width);
    UNROLL for (int r = 0; r < Rows; r++)
      UNROLL for (int c = 0; c < Columns; c++) sums[r][c] += A[r * aRow + k * aDeep] * b[c];
  }
  UNROLL for (int r = 0; r < Rows; r++)
    UNROLL for (int c = 0; c < Columns; c++) finish(C + r * cRow + c * width, sums[r][c], c * width);
}

/** Calls `body(column, registers)` for columns of a matrix by two registers, and one that may be left. */
template <class Body>
INLINE void overColumns(int64_t columns, const Body& body) {
  int64_t c = 0;
  for (; c + 2 * width <= columns; c += 2 * width) body(c, std::integral_constant<int, 2>{});
  if (c < columns) body(c, std::integral_constant<int, 1>{});
}

/** `C = A * B`, of any number of rows and whole registers of columns. */
INLINE void multiply(const float* A, int64_t aRow, int64_t aDeep, const float* B, int64_t bDeep, float* C, int64_t cRow,
                     int64_t rows, int64_t columns, int64_t depth) {
  overColumns(columns, [=](int64_t c, auto registers) INLINED {
    constexpr int count = decltype(registers)::value;
    int64_t r = 0;
    for (; r + height <= rows; r += height)
      product<height, count, false>(A + r * aRow, aRow, aDeep, B + c, bDeep, C + r * cRow + c, cRow, depth);
    for (; r + 2 <= rows; r += 2)
      product<2, count, false>(A + r * aRow, aRow, aDeep, B + c, bDeep, C + r * cRow + c, cRow, depth);
    if (r < rows) product<1, count, false>(A + r * aRow, aRow, aDeep, B + c, bDeep, C + r * cRow + c, cRow, depth);
  });
}

/** Memory that is kept for the next call. */
class Scratch {
 public:
  float* of(int64_t values) {
    if (size_ < values) {
      size_ = values;
      const size_t bytes = (static_cast<size_t>(values) * sizeof(float) + 63) / 64 * 64;
      memory_.reset();
      memory_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
      if (!memory_) throw std::bad_alloc();
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
  int64_t size_ = 0;
};

}  // namespace products
