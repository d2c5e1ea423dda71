# Where the capacity went, in per cent of the GPU-hours offered.
stack_title = "Where the capacity went"
stack_unit = "Share of the GPU-hours offered, %"
stack_data = 'capacity.tsv'
stack_parts = 5
stack_part_1 = "useful work";              stack_part_2 = "work lost or repeated"
stack_part_3 = "held, but not at work";    stack_part_4 = "free"
stack_part_5 = "free, but in unusable pieces"
stack_colours = 'stack_palette = dark ? "#35c396 #f58a4b #1f6f57 #48515a #e29ac3" : '. \
    '"#008f68 #d55e00 #93d3bf #cfd5da #c0609a"; '. \
    'stack_inks = on." ".on." ".(dark ? light : deep)." ".(dark ? light : deep)." ".on'
stack_tics = "'0' 0, '25 %%' 25, '50 %%' 50, '75 %%' 75, '100 %%' 100"; stack_top = 100
stack_shown = capacity_shown
load scripts.'/stack.gp'
