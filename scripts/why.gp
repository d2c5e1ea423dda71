# Why jobs waited: all waiting, by reason, over the jobs submitted.
stack_title = "Why jobs wait"
stack_unit = why_unit
stack_data = 'why.tsv'
stack_parts = 10
stack_part_1 = "behind the head of the line"; stack_part_2 = "tenant at its quota"
stack_part_3 = "too few GPUs free";           stack_part_4 = "free GPUs scattered"
stack_part_5 = "free GPUs of another kind";   stack_part_6 = "held back by the policy"
stack_part_7 = "kept for a better hour";      stack_part_8 = "nodes on their way"
stack_part_9 = "region at its power limit";   stack_part_10 = "data on their way"
stack_colours = 'stack_palette = slate." ".purple." ".blue." ".orange." ".pink." ".green." ".sky." ".gold." ".'. \
    '(dark ? "#e07a7a #c9a77c" : "#a50026 #8c6d46"); '. \
    'stack_inks = on." ".on." ".on." ".on." ".on." ".on." ".(dark ? light : deep)." ".on." ".on." ".on'
stack_tics = why_tics; stack_top = why_top
stack_shown = why_shown
load scripts.'/stack.gp'
