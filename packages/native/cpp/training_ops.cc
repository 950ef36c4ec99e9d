// Ops that training needs and TensorFlow does not have, in the fewest passes over memory. They are registered through
// TensorFlow's C API when this addon is loaded, for the CPU, in float32 and bfloat16 (float32 inside), and are called by name
// like TensorFlow's own. Images are seen as rows of channels, the channel last.
#include <node_api.h>
#include <tensorflow/c/kernels.h>
#include <tensorflow/c/ops.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "attention.h"
#include "depthwise.h"
#include "pointwise.h"
#include "numbers.h"
#include "parallel.h"
#include "winograd.h"

namespace {

/** One call of an op: its inputs and outputs, and the first thing that went wrong. */
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()), latest_(TF_NewStatus()) {}
  ~Call() {
    for (TF_Tensor* tensor : tensors_) TF_DeleteTensor(tensor);
    if (failed()) TF_OpKernelContext_Failure(context_, status_);
    TF_DeleteStatus(status_);
    TF_DeleteStatus(latest_);
  }

  const TF_Tensor* tensor(int i) {
    TF_Tensor* found = nullptr;
    TF_GetInput(context_, i, &found, latest_);
    keepFirst();
    if (found) tensors_.push_back(found);
    return found;
  }

  /** A float32 input of so many values, one for each channel, say; a failure where it has others. */
  const float* perChannel(int i, int64_t channels, const char* name) {
    const TF_Tensor* found = tensor(i);
    const int64_t size = TF_TensorElementCount(found);
    if (size != channels) {
      require(false, std::string(name) + " has " + std::to_string(size) + " values, not " + std::to_string(channels));
    }
    return static_cast<const float*>(TF_TensorData(found));
  }

  template <class T>
  T* output(int i, const std::vector<int64_t>& shape) {
    int64_t size = sizeof(T);
    for (int64_t side : shape) size *= side;
    TF_Tensor* made = TF_AllocateOutput(context_, i, typeOf<T>(), shape.data(), static_cast<int>(shape.size()), size, latest_);
    keepFirst();
    if (!made) return nullptr;
    tensors_.push_back(made);
    return static_cast<T*>(TF_TensorData(made));
  }

  template <class T>
  T* outputLike(int i, const TF_Tensor* like) {
    return output<T>(i, shapeOf(like));
  }

  static std::vector<int64_t> shapeOf(const TF_Tensor* tensor) {
    std::vector<int64_t> shape(TF_NumDims(tensor));
    for (size_t d = 0; d < shape.size(); d++) shape[d] = TF_Dim(tensor, static_cast<int>(d));
    return shape;
  }

  void require(bool condition, const std::string& complaint) {
    if (!condition && !failed()) TF_SetStatus(status_, TF_INVALID_ARGUMENT, complaint.c_str());
  }

  bool failed() const { return TF_GetCode(status_) != TF_OK; }
  int inputs() const { return TF_NumInputs(context_); }

 private:
  /** TensorFlow's functions set a status to fine again: with one for all, the next call would forget a complaint. */
  void keepFirst() { require(TF_GetCode(latest_) == TF_OK, TF_Message(latest_)); }

  TF_OpKernelContext* context_;
  TF_Status *status_, *latest_;
  std::vector<TF_Tensor*> tensors_;
};

/** Attributes of an op, read when its kernel is made. */
struct Attributes {
  float epsilon = 0;
  float momentum = 0;
  bool nesterov = false;
  float kept = 0;
  int64_t weights = 0;
  int64_t velocities = 0;
  int64_t heads = 0;
  int64_t stride = 0;
  int64_t padding = 0;
  int64_t groups = 0;
};

/** An activation and the vectors that go with its channels. */
template <class T>
struct Rows {
  const TF_Tensor* tensor;
  const T* values;
  int64_t channels;
  int64_t count;

  Rows(Call& call, int i) : tensor(call.tensor(i)), values(static_cast<const T*>(TF_TensorData(tensor))) {
    const int rank = TF_NumDims(tensor);
    channels = rank > 0 ? TF_Dim(tensor, rank - 1) : 0;
    count = channels > 0 ? TF_TensorElementCount(tensor) / channels : 0;
    call.require(rank > 0, "an activation without channels");
  }

  /** @param both what they are called */
  void requireLike(Call& call, const Rows& other, const char* both) const {
    call.require(count == other.count && channels == other.channels, std::string(both) + " differ in shape");
  }

  /** Moments of nothing there are none. */
  void requireValues(Call& call) const { call.require(count > 0, "an activation without values"); }
};

/**
 * Sums over rows, of `Kinds` numbers for each channel. `add(row, count, sums)` adds those of a few rows to float32 sums;
 * `count` is a constant for the compiler.
 */
template <int Kinds, class Add>
std::vector<double> sumRows(int64_t rows, int64_t channels, const Add& add) {
  // Few enough rows for float32 to lose little, many enough for the double sums to cost nothing.
  constexpr int64_t few = 64;
  const size_t width = static_cast<size_t>(Kinds * channels);
  std::vector<std::vector<double>> ranges(rangesOf(rows * channels));
  parallel(rows, rows * channels, [&](int64_t from, int64_t to, int range) {
    std::vector<double>& sums = ranges[range];
    sums.assign(width, 0);
    std::vector<float> fewSums(width);
    for (int64_t begin = from; begin < to; begin += few) {
      const int64_t end = std::min(to, begin + few);
      std::fill(fewSums.begin(), fewSums.end(), 0.f);
      int64_t row = begin;
      for (; row + 4 <= end; row += 4) add(row, std::integral_constant<int, 4>{}, fewSums.data());
      for (; row < end; row++) add(row, std::integral_constant<int, 1>{}, fewSums.data());
      for (size_t i = 0; i < width; i++) sums[i] += fewSums[i];
    }
  });
  // In the order of the rows, whichever thread was done first: the same run twice gives the same bits.
  std::vector<double> total(width, 0);
  for (const auto& sums : ranges)
    for (size_t i = 0; i < sums.size(); i++) total[i] += sums[i];
  return total;
}

// --- y = prelu(scale * (x - mean) / sqrt(variance + epsilon) + offset, alpha), moments of this batch ------------------

/** Whether a result is too big for the caches to hold it until it is read, and lies so that it can go past them. */
template <class T>
bool streams(const T* to, int64_t values, int64_t channels) {
  return values * sizeof(T) > (8 << 20) && channels % lanes == 0 && reinterpret_cast<uintptr_t>(to) % 64 == 0;
}

/** `y = prelu(x * factor + shift, alpha)`; without alpha no prelu. */
template <class T, bool Activated, bool Streaming>
void scaleShift(const Rows<T>& x, T* y, const float* factor, const float* shift, const float* alpha) {
  const int64_t channels = x.channels;
  parallel(x.count, x.count * channels, [=](int64_t from, int64_t to, int) {
    for (int64_t row = from; row < to; row++) {
      const T* in = x.values + row * channels;
      T* out = y + row * channels;
      overChannels(channels, [=](int64_t c, auto zero) {
        using V = decltype(zero);
        V z = load<V>(in + c) * load<V>(factor + c) + load<V>(shift + c);
        if constexpr (Activated) z = z > 0 ? z : z * load<V>(alpha + c);
        store<Streaming>(out + c, z);
      });
    }
  });
}

template <class T>
void scaleShift(const Rows<T>& x, T* y, const float* factor, const float* shift, const float* alpha) {
  const bool streaming = streams(y, x.count * x.channels, x.channels);
  const auto run = alpha ? streaming ? scaleShift<T, true, true> : scaleShift<T, true, false>
                         : streaming ? scaleShift<T, false, true> : scaleShift<T, false, false>;
  run(x, y, factor, shift, alpha);
}

template <class T>
void batchNorm(Call& call, const Attributes& attributes) {
  const Rows<T> x(call, 0);
  x.requireValues(call);
  const int64_t channels = x.channels;
  const float* scale = call.perChannel(1, channels, "scale");
  const float* offset = call.perChannel(2, channels, "offset");
  const float* alpha = call.inputs() > 3 ? call.perChannel(3, channels, "alpha") : nullptr;
  if (call.failed()) return;
  T* y = call.outputLike<T>(0, x.tensor);
  float* mean = call.output<float>(1, {channels});
  float* variance = call.output<float>(2, {channels});
  if (call.failed()) return;
  // Sums of differences to some value of the channel: squares of values far from 0 would cancel.
  std::vector<float> first(channels);
  for (int64_t c = 0; c < channels; c++) first[c] = load<float>(x.values + c);
  const float* origin = first.data();
  const auto sums = sumRows<2>(x.count, channels, [=](int64_t row, auto rows, float* sum) {
    const T* in = x.values + row * channels;
    overChannels(channels, [=](int64_t c, auto zero) {
      using V = decltype(zero);
      const V o = load<V>(origin + c);
      V s = load<V>(sum + c), q = load<V>(sum + channels + c);
      for (int r = 0; r < rows; r++) {
        const V d = load<V>(in + r * channels + c) - o;
        s += d;
        q += d * d;
      }
      store(sum + c, s);
      store(sum + channels + c, q);
    });
  });
  std::vector<float> factor(channels), shift(channels);
  for (int64_t c = 0; c < channels; c++) {
    const double difference = sums[c] / x.count;
    mean[c] = static_cast<float>(difference + origin[c]);
    variance[c] = static_cast<float>(std::max(0.0, sums[channels + c] / x.count - difference * difference));
    factor[c] = scale[c] / std::sqrt(variance[c] + attributes.epsilon);
    shift[c] = offset[c] - mean[c] * factor[c];
  }
  scaleShift(x, y, factor.data(), shift.data(), alpha);
}

struct PerChannel {
  const float *factor, *shift, *alpha, *mean, *slope, *constant;
};

template <class T, bool Activated, bool Streaming>
void batchNormDx(const Rows<T>& dy, const Rows<T>& x, T* dx, const PerChannel& of) {
  const int64_t channels = x.channels;
  parallel(x.count, x.count * channels, [=](int64_t from, int64_t to, int) {
    for (int64_t row = from; row < to; row++) {
      const T* in = x.values + row * channels;
      const T* gradient = dy.values + row * channels;
      T* out = dx + row * channels;
      overChannels(channels, [=](int64_t c, auto zero) {
        using V = decltype(zero);
        const V value = load<V>(in + c), f = load<V>(of.factor + c);
        V d = load<V>(gradient + c);
        if constexpr (Activated) d = value * f + load<V>(of.shift + c) > 0 ? d : d * load<V>(of.alpha + c);
        const V along = (value - load<V>(of.mean + c)) * load<V>(of.slope + c);
        store<Streaming>(out + c, f * d + (along + load<V>(of.constant + c)));
      });
    }
  });
}

/** With `c = x - mean`, `r = 1 / sqrt(variance + epsilon)`: `dx = scale * r * (d - mean(d) - c * r^2 * mean(d * c))`. */
template <class T, bool Activated>
void batchNormGrad(Call& call, const Attributes& attributes) {
  const Rows<T> dy(call, 0), x(call, 1);
  x.requireValues(call);
  const int64_t channels = x.channels;
  dy.requireLike(call, x, "dy and x");
  const float* scale = call.perChannel(2, channels, "scale");
  const float* mean = call.perChannel(3, channels, "mean");
  const float* variance = call.perChannel(4, channels, "variance");
  const float* offset = Activated ? call.perChannel(5, channels, "offset") : nullptr;
  const float* alpha = Activated ? call.perChannel(6, channels, "alpha") : nullptr;
  if (call.failed()) return;
  T* dx = call.outputLike<T>(0, x.tensor);
  float* dScale = call.output<float>(1, {channels});
  float* dOffset = call.output<float>(2, {channels});
  float* dAlpha = Activated ? call.output<float>(3, {channels}) : nullptr;
  if (call.failed()) return;
  std::vector<float> factors(channels), shifts(channels), slopes(channels), constants(channels);
  for (int64_t c = 0; c < channels; c++) {
    factors[c] = scale[c] / std::sqrt(variance[c] + attributes.epsilon);
    if (Activated) shifts[c] = offset[c] - mean[c] * factors[c];
  }
  const float *factor = factors.data(), *shift = shifts.data();
  const auto sums = sumRows<3>(x.count, channels, [=](int64_t row, auto rows, float* sum) {
    const T* in = x.values + row * channels;
    const T* gradient = dy.values + row * channels;
    overChannels(channels, [=](int64_t c, auto zero) {
      using V = decltype(zero);
      const V f = load<V>(factor + c), s = load<V>(shift + c), m = load<V>(mean + c);
      V g = load<V>(sum + c), p = load<V>(sum + channels + c), n = load<V>(sum + 2 * channels + c);
      for (int r = 0; r < rows; r++) {
        const V value = load<V>(in + r * channels + c);
        V d = load<V>(gradient + r * channels + c);
        if constexpr (Activated) {
          const V z = value * f + s;
          n += z > 0 ? zero : d * z;
          d = z > 0 ? d : d * load<V>(alpha + c);
        }
        g += d;
        p += d * (value - m);
      }
      store(sum + c, g);
      store(sum + channels + c, p);
      store(sum + 2 * channels + c, n);
    });
  });
  for (int64_t c = 0; c < channels; c++) {
    const double inverse = 1 / std::sqrt(static_cast<double>(variance[c]) + attributes.epsilon);
    dOffset[c] = static_cast<float>(sums[c]);
    dScale[c] = static_cast<float>(sums[channels + c] * inverse);
    if (Activated) dAlpha[c] = static_cast<float>(sums[2 * channels + c]);
    slopes[c] = static_cast<float>(-factor[c] * sums[channels + c] * inverse * inverse / x.count);
    constants[c] = static_cast<float>(-factor[c] * sums[c] / x.count);
  }
  const PerChannel of{factor, shift, alpha, mean, slopes.data(), constants.data()};
  const bool streaming = streams(dx, x.count * channels, channels);
  (streaming ? batchNormDx<T, Activated, true> : batchNormDx<T, Activated, false>)(dy, x, dx, of);
}

// --- y = prelu(x * factor + shift, alpha): norms with running statistics, biases, prelu alone -------------------------

template <class T>
void scaleShiftPrelu(Call& call, const Attributes&) {
  const Rows<T> x(call, 0);
  const float* factor = call.perChannel(1, x.channels, "factor");
  const float* shift = call.perChannel(2, x.channels, "shift");
  const float* alpha = call.perChannel(3, x.channels, "alpha");
  if (call.failed()) return;
  T* y = call.outputLike<T>(0, x.tensor);
  if (y) scaleShift(x, y, factor, shift, alpha);
}

template <class T>
void preluGrad(Call& call, const Attributes&) {
  const Rows<T> dy(call, 0), x(call, 1);
  const int64_t channels = x.channels;
  dy.requireLike(call, x, "dy and x");
  const float* alpha = call.perChannel(2, channels, "alpha");
  if (call.failed()) return;
  T* dx = call.outputLike<T>(0, x.tensor);
  float* dAlpha = call.output<float>(1, {channels});
  if (call.failed()) return;
  const auto sums = sumRows<1>(x.count, channels, [=](int64_t row, auto rows, float* sum) {
    const T* in = x.values + row * channels;
    const T* gradient = dy.values + row * channels;
    T* out = dx + row * channels;
    overChannels(channels, [=](int64_t c, auto zero) {
      using V = decltype(zero);
      V n = load<V>(sum + c);
      for (int r = 0; r < rows; r++) {
        const V value = load<V>(in + r * channels + c), d = load<V>(gradient + r * channels + c);
        n += value > 0 ? zero : d * value;
        store(out + r * channels + c, value > 0 ? d : d * load<V>(alpha + c));
      }
      store(sum + c, n);
    });
  });
  for (int64_t c = 0; c < channels; c++) dAlpha[c] = static_cast<float>(sums[c]);
}

// --- Layers of transformers -------------------------------------------------------------------------------------------

/** Sums over the channels of a row, of `Kinds` numbers that `add(c, sums)` adds for one channel or sixteen. */
template <int Kinds, class Add>
inline __attribute__((always_inline)) void sumChannels(int64_t channels, float* total, const Add& add) {
  Wide wide[Kinds] = {};
  float rest[Kinds] = {};
  overChannels(channels, [&](int64_t c, auto zero) {
    if constexpr (std::is_same<decltype(zero), Wide>::value) add(c, wide);
    else add(c, rest);
  });
  for (int kind = 0; kind < Kinds; kind++) {
    total[kind] = rest[kind];
    for (int i = 0; i < lanes; i++) total[kind] += wide[kind][i];
  }
}

/** `y = (x - mean) / sqrt(variance + epsilon) * scale + offset`, the moments those of each row. */
void layerNorm(Call& call, const Attributes& attributes) {
  const Rows<float> x(call, 0);
  x.requireValues(call);
  const int64_t channels = x.channels;
  const float* scale = call.perChannel(1, channels, "scale");
  const float* offset = call.perChannel(2, channels, "offset");
  if (call.failed()) return;
  float* y = call.outputLike<float>(0, x.tensor);
  float* means = call.output<float>(1, {x.count});
  float* factors = call.output<float>(2, {x.count});
  if (call.failed()) return;
  parallel(x.count, x.count * channels, [=](int64_t from, int64_t to, int) {
    for (int64_t row = from; row < to; row++) {
      const float* in = x.values + row * channels;
      float* out = y + row * channels;
      float sum, squares;
      sumChannels<1>(channels, &sum, [=](int64_t c, auto* sums) { sums[0] += load<std::decay_t<decltype(*sums)>>(in + c); });
      const float mean = sum / channels;
      sumChannels<1>(channels, &squares, [=](int64_t c, auto* sums) {
        const auto d = load<std::decay_t<decltype(*sums)>>(in + c) - mean;
        sums[0] += d * d;
      });
      const float factor = 1 / std::sqrt(squares / channels + attributes.epsilon);
      overChannels(channels, [=](int64_t c, auto zero) {
        using V = decltype(zero);
        store(out + c, (load<V>(in + c) - mean) * factor * load<V>(scale + c) + load<V>(offset + c));
      });
      means[row] = mean;
      factors[row] = factor;
    }
  });
}

/** With `u = (x - mean) * factor`, `g = dy * scale` and means over a row: `dx = factor * (g - mean(g) - u * mean(g * u))`. */
void layerNormGrad(Call& call, const Attributes&) {
  const Rows<float> dy(call, 0), x(call, 1);
  const int64_t channels = x.channels;
  dy.requireLike(call, x, "dy and x");
  const float* scale = call.perChannel(2, channels, "scale");
  const float* means = call.perChannel(3, x.count, "mean");
  const float* factors = call.perChannel(4, x.count, "factor");
  if (call.failed()) return;
  float* dx = call.outputLike<float>(0, x.tensor);
  float* dScale = call.output<float>(1, {channels});
  float* dOffset = call.output<float>(2, {channels});
  if (call.failed()) return;
  const auto sums = sumRows<2>(x.count, channels, [=](int64_t first, auto rows, float* sum) {
    for (int64_t row = first; row < first + rows; row++) {
      const float *in = x.values + row * channels, *gradient = dy.values + row * channels;
      const float mean = means[row], factor = factors[row];
      float along[2];
      sumChannels<2>(channels, along, [=](int64_t c, auto* sums) {
        using V = std::decay_t<decltype(*sums)>;
        const V g = load<V>(gradient + c) * load<V>(scale + c);
        sums[0] += g;
        sums[1] += g * ((load<V>(in + c) - mean) * factor);
      });
      const float level = along[0] / channels, slope = along[1] / channels;
      float* out = dx + row * channels;
      overChannels(channels, [=](int64_t c, auto zero) {
        using V = decltype(zero);
        const V d = load<V>(gradient + c), u = (load<V>(in + c) - mean) * factor;
        store(out + c, factor * (d * load<V>(scale + c) - level - u * slope));
        store(sum + c, load<V>(sum + c) + d * u);
        store(sum + channels + c, load<V>(sum + channels + c) + d);
      });
    }
  });
  for (int64_t c = 0; c < channels; c++) {
    dScale[c] = static_cast<float>(sums[c]);
    dOffset[c] = static_cast<float>(sums[channels + c]);
  }
}

/** A row shorter than this has no direction: it is divided by this instead. */
constexpr float shortest = 1e-6f;

/** Each row at unit length, `x / max(|x|, shortest)`, and that quotient of `|x|^2`, its length. */
void splitRows(Call& call, const Attributes&) {
  const Rows<float> x(call, 0);
  call.require(TF_NumDims(x.tensor) == 2, "a tensor that is no matrix");
  if (call.failed()) return;
  const int64_t channels = x.channels;
  float* unit = call.outputLike<float>(0, x.tensor);
  float* norms = call.output<float>(1, {x.count});
  if (call.failed()) return;
  parallel(x.count, x.count * channels, [=](int64_t from, int64_t to, int) {
    for (int64_t row = from; row < to; row++) {
      const float* in = x.values + row * channels;
      float* out = unit + row * channels;
      float squares[1];
      sumChannels<1>(channels, squares, [=](int64_t c, auto* sums) {
        const auto value = load<std::decay_t<decltype(*sums)>>(in + c);
        sums[0] += value * value;
      });
      const float inverse = 1 / std::max(std::sqrt(squares[0]), shortest);
      norms[row] = squares[0] * inverse;
      overChannels(channels, [=](int64_t c, auto zero) { store(out + c, load<decltype(zero)>(in + c) * inverse); });
    }
  });
}

/** With `u = x / |x|`: `dx = (dUnit - u (u . dUnit)) / |x| + u dNorm`; where a row is short, of quotients by a constant. */
void splitRowsGrad(Call& call, const Attributes&) {
  const Rows<float> dUnit(call, 0), x(call, 2);
  const int64_t channels = x.channels;
  dUnit.requireLike(call, x, "dUnit and x");
  const float* dNorms = call.perChannel(1, x.count, "dNorms");
  if (call.failed()) return;
  float* dx = call.outputLike<float>(0, x.tensor);
  if (call.failed()) return;
  parallel(x.count, x.count * channels, [=](int64_t from, int64_t to, int) {
    for (int64_t row = from; row < to; row++) {
      const float *in = x.values + row * channels, *gradient = dUnit.values + row * channels;
      float* out = dx + row * channels;
      float along[2];
      sumChannels<2>(channels, along, [=](int64_t c, auto* sums) {
        using V = std::decay_t<decltype(*sums)>;
        const V value = load<V>(in + c);
        sums[0] += value * value;
        sums[1] += value * load<V>(gradient + c);
      });
      const float length = std::sqrt(along[0]), inverse = 1 / std::max(length, shortest);
      const float slope = length > shortest ? inverse * (dNorms[row] - along[1] * inverse * inverse) : 2 * inverse * dNorms[row];
      overChannels(channels, [=](int64_t c, auto zero) {
        using V = decltype(zero);
        store(out + c, load<V>(gradient + c) * inverse + load<V>(in + c) * slope);
      });
    }
  });
}

/** `a . b` of each row. */
void rowDots(Call& call, const Attributes&) {
  const Rows<float> a(call, 0), b(call, 1);
  const int64_t channels = a.channels;
  a.requireLike(call, b, "a and b");
  if (call.failed()) return;
  float* dots = call.output<float>(0, {a.count});
  if (call.failed()) return;
  parallel(a.count, a.count * channels, [=](int64_t from, int64_t to, int) {
    for (int64_t row = from; row < to; row++) {
      const float *one = a.values + row * channels, *other = b.values + row * channels;
      sumChannels<1>(channels, dots + row, [=](int64_t c, auto* sums) {
        using V = std::decay_t<decltype(*sums)>;
        sums[0] += load<V>(one + c) * load<V>(other + c);
      });
    }
  });
}

/** The sum of each group's rows, [groups, channels]; `groupOf` says of each row which group is its own. */
void groupSums(Call& call, const Attributes& attributes) {
  const Rows<float> x(call, 0);
  const TF_Tensor* of = call.tensor(1);
  const int64_t channels = x.channels, groups = attributes.groups;
  call.require(TF_NumDims(x.tensor) == 2 && TF_TensorElementCount(of) == x.count, "a matrix, and a group for each of its rows");
  const int32_t* groupOf = static_cast<const int32_t*>(TF_TensorData(of));
  for (int64_t row = 0; row < x.count && !call.failed(); row++)
    call.require(groupOf[row] >= 0 && groupOf[row] < groups, "a group that there is not");
  if (call.failed()) return;
  float* sums = call.output<float>(0, {groups, channels});
  if (!sums) return;
  std::fill_n(sums, groups * channels, 0.f);
  for (int64_t row = 0; row < x.count; row++) {
    const float* in = x.values + row * channels;
    float* sum = sums + groupOf[row] * channels;
    overChannels(channels, [=](int64_t c, auto zero) {
      using V = decltype(zero);
      store(sum + c, load<V>(sum + c) + load<V>(in + c));
    });
  }
}

/**
 * unit(made), and unit((1 - share) * stored + share * unit(made)) with a share for each row; one below nought is by similarity,
 * 1 - max(0, c / (1 + |c|)), c being stored . unit(made), the last output.
 */
void refreshRows(Call& call, const Attributes&) {
  const Rows<float> made(call, 0), stored(call, 1);
  const int64_t channels = made.channels;
  made.requireLike(call, stored, "made and stored");
  call.require(TF_NumDims(made.tensor) == 2, "a tensor that is no matrix");
  const float* shares = call.perChannel(2, made.count, "shares");
  if (call.failed()) return;
  float* generated = call.outputLike<float>(0, made.tensor);
  float* refreshed = call.outputLike<float>(1, made.tensor);
  float* cosines = call.output<float>(2, {made.count});
  if (call.failed()) return;
  parallel(made.count, made.count * channels, [=](int64_t from, int64_t to, int) {
    for (int64_t row = from; row < to; row++) {
      const float *in = made.values + row * channels, *old = stored.values + row * channels;
      float *fresh = generated + row * channels, *out = refreshed + row * channels;
      float along[2];
      sumChannels<2>(channels, along, [=](int64_t c, auto* sums) {
        using V = std::decay_t<decltype(*sums)>;
        const V value = load<V>(in + c);
        sums[0] += value * value;
        sums[1] += value * load<V>(old + c);
      });
      const float inverse = 1 / std::max(std::sqrt(along[0]), shortest);
      const float cosine = cosines[row] = along[1] * inverse;
      const float kept = shares[row] < 0 ? std::max(0.f, cosine / (1 + std::abs(cosine))) : 1 - shares[row];
      float squares[1];
      sumChannels<1>(channels, squares, [=](int64_t c, auto* sums) {
        using V = std::decay_t<decltype(*sums)>;
        const V value = load<V>(in + c) * inverse, blended = kept * load<V>(old + c) + (1 - kept) * value;
        store(fresh + c, value);
        store(out + c, blended);
        sums[0] += blended * blended;
      });
      const float whole = 1 / std::max(std::sqrt(squares[0]), shortest);
      overChannels(channels, [=](int64_t c, auto zero) { store(out + c, load<decltype(zero)>(out + c) * whole); });
    }
  });
}

/** Queries, keys and values side by side, [images, tokens, 3 * channels]. */
struct Attended {
  const float* values;
  attention::Shape shape{};

  Attended(Call& call, int i, int64_t heads) {
    const TF_Tensor* tensor = call.tensor(i);
    values = static_cast<const float*>(TF_TensorData(tensor));
    const auto sides = Call::shapeOf(tensor);
    call.require(sides.size() == 3 && heads > 0 && sides[2] > 0 && sides[2] % (3 * heads * products::width) == 0,
                 "queries, keys and values that are not [images, tokens, 3 * heads * a multiple of " +
                     std::to_string(products::width) + "]");
    if (!call.failed()) shape = {sides[0], sides[1], sides[2] / 3, heads};
  }
};

void attend(Call& call, const Attributes& attributes) {
  const Attended all(call, 0, attributes.heads);
  if (call.failed()) return;
  const auto& s = all.shape;
  if (float* y = call.output<float>(0, {s.images, s.tokens, s.channels})) attention::attend(all.values, y, s);
}

void attendGrad(Call& call, const Attributes& attributes) {
  const TF_Tensor* dy = call.tensor(0);
  const Attended all(call, 1, attributes.heads);
  const auto& s = all.shape;
  call.require(Call::shapeOf(dy) == std::vector<int64_t>{s.images, s.tokens, s.channels}, "a gradient of another shape");
  if (call.failed()) return;
  float* dqkv = call.output<float>(0, {s.images, s.tokens, 3 * s.channels});
  if (dqkv) attention::attendGradient(static_cast<const float*>(TF_TensorData(dy)), all.values, dqkv, s);
}

// --- 3x3 convolutions, stride 1, "same" -------------------------------------------------------------------------------

void requireRegisters(Call& call, int64_t channels) {
  call.require(channels % products::width == 0, "channels that are no multiple of " + std::to_string(products::width));
}

/** An image or a gradient, [images, high, wide, channels], or filters, [high, wide, channels, channels]. */
struct Square {
  const float* values;
  std::vector<int64_t> shape;

  Square(Call& call, int i) {
    const TF_Tensor* tensor = call.tensor(i);
    values = static_cast<const float*>(TF_TensorData(tensor));
    shape = Call::shapeOf(tensor);
    call.require(shape.size() == 4, "a tensor that has not four dimensions");
    shape.resize(4);
  }

  winograd::Shape to(int64_t channels) const { return {shape[0], shape[1], shape[2], shape[3], channels}; }
};

/** The same, of channels in whole registers. */
struct WholeSquare : Square {
  WholeSquare(Call& call, int i) : Square(call, i) { requireRegisters(call, shape[3]); }
};

/** What is done to results of so many channels: where there are such inputs, behind the first two, a number added to each and PReLU. */
After afterwards(Call& call, int64_t channels) {
  if (call.inputs() == 2) return {};
  const float* shift = call.perChannel(2, channels, "shift");
  return {shift, call.perChannel(3, channels, "alpha")};
}

/** The convolution, or with `Turned` its gradient to the image. */
template <bool Turned>
void conv3x3(Call& call, const Attributes&) {
  const WholeSquare x(call, 0), filters(call, 1);
  const int64_t from = filters.shape[Turned ? 3 : 2], to = filters.shape[Turned ? 2 : 3];
  call.require(filters.shape[0] == 3 && filters.shape[1] == 3 && from == x.shape[3], "filters for other channels, or not 3x3");
  requireRegisters(call, to);
  const After after = afterwards(call, to);
  if (call.failed()) return;
  float* y = call.output<float>(0, {x.shape[0], x.shape[1], x.shape[2], to});
  if (y) winograd::convolve(x.values, filters.values, y, x.to(to), Turned, after);
}

void conv3x3FilterGrad(Call& call, const Attributes&) {
  const WholeSquare x(call, 0), dy(call, 1);
  call.require(std::equal(x.shape.begin(), x.shape.begin() + 3, dy.shape.begin()), "x and dy differ in images or sides");
  if (call.failed()) return;
  float* dFilters = call.output<float>(0, {3, 3, x.shape[3], dy.shape[3]});
  if (dFilters) winograd::convolveFilterGradient(x.values, dy.values, dFilters, x.to(dy.shape[3]));
}

// --- Depthwise convolutions -------------------------------------------------------------------------------------------

/** An image, [images, high, wide, channels], and a kernel of each channel, [high, wide, channels, 1]. */
template <class T>
struct Depthwise {
  const T* x;
  const float* filter;
  depthwise::Shape shape{};

  Depthwise(Call& call, const Attributes& attributes, int first) {
    const TF_Tensor *image = call.tensor(first), *kernel = call.tensor(first + 1);
    x = static_cast<const T*>(TF_TensorData(image));
    filter = static_cast<const float*>(TF_TensorData(kernel));
    const auto sides = Call::shapeOf(image), of = Call::shapeOf(kernel);
    call.require(sides.size() == 4 && of.size() == 4, "an image or a kernel that has not four dimensions");
    if (call.failed()) return;
    const auto [stride, padding] = std::pair(attributes.stride, attributes.padding);
    call.require(of[0] > 0 && of[1] > 0 && of[2] == sides[3] && of[3] == 1, "kernels for other channels, or not one for each");
    call.require(padding < std::min(of[0], of[1]), "a padding as wide as the kernel");
    if (call.failed()) return;
    call.require(std::min(sides[1] - of[0], sides[2] - of[1]) + 2 * padding >= 0, "a kernel larger than the padded image");
    shape = {sides[0], sides[1], sides[2], sides[3], of[0], of[1], stride, padding};
  }
};

template <class T>
void depthwiseConvolution(Call& call, const Attributes& attributes) {
  const Depthwise<T> of(call, attributes, 0);
  const depthwise::Shape& s = of.shape;
  After after = afterwards(call, s.channels);
  if (call.failed()) return;
  T* y = call.output<T>(0, {s.images, s.outHigh(), s.outWide(), s.channels});
  if (!y) return;
  after.streaming = streams(y, s.images * s.outHigh() * s.outWide() * s.channels, s.channels);
  depthwise::convolve(of.x, of.filter, y, s, after);
}

template <class T>
void depthwiseGrad(Call& call, const Attributes& attributes) {
  const TF_Tensor* dy = call.tensor(0);
  const Depthwise<T> of(call, attributes, 1);
  if (call.failed()) return;
  const depthwise::Shape& s = of.shape;
  call.require(Call::shapeOf(dy) == std::vector<int64_t>{s.images, s.outHigh(), s.outWide(), s.channels}, "a gradient of another shape");
  if (call.failed()) return;
  T* dx = call.output<T>(0, {s.images, s.high, s.wide, s.channels});
  float* dFilter = call.output<float>(1, {s.kernelHigh, s.kernelWide, s.channels, 1});
  if (call.failed()) return;
  const bool streaming = streams(dx, s.images * s.high * s.wide * s.channels, s.channels);
  depthwise::convolveGradients(static_cast<const T*>(TF_TensorData(dy)), of.x, of.filter, dx, dFilter, s, streaming);
}

// --- 1x1 convolutions, at inference -----------------------------------------------------------------------------------

void pointwisePrelu(Call& call, const Attributes&) {
  const Square x(call, 0), filter(call, 1);
  const int64_t from = x.shape[3], to = filter.shape[3];
  call.require(from > 0 && to > 0, "no channels");
  call.require(filter.shape[0] == 1 && filter.shape[1] == 1 && filter.shape[2] == from, "filters for other channels, or not 1x1");
  After after = afterwards(call, to);
  if (call.failed()) return;
  const int64_t pixels = x.shape[0] * x.shape[1] * x.shape[2];
  float* y = call.output<float>(0, {x.shape[0], x.shape[1], x.shape[2], to});
  if (!y) return;
  after.streaming = streams(y, pixels * to, to);
  pointwise::convolve(x.values, filter.values, y, pixels, from, to, after);
}

// --- All parameters at once -------------------------------------------------------------------------------------------

/** sqrt of the sum of all squares. */
void globalNorm(Call& call, const Attributes&) {
  double total = 0;
  for (int i = 0; i < call.inputs(); i++) {
    const TF_Tensor* tensor = call.tensor(i);
    const float* values = static_cast<const float*>(TF_TensorData(tensor));
    const int64_t size = TF_TensorElementCount(tensor), whole = size / lanes;
    // As rows of one register's width, whose sums come together in the end.
    const auto sums = sumRows<1>(whole, lanes, [=](int64_t row, auto rows, float* sum) {
      Wide s = load<Wide>(sum);
      for (int r = 0; r < rows; r++) {
        const Wide value = load<Wide>(values + (row + r) * lanes);
        s += value * value;
      }
      store(sum, s);
    });
    for (double sum : sums) total += sum;
    for (int64_t j = whole * lanes; j < size; j++) total += static_cast<double>(values[j]) * values[j];
  }
  if (float* norm = call.output<float>(0, {})) *norm = static_cast<float>(std::sqrt(total));
}

/** Weights and velocities after a step of SGD: inputs rate, weight decay of each, N weights, M = N or 0 velocities, N gradients. */
void sgd(Call& call, const Attributes& attributes) {
  const int count = static_cast<int>(attributes.weights), moving = static_cast<int>(attributes.velocities);
  call.require(moving == count || moving == 0, "as many velocities as weights, or none");
  const float* rates = call.perChannel(0, 1, "rate");
  const float* decays = call.perChannel(1, count, "decays");
  if (call.failed()) return;
  const float rate = *rates;
  const float momentum = attributes.momentum;
  const bool nesterov = attributes.nesterov;
  for (int i = 0; i < count && !call.failed(); i++) {
    const TF_Tensor* weight = call.tensor(2 + i);
    const int64_t size = TF_TensorElementCount(weight);
    const float* w = static_cast<const float*>(TF_TensorData(weight));
    const float* v = moving ? call.perChannel(2 + count + i, size, "velocity") : nullptr;
    const float* g = call.perChannel(2 + count + moving + i, size, "gradient");
    if (call.failed()) return;
    float* nextW = call.outputLike<float>(i, weight);
    float* nextV = moving ? call.outputLike<float>(count + i, weight) : nullptr;
    if (call.failed()) return;
    const float decay = decays[i];
    parallel(size, size, [=](int64_t from, int64_t to, int) {
      overChannels(to - from, [=](int64_t at, auto zero) {
        using V = decltype(zero);
        const int64_t j = from + at;
        const V weight = load<V>(w + j), descent = load<V>(g + j) + decay * weight;
        V direction = descent;
        if (v) {
          const V velocity = momentum * load<V>(v + j) + descent;
          store(nextV + j, velocity);
          direction = nesterov ? descent + momentum * velocity : velocity;
        }
        store(nextW + j, weight - rate * direction);
      });
    });
  }
}

/** `kept * average + factor * value` of N pairs: inputs a factor of each, N averages, N values. */
void movingAverages(Call& call, const Attributes& attributes) {
  const int count = static_cast<int>(attributes.weights);
  const float* factors = call.perChannel(0, count, "factors");
  for (int i = 0; i < count && !call.failed(); i++) {
    const TF_Tensor* tensor = call.tensor(1 + i);
    const int64_t size = TF_TensorElementCount(tensor);
    const float* average = static_cast<const float*>(TF_TensorData(tensor));
    const float* value = call.perChannel(1 + count + i, size, "value");
    if (call.failed()) return;
    float* next = call.outputLike<float>(i, tensor);
    if (call.failed()) return;
    const float kept = attributes.kept, factor = factors[i];
    parallel(size, size, [=](int64_t from, int64_t to, int) {
      overChannels(to - from, [=](int64_t at, auto zero) {
        using V = decltype(zero);
        store(next + from + at, kept * load<V>(average + from + at) + factor * load<V>(value + from + at));
      });
    });
  }
}

// --- Registration -----------------------------------------------------------------------------------------------------

using Compute = void (*)(Call&, const Attributes&);

template <Compute compute>
void run(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  compute(call, *static_cast<Attributes*>(kernel));
}

void* create(TF_OpKernelConstruction* construction) {
  TF_Status* status = TF_NewStatus();
  auto* attributes = new Attributes;
  const auto has = [&](const char* name) { return TF_OpKernelConstruction_HasAttr(construction, name, status); };
  if (has("epsilon")) TF_OpKernelConstruction_GetAttrFloat(construction, "epsilon", &attributes->epsilon, status);
  if (has("momentum")) TF_OpKernelConstruction_GetAttrFloat(construction, "momentum", &attributes->momentum, status);
  if (has("kept")) TF_OpKernelConstruction_GetAttrFloat(construction, "kept", &attributes->kept, status);
  if (has("nesterov")) {
    TF_Bool value;
    TF_OpKernelConstruction_GetAttrBool(construction, "nesterov", &value, status);
    attributes->nesterov = value;
  }
  if (has("N")) TF_OpKernelConstruction_GetAttrInt64(construction, "N", &attributes->weights, status);
  if (has("M")) TF_OpKernelConstruction_GetAttrInt64(construction, "M", &attributes->velocities, status);
  if (has("heads")) TF_OpKernelConstruction_GetAttrInt64(construction, "heads", &attributes->heads, status);
  if (has("stride")) TF_OpKernelConstruction_GetAttrInt64(construction, "stride", &attributes->stride, status);
  if (has("groups")) TF_OpKernelConstruction_GetAttrInt64(construction, "groups", &attributes->groups, status);
  if (has("padding")) TF_OpKernelConstruction_GetAttrInt64(construction, "padding", &attributes->padding, status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return attributes;
}

void destroy(void* kernel) { delete static_cast<Attributes*>(kernel); }

void unknownShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

class Registration {
 public:
  Registration() : status_(TF_NewStatus()) {}
  ~Registration() { TF_DeleteStatus(status_); }

  void op(const char* name, const std::vector<const char*>& inputs, const std::vector<const char*>& outputs,
          const std::vector<const char*>& attributes) {
    if (failed()) return;
    TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(name);
    for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(builder, input);
    for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(builder, output);
    for (const char* attribute : attributes) TF_OpDefinitionBuilderAddAttr(builder, attribute);
    TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, unknownShape);
    TF_RegisterOpDefinition(builder, status_);
  }

  void kernel(const char* name, void (*compute)(void*, TF_OpKernelContext*), const char* type = nullptr,
              TF_DataType is = TF_FLOAT) {
    if (failed()) return;
    TF_KernelBuilder* builder = TF_NewKernelBuilder(name, "CPU", create, compute, destroy);
    if (type) TF_KernelBuilder_TypeConstraint(builder, type, is, status_);
    if (!failed()) TF_RegisterKernelBuilder(name, builder, status_);
  }

  bool failed() const { return TF_GetCode(status_) != TF_OK; }
  const char* message() const { return TF_Message(status_); }

 private:
  TF_Status* status_;
};

#define EITHER(name, function)                              \
  r.kernel(name, run<function<float>>, "T", TF_FLOAT);      \
  r.kernel(name, run<function<bfloat16>>, "T", TF_BFLOAT16)
#define EITHER2(name, function, flag)                          \
  r.kernel(name, run<function<float, flag>>, "T", TF_FLOAT);   \
  r.kernel(name, run<function<bfloat16, flag>>, "T", TF_BFLOAT16)

void registerOps(Registration& r) {
  const char* T = "T: {float, bfloat16}";
  const char* float32 = "T: {float}";
  const char* epsilon = "epsilon: float";
  r.op("ProtomemBatchNorm", {"x: T", "scale: float", "offset: float"}, {"y: T", "mean: float", "variance: float"}, {T, epsilon});
  EITHER("ProtomemBatchNorm", batchNorm);
  r.op("ProtomemBatchNormPrelu", {"x: T", "scale: float", "offset: float", "alpha: float"},
       {"y: T", "mean: float", "variance: float"}, {T, epsilon});
  EITHER("ProtomemBatchNormPrelu", batchNorm);
  r.op("ProtomemBatchNormGrad",
       {"dy: T", "x: T", "scale: float", "mean: float", "variance: float"},
       {"dx: T", "dscale: float", "doffset: float"}, {T, epsilon});
  EITHER2("ProtomemBatchNormGrad", batchNormGrad, false);
  r.op("ProtomemBatchNormPreluGrad",
       {"dy: T", "x: T", "scale: float", "mean: float", "variance: float", "offset: float", "alpha: float"},
       {"dx: T", "dscale: float", "doffset: float", "dalpha: float"}, {T, epsilon});
  EITHER2("ProtomemBatchNormPreluGrad", batchNormGrad, true);
  r.op("ProtomemScaleShiftPrelu", {"x: T", "factor: float", "shift: float", "alpha: float"}, {"y: T"}, {T});
  EITHER("ProtomemScaleShiftPrelu", scaleShiftPrelu);
  r.op("ProtomemPreluGrad", {"dy: T", "x: T", "alpha: float"}, {"dx: T", "dalpha: float"}, {T});
  EITHER("ProtomemPreluGrad", preluGrad);
  r.op("ProtomemLayerNorm", {"x: T", "scale: float", "offset: float"}, {"y: T", "mean: float", "factor: float"}, {float32, epsilon});
  r.kernel("ProtomemLayerNorm", run<layerNorm>);
  r.op("ProtomemLayerNormGrad", {"dy: T", "x: T", "scale: float", "mean: float", "factor: float"},
       {"dx: T", "dscale: float", "doffset: float"}, {float32});
  r.kernel("ProtomemLayerNormGrad", run<layerNormGrad>);
  r.op("ProtomemSplitRows", {"x: T"}, {"unit: T", "norms: T"}, {float32});
  r.kernel("ProtomemSplitRows", run<splitRows>);
  r.op("ProtomemSplitRowsGrad", {"dunit: T", "dnorms: T", "x: T"}, {"dx: T"}, {float32});
  r.kernel("ProtomemSplitRowsGrad", run<splitRowsGrad>);
  r.op("ProtomemRowDots", {"a: T", "b: T"}, {"dots: T"}, {float32});
  r.kernel("ProtomemRowDots", run<rowDots>);
  r.op("ProtomemGroupSums", {"x: T", "group_of: int32"}, {"sums: T"}, {float32, "groups: int >= 0"});
  r.kernel("ProtomemGroupSums", run<groupSums>);
  r.op("ProtomemRefreshRows", {"made: T", "stored: T", "shares: float"}, {"generated: T", "refreshed: T", "cosines: T"}, {float32});
  r.kernel("ProtomemRefreshRows", run<refreshRows>);
  r.op("ProtomemAttention", {"qkv: T"}, {"y: T"}, {float32, "heads: int >= 1"});
  r.kernel("ProtomemAttention", run<attend>);
  r.op("ProtomemAttentionGrad", {"dy: T", "qkv: T"}, {"dqkv: T"}, {float32, "heads: int >= 1"});
  r.kernel("ProtomemAttentionGrad", run<attendGrad>);
  r.op("ProtomemConv3x3", {"x: T", "filters: T"}, {"y: T"}, {float32});
  r.kernel("ProtomemConv3x3", run<conv3x3<false>>);
  r.op("ProtomemConv3x3Prelu", {"x: T", "filters: T", "shift: T", "alpha: T"}, {"y: T"}, {float32});
  r.kernel("ProtomemConv3x3Prelu", run<conv3x3<false>>);
  r.op("ProtomemConv3x3InputGrad", {"dy: T", "filters: T"}, {"dx: T"}, {float32});
  r.kernel("ProtomemConv3x3InputGrad", run<conv3x3<true>>);
  r.op("ProtomemConv3x3FilterGrad", {"x: T", "dy: T"}, {"dfilters: T"}, {float32});
  r.kernel("ProtomemConv3x3FilterGrad", run<conv3x3FilterGrad>);
  const char *stride = "stride: int >= 1", *padding = "padding: int >= 0";
  r.op("ProtomemDepthwise", {"x: T", "filter: float"}, {"y: T"}, {T, stride, padding});
  EITHER("ProtomemDepthwise", depthwiseConvolution);
  r.op("ProtomemDepthwisePrelu", {"x: T", "filter: float", "shift: float", "alpha: float"}, {"y: T"}, {T, stride, padding});
  EITHER("ProtomemDepthwisePrelu", depthwiseConvolution);
  r.op("ProtomemDepthwiseGrad", {"dy: T", "x: T", "filter: float"}, {"dx: T", "dfilter: float"}, {T, stride, padding});
  EITHER("ProtomemDepthwiseGrad", depthwiseGrad);
  r.op("ProtomemPointwisePrelu", {"x: T", "filter: T", "shift: T", "alpha: T"}, {"y: T"}, {float32});
  r.kernel("ProtomemPointwisePrelu", run<pointwisePrelu>);
  r.op("ProtomemGlobalNorm", {"tensors: N * float"}, {"norm: float"}, {"N: int >= 1"});
  r.kernel("ProtomemGlobalNorm", run<globalNorm>);
  r.op("ProtomemSgd", {"rate: float", "decays: float", "weights: N * float", "velocities: M * float", "gradients: N * float"},
       {"new_weights: N * float", "new_velocities: M * float"}, {"N: int >= 1", "M: int >= 0", "momentum: float", "nesterov: bool"});
  r.kernel("ProtomemSgd", run<sgd>);
  r.op("ProtomemMovingAverages", {"factors: float", "averages: N * float", "values: N * float"}, {"next: N * float"},
       {"N: int >= 1", "kept: float"});
  r.kernel("ProtomemMovingAverages", run<movingAverages>);
}

}  // namespace

NAPI_MODULE_INIT() {
  // Once a process, however many threads of it load the addon.
  static Registration* registration = [] {
    auto* r = new Registration;
    registerOps(*r);
    return r;
  }();
  if (registration->failed()) napi_throw_error(env, nullptr, registration->message());
  return exports;
}
