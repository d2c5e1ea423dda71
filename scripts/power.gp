# Power at the meter, with the price and the carbon intensity it meets.
# Data stack-I.tsv: x, then the power of run I's regions up to each; run-I.tsv: x, held, used, queued,
# power, price, carbon;
# region-R.tsv (of the first run): x, price, carbon.
# One run, or several regions: a panel a run, region upon region. Several runs of one region: a line a run.
stacked = runs == 1 || regions > 1
panels = stacked ? runs : 1
high = panels == 1 ? 214 : 104
gap = 44; low = 122; top = 70
pw = 960; ph = top + panels * (high + gap) + 2 * (low + gap)
load scripts.'/style.gp'
from_top(pixels) = 1 - 1.0 * (pixels) / ph
set multiplot
set lmargin at screen 0.085
set rmargin at screen 0.81
set xrange [x_from:x_to]
unset xtics
# Next to lines of runs, regions take the hues from the other end.
from_other_end = green." ".pink." ".gold." ".purple." ".sky." ".orange
line(r) = stacked ? region_colour(r) : word(from_other_end, (r - 1) % 6 + 1)

set label 1001 bold("Power, and the price and carbon it meets") @titled
legend_columns = 1; legend_left = 0.825; legend_width = 0
legend_id = 100; legend_top = top + 8
legend_len = stacked ? regions : runs
legend_name(i) = stacked ? region_name(regions + 1 - i) : run_name(i)
legend_colour(i) = stacked ? region_colour(regions + 1 - i) : run_colour(i)
load scripts.'/legend.gp'
set yrange [0:power_top]
set ytics (@power_tics)
do for [i = 1:panels] {
    if (i > 1) { load scripts.'/next.gp' }
    at = top + (i - 1) * (high + gap)
    set tmargin at screen from_top(at)
    set bmargin at screen from_top(at + high)
    what = "acility power, ".power_unit
    set label 1 (panels > 1 ? run_name(i).": f".what : "F".what) at screen 0.085, screen from_top(at - 13) @softly
    if (stacked) {
        # The sums, from the last region down: each covers the one before but for that one's own band.
        plot for [r = regions:1:-1] data.sprintf('/stack-%d.tsv', i) using 1:(column(r + 1)) \
            with filledcurves y1=0 linecolor rgb region_colour(r)
    } else {
        plot for [k = 1:runs] data.sprintf('/run-%d.tsv', k) using 1:5 with lines linewidth 1.5 \
            linecolor rgb run_colour(k)
    }
}

load scripts.'/next.gp'
at = top + panels * (high + gap)
if (!stacked && !signals_apart) {
    legend_id = 200; legend_top = at + 8; legend_len = regions
    legend_name(i) = region_name(i)
    legend_colour(i) = line(i)
    load scripts.'/legend.gp'
}
set tmargin at screen from_top(at)
set bmargin at screen from_top(at + low)
set yrange [price_bottom:price_top]
set ytics (@price_tics)
set label 1 "Price of energy, USD per MWh".signals_whose at screen 0.085, screen from_top(at - 13) @softly
if (signals_apart) {
    plot for [k = 1:runs] data.sprintf('/run-%d.tsv', k) using 1:6 with lines linewidth 1.4 linecolor rgb run_colour(k)
} else {
    plot for [r = 1:regions] data.sprintf('/region-%d.tsv', r) using 1:2 with lines linewidth 1.4 \
        linecolor rgb line(r)
}

load scripts.'/next.gp'
at = at + low + gap
set tmargin at screen from_top(at)
set bmargin at screen from_top(at + low)
set yrange [0:carbon_top]
set ytics (@carbon_tics)
set xtics nomirror scale 0 (@x_tics)
set label 1 "Carbon intensity, g CO₂ per kWh".signals_whose at screen 0.085, screen from_top(at - 13) @softly
if (signals_apart) {
    plot for [k = 1:runs] data.sprintf('/run-%d.tsv', k) using 1:7 with lines linewidth 1.4 linecolor rgb run_colour(k)
} else {
    plot for [r = 1:regions] data.sprintf('/region-%d.tsv', r) using 1:3 with lines linewidth 1.4 \
        linecolor rgb line(r)
}
unset multiplot
