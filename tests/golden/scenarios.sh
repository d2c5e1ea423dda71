# Every scenario that is shipped is sound: the only thing one may lack is a trace its reader has to import.
set -u
root=$1 program=$2 scratch=$3
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
status=0 sound=0
for scenario in "$root"/scenarios/*.yaml; do
    if "$program" check "$scenario" >out 2>err; then
        sound=$((sound + 1))
    elif grep -qvE ': (trace\.file|pools\[[0-9]+\](\.nodes_from)?): no such file' err; then
        cat err
        status=1
    fi
done
[ $sound -ge 2 ] || { echo "only $sound scenarios run without a download"; status=1; }
exit $status
