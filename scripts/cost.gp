# What the run cost, in capacity and energy, and how much of either went to idle hardware.
stack_title = "What it costs"
stack_unit = cost_unit
stack_data = 'cost.tsv'
stack_parts = 4
stack_part_1 = "capacity held by jobs"; stack_part_2 = "idle capacity"
stack_part_3 = "energy of jobs";        stack_part_4 = "idle energy"
stack_colours = 'stack_palette = dark ? "#4fa8dc #2a5f80 #f58a4b #94532d" : '. \
    '"#0072b2 #9cc6e2 #d55e00 #f0bf9f"; '. \
    'stack_inks = on." ".(dark ? light : deep)." ".on." ".(dark ? light : deep)'
stack_tics = cost_tics; stack_top = cost_top
stack_shown = cost_shown
load scripts.'/stack.gp'
