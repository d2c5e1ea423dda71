# Why jobs waited: all waiting, by reason, over the jobs submitted.
stack_title = "Why jobs wait"
stack_unit = why_unit
stack_data = 'why.tsv'
stack_parts = 6
stack_part_1 = "behind the head of the line"; stack_part_2 = "tenant at its quota"
stack_part_3 = "too few GPUs free";           stack_part_4 = "free GPUs scattered"
stack_part_5 = "free GPUs of another kind";   stack_part_6 = "held back by the policy"
stack_colours = 'stack_palette = slate." ".purple." ".blue." ".orange." ".pink." ".green; '. \
    'stack_inks = on." ".on." ".on." ".on." ".on." ".on'
stack_tics = why_tics; stack_top = why_top
stack_shown = why_shown
load scripts.'/stack.gp'
