# Cost, emissions and waiting of every run.
load scripts.'/scatter.gp'
