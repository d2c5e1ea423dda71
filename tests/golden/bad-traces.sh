#!/bin/bash
# Broken traces, each with the findings it must give: every mistake with its position, exit status 2, nothing
# written. tests/golden/bad-traces/NAME.csv is read by `headroom import headroom`, against NAME.expected.
# HEADROOM_UPDATE=1 writes the expected files anew: read the difference.
# Called with the source folder, the program and a scratch folder.
set -u
source=$1 program=$2 scratch=$3
corpus=$source/tests/golden/bad-traces
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$corpus" || exit 1
failed=0 checked=0

fail() {
  echo "FAILED $1: $2"
  failed=$((failed + 1))
}

# check NAME FILE: findings against NAME.expected.
check() {
  local name=$1 found=$scratch/$1.found expected=$corpus/$1.expected
  "$program" import headroom "$2" -o "$scratch/out.csv" >"$found" 2>&1
  local status=$?
  [ $status -eq 2 ] || fail "$name" "exit status $status, expected 2"
  [ -z "$(find "$scratch" -name 'out.csv*')" ] || fail "$name" "something was written"
  sed -i "s|$scratch/||g" "$found"
  [ -n "${HEADROOM_UPDATE:-}" ] && cp "$found" "$expected"
  diff -u "$expected" "$found" || fail "$name" "other findings"
  checked=$((checked + 1))
}

# What would be too large for the tree, or is no text file, is made here.
header='submit_s,duration_s,gpus'
{ echo "$header"; yes 'x,60,1' | head -n 5000; } >"$scratch/many-mistakes.csv"
{ echo "$header"; echo -n '0,"'; head -c $((3 << 20)) /dev/zero | tr '\0' x; } >"$scratch/long-record.csv"
{ echo "$header"; seq 0 50000 | sed 's/$/,60,1/'; } | gzip >"$scratch/whole.csv.gz"
# The trailer of a gzip file is its check sum and length: cut off, and overwritten.
head -c -4 "$scratch/whole.csv.gz" >"$scratch/truncated.csv.gz"
{ head -c -8 "$scratch/whole.csv.gz"; echo 'garbage'; } >"$scratch/damaged.csv.gz"
mkdir "$scratch/folder.csv"

for file in *.csv; do check "${file%.csv}" "$file"; done
for name in many-mistakes long-record folder nowhere; do check "$name" "$scratch/$name.csv"; done
for name in truncated damaged; do check "$name" "$scratch/$name.csv.gz"; done

# Order and doubled rows are no mistakes: rows are sorted, and without ids two jobs may look the same.
printf '%s\n10,60,1\n0,60,1\n0,60,1\n' "$header" >"$scratch/unsorted.csv"
"$program" import headroom "$scratch/unsorted.csv" >"$scratch/unsorted.found" || fail unsorted "refused"
"$program" import headroom "$scratch/whole.csv.gz" >/dev/null || fail whole "refused"

echo "$checked broken traces, $failed failures"
[ $failed -eq 0 ]
