# docs/models.md is true: its walk-through is followed to the letter in a copy of the tree, and it lists every model.
# A fenced block whose first line names a file (```c models/order/x.c) is written there, or appended where that file
# exists.
set -u
root=$1 program=$2 scratch=$3
page=$root/docs/models.md
[ ! -e "$root/models/order/least_work.c" ] || { echo "new_policy.sh: the page's example exists already"; exit 1; }
fail() { echo "new_policy.sh: $1"; exit 1; }

names=$("$program" models | sed -n 's/^  \([a-z0-9_]*\) .*/\1/p')
[ "$(echo "$names" | wc -l)" -gt 30 ] || fail "'headroom models' lists hardly any models"
for name in $names; do
    grep -q "^| \`$name\` |" "$page" || fail "docs/models.md does not list '$name'"
done

tree=$scratch/tree
rm -rf "$scratch" && mkdir -p "$tree" || exit 1
(cd "$root" && tar cf - --exclude=./build --exclude=./.git --exclude=./results .) | tar xf - -C "$tree" || exit 1
cd "$tree" || exit 1
awk '
    /^```/ && file != "" { close(file); file = ""; next }
    /^```[a-z]+ [^ ]+$/ { file = $2; print file; next }
    file != "" { print >> file }
' "$page" >"$scratch/written"
[ "$(wc -l <"$scratch/written")" -eq 3 ] || fail "expected a source, a line and a scenario on the page"

{ cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DHEADROOM_WERROR=ON &&
  cmake --build build --parallel 2 --target headroom; } >"$scratch/build.log" 2>&1 ||
    { tail -30 "$scratch/build.log"; fail "the page's policy does not build"; }
build/headroom models least_work | tee "$scratch/described" | grep -q gpu_weight ||
    { cat "$scratch/described"; fail "'headroom models least_work' does not show its parameter"; }
build/headroom run least_work.yaml --json -o "$scratch/results.db" >"$scratch/summary.json" 2>"$scratch/run.log" ||
    { cat "$scratch/run.log"; fail "the page's scenario does not run"; }
for run in by-time by-work between; do
    grep -q "\"$run\"" "$scratch/summary.json" || fail "no run '$run' in the summary"
done
if build/headroom check least_work.yaml --set 'policy.order={model: least_work, gpu_weight: 9}' >"$scratch/range" 2>&1; then
    fail "a parameter out of range is accepted"
fi
grep -q gpu_weight "$scratch/range" || { cat "$scratch/range"; fail "the range is not named"; }

cmake --build build --parallel 2 --target test_conform_order >"$scratch/build.log" 2>&1 ||
    { tail -30 "$scratch/build.log"; fail "the laws do not build with it"; }
build/tests/test_conform_order -j1 || fail "the page's policy breaks a law of orders"
