# Who may include whom (docs/decisions/0001): every include of the tree is judged by the folder it stands in.
# Also here: a third-party header has one home.
set -u
cd "$1" || exit 1
status=0
wrong() { echo "$1: $2"; status=1; }

# "file:header" of every include; header keeps its quotes or angles.
includes=$(grep -rHoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"][^>"]+[>"]' --include='*.[ch]' sim models |
           sed -E 's/:[[:space:]]*#[[:space:]]*include[[:space:]]*/ /')
[ "$(echo "$includes" | wc -l)" -gt 100 ] || wrong "layers.sh" "found hardly any includes: the test is broken"

allowed() { # FILE HEADER: whether the layer of FILE may include the project's HEADER
    case $1:$2 in
    sim/base/*:base/*) ;;
    sim/core/*:base/* | sim/core/*:core/*) ;;
    sim/io/*:base/* | sim/io/*:core/* | sim/io/*:io/*) ;;
    models/registry.[ch]:models/* | models/*:base/* | models/*:core/*) ;;
    models/import/*:io/csv.h | models/import/*:io/import.h) ;;
    sim/app/*) ;;
    *) return 1 ;;
    esac
}
home() { # HEADER: the files that may include it; empty when it is no third party's
    case $1 in
    gsl/*) echo sim/base/rng.c sim/base/stats.c sim/base/infer.c sim/base/fit.c ;;
    yaml.h) echo sim/io/yaml.c ;;
    csv.h) echo sim/io/csv.c ;;
    sqlite3.h) echo sim/io/store_query.c ;;
    zlib.h) echo sim/io/gz.c ;;
    esac
}

while read -r file header; do
    name=${header:1:-1}
    case $header in
    \"*) allowed "$file" "$name" || wrong "$file" "must not include \"$name\"" ;;
    *)
        homes=$(home "$name")
        if [ -n "$homes" ]; then
            case " $homes " in *" $file "*) ;; *) wrong "$file" "<$name> belongs to $homes alone" ;; esac
            continue
        fi
        # Anything else in angles must be the C library's or the system's.
        case $name in
        assert.h | ctype.h | errno.h | float.h | inttypes.h | limits.h | math.h | stdalign.h | stdarg.h | stdatomic.h | \
        stdbool.h | stddef.h | stdint.h | stdio.h | stdlib.h | string.h | time.h) ;;
        dirent.h | fcntl.h | pthread.h | signal.h | spawn.h | unistd.h | sys/*)
            case $file:$name in sim/io/*:* | sim/app/*:* | sim/base/rng.c:pthread.h) ;; *) wrong "$file" "<$name>: the system is for io and app" ;; esac ;;
        *) wrong "$file" "<$name> is of no known library" ;;
        esac
        case $file:$name in models/*:stdio.h | sim/core/*:stdio.h) wrong "$file" "does no input or output: no <stdio.h>" ;; esac ;;
    esac
done <<<"$includes"
exit $status
