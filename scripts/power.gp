# Power at the meter, with the price and the carbon intensity it meets.
# Data run-I.tsv: x, held, used, queued, power; region-R.tsv (of the first run): x, power of the regions up to
# it, price, carbon.
pw = 960; ph = 680
load scripts.'/style.gp'
set multiplot
set lmargin at screen 0.085
set rmargin at screen 0.81
set xrange [x_from:x_to]
unset xtics
# Next to runs, regions take the hues from the other end.
from_other_end = green." ".pink." ".gold." ".purple." ".sky." ".orange
line(r) = runs == 1 ? region_colour(r) : word(from_other_end, (r - 1) % 6 + 1)

set label 1001 bold("Power, and the price and carbon it meets") @titled
legend_columns = 1; legend_left = 0.825; legend_width = 0
legend_id = 100; legend_top = 78
legend_len = runs == 1 ? regions : runs
legend_name(i) = runs == 1 ? region_name(regions + 1 - i) : run_name(i)
legend_colour(i) = runs == 1 ? region_colour(regions + 1 - i) : run_colour(i)
load scripts.'/legend.gp'
set label 1 "Facility power, ".power_unit at graph 0,1.06 @softly
set tmargin at screen 0.895
set bmargin at screen 0.58
set yrange [0:power_top]
set ytics (@power_tics)
if (runs == 1) {
    # The sums, from the last region down: each covers the one before but for that one's own band.
    plot for [r = regions:1:-1] data.sprintf('/region-%d.tsv', r) using 1:2 with filledcurves y1=0 \
        linecolor rgb region_colour(r)
} else {
    plot for [i = 1:runs] data.sprintf('/run-%d.tsv', i) using 1:5 with lines linewidth 1.5 \
        linecolor rgb run_colour(i)
}

load scripts.'/next.gp'
if (runs > 1) {
    legend_id = 200; legend_top = 336; legend_len = regions
    legend_name(i) = region_name(i)
    legend_colour(i) = line(i)
    load scripts.'/legend.gp'
}
set tmargin at screen 0.515
set bmargin at screen 0.335
set yrange [price_bottom:price_top]
set ytics (@price_tics)
set label 1 "Price of energy, USD per MWh" at graph 0,1.11 @softly
plot for [r = 1:regions] data.sprintf('/region-%d.tsv', r) using 1:3 with lines linewidth 1.4 \
    linecolor rgb line(r)

load scripts.'/next.gp'
set tmargin at screen 0.27
set bmargin at screen 0.06
set yrange [0:carbon_top]
set ytics (@carbon_tics)
set xtics nomirror scale 0 (@x_tics)
set label 1 "Carbon intensity, g CO₂ per kWh" at graph 0,1.11 @softly
plot for [r = 1:regions] data.sprintf('/region-%d.tsv', r) using 1:4 with lines linewidth 1.4 \
    linecolor rgb line(r)
unset multiplot
