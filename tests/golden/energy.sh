# docs/energy.md: its first block is a scenario, every other one lies on top of it; all are run, and their ledgers close.
set -u
root=$1 program=$2 scratch=$3
command -v sqlite3 >/dev/null || { echo "sqlite3 is not installed"; exit 77; }
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
awk '/^```yaml base\.yaml/ { file = "base.yaml"; next }
     /^```yaml/ { file = sprintf("block-%02d.yaml", ++n); print "version: 1\ninclude: base.yaml" >file; next }
     /^```/ { file = "" }
     file != "" { print >file }' "$root/docs/energy.md"
status=0 blocks=0
for block in base.yaml block-*.yaml; do
    blocks=$((blocks + 1))
    "$program" run "$block" -q --bins 0 -o runs.db 2>err || { echo "$block:"; cat err "$block"; status=1; }
done
[ $blocks -ge 8 ] || { echo "only $blocks blocks were found"; status=1; }
bad=$(sqlite3 runs.db "SELECT r.run_name FROM run r LEFT JOIN v_metric v
                       ON v.run_id = r.run_id AND v.part = 'run' AND v.metric = 'ledger_error'
                       WHERE NOT coalesce(v.value < 1e-9, 0)") || status=1
[ -z "$bad" ] || { echo "ledgers that do not close: $bad"; status=1; }
exit $status
