// TensorFlow's collectives for tfjs-node's binding, which knows nothing of them. The linker sends the binding's calls of the
// functions below here (`--wrap`, see compile.ts):
//
// - TFE_NewContext joins the cluster that PROTOMEM_CLUSTER describes, a ServerDef in hexadecimal digits, before the binding
//   lists its devices, and leaves what came of it in PROTOMEM_CLUSTER_STATUS. Its server listens at PROTOMEM_CLUSTER_LISTEN, host:port.
// - An op whose name begins with "background:" is carried out by an executor of its own while the caller goes on. Its result has
//   the shape of its first input, so that the binding, which asks at once, need not wait; whoever reads the result does.
// - A collective op gets a manager of cancellations that outlives it. By itself it has one that goes when the op is over, which
//   may be before TensorFlow's calls of the other processes are: then the process ended.
// - An op with the attribute "abort_after_seconds", which TensorFlow never sees, is given so long; then all collectives are
//   called off, and it fails once TensorFlow has let go of it. With `timeout_seconds` of TensorFlow's own it fails at once, while
//   calls of the other processes still write to what it had: then the process ended as often as not.
// - While a context is made and an op carried out, signals go to other threads: see SignalsElsewhere.
#include <signal.h>
#include <tensorflow/c/eager/c_api.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "listen_on.h"

// Of headers that are not unpacked; weak, since an older library may not have them.
typedef struct TFE_Executor TFE_Executor;
typedef struct TFE_CancellationManager TFE_CancellationManager;
extern "C" {
__attribute__((weak)) void TFE_EnableCollectiveOps(TFE_Context*, const void* proto, size_t length, TF_Status*);
__attribute__((weak)) TFE_Executor* TFE_NewExecutor(bool async, bool streaming, int inFlight);
__attribute__((weak)) TFE_Executor* TFE_ContextGetExecutorForThread(TFE_Context*);
__attribute__((weak)) void TFE_ContextSetExecutorForThread(TFE_Context*, TFE_Executor*);
__attribute__((weak)) void TFE_DeleteExecutor(TFE_Executor*);
__attribute__((weak)) TFE_CancellationManager* TFE_NewCancellationManager();
__attribute__((weak)) void TFE_OpSetCancellationManager(TFE_Op*, TFE_CancellationManager*, TF_Status*);
__attribute__((weak)) TFE_TensorHandle* TFE_OpGetFlatInput(const TFE_Op*, int index, TF_Status*);
__attribute__((weak)) void TFE_AbortCollectiveOps(TFE_Context*, TF_Status*);

TFE_Context* __real_TFE_NewContext(const TFE_ContextOptions*, TF_Status*);
TFE_Op* __real_TFE_NewOp(TFE_Context*, const char*, TF_Status*);
void __real_TFE_OpSetAttrFloat(TFE_Op*, const char*, float);
void __real_TFE_Execute(TFE_Op*, TFE_TensorHandle**, int*, TF_Status*);
int __real_TFE_TensorHandleNumDims(TFE_TensorHandle*, TF_Status*);
int64_t __real_TFE_TensorHandleDim(TFE_TensorHandle*, int, TF_Status*);
}

namespace {

const char kBackground[] = "background:";
const char kCollective[] = "Collective";
const char kAbortAfter[] = "abort_after_seconds";

// The binding is called by one thread at a time; contexts are one for each.
thread_local TFE_Context* context = nullptr;
thread_local TFE_Executor* background = nullptr;
thread_local TFE_CancellationManager* cancellations = nullptr;
/** Of the op that is being put together. */
thread_local bool inBackground = false;
thread_local float abortAfter = 0;
/** The latest result of a background op, and its shape. */
thread_local TFE_TensorHandle* pending = nullptr;
thread_local std::vector<int64_t> pendingShape;

bool begins(const char* text, const char* with) { return std::strncmp(text, with, std::strlen(with)) == 0; }

std::string fromHex(const char* digits) {
  std::string bytes;
  for (; digits[0] != 0 && digits[1] != 0; digits += 2) {
    const char two[] = {digits[0], digits[1], 0};
    bytes.push_back(static_cast<char>(std::strtol(two, nullptr, 16)));
  }
  return bytes;
}

/**
 * Keeps signals from this thread, and from threads that are started meanwhile. With AVX-512, products of matrices in TensorFlow 2.21 (oneDNN 3.7;
 * mended in 3.12) put a workspace on the heap into the stack pointer: a handler that runs on such a thread, when a terminal changes its size, say, or a
 * profiler asks where it is, writes over what lies before it. Node has other threads, which take signals; what is sent to
 * this one waits until the op has ended. What an instruction raises itself stays.
 */
class SignalsElsewhere {
 public:
  SignalsElsewhere() {
    sigset_t all;
    sigfillset(&all);
    for (int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) sigdelset(&all, own);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsElsewhere() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

/**
 * Calls off the collectives of a context when the op that runs now is not over in time. It counts tenths of a second in which
 * this process ran: one that is stopped for a while, with all others, blames nobody when it goes on.
 */
class Watch {
 public:
  explicit Watch(TFE_Context* context) {
    std::thread([this, context] {
      while (true) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        int64_t left = left_;
        // Not where another op has begun since.
        if (left == 0 || !left_.compare_exchange_strong(left, left - 1) || left > 1) continue;
        TF_Status* status = TF_NewStatus();
        TF_SetStatus(status, TF_DEADLINE_EXCEEDED, "timed out");
        TFE_AbortCollectiveOps(context, status);
        TF_DeleteStatus(status);
      }
    }).detach();
  }
  void begin(float seconds) { left_ = 1 + static_cast<int64_t>(10.0 * seconds); }
  void end() { left_ = 0; }

 private:
  std::atomic<int64_t> left_{0};
};

/** Never deleted: its thread ends with the process. */
thread_local Watch* watch = nullptr;

void joinCluster(const char* digits) {
  std::string found;
  if (!TFE_EnableCollectiveOps || !TFE_NewExecutor || !TFE_OpGetFlatInput || !TFE_NewCancellationManager ||
      !TFE_AbortCollectiveOps) {
    found = "this library has no collectives";
  } else {
    const std::string server = fromHex(digits);
    const std::string listen = std::getenv("PROTOMEM_CLUSTER_LISTEN");
    const size_t colon = listen.rfind(':');
    ListenOn there(listen.substr(0, colon).c_str(), static_cast<uint16_t>(std::atoi(listen.c_str() + colon + 1)));
    TF_Status* status = TF_NewStatus();
    if (there.problem().empty()) TFE_EnableCollectiveOps(context, server.data(), server.size(), status);
    else TF_SetStatus(status, TF_INVALID_ARGUMENT, there.problem().c_str());
    if (TF_GetCode(status) != TF_OK) {
      found = TF_Message(status);
    } else if (!there.obeyed() && !begins(listen.c_str(), "0.0.0.0:")) {
      found = "this library's server listens on all interfaces";
    } else {
      background = TFE_NewExecutor(true, false, 0);
      cancellations = TFE_NewCancellationManager();
      watch = new Watch(context);
      found = "joined at " + there.address();
    }
    TF_DeleteStatus(status);
  }
  setenv("PROTOMEM_CLUSTER_STATUS", found.c_str(), 1);
}

void rememberShape(TFE_Op* op, TF_Status* status) {
  // The op's own: not ours to delete.
  TFE_TensorHandle* input = TFE_OpGetFlatInput(op, 0, status);
  if (input == nullptr) return;
  pendingShape.clear();
  const int dims = __real_TFE_TensorHandleNumDims(input, status);
  for (int i = 0; i < dims; i++) pendingShape.push_back(__real_TFE_TensorHandleDim(input, i, status));
}

}  // namespace

extern "C" {

TFE_Context* __wrap_TFE_NewContext(const TFE_ContextOptions* options, TF_Status* status) {
  const SignalsElsewhere here;
  context = __real_TFE_NewContext(options, status);
  const char* cluster = std::getenv("PROTOMEM_CLUSTER");
  if (context != nullptr && cluster != nullptr) joinCluster(cluster);
  return context;
}

TFE_Op* __wrap_TFE_NewOp(TFE_Context* owner, const char* name, TF_Status* status) {
  abortAfter = 0;
  inBackground = background != nullptr && begins(name, kBackground);
  TFE_Executor* usual = nullptr;
  if (inBackground) {
    // An op keeps the executor that its thread has now.
    name += std::strlen(kBackground);
    usual = TFE_ContextGetExecutorForThread(context);
    TFE_ContextSetExecutorForThread(context, background);
  }
  TFE_Op* op = __real_TFE_NewOp(owner, name, status);
  if (inBackground) {
    TFE_ContextSetExecutorForThread(context, usual);
    TFE_DeleteExecutor(usual);
  }
  if (op != nullptr && cancellations != nullptr && begins(name, kCollective)) {
    TFE_OpSetCancellationManager(op, cancellations, status);
  }
  return op;
}

void __wrap_TFE_OpSetAttrFloat(TFE_Op* op, const char* name, float value) {
  if (std::strcmp(name, kAbortAfter) == 0) abortAfter = value;
  else __real_TFE_OpSetAttrFloat(op, name, value);
}

void __wrap_TFE_Execute(TFE_Op* op, TFE_TensorHandle** results, int* count, TF_Status* status) {
  const SignalsElsewhere here;
  pending = nullptr;
  if (!inBackground) {
    const bool watched = watch != nullptr && abortAfter > 0;
    if (watched) watch->begin(abortAfter);
    __real_TFE_Execute(op, results, count, status);
    if (watched) watch->end();
    return;
  }
  inBackground = false;
  rememberShape(op, status);
  if (TF_GetCode(status) != TF_OK) return;
  __real_TFE_Execute(op, results, count, status);
  if (TF_GetCode(status) == TF_OK) pending = results[0];
}

int __wrap_TFE_TensorHandleNumDims(TFE_TensorHandle* handle, TF_Status* status) {
  if (handle == pending && pending != nullptr) return static_cast<int>(pendingShape.size());
  return __real_TFE_TensorHandleNumDims(handle, status);
}

int64_t __wrap_TFE_TensorHandleDim(TFE_TensorHandle* handle, int i, TF_Status* status) {
  if (handle == pending && pending != nullptr) return pendingShape[i];
  return __real_TFE_TensorHandleDim(handle, i, status);
}
}
