# A legend by hand: gnuplot drops or breaks entries of its own where it guesses that there is no room.
#   legend_id                     first number of its labels and objects
#   legend_len, legend_columns    entries, filled row by row
#   legend_left, legend_width     of a column, in shares of the picture's width
#   legend_top                    middle of the first row, pixels from the top
#   legend_name(i), legend_colour(i)
do for [i = 1:legend_len] {
    legend_x = legend_left + legend_width * ((i - 1) % legend_columns)
    legend_y = 1 - (legend_top + 21.0 * ((i - 1) / legend_columns)) / ph
    set object legend_id + i rectangle front from screen legend_x, legend_y - 5.0 / ph \
        to screen legend_x + 12.0 / pw, legend_y + 5.0 / ph \
        fillcolor rgb legend_colour(i) fillstyle solid 1 noborder
    set label legend_id + i legend_name(i) at screen legend_x + 19.0 / pw, legend_y left front \
        textcolor rgb ink noenhanced
}
