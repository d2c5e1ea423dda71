# Means of groups of runs with their intervals, a panel a metric.
# Data bars-M.tsv: group (from 0), mean, low, high, what it is (1 baseline, 2 better, 3 worse, 4 not told apart), text.
columns = metrics > 1 ? 2 : 1
rows = int(metrics + columns - 1) / columns
high = 22.0 * groups + 8; gap = 66.0; top = bars_tested ? 122.0 : 98.0
pw = 960; ph = top + rows * (high + gap)
load scripts.'/style.gp'
names = 7.9 * name_columns + 32.0
wide = (pw - names - 28.0 - 44.0 * (columns - 1)) / columns
bar_colour(i) = i == 1 ? slate : i == 2 ? green : i == 3 ? orange : sky
bar_name(i) = i == 1 ? "baseline" : i == 2 ? "better" : i == 3 ? "worse" : "no clear difference"
set multiplot
set label 1001 bold("Groups compared") @titled
set label 1002 bars_subtitle @subtitled
if (bars_tested) {
    legend_id = 3000; legend_len = 4; legend_columns = 4; legend_left = 0.017; legend_width = 0.11; legend_top = 76
    legend_name(i) = bar_name(i)
    legend_colour(i) = bar_colour(i)
    load scripts.'/legend.gp'
}
set border 0
unset ytics
unset grid
set grid xtics linetype 1 linewidth 0.8 linecolor rgb faint
set yrange [-groups + 0.4:0.6]
do for [m = 1:metrics] {
    if (m > 1) { load scripts.'/next.gp'; unset arrow }
    column = (m - 1) % columns
    left = names + column * (wide + 44.0)
    at = top + ((m - 1) / columns) * (high + gap)
    set lmargin at screen left / pw
    set rmargin at screen (left + wide) / pw
    set tmargin at screen 1 - at / ph
    set bmargin at screen 1 - (at + high) / ph
    set label 1 value(sprintf("bars_title_%d", m)) at screen left / pw, screen 1 - (at - 12.0) / ph \
        left textcolor rgb ink noenhanced
    bottom = value(sprintf("bars_%d_bottom", m))
    end = value(sprintf("bars_%d_top", m))
    set xrange [bottom:end + 0.24 * (end - bottom)]
    eval sprintf("set xtics nomirror scale 0 (%s)", value(sprintf("bars_%d_tics", m)))
    set arrow 1 from 0, graph 0 to 0, graph 1 nohead linecolor rgb soft linewidth 1
    if (column == 0) {
        do for [g = 1:groups] {
            set label 100 + g value(sprintf("group_name_%d", g)) at screen (names - 14.0) / pw, first 1 - g \
                right textcolor rgb ink noenhanced
        }
    }
    tsv = data.sprintf('/bars-%d.tsv', m)
    plot for [i = 1:4] tsv using ($5 == i ? $2 : NaN):(-$1):(0):2:(-$1 - 0.34):(-$1 + 0.34) \
             with boxxyerror linecolor rgb bar_colour(i), \
         tsv using ($4 > $3 ? $2 : NaN):(-$1):3:4 with xerrorbars linetype 1 linewidth 1.4 pointsize 0 linecolor rgb ink, \
         tsv using ($4 > $2 ? $4 : $2):(-$1):6 with labels noenhanced left offset 0.8,0 textcolor rgb soft
}
unset multiplot
