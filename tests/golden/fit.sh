# What `headroom fit` says of a trace of known making, byte for byte (tests/golden/fit), and that what it writes is a
# load that runs. After a change that is meant: HEADROOM_UPDATE=1, then read the difference in git.
set -u
root=$1 program=$2 scratch=$3
golden=$root/tests/golden/fit
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
failed=0

# Three weeks of Poisson arrivals, six an hour, twice as many from 8 to 20 as at night. Nine in ten jobs take one GPU for a
# Weibull time (shape 0.6, scale 30 min), the others four for a lognormal one (median 1 h, sigma 1.2).
awk 'function u() { x = (x * 16807) % 2147483647; return x / 2147483647 }
BEGIN {
    x = 4711
    print "submit_s,duration_s,gpus"
    while (t < 21 * 86400) {
        t -= log(u()) * 3600 / 8
        hour = int(t / 3600) % 24
        if ((hour < 8 || hour >= 20) && u() < 0.5) continue
        if (u() < 0.9) printf "%.3f,%.3f,1\n", t, 1800 * exp(log(-log(u())) / 0.6)
        else printf "%.3f,%.3f,4\n", t, 3600 * exp(1.2 * sqrt(-2 * log(u())) * cos(6.283185307 * u()))
    }
}' >trace.csv

case_of() {
    local name=$1 status=0
    shift
    "$program" fit "$@" >"$name" 2>&1 || status=$?
    [ $status -eq 0 ] || echo "[$status]" >>"$name"
    [ -z "${HEADROOM_UPDATE:-}" ] || cp "$name" "$golden/$name"
    diff -u "$golden/$name" "$name" || { echo "FAILED $name"; failed=$((failed + 1)); }
}
case_of page.text trace.csv
printf 'submit_s,duration_s,gpus\n5,60,1\n' >one.csv
case_of one-job.text one.csv
case_of no-file.text nowhere.csv
printf 'submit_s,duration_s,gpus\n0,60,1\n7200,0,1\n9000,60,2\n' >few.csv
case_of few.text few.csv

"$program" fit trace.csv -o load.yaml >short.text || exit 1
cat >again.yaml <<'END_OF_SCENARIO'
version: 1
name: again
include: load.yaml
regions:
  - {name: here, price: 0.1 USD/kWh, carbon: 300 gCO2/kWh, pue: 1.2}
pools:
  - {name: a, nodes: 20, gpus: 4, gpu: X1, power: {base: 300 W, gpu_idle: 50 W, gpu_peak: 400 W}}
END_OF_SCENARIO
"$program" run again.yaml --set load.arrivals.rate='12 /h' -o again.db --quiet || { echo "FAILED the load does not run"; failed=$((failed + 1)); }
exit $failed
