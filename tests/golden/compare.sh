# What `headroom compare` prints, byte for byte: tests/golden/compare/ has a file for each format and case.
# After a change that is meant: HEADROOM_UPDATE=1 ctest -R golden-compare, then read the difference in git.
set -u
root=$1 program=$2 scratch=$3
golden=$root/tests/golden/compare
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
failed=0

cat >small.yaml <<'END_OF_SCENARIO'
version: 1
name: small
horizon: 4 d
load:
  jobs: 300
  arrivals: {model: poisson, rate: 6.5 /h}
  classes:
    - name: train
      gpus: [1, 2]
      gpus_weight: [3, 1]
      durations: {model: exponential, mean: 1 h}
regions:
  - {name: here, price: 0.1 USD/kWh, carbon: 300 gCO2/kWh, pue: 1.2}
pools:
  - {name: a, nodes: 3, gpus: 4, gpu: X1, power: {base: 300 W, gpu_idle: 50 W, gpu_peak: 400 W}}
runs:
  - name: fifo
  - {name: sjf, set: {policy.order: sjf}}
  - {name: "sjf, 4 nodes", set: {policy.order: sjf, pools.a.nodes: 4}}
baseline: fifo
END_OF_SCENARIO
for seed in 1 2 3 4 5 6; do
    "$program" run small.yaml --seed $seed -o small.db --quiet || exit 1
done

# case NAME WORDS...: standard output and errors, then the exit status where it is not 0.
case_of() {
    local name=$1 status=0
    shift
    "$program" compare "$@" >"$name" 2>&1 || status=$?
    [ $status -eq 0 ] || echo "[$status]" >>"$name"
    [ -z "${HEADROOM_UPDATE:-}" ] || cp "$name" "$golden/$name"
    diff -u "$golden/$name" "$name" || { echo "FAILED $name"; failed=$((failed + 1)); }
}
metrics=(-m wait_mean_s -m utilisation -m energy_kwh)
for format in text csv markdown latex json; do
    case_of "runs.$format" small.db --format $format "${metrics[@]}"
done
case_of usual.text small.db
case_of one-replication.text small.db --run 1-3 "${metrics[@]}"
case_of order.text small.db --run 1-2 --run 4-5 --by order --baseline sjf -m jct_mean_s --confidence 0.9
case_of two-runs.csv small.db --by pools.a.nodes --format csv -m wait_mean_s --run 2-3 --run 5-6
case_of left-out.text small.db --by order -m wait_mean_s
case_of nothing-in-common.text small.db --by order --run 1 --run 3
case_of mistakes.text small.db -m wait_men_s --pareto utilisation --baseline fifoo
case_of no-such-key.text small.db --by polcy
case_of no-such-format.text small.db --format jsn

# Pictures: each in its three forms; a heat map where runs differ in two paths.
sed '/^runs:/,$d; s/jobs: 300/jobs: 100/' small.yaml >grid.yaml
cat >>grid.yaml <<'END_OF_SWEEP'
sweep:
  replications: 5
  grid:
    policy.order: [fifo, ljf]
    pools.a.nodes: [2, 3, 4]
END_OF_SWEEP
"$program" sweep grid.yaml -o grid.db --quiet || exit 1
case_of pictures.text small.db --plot pictures -m wait_mean_s
case_of grid.text grid.db --by order --plot grid -m wait_mean_s
case_of nodes.text grid.db --by pools.a.nodes --baseline 3 -m wait_mean_s --pareto total_usd,wait_p99_s
for picture in pictures/bars pictures/cdf pictures/pareto grid/bars grid/heatmap-wait_mean_s; do
    for ending in .svg -dark.svg .png; do
        [ -s "$picture$ending" ] || { echo "FAILED $picture$ending was not drawn"; failed=$((failed + 1)); }
    done
    grep -q '</svg>' "$picture.svg" || { echo "FAILED $picture.svg is not whole"; failed=$((failed + 1)); }
done
[ ! -e pictures/heatmap-wait_mean_s.svg ] || { echo "FAILED a heat map of one path"; failed=$((failed + 1)); }
HEADROOM_SCRIPTS=$scratch/nowhere "$program" compare small.db --plot pictures >/dev/null 2>no-scripts
[ $? -eq 1 ] && grep -q "gnuplot failed" no-scripts || { echo "FAILED no-scripts"; failed=$((failed + 1)); }
exit $failed
