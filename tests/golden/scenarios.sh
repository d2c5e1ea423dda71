# Every scenario that is shipped is sound: the only thing one may lack is a trace its reader has to import. Every other one
# is run, and each of its runs ends with a ledger that closes. docs/scenarios.md has a line for each.
set -u
root=$1 program=$2 scratch=$3
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
status=0 sound=0
for scenario in "$root"/scenarios/*.yaml; do
    name=$(basename "$scenario" .yaml)
    grep -q "(../scenarios/$name.yaml)" "$root/docs/scenarios.md" ||
        { echo "docs/scenarios.md does not speak of $name.yaml"; status=1; }
    if "$program" check "$scenario" >out 2>err; then
        sound=$((sound + 1))
        verb=run
        grep -q '^recommend:' "$scenario" && verb=recommend
        "$program" $verb "$scenario" -q -o runs.db 2>err || { echo "$name:"; cat err; status=1; }
    elif grep -qvE ': (trace\.file|pools\[[0-9]+\](\.nodes_from)?): no such file' err; then
        cat err
        status=1
    fi
done
[ $sound -ge 17 ] || { echo "only $sound scenarios run without a download"; status=1; }

bad=$(sqlite3 runs.db "SELECT s.name, r.run_name, coalesce(v.value, 'no ledger_error')
                       FROM run r JOIN scenario s USING (scenario_hash)
                       LEFT JOIN v_metric v ON v.run_id = r.run_id AND v.part = 'run' AND v.metric = 'ledger_error'
                       WHERE NOT coalesce(v.value < 1e-9, 0)") || status=1
[ -z "$bad" ] || { echo "ledgers that do not close: $bad"; status=1; }
exit $status
