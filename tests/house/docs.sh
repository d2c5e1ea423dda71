# Documents that the program prints are what it prints; the man page is sound; links between pages lead somewhere.
set -u
root=$1 program=$2 scratch=$3
mkdir -p "$scratch" || exit 1
cd "$root" || exit 1
status=0
same() { # FILE TOPIC
    "$program" help "$2" >"$scratch/$2" || status=1
    if ! diff -u "$1" "$scratch/$2" >"$scratch/diff"; then
        head -20 "$scratch/diff"
        echo "$1 is out of date: headroom help $2 > $1"
        status=1
    fi
}
same docs/scenario.md scenario
same docs/headroom.1 man

if command -v man >/dev/null; then
    warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z docs/headroom.1 2>&1 >/dev/null)
    [ -z "$warnings" ] || { echo "docs/headroom.1: $warnings"; status=1; }
fi

for page in README.md docs/*.md docs/decisions/*.md; do
    [ -f "$page" ] || continue
    grep -oE '\]\([^)#]+' "$page" | sed 's/^](//' | grep -vE '^(https?|mailto):' | while read -r target; do
        [ -e "$(dirname "$page")/$target" ] || echo "$page: no such file: $target"
    done
done >"$scratch/links"
[ ! -s "$scratch/links" ] || { cat "$scratch/links"; status=1; }
exit $status
