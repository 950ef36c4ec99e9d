// What is done to results while registers hold them, and how they are stored.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "numbers.h"

/** Past the caches or not: see {@link stream}. */
template <class T, class V>
inline void storeTo(T* to, V value, bool streaming) {
  if (streaming) store<true>(to, value);
  else store(to, value);
}

/** `prelu(y + shift, alpha)`, or where there is no `shift`, `y`. */
struct After {
  const float *shift = nullptr, *alpha = nullptr;
  bool streaming = false;

  template <class T, class V>
  inline void store(T* to, V y, int64_t channel) const {
    if (shift) {
      const V z = y + load<V>(shift + channel);
      y = z > 0 ? z : z * load<V>(alpha + channel);
    }
    storeTo(to, y, streaming);
  }
};

/** Numbers at whole lines of the caches: a register from two lines takes twice as long. */
template <class T>
class Lines {
 public:
  explicit Lines(int64_t values) : lines_((values * sizeof(T) + sizeof(Line) - 1) / sizeof(Line)) {}
  T* data() { return reinterpret_cast<T*>(lines_.data()); }
  void clear() { std::fill(lines_.begin(), lines_.end(), Line{}); }

 private:
  struct alignas(64) Line {
    unsigned char bytes[64];
  };
  std::vector<Line> lines_;
};
