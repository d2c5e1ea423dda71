# headroom validate: a trace that keeps the waits of a simulation agrees with that simulation to the last digit, and
# differs from another policy's by what the two databases differ by. A trace without waits is a mistake.
set -u
root=$1 program=$2 scratch=$3
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
status=0
fail() { echo "$*"; status=1; }

awk 'BEGIN {
    srand(7); print "job_id,submit_s,duration_s,gpus"
    for (i = 0; i < 400; i++) { t += int(rand() * 120); printf "j%d,%d,%d,%d\n", i, t, 30 + int(rand() * 3000), 2 ^ int(rand() * 4) }
}' >bare.csv
cat >cluster.yaml <<'YAML'
version: 1
name: cluster
trace: {file: recorded.csv}
regions:
  - {name: here, price: 0.1 USD/kWh, carbon: 400 gCO2/kWh, pue: 1.2}
pools:
  - {name: gpus, region: here, nodes: 4, gpus: 8, gpu: some, power: {base: 100 W, gpu_idle: 10 W, gpu_peak: 300 W}}
policy: {order: fifo, backfill: none, place: first_fit}
YAML
run() { # DATABASE OPTIONS...: waits as id,wait
    local db=$1
    shift
    "$program" run cluster.yaml -q --jobs -o "$db" --set trace.file=bare.csv "$@" || exit 1
    sqlite3 -separator , "$db" "SELECT id, start_s - submit_s FROM job WHERE start_s IS NOT NULL" | sort >"$db.waits"
}
run fifo.db
run sjf.db --set policy.order=sjf --set policy.backfill=skip
"$program" validate cluster.yaml --set trace.file=bare.csv 2>bare.err
[ $? -eq 2 ] || fail "a trace without waits is no mistake"
grep -q "bare.csv: no recorded waits to compare with, expected a column wait_s" bare.err || fail "$(cat bare.err)"

awk -F, 'NR == FNR { wait[$1] = $2; next } FNR == 1 { print $0 ",wait_s"; next } { print $0 "," wait[$1] }' \
    fifo.db.waits bare.csv >recorded.csv
figure() { sed -n "s/.*\"wait_s\": {.*\"$1\": \([^,}]*\)[,}].*/\1/p" "$2" | head -1; }
"$program" validate cluster.yaml --json >same.json || fail "validate failed"
for figure in bias error distance; do
    sed 's/, "gpus_in_use.*//' same.json >waits.json
    [ "$(figure $figure waits.json)" = 0 ] || fail "the same policy: $figure is $(figure $figure waits.json)"
done
[ "$(figure rank_correlation waits.json)" = 1 ] || fail "the same policy: correlation $(figure rank_correlation waits.json)"

"$program" validate cluster.yaml --json --set policy.order=sjf --set policy.backfill=skip >other.json
sed 's/, "gpus_in_use.*//' other.json >waits.json
join -t, fifo.db.waits sjf.db.waits | awk -F, -v bias="$(figure bias waits.json)" -v error="$(figure error waits.json)" '
    { d = $3 - $2; b += d; e += d < 0 ? -d : d; n++ }
    function near(x, y) { return (x - y) ^ 2 <= 1e-18 * (1 + y ^ 2) }
    END {
        if (n == 400 && e > 0 && near(bias, b / n) && near(error, e / n)) exit 0
        printf "%d jobs: bias %.12g, error %.12g; validate says %s, %s\n", n, b / n, e / n, bias, error
        exit 1
    }' || status=1
"$program" validate cluster.yaml >page.txt || fail "validate failed"
grep -q "400 jobs compared" page.txt || fail "$(cat page.txt)"
exit $status
