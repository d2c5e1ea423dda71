#!/bin/bash
# Broken scenarios, each with the findings it must give: every mistake with its position, exit status 2, and
# no results database touched. tests/golden/bad-scenarios/NAME.yaml is checked, with the overrides of NAME.args
# (one a line), against NAME.expected. HEADROOM_UPDATE=1 writes the expected files anew: read the difference.
# Called with the source folder, the program and a scratch folder.
set -u
source=$1 program=$2 scratch=$3
export HEADROOM_CATALOG=$source/models/catalog
corpus=$source/tests/golden/bad-scenarios
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$corpus" || exit 1
failed=0 checked=0

fail() {
  echo "FAILED $1: $2"
  failed=$((failed + 1))
}

# check NAME FILE [OVERRIDE...]: findings against NAME.expected.
check() {
  local name=$1 file=$2 sets=() value
  shift 2
  for value in "$@"; do sets+=(--set "$value"); done
  local found=$scratch/$name.found expected=$corpus/$name.expected
  "$program" check "$file" "${sets[@]}" >"$found" 2>&1
  local status=$?
  [ $status -eq 2 ] || fail "$name" "exit status $status, expected 2"
  sed -i "s|$scratch/||g; s|$source/||g" "$found"
  [ -n "${HEADROOM_UPDATE:-}" ] && cp "$found" "$expected"
  diff -u "$expected" "$found" || fail "$name" "other findings"
  checked=$((checked + 1))
}

# What would be too large for the tree is made here.
{ echo 'version: 1'; echo -n '# '; head -c $((17 << 20)) /dev/zero | tr '\0' x; } >"$scratch/too-large.yaml"
{ echo 'version: 1'; echo -n 'name: ['; yes 'x,' | head -n 120000 | tr -d '\n'; echo ']'; } \
  >"$scratch/too-many-values.yaml"
mkdir "$scratch/folder.yaml"

for file in *.yaml; do
  name=${file%.yaml} args=()
  [ -f "$name.args" ] && mapfile -t args <"$name.args"
  check "$name" "$file" "${args[@]}"
done
for name in too-large too-many-values folder nowhere; do check "$name" "$scratch/$name.yaml"; done

# A run must refuse as check does, before it opens a database.
echo 'not a database' >"$scratch/results.db"
for file in wrong-everywhere.yaml empty.yaml binary.yaml alias-bomb.yaml; do
  "$program" run "$file" -o "$scratch/results.db" --quiet >"$scratch/run.found" 2>&1
  status=$?
  [ $status -eq 2 ] || fail "run $file" "exit status $status, expected 2"
  [ "$(cat "$scratch/results.db")" = 'not a database' ] || fail "run $file" "the database was touched"
  "$program" run "$file" -o "$scratch/new.db" --quiet >/dev/null 2>&1
  [ ! -e "$scratch/new.db" ] || fail "run $file" "a database was made"
done

echo "$checked broken scenarios, $failed failures"
[ $failed -eq 0 ]
