#!/bin/sh
# Our own ops (cpp/training_ops.cc) under AddressSanitizer and UndefinedBehaviorSanitizer, over odd shapes: an install of its
# own whose ops are compiled so, then scripts/check-ops.ts of @protomem/engine in a process that has the sanitizer loaded.
#   packages/native/scripts/sanitize-ops.sh [FOLDER]     keeps the install in FOLDER for the next time
set -e
root=$(cd "$(dirname "$0")/../../.." && pwd)
folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
[ -n "$1" ] || trap 'rm -rf "$folder"' EXIT
compiler=${CXX:-g++}
cat > "$folder/cxx" <<END
#!/bin/sh
case "\$*" in
  *training_ops.cc*) exec $compiler -fsanitize=address,undefined -fno-omit-frame-pointer -g "\$@" ;;
esac
exec $compiler "\$@"
END
chmod +x "$folder/cxx"
cd "$root"
run="node --import tsx --conditions=@protomem/source"
export PROTOMEM_CACHE="$folder"
# Unchanged, it is there already; after a change of cpp/, remove FOLDER.
CXX="$folder/cxx" $run packages/native/src/cli.ts install
# Under a sanitizer dlopen does not know $ORIGIN, with which the log is kept quiet: at this level that is left out.
TF_CPP_MIN_LOG_LEVEL=1 ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1 \
  LD_PRELOAD="$($compiler -print-file-name=libasan.so)" $run packages/engine/scripts/check-ops.ts
