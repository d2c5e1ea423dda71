# What all pictures share: terminal, colours, text. A picture sets its size, `pw` x `ph`, then loads this.
#   kind   "svg" or "png"       theme   "light" or "dark"       out   the file to write
#   runs, run_name_1 ...        regions, region_name_1 ...      data  the folder of the data files
# Hues are Okabe and Ito's, told apart by all kinds of colour vision; the baseline is slate.

dark  = theme eq "dark"
paper = dark ? "#16191d" : "#ffffff"
ink   = dark ? "#e6e8eb" : "#1f252b"
soft  = dark ? "#a3acb5" : "#57626d"
faint = dark ? "#2c3238" : "#e6e9ec"

slate  = dark ? "#aab4be" : "#5f6b76"
blue   = dark ? "#4fa8dc" : "#0072b2"
orange = dark ? "#f58a4b" : "#d55e00"
green  = dark ? "#35c396" : "#009e73"
pink   = dark ? "#e29ac3" : "#c0609a"
gold   = dark ? "#e0b040" : "#b8860b"
sky    = dark ? "#9ad4f5" : "#56b4e9"
purple = dark ? "#b795dd" : "#7b4fa3"
hues = slate." ".blue." ".orange." ".green." ".pink." ".gold." ".sky." ".purple
colour(i) = word(hues, (i - 1) % 8 + 1)
# One run alone is blue: slate would say that it is the measure of others.
run_colour(i) = colour(runs == 1 ? 2 : i)
region_colour(i) = colour(i + 1)
run_name(i) = value(sprintf("run_name_%d", i))
region_name(i) = value(sprintf("region_name_%d", i))

if (kind eq "svg") {
    set terminal svg size pw,ph dynamic enhanced background rgb paper font "sans-serif,13"
} else {
    set terminal pngcairo size 2*pw,2*ph enhanced background rgb paper font "DejaVu Sans,9.5" fontscale 2 \
        linewidth 2 pointscale 2
}
set output out
set encoding utf8
set datafile separator "\t"

set border 1 linecolor rgb soft linewidth 1
set tics nomirror scale 0 noenhanced textcolor rgb soft
set grid ytics linetype 1 linewidth 0.8 linecolor rgb faint
unset key
set style fill solid 1 noborder

# The title stands 24 px below the top, a line on what is shown 50 px.
# Only they are enhanced text: names must show as they are.
title_left = 0.015
title_font = kind eq "svg" ? ",16" : ",12"
bold(text) = "{/:Bold ".text."}"
titled = 'at screen title_left, 1 - 24.0 / ph left textcolor rgb ink font title_font'
subtitled = 'at screen title_left, 1 - 50.0 / ph left textcolor rgb soft noenhanced'
softly = 'left textcolor rgb soft noenhanced'
plainly = 'textcolor rgb ink noenhanced'
