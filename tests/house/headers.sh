# Each header compiles alone, and twice in a row.
set -u
cd "$1" || exit 1
mkdir -p "$3" || exit 1
status=0
mapfile -t headers < <(find sim models -name '*.h' | sort)
[ ${#headers[@]} -gt 30 ] || { echo "found only ${#headers[@]} headers: the test is broken"; exit 1; }
for header in "${headers[@]}"; do
    name=${header#sim/}
    printf '#include "%s"\n#include "%s"\n' "$name" "$name" >"$3/alone.c"
    gcc -std=c17 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -Isim -I. -fsyntax-only "$3/alone.c" ||
        { echo "$header: is not self-contained"; status=1; }
done
rm -f "$3/alone.c"
exit $status
