#!/bin/bash
# Shards of a sweep, each in a file of its own, are joined into the file an undivided sweep writes, byte for byte apart
# from the clocks: whatever their number and order, again and again, a few at a time. What does not belong together is
# refused, and leaves the output as it was.
# Called with the source folder, the program and a scratch folder.
set -u
root=$1 program=$2 scratch=$3
command -v sqlite3 >/dev/null || { echo "sqlite3 is not installed"; exit 77; }
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
cp "$root/tests/golden/sweep.yaml" .
status=0
fail() { echo "FAILED: $*"; status=1; }

dump() { # FILE.db: everything but the clocks, by a reader that leaves the file alone
    cp "$1" copy.db
    sqlite3 copy.db "UPDATE run SET started_utc = '', wall_s = 0, loop_s = 0, command = ''" .dump
}
same() { # NAME: as the undivided sweep
    dump "$1.db" >"$1.sql"
    cmp -s whole.sql "$1.sql" && return
    fail "$1.db differs from whole.db"
    diff whole.sql "$1.sql" | head -6 | cut -c1-200
}
sweep() { "$program" sweep sweep.yaml --quiet --jobs --bins 20 "$@"; }

sweep -o whole.db || fail "the sweep failed"
dump whole.db >whole.sql
for shards in 1 2 7; do
    for shard in $(seq $shards); do sweep --shard $shard/$shards -o of-$shards-$shard.db || fail "shard $shard/$shards"; done
    # shellcheck disable=SC2012
    "$program" merge merged-$shards.db $(ls -r of-$shards-*.db) >merged.out || fail "merge of $shards"
    grep -q '^180 of 180 runs in' merged.out || fail "$(cat merged.out)"
    same merged-$shards
done
[ "$(sqlite3 of-7-3.db "SELECT group_concat(DISTINCT point) FROM run")" = 3,10,17,24 ] || fail "not every seventh point"

# Again, with what is there already, and a few at a time.
"$program" merge merged-7.db of-7-*.db of-7-1.db merged-7.db --quiet || fail "a merge cannot be repeated"
same merged-7
"$program" merge few.db of-7-4.db of-7-2.db 2>refused && fail "a merge that leaves runs out is not refused"
grep -q 'few.db: 126 of 180 runs are in none of the files, the first at point 1, replication 0' refused ||
    fail "$(cat refused)"
[ ! -e few.db ] || fail "it was written all the same"
"$program" merge few.db of-7-4.db of-7-2.db --partial >few.out || fail "--partial"
grep -q '54 of 180 runs in few.db; the first that is missing is point 1, replication 0' few.out || fail "$(cat few.out)"
"$program" sweep sweep.yaml --quiet --jobs --bins 20 -o few.db 2>refused && fail "shards were taken for a beginning"
grep -q 'do not make its beginning' refused || fail "$(cat refused)"
"$program" merge few.db of-7-[13567].db --quiet || fail "the others could not be added"
same few
# Shards of another division do as well.
"$program" merge mixed.db of-2-1.db of-7-[246].db of-2-2.db --quiet || fail "shards of two divisions"
same mixed
# A merged whole is a finished sweep.
sweep -o merged-2.db || fail "a merged sweep cannot be gone on with"
same merged-2

# A shard that was killed is gone on with, as a whole sweep is.
"$program" sweep sweep.yaml --quiet --jobs --bins 20 --shard 1/2 -o cut.db -j 1 &
pid=$!
for _ in $(seq 400); do
    so_far=$(sqlite3 -cmd '.timeout 5000' cut.db "SELECT done FROM sweep" 2>/dev/null)
    [ "${so_far:-0}" -lt 5 ] || break
    sleep 0.01
done
kill -9 $pid
wait $pid 2>/dev/null
sweep --shard 1/2 -o cut.db || fail "a killed shard cannot be gone on with"
"$program" merge cut-merged.db cut.db of-2-2.db --quiet || fail "a killed shard cannot be merged"
same cut-merged

# Refused: another scenario, other options, an incomplete batch, another program's file, another schema, other figures.
cp whole.db kept.db
refuse() { # PATTERN FILE...
    local pattern=$1 before
    shift
    before=$(cksum <kept.db)
    "$program" merge kept.db "$@" >refused 2>&1 && fail "not refused: $*"
    grep -q "$pattern" refused || fail "not '$pattern': $(cat refused)"
    [ "$before" = "$(cksum <kept.db)" ] || fail "kept.db was changed by $*"
}
"$program" sweep sweep.yaml --quiet --seed 12 -o seed.db --jobs --bins 20
refuse "seed.db: it has another scenario, compared with 'kept.db'" seed.db
"$program" sweep sweep.yaml --quiet -o bare.db
refuse "bare.db: it has another number of bins" bare.db
"$program" run sweep.yaml --quiet -o runs.db
refuse "runs.db: 0 sweeps, expected one" runs.db
cp of-2-1.db more.db
"$program" run sweep.yaml --quiet -o more.db
refuse "more.db: runs that are not of its sweep" more.db
cp of-2-1.db old.db
sqlite3 old.db "PRAGMA user_version = 3"
refuse "old.db' has results of schema version 3" old.db
cp of-2-1.db liar.db
sqlite3 liar.db "UPDATE run SET events = events + 1 WHERE run_id = 5"
refuse "liar.db: point 5, replication 0 did not go as in 'kept.db'" liar.db
refuse "there is no results file 'nowhere.db'" nowhere.db
exit $status
