# Where every run stands in three figures: across, up, and by shade; pareto.gp and service.gp load it.
# Data: across, up, shade, whether it is efficient, the side of its label (right, left, above,
# below, right and left above, right and left below; -1: none), name; with spans the ends of an interval across and of one up. The plot's place in pixels is
# sim/io/scatter.c's, which places the labels. Without a shade all points are blue.
pw = 960; ph = 550
load scripts.'/style.gp'
set lmargin at screen 86.0 / pw
set rmargin at screen 768.0 / pw
set tmargin at screen 1 - 84.0 / ph
set bmargin at screen 60.0 / ph
set label 1001 bold(scatter_title) @titled
set label 1 scatter_up at screen 0.015, screen 1 - 62.0 / ph @softly
set label 2 scatter_across at screen 768.0 / pw, screen 18.0 / ph right textcolor rgb soft noenhanced
set label 3 scatter_shade at screen 0.835, screen 1 - 90.0 / ph @softly
set xrange [across_bottom:across_top]
set yrange [up_bottom:up_top]
set xtics nomirror scale 0 (@across_tics)
set ytics nomirror scale 0 (@up_tics)
set grid xtics ytics linetype 1 linewidth 0.8 linecolor rgb faint
if (dark) {
    set palette defined (0 "#d8efff", 0.5 "#4fa8dc", 1 "#1b3f59")
} else {
    set palette defined (0 "#c5e1f2", 0.5 "#3a93c8", 1 "#00263d")
}
set cbrange [shade_bottom:shade_top]
set cbtics nomirror scale 0 (@shade_tics)
set colorbox user origin screen 0.835, screen 1 - 290.0 / ph size screen 0.018, screen 180.0 / ph noborder
if (scatter_shade eq "") { unset colorbox; set palette defined (0 blue, 1 blue) }
set object 10 circle at screen 0.8435, screen 1 - 326.0 / ph size screen 0.0075 \
    fillstyle empty border linecolor rgb ink linewidth 1.8
set label 10 "efficient" at screen 0.862, screen 1 - 326.0 / ph left textcolor rgb ink
tsv = data.'/'.scatter_data
span_colour = dark ? "#4a535c" : "#c3cad1"
if (!scatter_spans) { span_rows = "NaN" } else { span_rows = "1" }
plot tsv using (@span_rows * $1):2:7:8 with xerrorbars linetype 1 linewidth 1.2 pointsize 0 linecolor rgb span_colour, \
     tsv using (@span_rows * $1):2:9:10 with yerrorbars linetype 1 linewidth 1.2 pointsize 0 linecolor rgb span_colour, \
     tsv using 1:2:3 with points pointtype 7 pointsize 1.35 linecolor palette, \
     tsv using ($4 == 1 ? $1 : NaN):2 with points pointtype 6 pointsize 1.9 linewidth 1.8 linecolor rgb ink, \
     tsv using ($5 == 0 ? $1 : NaN):2:6 with labels left offset char 1.4,0 @plainly, \
     tsv using ($5 == 1 ? $1 : NaN):2:6 with labels right offset char -1.4,0 @plainly, \
     tsv using ($5 == 2 ? $1 : NaN):2:6 with labels center offset char 0,1.1 @plainly, \
     tsv using ($5 == 3 ? $1 : NaN):2:6 with labels center offset char 0,-1.1 @plainly, \
     for [c = 4:7] tsv using ($5 == c && c % 2 == 0 ? $1 : NaN):2:6 \
         with labels left offset char 1.4,(c < 6 ? 0.7 : -0.7) @plainly, \
     for [c = 4:7] tsv using ($5 == c && c % 2 == 1 ? $1 : NaN):2:6 \
         with labels right offset char -1.4,(c < 6 ? 0.7 : -0.7) @plainly
