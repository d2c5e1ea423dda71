# House rules a grep can check: banned functions, loose ends, long lines, and the paragraph a source file opens with.
set -u
cd "$1" || exit 1
mkdir -p "$3" || exit 1
status=0
wrong() { echo "$1"; status=1; }
mapfile -t sources < <(find sim models tests -name '*.[ch]' | sort)
[ ${#sources[@]} -gt 50 ] || wrong "style.sh found only ${#sources[@]} sources: the test is broken"

# Comments may name what code must not call, so they are taken out first.
banned='strcpy|strcat|strncpy|strncat|sprintf|vsprintf|atoi|atol|atoll|atof|rand|srand|random|strtok|gets|alloca|setjmp|longjmp'
for source in "${sources[@]}"; do
    gcc -fpreprocessed -dD -E "$source" 2>/dev/null | grep -vE '^# [0-9]+ ' |
        grep -nE "(^|[^A-Za-z0-9_>.])($banned)[[:space:]]*\(" | sed "s|^|$source: banned function: |" >>"$3/banned"
done
[ ! -s "$3/banned" ] || { cat "$3/banned"; status=1; }
rm -f "$3/banned"

if grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "${sources[@]}" CMakeLists.txt README.md docs/*.md scripts/* 2>/dev/null; then
    wrong "loose ends: finish them or open an issue"
fi
awk 'length($0) > 120 { printf "%s:%d: %d columns\n", FILENAME, FNR, length($0); bad = 1 } END { exit bad }' \
    "${sources[@]}" || status=1
if grep -nP '\t' "${sources[@]}"; then wrong "tabs: indent with four blanks"; fi
for source in "${sources[@]}"; do
    case $source in tests/*) continue ;; *.h | *.c) ;; esac
    [ "$(head -c 2 "$source")" = "/*" ] || wrong "$source: does not open with what it is"
done
exit $status
