# What the program prints and how it leaves, byte for byte: tests/golden/cli.txt.
# After a change that is meant: HEADROOM_UPDATE=1 ctest -R golden-cli, then read the difference in git.
set -u
root=$1 program=$2 scratch=$3
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1

cat >small.yaml <<'END'
version: 1
name: small
seed: 1
horizon: 2 d
load:
  jobs: 50
  arrivals: {model: poisson, rate: 10 /h}
  classes:
    - {name: train, gpus: [1, 2], gpus_weight: [3, 1], durations: {model: constant, length: 1 h}}
regions:
  - {name: here, price: 0.1 USD/kWh, carbon: 300 gCO2/kWh, pue: 1.2}
pools:
  - {name: a, nodes: 2, gpus: 4, gpu: X1, power: {base: 300 W, gpu_idle: 50 W, gpu_peak: 400 W}}
runs:
  - name: fifo
  - {name: sjf, set: {policy.order: sjf}}
END
sed 's/seed: 1/sed: 1/; s/2 d/2 parsecs/; s/order: sjf/order: sfj/' small.yaml >broken.yaml
printf 'not a database, but a letter of some length that must not be lost\n' >letter.db

{
    # try WORDS...: the command, both outputs, and the exit status.
    try() {
        local status=0
        printf '$ headroom %s\n' "$*"
        "$program" "$@" >out 2>err </dev/null || status=$?
        cat out err
        printf '[%d]\n\n' $status
    }
    try
    for command in run sweep size merge recommend check import fit models show report compare export help version; do
        try $command --help
    done
    try --version
    try rum
    try help nothing
    try models easi
    try run
    try run a b --ouput=x --bins=-1 --threads
    try run missing.yaml
    try run broken.yaml -o broken.db
    [ ! -e broken.db ] || echo "broken.db was written"
    try check broken.yaml
    try run small.yaml --set policy.order=fifoo --set nothing.here=1
    try run small.yaml --run fifi
    try run small.yaml -o letter.db
    cat letter.db
    try run small.yaml -o missing/results.db
    try run small.yaml --quiet
    try export small.yaml
    try export results.db 9 x
    try check small.yaml
    try check small.yaml --run sjf --set pools[0].gpus=1 --set pools[0].nodes=1
} >all.txt 2>&1
sed -i "s|$root|ROOT|g; s/headroom [0-9]*\.[0-9]*\.[0-9]*/headroom VERSION/g" all.txt

[ -z "${HEADROOM_UPDATE:-}" ] || cp all.txt "$root/tests/golden/cli.txt"
diff -u "$root/tests/golden/cli.txt" all.txt
