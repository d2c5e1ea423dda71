# How long jobs waited and how long they took: the share of jobs that needed at most so long.
# Data wait-I.tsv, jct-I.tsv: seconds, share in %.
pw = 960; ph = 460
load scripts.'/style.gp'
set multiplot
set logscale x
set xrange [1:time_to]
set xtics nomirror scale 0 ("1 s" 1, "10 s" 10, "1 min" 60, "10 min" 600, "1 h" 3600, "6 h" 21600, \
    "2 d" 172800, "20 d" 1728000, "200 d" 17280000)
set grid xtics
set tmargin at screen 0.83
set bmargin at screen 0.10

set label 1001 bold("How long jobs wait, and how long they take") @titled
legend_id = 100; legend_columns = 1; legend_left = 0.825; legend_width = 0; legend_top = 84
legend_len = runs
legend_name(i) = run_name(i)
legend_colour(i) = run_colour(i)
load scripts.'/legend.gp'
set label 1 "Wait: share of jobs started within this time" at graph 0,1.05 @softly
set yrange [wait_bottom:100]
set ytics (@wait_tics)
set lmargin at screen 0.075
set rmargin at screen 0.405
plot for [i = 1:runs] data.sprintf('/wait-%d.tsv', i) using 1:2 with steps linewidth 1.8 \
    linecolor rgb run_colour(i)

load scripts.'/next.gp'
set label 1 "Completion: share of jobs done within this time" at graph 0,1.05 @softly
set yrange [jct_bottom:100]
set ytics (@jct_tics)
set lmargin at screen 0.48
set rmargin at screen 0.81
plot for [i = 1:runs] data.sprintf('/jct-%d.tsv', i) using 1:2 with steps linewidth 1.8 \
    linecolor rgb run_colour(i)
unset multiplot
