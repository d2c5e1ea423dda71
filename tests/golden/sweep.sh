#!/bin/bash
# A sweep gives the same tables, byte for byte apart from the clocks, on any number of threads and however often it was
# killed on the way: 20 times with SIGKILL at random moments here, each time gone on with by the same command. What was
# done is not done again; a part of the file that is missing, other jobs or a second process are refused.
# Called with the source folder, the program and a scratch folder.
set -u
root=$1 program=$2 scratch=$3
command -v sqlite3 >/dev/null || { echo "sqlite3 is not installed"; exit 77; }
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
status=0
fail() { echo "FAILED: $*"; status=1; }

cp "$root/tests/golden/sweep.yaml" .
runs=180

dump() { # FILE.db: everything but the clocks
    sqlite3 "$1" "UPDATE run SET started_utc = '', wall_s = 0, loop_s = 0, command = ''" .dump
}
same() { # NAME: as the first
    dump "$1.db" >"$1.sql"
    cmp -s first.sql "$1.sql" && return
    fail "$1.db differs from first.db"
    diff first.sql "$1.sql" | head -6 | cut -c1-200
}

begun=$(date +%s%N)
"$program" sweep sweep.yaml -o first.db -j 1 >first.out || fail "the sweep failed"
took_ms=$((($(date +%s%N) - begun) / 1000000))
dump first.db >first.sql
[ "$(sqlite3 first.db "SELECT count(*) FROM run WHERE status = 'complete'")" -eq $runs ] || fail "not $runs runs"
for threads in 2 3 7; do
    "$program" sweep sweep.yaml -o threads-$threads.db -j $threads --quiet || fail "-j $threads failed"
    same threads-$threads
done

# Every run is what `headroom run` gives with the same overrides and seed.
sqlite3 -separator ' ' first.db "SELECT r.run_id, r.run_name, r.seed, group_concat('--set ' || path || '=' || replace(value, ' ', ''), ' ')
    FROM run r JOIN factor USING (run_id) WHERE run_id IN (3, 62, 117, 180) GROUP BY run_id" >picked
while read -r id name seed sets; do
    # shellcheck disable=SC2086
    "$program" run sweep.yaml --quiet --bins 0 -o one-$id.db -r "$name" --seed "$seed" $sets || fail "run $id"
    figures="SELECT part, t.name, m.name, value FROM tally t JOIN measure USING (tally_id) JOIN metric m USING (metric_id)"
    sqlite3 first.db "$figures WHERE run_id = $id ORDER BY tally_id, metric_id" >swept
    sqlite3 one-$id.db "$figures ORDER BY tally_id, metric_id" >bare
    [ -s swept ] || fail "run $id has no figures"
    cmp -s swept bare || { fail "run $id is not what a bare run gives: $name $seed $sets"; diff swept bare | head -3; }
done <picked
[ "$(wc -l <picked)" -eq 4 ] || fail "not all runs were compared with bare ones"

# Replications draw anew, points share what is drawn, and pairs of runs see the same jobs.
[ "$(sqlite3 first.db "SELECT count(DISTINCT seed) FROM run")" -eq 3 ] || fail "not a seed a replication"
[ "$(sqlite3 first.db "SELECT count(DISTINCT trace_hash) FROM run")" -eq 6 ] || fail "not two loads a replication"
[ "$(sqlite3 first.db "SELECT count(DISTINCT run_id) FROM v_compare")" -eq $((runs / 2)) ] || fail "v_compare: pairs"
[ "$(sqlite3 first.db "SELECT count(*) FROM v_compare c JOIN run r USING (run_id) JOIN run b ON b.run_id = c.baseline_id
    WHERE b.point <> r.point OR b.replication <> r.replication OR b.trace_hash <> r.trace_hash")" -eq 0 ] ||
    fail "v_compare compares runs of different points"

# A finished sweep is finished.
"$program" sweep sweep.yaml -o first.db -j 2 >again.out || fail "a finished sweep is refused"
grep -q 'all of them there already' again.out || fail "a finished sweep was run again"
dump first.db | cmp -s - first.sql || fail "a finished sweep was changed"

# Killed at random moments, and gone on with: every fourth time from its start on, else once it has written something, so
# that slow starts do not take all the kills. Replications are added until a sweep takes some three seconds here.
replications=$((3 * 3000 / (took_ms > 0 ? took_ms : 1) + 3))
sed "s/replications: 3/replications: $replications/" sweep.yaml >long.yaml
begun=$(date +%s%N)
"$program" sweep long.yaml -o long.db -j 2 --quiet || fail "the long sweep failed"
long_ms=$((($(date +%s%N) - begun) / 1000000))
dump long.db >long.sql
written() { sqlite3 -cmd '.timeout 5000' killed.db "SELECT done FROM sweep"; }
# A moment up to a tenth of the whole, in milliseconds.
pause() {
    local ms=$((RANDOM % (long_ms / 10 + 1)))
    sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}
RANDOM=7
kills=0 rounds=0
: >found-at
while [ $kills -lt 20 ] && [ $rounds -lt 40 ]; do
    rounds=$((rounds + 1))
    rm -f killed.db killed.db-journal
    for _ in $(seq 60); do
        before=$(written)
        "$program" sweep long.yaml -o killed.db -j 2 --quiet &
        pid=$!
        if [ $((kills % 4)) -ne 0 ]; then
            while kill -0 $pid && [ "$(written)" = "$before" ]; do sleep 0.01; done
        fi
        pause
        if kill -9 $pid; then
            kills=$((kills + 1))
            wait $pid
            echo "$rounds $(written)" >>found-at
        else
            wait $pid || fail "the sweep failed after a kill"
            break
        fi
        [ $kills -lt 20 ] || break
    done
    "$program" sweep long.yaml -o killed.db -j 2 --quiet || fail "the sweep could not be gone on with"
    dump killed.db | cmp -s - long.sql || fail "killed and gone on with, it is not what an undisturbed sweep gives"
    [ $status -eq 0 ] || break
done 2>/dev/null
[ $kills -ge 20 ] || fail "only $kills kills"
echo "$kills kills in $rounds rounds, of $(sqlite3 long.db "SELECT done FROM sweep") runs there were by then:" \
    "$(cut -d' ' -f2 found-at | xargs)"
[ "$(sort -u found-at | wc -l)" -ge 10 ] || fail "too few of the kills came between the first run and the last"

# What was done is not done again: a sweep stopped after some runs has these rows as they were.
"$program" sweep sweep.yaml -o part.db -j 1 --quiet &
pid=$!
for _ in $(seq 200); do
    done_now=$(sqlite3 -cmd '.timeout 5000' part.db "SELECT done FROM sweep" 2>/dev/null)
    [ "${done_now:-0}" -lt 10 ] || break
    sleep 0.01
done
{ kill -9 $pid && wait $pid; } 2>/dev/null
before=$(sqlite3 part.db "SELECT group_concat(wall_s) FROM run")
kept=$(sqlite3 part.db "SELECT count(*) FROM run")
"$program" sweep sweep.yaml -o part.db -j 1 --quiet || fail "part"
[ "$before" = "$(sqlite3 part.db "SELECT group_concat(wall_s) FROM run WHERE run_id <= $kept")" ] ||
    fail "runs that were done were repeated"
same part

# Refused: rows taken out, and a scenario without a sweep.
sqlite3 part.db "DELETE FROM run WHERE run_id = 4"
"$program" sweep sweep.yaml -o part.db --quiet 2>refused && fail "a sweep with a hole was gone on with"
grep -q 'runs of this sweep were taken out' refused || fail "$(cat refused)"
"$program" sweep "$root/scenarios/quickstart.yaml" -o none.db 2>refused
[ $? -eq 2 ] || fail "a scenario without a sweep was swept"
[ ! -e none.db ] || fail "a database was made for nothing"

# Another load file under the same name.
printf 'submit_s,duration_s,gpus\n0,60,1\n30,60,2\n' >jobs.csv
cat sweep.yaml >traced.yaml
"$program" sweep traced.yaml --set load=null --set trace.file=jobs.csv --set 'sweep.list=null' -o traced.db --quiet ||
    fail "a trace cannot be swept"
printf '0,60,1\n' >>jobs.csv
"$program" sweep traced.yaml --set load=null --set trace.file=jobs.csv --set 'sweep.list=null' -o traced.db --quiet \
    2>refused && fail "other jobs were taken for the same"
grep -q 'its trace is not what it was' refused || fail "$(cat refused)"
exit $status
