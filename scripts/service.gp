# Requests in time against the cost of a token, of every run.
load scripts.'/scatter.gp'
