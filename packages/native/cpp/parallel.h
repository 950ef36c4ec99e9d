// Threads of our own, as many as TensorFlow was given: its pool is not part of its C API. An op runs alone in a process, so
// the two never want the processor at the same time.
#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

class Threads {
 public:
  /** Never destroyed: at the end of the process its threads may still wait. */
  static Threads& get() {
    static Threads* threads = new Threads;
    return *threads;
  }

  int count() const { return count_; }

  /** Runs `work(part)` for each part below `parts`, whichever thread is free first, and returns when all are done. */
  void run(int parts, const std::function<void(int)>& work) {
    std::lock_guard<std::mutex> alone(entry_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      parts_ = parts;
      next_ = 0;
      working_ = count_ - 1;
      turn_++;
    }
    start_.notify_all();
    takeParts();
    if (spin([this] { return working_ == 0; })) return;
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return working_ == 0; });
  }

 private:
  Threads() {
    const char* given = std::getenv("TF_NUM_INTRAOP_THREADS");
    const int wanted = given ? std::atoi(given) : 0;
    count_ = std::max(1, wanted > 0 ? wanted : static_cast<int>(std::thread::hardware_concurrency()));
    for (int thread = 1; thread < count_; thread++) std::thread([this] { serve(); }).detach();
  }

  void serve() {
    for (uint64_t seen = 0;;) {
      if (!spin([&] { return turn_ != seen; })) {
        std::unique_lock<std::mutex> lock(mutex_);
        start_.wait(lock, [&] { return turn_ != seen; });
      }
      seen = turn_;
      takeParts();
      // Under the lock, or the one that waits could miss it.
      std::lock_guard<std::mutex> lock(mutex_);
      if (--working_ == 0) done_.notify_one();
    }
  }

  void takeParts() {
    for (int part = next_++; part < parts_; part = next_++) (*work_)(part);
  }

  /** Whether it comes true within some microseconds: an op's second pass follows its first at once. */
  template <class Condition>
  static bool spin(const Condition& condition) {
    for (int i = 0; i < 2000; i++) {
      if (condition()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
    return false;
  }

  int count_;
  std::mutex entry_, mutex_;
  std::condition_variable start_, done_;
  const std::function<void(int)>* work_ = nullptr;
  int parts_ = 0;
  std::atomic<int> next_{0}, working_{0};
  std::atomic<uint64_t> turn_{0};
};

/** Ranges that {@link parallel} makes: some more than threads, so that one that is held up holds up little. */
inline int rangesOf(int64_t values) {
  const int threads = Threads::get().count();
  // Below this waking a thread costs more than it brings.
  return threads == 1 || values < 1 << 18 ? 1 : values < 1 << 20 ? threads : 4 * threads;
}

/** `work(from, to, range)` over all of `items`, which hold so many `values`. */
template <class Work>
void parallel(int64_t items, int64_t values, const Work& work) {
  const int64_t ranges = rangesOf(values);
  const auto one = [&](int range) {
    const int64_t from = items * range / ranges, to = items * (range + 1) / ranges;
    if (from < to) work(from, to, range);
  };
  if (ranges == 1) one(0);
  else Threads::get().run(static_cast<int>(ranges), one);
}
