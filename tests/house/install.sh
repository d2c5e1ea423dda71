# What is installed works where it was installed: the program finds its catalogue, scenarios and scripts beside itself.
set -u
root=$1 program=$2 scratch=$3
rm -rf "$scratch" && mkdir -p "$scratch/elsewhere" || exit 1
cmake --install "$(dirname "$program")" --prefix "$scratch/prefix" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
cd "$scratch/elsewhere" || exit 1
share=$scratch/prefix/share/headroom
status=0
for file in bin/headroom share/man/man1/headroom.1 share/doc/headroom/copyright share/doc/headroom/docs/start.md; do
    [ -s "$scratch/prefix/$file" ] || { echo "$file was not installed"; status=1; }
done
ls "$share"/scripts/*.gp >/dev/null || status=1
"$scratch/prefix/bin/headroom" help | grep -qF "$share/scenarios/quickstart.yaml" ||
    { echo "the installed program does not look beside itself"; status=1; }
# The catalogue it reads is the installed one: without it, a scenario that names an entry is refused.
"$scratch/prefix/bin/headroom" check "$share/scenarios/quickstart.yaml" >/dev/null || status=1
mv "$share/models/catalog" "$share/models/hidden"
"$scratch/prefix/bin/headroom" check "$share/scenarios/quickstart.yaml" >/dev/null 2>&1 &&
    { echo "the installed program reads another catalogue than the one installed"; status=1; }
exit $status
