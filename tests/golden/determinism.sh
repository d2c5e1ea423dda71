# The same scenario and seed, the same bytes: one scenario that uses every order, backfill, place, route,
# shift, forecast and market, noisy estimates, random placement, shares, quotas and rounds, is run twice on one thread and once on four, in
# processes of their own, and every table but the moments and durations of the wall clock must be the same.
# Another seed must give other bytes. With HEADROOM_ALL=1 also: an unoptimised build by gcc and, where there is
# clang, an optimised one by clang, made here. (scripts/same-bytes asks it of the suite's own builds.)
set -u
root=$1 program=$2 scratch=$3
command -v sqlite3 >/dev/null || { echo "sqlite3 is not installed"; exit 77; }
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1

models() { "$program" models "$1" | sed -n 's/^  \([a-z_]*\)  .*/\1/p'; }

cat >every.yaml <<'END'
version: 1
name: every model
seed: 5
measure: {from: 6 h, to: 4 d}
load:
  jobs: 400
  arrivals: {model: mmpp, rate: 6 /h, burst_ratio: 16, burst_share: 0.1, burst_length: 2 h}
  tenants: [{name: red, weight: 3}, {name: blue, weight: 1}]
  classes:
    - {name: notebook, weight: 3, gpus: [0.2, 0.5, 1], cpus_per_gpu: 4, utilisation: 0.3, utilisation_sd: 0.2,
       durations: {model: lognormal, median: 40 min}, priority: 2, deadline_slack: 3}
    - {name: train, weight: 2, gpus: [1, 2, 4, 8, 16], cpus_per_gpu: 6, utilisation: 0.8, utilisation_sd: 0.1,
       durations: {model: lognormal, median: 2 h}, estimate_factor: 4, deadline_slack: 10}
regions:
  - {name: north, price: 0.08 USD/kWh, carbon: 40 gCO2/kWh, pue: 1.1}
  - name: south
    price: {daily: [90, 88, 85, 83, 85, 94, 109, 119, 118, 109, 97, 88,
                    80, 75, 76, 86, 100, 120, 140, 146, 135, 122, 111, 102], unit: USD/MWh}
    carbon: {daily: [32, 32, 31, 31, 32, 32, 32, 31, 29, 27, 25, 24,
                     23, 24, 25, 27, 30, 33, 35, 36, 35, 35, 34, 33], unit: gCO2/kWh}
    pue: 1.35
pools:
  - {name: a, region: north, nodes: 3, gpus: 8, gpu: X1, cpus: 64, cost: {rented: 20 USD/h},
     power: {base: 300 W, gpu_idle: 50 W, gpu_peak: 400 W}}
  - {name: b, region: south, nodes: 4, gpus: 4, gpu: X2, cpus: 48, cost: {rented: 9 USD/h},
     power: {base: 200 W, gpu_idle: 40 W, gpu_peak: 300 W}}
tenants:
  - {name: red}
  - {name: blue, home: south}
policy: {estimate: {noisy: 0.7}, place: best_fit}
runs:
END
{
    for order in $(models order); do
        for backfill in none skip; do echo "{policy.order: $order, policy.backfill: $backfill}"; done
    done
    for backfill in $(models backfill); do echo "{policy.backfill: $backfill, policy.estimate: user}"; done
    for place in $(models place); do
        echo "{policy.place: $place, policy.backfill: skip, policy.scatter: true}"
    done
    for route in $(models route); do echo "{policy.route: $route}"; done
    for kind in hard borrow; do
        echo "{'tenants[0].quota': 8, 'tenants[0].kind': $kind, policy.backfill: skip}"
    done
    echo "{policy.order: srtf, policy.round: 6 min, policy.restart: [7 s, 30 s, 60 s]}"
    for shift in $(models shift); do
        echo "{policy.shift: $shift, policy.shift_on: price, policy.wait: 12 h, policy.route: weighted}"
    done
    for forecast in $(models forecast); do
        [ "$forecast" = given ] || echo "{policy.shift: lowest_window, policy.forecast: $forecast, policy.wait: 12 h}"
    done
    for market in $(models market); do
        echo "{policy.market: $market, policy.backfill: skip, policy.checkpoint: {every: 30 min, write: 1 min}," \
            "'pools[1].cost': {spot: {price: 3 USD/h, hazard: 0.2 /h, notice: 2 min}}}"
    done
    echo "{'pools[0].sleep': {after: 10 min, power: 40 W, boot: 5 min, boot_times: exponential, reserve: 1}, policy.backfill: skip," \
        "'pools[1].faults': {node: {model: weibull, mean: 40 h}, repair: {model: lognormal, mean: 3 h}}," \
        "policy.checkpoint: {every: daly, write: 1 min}}"
    echo "{policy.cap: {when: price, above: 0.1 USD/kWh, level: 0.6}}"
} | awk '{ printf "  - {name: r%d, set: %s}\n", NR, $0 }' >>every.yaml
runs=$(grep -c 'name: r[0-9]' every.yaml)
[ "$runs" -gt 30 ] || { echo "only $runs runs: the models were not listed"; exit 1; }

# results PROGRAM NAME OPTIONS...: runs the scenario; NAME.sql holds all that must not change.
results() {
    local by=$1 name=$2
    shift 2
    "$by" run every.yaml --quiet --jobs --bins 50 -o "$name.db" "$@" ||
        { echo "$name: the run failed"; exit 1; }
    sqlite3 "$name.db" "UPDATE run SET started_utc = '', wall_s = 0, loop_s = 0, command = ''" .dump >"$name.sql"
}
status=0
same() { # NAME: as the first
    cmp -s first.sql "$1.sql" && return
    echo "$1.sql differs from first.sql:"
    diff first.sql "$1.sql" | head -6 | cut -c1-300
    status=1
}

results "$program" first -j 1
rows=$(grep -c 'INSERT INTO job ' first.sql)
[ "$rows" -eq $((400 * runs)) ] || { echo "$rows rows for 400 jobs in $runs runs"; status=1; }
complete=$(sqlite3 first.db "SELECT count(*) FROM run WHERE status = 'complete'")
[ "$complete" -eq "$runs" ] || { echo "only $complete of $runs runs are complete"; status=1; }
results "$program" again -j 1
same again
results "$program" threads -j 4
same threads
results "$program" other --seed 6
cmp -s first.sql other.sql && { echo "another seed gave the same bytes"; status=1; }

# build NAME COMPILER TYPE: the program alone, in a folder of its own.
build() {
    cmake -S "$root" -B "$1" -G Ninja -DCMAKE_C_COMPILER="$2" -DCMAKE_BUILD_TYPE="$3" -DHEADROOM_TESTS=OFF \
        >"$1.log" 2>&1 &&
        ninja -C "$1" headroom >>"$1.log" 2>&1 || { tail -20 "$1.log"; echo "$1: does not build"; exit 1; }
}
if [ "${HEADROOM_ALL:-0}" != 0 ]; then
    build gcc-debug gcc Debug
    results gcc-debug/headroom gcc-debug-results -j 2
    same gcc-debug-results
    if command -v clang >/dev/null; then
        build clang-release clang Release
        results clang-release/headroom clang-release-results -j 2
        same clang-release-results
    fi
fi
exit $status
