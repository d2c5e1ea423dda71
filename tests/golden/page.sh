# The report's page in a browser (headless Chromium): nothing on the console, no request leaves the file, every picture and
# every place that a link names is there and seen, and a click on a heading sorts its table, up and then down.
# Without Chromium it says so, and checks nothing.
set -u
root=$1 program=$2 scratch=$3
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "skipped: no Chromium here"
    exit 0
}
command -v gnuplot >/dev/null || { echo "skipped: no gnuplot here"; exit 0; }
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
export HEADROOM_CATALOG=$root/models/catalog HEADROOM_SCRIPTS=$root/scripts
"$program" run "$root/scenarios/how-many-nodes.yaml" -q -o results.db || exit 1
"$program" report results.db -o report >/dev/null || exit 1

# The page with a listener before everything else, and what a reader would try after it.
cat >listen.html <<'LISTEN'
<script>
var told = [];
window.onerror = function (message) { told.push('error: ' + message); };
['error', 'warn', 'log'].forEach(function (way) { console[way] = function (text) { told.push(way + ': ' + text); }; });
</script>
LISTEN
cat >try.html <<'TRY'
<script>
window.addEventListener('load', function () {
  function fail(text) { told.push(text); }
  function all(what) { return Array.prototype.slice.call(document.querySelectorAll(what)); }
  var ids = {}, links = all('a[href]'), shown = 0;
  all('[id]').forEach(function (e) { if (ids[e.id]) fail('twice: #' + e.id); ids[e.id] = true; });
  links.forEach(function (a) {
    var to = a.getAttribute('href');
    if (to[0] !== '#' || !ids[to.slice(1)]) fail('leads nowhere: ' + to);
  });
  if (links.length < 6) fail('links: ' + links.length);
  all('figure').forEach(function (figure) {
    var seen = Array.prototype.filter.call(figure.querySelectorAll('svg'), function (svg) {
      var box = svg.getBoundingClientRect();
      return box.width > 300 && box.height > 100;
    });
    if (seen.length !== 1) fail(figure.id + ': ' + seen.length + ' pictures seen');
    shown += seen.length;
  });
  if (shown < 6) fail('pictures: ' + shown);
  all('use').forEach(function (use) {
    var to = use.getAttribute('xlink:href') || use.getAttribute('href');
    if (!document.getElementById(to.slice(1))) fail('drawn from nowhere: ' + to);
  });
  performance.getEntriesByType('resource').forEach(function (r) {
    if (r.name.indexOf('data:') !== 0) fail('asked for ' + r.name);
  });
  var table = document.querySelector('table.sorts'), head = table.tHead.rows[0].cells[1];
  function column() {
    return Array.prototype.map.call(table.tBodies[0].rows, function (row) {
      return parseFloat(row.cells[1].textContent.replace(/,/g, ''));
    });
  }
  function ordered(values, sign) {
    return values.every(function (v, i) { return i === 0 || sign * (v - values[i - 1]) >= 0; });
  }
  var before = column();
  head.click();
  var up = column();
  head.click();
  var down = column();
  if (up.length < 3 || !ordered(up, 1) || !ordered(down, -1)) fail('not sorted: ' + up + '; ' + down);
  if (ordered(down, 1)) fail('sorting cannot be seen: ' + down);
  if (up.slice().sort().join() !== before.slice().sort().join()) fail('rows were lost: ' + before + '; ' + up);
  var result = document.createElement('pre');
  result.id = 'told';
  result.textContent = told.length ? told.join('\n') : 'nothing to tell';
  document.body.appendChild(result);
});
</script>
TRY
awk 'FNR == NR { listen = listen $0 "\n"; next } { print } /<head>/ { printf "%s", listen }' listen.html report/index.html >tried.html
cat try.html >>tried.html

timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --user-data-dir="$scratch/profile" --enable-logging=stderr \
    --virtual-time-budget=5000 --dump-dom "file://$scratch/tried.html" >dom.html 2>console || {
    tail -5 console
    echo "the browser failed"
    exit 1
}
if grep -q 'CONSOLE' console; then
    grep 'CONSOLE' console | head -5
    exit 1
fi
sed -n '/<pre id="told">/,/<\/pre>/p' dom.html | sed 's/<[^>]*>//g' >told
if [ "$(cat told)" != "nothing to tell" ]; then
    [ -s told ] && head -20 told || echo "the page's script did not come to its end"
    exit 1
fi

# Replications are compared as groups: their means in words, with intervals, and one run of each is drawn.
"$program" run "$root/scenarios/how-many-nodes.yaml" -q --seed 2 -o results.db || exit 1
runs=$(sqlite3 results.db "SELECT count(*) FROM run")
"$program" report results.db --run "1-$runs" -o replicated >said || exit 1
grep -q "over $runs runs in $((runs / 2)) groups" said || { cat said; exit 1; }
for wanted in "leads with a mean of" "<h3>wait_mean_s" "That is over $runs runs"; do
    grep -q "$wanted" replicated/index.html || { echo "the page of replications lacks: $wanted"; exit 1; }
done
