-- $1 table of all runs or rings, $2 number of the run or the ring
SELECT chancery.part_detach($1, $2)
