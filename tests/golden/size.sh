# `headroom size`: the same answer on any number of threads, every run and verdict in the database, the exit status, and a
# plan over years. Called with the source folder, the program and a scratch folder.
set -u
root=$1 program=$2 scratch=$3
export HEADROOM_CATALOG=$root/models/catalog
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
status=0
wrong() { echo "$*"; status=1; }
expect() { # WANTED SQL
    local got
    got=$(sqlite3 one.db "$2") || got="no answer"
    [ "$got" = "$1" ] || wrong "$2: $got, expected $1"
}

cat >small.yaml <<'END'
version: 1
name: small
measure: {to: 2 d}
load:
  until: 2 d
  arrivals: {model: poisson, rate: 6 /h}
  classes: [{name: only, gpus: [1, 2], durations: {model: exponential, mean: 1 h}}]
regions:
  - {name: here, price: 0.1 USD/kWh, carbon: 300 gCO2/kWh, pue: 1.2}
  - {name: there, price: 0.1 USD/kWh, carbon: 30 gCO2/kWh, pue: 1.2}
pools:
  - {name: a, region: here, nodes: 1, gpus: 4, gpu: X, power: {base: 300 W, gpu_idle: 50 W, gpu_peak: 400 W}, cost: {rented: 5 USD/h}}
  - {name: b, region: there, nodes: 1, gpus: 4, gpu: X, power: {base: 300 W, gpu_idle: 50 W, gpu_peak: 400 W}, cost: {rented: 6 USD/h}}
policy: {route: least_loaded, backfill: skip}
size:
  choose: [{path: pools.a.nodes, most: 6}, {path: pools.b.nodes, most: 6}]
  targets: [{metric: wait_mean_s, at_most: 10 min}, {metric: jobs_refused, at_most: 0}]
  replications: {least: 3, most: 9}
  cases:
    - {name: more, demand: 1.3}
    - {name: here-lost, lost: here, required: false}
END

"$program" size small.yaml -j 1 --json -o one.db >one.json || wrong "exit status $?"
"$program" size small.yaml -j 3 --json -o three.db >three.json || wrong "exit status $?"
cmp one.json three.json || wrong "other figures on three threads"
expect 1 "SELECT count(*) FROM size_fleet WHERE role LIKE 'answer%' AND verdict = 'holds'"
expect 1 "SELECT (SELECT runs FROM size) = (SELECT count(*) FROM run WHERE status = 'complete')"
expect 0 "SELECT count(*) FROM size_fleet f WHERE replications <>
          (SELECT count(*) FROM run r WHERE r.point = f.point AND r.run_name = '')"
expect 0 "SELECT count(*) FROM run r WHERE 2 <> (SELECT count(*) FROM factor f WHERE f.run_id = r.run_id)"
expect 1 "SELECT count(*) FROM size_level l JOIN size_fleet f USING (batch_id, point)
          WHERE f.role LIKE 'answer%' AND in_case = 'more' AND target LIKE 'wait%' AND l.verdict = 'holds'"
# What the database says of a target is the mean over its runs.
expect 0 "SELECT count(*) FROM size_level l WHERE target LIKE 'wait%' AND abs(mean - (SELECT avg(value) FROM v_metric m
          JOIN run r USING (run_id) WHERE r.point = l.point AND r.run_name = l.in_case AND m.part = 'run'
          AND m.metric = 'wait_mean_s')) > 1e-6"

"$program" size small.yaml -q -o none.db --set size.choose='[{path: pools.a.nodes, most: 1}]'
[ $? -eq 1 ] || wrong "exit status of an impossible target, expected 1"
"$program" size "$root/scenarios/quickstart.yaml" -q -o none.db 2>err
[ $? -eq 2 ] || wrong "exit status without a size block, expected 2"

cat >plan.yaml <<'END'
include: small.yaml
size:
  cases: null
  side_by_side: false
  horizon:
    periods: 2
    growth: 0.5
    buy:
      - {pool: a, price: 50000 USD, life: 5 y, standing: 1}
      - {pool: b, price: 40000 USD, life: 5 y, from: 1 y}
END
"$program" size plan.yaml -j 2 -o one.db >plan.txt || wrong "exit status of a plan $?"
grep -q 'what to buy when' plan.txt || wrong "no plan: $(cat plan.txt)"
expect 4 "SELECT count(*) FROM size_plan"
expect 0 "SELECT count(*) FROM size_plan WHERE used > standing OR (pool = 'b' AND period = 1 AND bought > 0)"
exit $status
