# A figure by two factors of a sweep. Data: column, row (from 0), value, 1 where it is in the upper half, text.
cell = 300.0 / heat_rows < 34 ? 300.0 / heat_rows : 34.0
cell = cell < 12 ? 12.0 : cell
pw = 960; ph = 164 + cell * heat_rows
load scripts.'/style.gp'
set lmargin at screen 130.0 / pw
set rmargin at screen 838.0 / pw
set tmargin at screen 1 - 108.0 / ph
set bmargin at screen 56.0 / ph
set label 1001 bold("Means by two factors") @titled
set label 1002 heat_title @subtitled
set label 1 heat_up at screen 0.015, screen 1 - 88.0 / ph @softly
set label 2 heat_across at screen 838.0 / pw, screen 16.0 / ph right textcolor rgb soft noenhanced
set border 0
unset grid
set xrange [-0.5:heat_columns - 0.5]
set yrange [-heat_rows + 0.5:0.5]
set xtics nomirror scale 0 (@heat_column_tics)
set ytics nomirror scale 0 (@heat_row_tics)
if (dark) {
    set palette defined (0 "#1f262d", 0.55 "#4fa8dc", 1 "#e3f4ff")
} else {
    set palette defined (0 "#dfe9f1", 0.55 "#3a93c8", 1 "#00263d")
}
set cbrange [heat_least:heat_most]
set cbtics nomirror scale 0 (@heat_tics)
set colorbox user origin screen 862.0 / pw, screen 56.0 / ph size screen 0.018, screen (ph - 164.0) / ph noborder
on_low = ink
on_high = dark ? "#16191d" : "#ffffff"
edge = 0.015 * heat_columns < 0.04 ? 0.015 * heat_columns : 0.04
tsv = data.'/'.heat_data
plot tsv using 1:(-$2):($1 - 0.5 + edge):($1 + 0.5 - edge):(-$2 - 0.46):(-$2 + 0.46):3 with boxxyerror linecolor palette, \
     tsv using ($4 == 0 ? $1 : NaN):(-$2):5 with labels noenhanced center textcolor rgb on_low, \
     tsv using ($4 == 1 ? $1 : NaN):(-$2):5 with labels noenhanced center textcolor rgb on_high
