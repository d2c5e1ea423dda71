# `headroom fit` of the eight whole weeks of Philly finds the figures of docs/load.md, which were measured apart
# (tests/replicate/philly_like.c): 48.8 jobs an hour, the shape of day and week, and the classes' shares.
set -u
root=$1 program=$2 scratch=$3
trace=${HEADROOM_DATA:-$root/../shared/data}/jobs/philly/philly.csv.gz
[ -f "$trace" ] || { echo "no $trace: skipped"; exit 77; }
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
"$program" import philly "$trace" --from 2017-10-02 --to 2017-11-27 -o philly.csv.gz >import.log || exit 1
"$program" fit philly.csv.gz -o load.yaml >page.text || exit 1
failed=0
expect() { grep -qF "$1" "$2" || { echo "FAILED $2 has no '$1'"; failed=1; }; }
expect '65,642 jobs' page.text
expect '1-gpu: 61,514 jobs' page.text
expect 'median 1,386 s' page.text
expect 'rate: 48.844 /h' load.yaml
expect 'weekly: [0.866, 0.953, 1.19, 1.38, 1.38, 0.665, 0.574]' load.yaml
expect 'daily: [1.38, 1.02, 1.22, 1.13, 0.528, 1.16, 1.88, 2.24, 1.14, ' load.yaml
expect 'gpus: [12, 16, 24, 32]' load.yaml
[ $failed -eq 0 ] || cat load.yaml
exit $failed
