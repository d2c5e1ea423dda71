# What README.md, docs/start.md and docs/energy.md say a command prints is what it prints: every `$ headroom ...` of their code
# blocks is run, and the lines below it must come in that order ("..." stands for lines left out).
set -u
root=$1 program=$2 scratch=$3
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
ln -s "$root/scenarios" scenarios
mkdir bin && ln -s "$program" bin/headroom
PATH=$scratch/bin:$PATH
status=0 commands=0

finish() { # compares what was expected of the last command with what it printed
    [ -n "$command" ] || return 0
    commands=$((commands + 1))
    bash -c "$command" >printed 2>&1 </dev/null
    awk -v command="$command" -v page="$page" '
        function trim(line) { sub(/[ \t]+$/, "", line); return line }
        NR == FNR { if (trim($0) != "..." && trim($0) != "") want[++n] = trim($0); next }
        at < n && trim($0) == want[at + 1] { at++ }
        END {
            if (at == n) exit 0
            printf "%s: %s\n  does not print, or not in this order: %s\n", page, command, want[at + 1]
            exit 1
        }' expected printed || status=1
    command=
}

for page in README.md docs/start.md docs/energy.md; do
    fenced=no command=
    while IFS= read -r line; do
        case $line in
        '```'*)
            finish
            if [ $fenced = no ]; then fenced=yes; else fenced=no; fi ;;
        '$ headroom '*)
            finish
            [ $fenced = no ] || command=${line#'$ '}
            : >expected ;;
        *) [ $fenced = no ] || [ -z "$command" ] || printf '%s\n' "$line" >>expected ;;
        esac
    done <"$root/$page"
done
[ $commands -ge 3 ] || { echo "only $commands commands were found: the test is broken"; status=1; }
exit $status
