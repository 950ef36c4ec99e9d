// Loads libtensorflow with stderr turned away. Current versions print about oneDNN from a static initialiser, before
// TF_CPP_MIN_LOG_LEVEL has any say; whatever comes after the load goes to stderr as usual.
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

NAPI_MODULE_INIT() {
  const int kept = dup(2);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (kept >= 0 && nowhere >= 0) dup2(nowhere, 2);
  void* library = dlopen(LIBTENSORFLOW, RTLD_LAZY);
  if (kept >= 0 && nowhere >= 0) dup2(kept, 2);
  if (kept >= 0) close(kept);
  if (nowhere >= 0) close(nowhere);
  if (library == nullptr) napi_throw_error(env, nullptr, dlerror());
  return exports;
}
