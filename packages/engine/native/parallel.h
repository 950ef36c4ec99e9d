// Threads of our own, as many as TensorFlow was given: its pool is not part of its C API. An op runs alone in a process, so
// the two never want the processor at the same time.
#pragma once
#include <algorithm>
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

  /** Runs `work(part)` for each part below `count()`, and returns when all are done. */
  void run(const std::function<void(int)>& work) {
    std::lock_guard<std::mutex> alone(entry_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      left_ = count_ - 1;
      turn_++;
    }
    start_.notify_all();
    work(0);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return left_ == 0; });
  }

 private:
  Threads() {
    const char* given = std::getenv("TF_NUM_INTRAOP_THREADS");
    const int wanted = given ? std::atoi(given) : 0;
    count_ = std::max(1, wanted > 0 ? wanted : static_cast<int>(std::thread::hardware_concurrency()));
    for (int part = 1; part < count_; part++) std::thread([this, part] { serve(part); }).detach();
  }

  void serve(int part) {
    for (uint64_t seen = 0;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      start_.wait(lock, [&] { return turn_ != seen; });
      seen = turn_;
      const std::function<void(int)>* work = work_;
      lock.unlock();
      (*work)(part);
      lock.lock();
      if (--left_ == 0) done_.notify_one();
    }
  }

  int count_;
  std::mutex entry_, mutex_;
  std::condition_variable start_, done_;
  const std::function<void(int)>* work_ = nullptr;
  int left_ = 0;
  uint64_t turn_ = 0;
};

/** `work(from, to, part)` over all of `items`, in as many ranges as there are threads; in one where `values` are few. */
template <class Work>
void parallel(int64_t items, int64_t values, const Work& work) {
  Threads& threads = Threads::get();
  // Below this waking a thread costs more than it brings.
  if (threads.count() == 1 || values < 16384) {
    if (items > 0) work(0, items, 0);
    return;
  }
  const int64_t count = threads.count();
  threads.run([&](int part) {
    const int64_t from = items * part / count, to = items * (part + 1) / count;
    if (from < to) work(from, to, part);
  });
}
