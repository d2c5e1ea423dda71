# Stacked horizontal bars, a bar a run; the pictures that load this set
#   stack_title, stack_unit    what is shown            stack_data   the file
#   stack_parts, stack_part_1  how many, and their names
#   stack_colours              a command that sets stack_palette, their colours, and stack_inks, of the text
#   stack_shown                numbers of the parts that some run has: the legend names these
#   stack_tics, stack_top      the axis
# Data: y, then the bounds of the parts (one more than parts), then a text for each part, for the end of the
# bar and the run's name.
bars = runs
legend_columns = stack_parts == 4 ? 4 : 3
legend_rows = (words(stack_shown) + legend_columns - 1) / legend_columns
pw = 960; ph = 136 + 44 * bars + 21 * legend_rows
load scripts.'/style.gp'
light = "#ffffff"; deep = "#16191d"
on = dark ? deep : light
eval stack_colours
set lmargin at screen 0.02 + 0.0085 * name_columns
set rmargin at screen 0.90
set tmargin at screen 1 - (78.0 + 21 * legend_rows) / ph
set bmargin at screen 38.0 / ph
set label 1001 bold(stack_title) @titled
set label 1002 stack_unit @subtitled
legend_id = 100; legend_len = words(stack_shown)
legend_left = title_left; legend_width = 0.93 / legend_columns
legend_top = 74
legend_name(i) = value("stack_part_".word(stack_shown, i))
legend_colour(i) = word(stack_palette, int(word(stack_shown, i)))
load scripts.'/legend.gp'
set xrange [0:stack_top]
set yrange [-bars + 0.4:0.6]
unset ytics
set border 0
set xtics nomirror scale 0 (@stack_tics)
unset grid
set grid xtics linetype 1 linewidth 0.8 linecolor rgb faint
half = 0.34
bound(k) = column(k + 1)
text(k) = stringcolumn(stack_parts + 2 + k)
plot for [k = 1:stack_parts] data.'/'.stack_data \
         using (bound(k)):1:(bound(k)):(bound(k + 1)):(column(1) - half):(column(1) + half) with boxxyerror \
         linecolor rgb word(stack_palette, k), \
     for [k = 1:stack_parts] data.'/'.stack_data \
         using ((bound(k) + bound(k + 1)) / 2):1:(text(k)) with labels \
         noenhanced textcolor rgb word(stack_inks, k), \
     data.'/'.stack_data using (bound(stack_parts + 1)):1:(text(stack_parts + 1)) with labels left \
         offset 0.6,0 @plainly, \
     data.'/'.stack_data using (0):1:(text(stack_parts + 2)) with labels right \
         offset -0.8,0 @plainly
