# Utilisation of the GPUs and the GPUs waited for, over time.
# Data run-I.tsv: x, held, used (shares or GPUs), queued GPUs, power.
pw = 960; ph = 540
load scripts.'/style.gp'
set multiplot
set lmargin at screen 0.075
set rmargin at screen 0.81
set xrange [x_from:x_to]
light_blue = dark ? "#25506b" : "#b5d5e8"

set label 1001 bold("Use of the GPUs, and who waits for them") @titled
legend_id = 100; legend_columns = 1; legend_left = 0.825; legend_width = 0; legend_top = 80
legend_len = runs == 1 ? 2 : runs
legend_name(i) = runs > 1 ? run_name(i) : i == 1 ? "held" : "at work"
legend_colour(i) = runs > 1 ? run_colour(i) : i == 1 ? light_blue : blue
load scripts.'/legend.gp'
set tmargin at screen 0.865
set bmargin at screen 0.535
set yrange [0:held_top]
set ytics (@held_tics)
unset xtics
set label 1 held_text at graph 0,1.06 @softly
if (runs == 1) {
    plot data.'/run-1.tsv' using 1:2 with filledcurves y1=0 linecolor rgb light_blue, \
         '' using 1:3 with filledcurves y1=0 linecolor rgb blue
} else {
    plot for [i = 1:runs] data.sprintf('/run-%d.tsv', i) using 1:2 with lines linewidth 1.5 \
         linecolor rgb run_colour(i)
}

load scripts.'/next.gp'
set tmargin at screen 0.445
set bmargin at screen 0.075
set yrange [0:queue_top]
set ytics (@queue_tics)
set xtics nomirror scale 0 (@x_tics)
set label 1 "GPUs asked for by waiting jobs" at graph 0,1.06 @softly
if (runs == 1) {
    plot data.'/run-1.tsv' using 1:4 with filledcurves y1=0 linecolor rgb orange
} else {
    plot for [i = 1:runs] data.sprintf('/run-%d.tsv', i) using 1:4 with lines linewidth 1.5 \
         linecolor rgb run_colour(i)
}
unset multiplot
