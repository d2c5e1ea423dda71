# When work starts: hour of the day against day of the week, a panel a run.
# Data starts-I.tsv: hour, day (0 Monday), GPU-hours.
columns = runs == 1 ? 1 : 2
rows = (runs + columns - 1) / columns
high = 154; gap = 62; top = runs == 1 ? 80 : 104
pw = 960; ph = top + rows * (high + gap)
load scripts.'/style.gp'
wide = columns == 1 ? 0.72 : 0.345
set multiplot
set label 1001 bold("When work starts") @titled
set label 1002 "GPU-hours of work that start in an hour of an average week, local time" @subtitled
set border 0
unset grid
set xrange [0:24]
set yrange [-6.5:0.5]
set xtics nomirror scale 0 ("0" 0, "6" 6, "12" 12, "18" 18, "24" 24)
set ytics nomirror scale 0 ("Mon" 0, "Tue" -1, "Wed" -2, "Thu" -3, "Fri" -4, "Sat" -5, "Sun" -6)
if (dark) {
    set palette defined (0 "#1f262d", 0.55 "#4fa8dc", 1 "#e3f4ff")
} else {
    set palette defined (0 "#eef3f7", 0.55 "#3a93c8", 1 "#00263d")
}
set cbrange [starts_bottom:starts_top]
set cbtics nomirror scale 0 (@starts_tics)
set colorbox user origin screen 0.895, screen 1 - (top + high) / (1.0 * ph) size screen 0.018, screen high / (1.0 * ph) \
    noborder
edge = 0.04
do for [i = 1:runs] {
    if (i > 1) { load scripts.'/next.gp'; unset colorbox }
    left = 0.06 + ((i - 1) % columns) * (wide + 0.075)
    at = top + ((i - 1) / columns) * (high + gap)
    set lmargin at screen left
    set rmargin at screen left + wide
    set tmargin at screen 1 - 1.0 * at / ph
    set bmargin at screen 1 - 1.0 * (at + high) / ph
    if (runs > 1) { set label 1 run_name(i) at screen left, screen 1 - (at - 12.0) / ph @softly }
    plot data.sprintf('/starts-%d.tsv', i) \
        using ($1 + 0.5):(-$2):($1 + edge):($1 + 1 - edge):(-$2 - 0.5 + edge):(-$2 + 0.5 - edge):3 \
        with boxxyerror linecolor palette
}
unset multiplot
