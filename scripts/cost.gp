# What the run cost, in capacity and energy, how much of either went to idle hardware, and what came on top.
stack_title = "What it costs"
stack_unit = cost_unit
stack_data = 'cost.tsv'
stack_parts = 7
stack_part_1 = "capacity held by jobs"; stack_part_2 = "idle capacity"
stack_part_3 = "energy of jobs";        stack_part_4 = "energy of idle hardware"
stack_part_5 = "carbon price";          stack_part_6 = "demand charge"
stack_part_7 = "moving data"
stack_colours = 'stack_palette = dark ? "#4fa8dc #2a5f80 #f58a4b #94532d #35c396 #b795dd #e0b040" : '. \
    '"#0072b2 #9cc6e2 #d55e00 #f0bf9f #009e73 #7b4fa3 #b8860b"; '. \
    'stack_inks = on." ".(dark ? light : deep)." ".on." ".(dark ? light : deep)." ".on." ".on." ".on'
stack_tics = cost_tics; stack_top = cost_top
stack_shown = cost_shown
load scripts.'/stack.gp'
