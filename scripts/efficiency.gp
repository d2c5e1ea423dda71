# What a unit of everything buys, against the baseline (or, for one run, of each region against the whole).
# Data efficiency-I.tsv: y, change in %, text. bars and metrics: how many; bar_name_1 ..., metric_name_1 ...
pw = 960; ph = 130 + metrics * (14 + 17 * bars)
load scripts.'/style.gp'
set lmargin at screen 0.21
set rmargin at screen 0.79
set tmargin at screen 1 - 78.0 / ph
set bmargin at screen 40.0 / ph
set label 1001 bold(efficiency_title) @titled
set label 1002 efficiency_unit @subtitled
bar_colour(i) = regions_as_bars ? region_colour(i) : run_colour(i + 1)
legend_id = 100; legend_len = bars; legend_columns = 1; legend_left = 0.835; legend_width = 0; legend_top = 86
legend_name(i) = value(sprintf("bar_name_%d", i))
legend_colour(i) = bar_colour(i)
load scripts.'/legend.gp'
set border 0
set xrange [efficiency_from:efficiency_to]
set xtics nomirror scale 0 (@efficiency_tics)
unset ytics
unset grid
set grid xtics linetype 1 linewidth 0.8 linecolor rgb faint
set yrange [-metrics + 0.5:0.5]
set arrow 1 from 0, graph 0 to 0, graph 1 nohead linecolor rgb soft linewidth 1
do for [m = 1:metrics] {
    set label 2000 + m value(sprintf("metric_name_%d", m)) at screen 0.20, first 1 - m right \
        textcolor rgb ink noenhanced
}
thick = 0.8 / bars
plot for [i = 1:bars] data.sprintf('/efficiency-%d.tsv', i) \
         using 2:1:(0):2:($1 - thick * 0.44):($1 + thick * 0.44) \
         with boxxyerror linecolor rgb bar_colour(i), \
     for [i = 1:bars] data.sprintf('/efficiency-%d.tsv', i) using ($2 < 0 ? NaN : $2):1:3 \
         with labels noenhanced left offset 0.5,0 textcolor rgb soft, \
     for [i = 1:bars] data.sprintf('/efficiency-%d.tsv', i) using ($2 < 0 ? $2 : NaN):1:3 \
         with labels noenhanced right offset -0.5,0 textcolor rgb soft
