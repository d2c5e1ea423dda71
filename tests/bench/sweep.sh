#!/bin/bash
# sweep.sh bare | points | small: the scenarios scripts/bench times sweeps with. `bare` is the four hundred points of `points`
# written out as runs; `small` is ten thousand points of sixty jobs.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

realistic() {
    cat <<END
version: 1
name: realistic
include: $root/scenarios/quickstart.yaml
load: {until: 13 d, arrivals: {model: mmpp, rate: 32 /h, burst_ratio: 16, burst_share: 0.1, burst_length: 2 h}}
measure: {from: 1 d, to: 13 d}
END
}
case $1 in
bare)
    realistic
    echo 'baseline: r20-20'
    echo 'runs:'
    for california in $(seq 20 39); do
        for germany in $(seq 20 39); do
            echo "  - {name: r$california-$germany, set: {pools.california.nodes: $california, pools.germany.nodes: $germany}}"
        done
    done
    ;;
points)
    realistic
    cat <<END
runs: [{name: a}]
baseline: a
sweep:
  grid:
    pools.california.nodes: {from: 20, to: 39, whole: true, points: 20}
    pools.germany.nodes: {from: 20, to: 39, whole: true, points: 20}
END
    ;;
small)
    cat <<END
version: 1
name: small
load:
  jobs: 60
  arrivals: {model: poisson, rate: 30 /h}
  classes: [{name: a, gpus: [1, 2, 4], durations: {model: lognormal, median: 30 min}}]
regions: [{name: here, price: 0.1 USD/kWh, carbon: 100 gCO2/kWh, pue: 1.2}]
pools:
  - {name: p, nodes: 4, gpus: 8, gpu: X, power: {base: 100 W, gpu_idle: 20 W, gpu_peak: 300 W}}
sweep:
  sobol:
    points: 10000
    ranges: {pools.p.nodes: {from: 2, to: 40, whole: true}, pools.p.power.base: {from: 100 W, to: 900 W}}
END
    ;;
*) exit 2 ;;
esac
