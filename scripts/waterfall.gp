# From the baseline's cost to each run's, kind by kind.
# Data waterfall.tsv: y, from, to, 0 (a sum) or the sign of the change, text, name.
pw = 960; ph = 118 + 23 * waterfall_rows
load scripts.'/style.gp'
set lmargin at screen 0.21
set rmargin at screen 0.95
set tmargin at screen 1 - 76.0 / ph
set bmargin at screen 40.0 / ph
set label 1001 bold("What changed the cost") @titled
set label 1002 waterfall_unit @subtitled
set border 0
set xrange [waterfall_bottom:waterfall_top]
set yrange [-waterfall_rows + 0.5:0.5]
unset ytics
set xtics nomirror scale 0 (@waterfall_tics)
unset grid
set grid xtics linetype 1 linewidth 0.8 linecolor rgb faint
half = 0.34
tsv = data.'/waterfall.tsv'
plot tsv using ($4 < 0 ? $3 : NaN):1:3:2:($1 - half):($1 + half) with boxxyerror linecolor rgb green, \
     tsv using ($4 > 0 ? $3 : NaN):1:2:3:($1 - half):($1 + half) with boxxyerror linecolor rgb orange, \
     tsv using ($4 == 0 ? $3 : NaN):($1 - 0.45):(0):(0.9) with vectors nohead linewidth 3 linecolor rgb slate, \
     tsv using ($4 == 0 && $1 < 0 ? NaN : $3):($1 - half):(0):(-1 + 2 * half) with vectors nohead linewidth 1 \
         linecolor rgb soft, \
     tsv using ($4 < 0 ? $2 : $3):1:5 with labels left offset 0.6,0 @plainly, \
     tsv using ($4 == 0 ? NaN : waterfall_bottom):1:6 with labels right offset -0.8,0 noenhanced \
         textcolor rgb soft, \
     tsv using ($4 == 0 ? waterfall_bottom : NaN):1:6 with labels right offset -0.8,0 @plainly
